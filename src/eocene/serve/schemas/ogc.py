"""What OGC API – Processes takes and answers here.

Source: OGC 18-062r2, schemas of process descriptions, status information and results.
"""

from __future__ import annotations

from eocene.serve.ogc_documents import OGC
from eocene.serve.schemas.notation import (
    ANY,
    COUNT,
    INSTANT,
    JSON,
    LINKS,
    OBJECT,
    TEXT,
    URL,
    Answer,
    Operation,
    Schema,
    always,
    gives,
    list_of,
    map_of,
    one_of,
    ref,
    shape,
)

_MODES = list_of(one_of("sync-execute", "async-execute", "dismiss"))
_SUMMARY = {"id": TEXT, "version": TEXT, "jobControlOptions": _MODES, "links": LINKS}
_SHOWN = {"title": TEXT, "description": TEXT, "keywords": list_of(TEXT)}
_INPUT = shape({"title": TEXT, "schema": OBJECT}, {"minOccurs": COUNT, "maxOccurs": COUNT})
_STATUS = one_of("accepted", "running", "successful", "failed", "dismissed")
_TIMES = dict.fromkeys(("created", "started", "finished", "updated"), INSTANT)
_PERCENT = COUNT | {"maximum": 100}
_EXECUTE = shape(
    {},
    {
        "inputs": OBJECT,
        "outputs": map_of(shape({}, {"transmissionMode": one_of("value", "reference")})),
        "response": one_of("raw", "document"),
        "subscriber": OBJECT,
    },
)
_REFERENCE = Answer(204, headers={"Link": TEXT})

SCHEMAS: dict[str, Schema] = {
    "StatusInfo": shape(
        {"type": always("process"), "jobID": TEXT, "status": _STATUS, "links": LINKS},
        {"processID": TEXT, "message": TEXT, "progress": _PERCENT, **_TIMES},
    ),
}

OPERATIONS: dict[str, Operation] = {
    f"GET {OGC}/": gives(shape({"title": TEXT, "description": TEXT, "links": LINKS})),
    f"GET {OGC}/conformance": gives(shape({"conformsTo": list_of(URL)})),
    f"GET {OGC}/processes": gives(shape({"processes": list_of(shape(_SUMMARY, _SHOWN)), "links": LINKS})),
    f"GET {OGC}/processes/{{process_id}}": gives(
        shape(_SUMMARY | {"inputs": map_of(_INPUT), "outputs": map_of(OBJECT)}, _SHOWN)
    ),
    f"POST {OGC}/processes/{{process_id}}/execution": Operation(
        (Answer(201, {JSON: ref("StatusInfo")}, {"Location": URL}), Answer(200, {JSON: ANY}), _REFERENCE),
        body=_EXECUTE,
        errors=(402, 501),
    ),
    f"GET {OGC}/jobs": gives(shape({"jobs": list_of(ref("StatusInfo")), "links": LINKS})),
    f"GET {OGC}/jobs/{{job_id}}": gives(ref("StatusInfo")),
    f"DELETE {OGC}/jobs/{{job_id}}": gives(ref("StatusInfo")),
    f"GET {OGC}/jobs/{{job_id}}/results": Operation((Answer(200, {JSON: ANY}), _REFERENCE), errors=(500,)),
}
