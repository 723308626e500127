"""What the openEO API takes and answers here.

Source: openEO API 1.2.0; the schemas say what this server sends, which is narrower.
"""

from __future__ import annotations

from eocene.jobs.job import LEVELS
from eocene.jobs.layer import SERVICE_TYPES
from eocene.serve.schemas.notation import (
    ANY,
    BYTES,
    COUNT,
    FLAG,
    INSTANT,
    JSON,
    LINKS,
    NUMBER,
    OBJECT,
    TEXT,
    URL,
    Answer,
    Operation,
    Schema,
    always,
    gives,
    gives_nothing,
    list_of,
    map_of,
    maybe,
    one_of,
    ref,
    shape,
)
from eocene.serve.settings import OPENEO

_SCHEMA = {"anyOf": [OBJECT, list_of(OBJECT, minItems=1)]}
_LEVEL = one_of(*LEVELS)
_PARAMETER = shape({"name": TEXT | {"pattern": r"^\w{1,250}$"}, "schema": _SCHEMA}, {"description": TEXT})
_FORMAT = shape(
    {"gis_data_types": list_of(one_of("raster", "vector", "table", "pointcloud", "other"))},
    {"title": TEXT, "description": TEXT, "parameters": map_of(OBJECT)},
)
_METRIC = shape({"value": NUMBER, "unit": TEXT})
_AMOUNT: Schema = {"type": "number", "minimum": 0}
_JOB_STATUS = one_of("created", "queued", "running", "canceled", "finished", "error")
_WHEN = dict.fromkeys(("updated", "queued", "started", "ended", "unpublished"), INSTANT)
_JOB_LISTED = (
    {"id": TEXT, "status": _JOB_STATUS, "created": INSTANT},
    {
        **_WHEN,
        "title": TEXT,
        "description": TEXT,
        "progress": {"type": "number", "minimum": 0, "maximum": 100},
        "plan": TEXT,
        "costs": _AMOUNT,
        "budget": _AMOUNT,
        "usage": map_of(_METRIC),
        "log_level": _LEVEL,
    },
)
_SERVICE_LISTED = (
    {"id": TEXT, "type": one_of(*SERVICE_TYPES), "url": TEXT, "enabled": FLAG, "created": INSTANT},
    {
        "title": TEXT,
        "description": TEXT,
        "plan": TEXT,
        "costs": _AMOUNT,
        "budget": maybe(_AMOUNT),
        "log_level": _LEVEL,
    },
)
_JOB_FIELDS = {
    "title": maybe(TEXT),
    "description": maybe(TEXT),
    "plan": maybe(TEXT),
    "budget": maybe(NUMBER),
    "log_level": maybe(_LEVEL),
}
_SERVICE_FIELDS = _JOB_FIELDS | {
    "type": TEXT,
    "enabled": maybe(FLAG),
    "configuration": maybe(OBJECT),
}
_OWN_PROCESS = {
    "summary": maybe(TEXT),
    "description": maybe(TEXT),
    "categories": list_of(TEXT),
    "parameters": maybe(list_of(_PARAMETER)),
    "returns": maybe(shape({"schema": _SCHEMA})),
    "deprecated": FLAG,
    "experimental": FLAG,
}
_FILE = shape({"path": TEXT, "size": COUNT, "modified": INSTANT})
_BINARY = "application/octet-stream"

SCHEMAS: dict[str, Schema] = {
    "Link": shape({"rel": TEXT, "href": TEXT}, {"type": TEXT, "title": TEXT}),
    "Node": shape(
        {"process_id": TEXT},
        {"arguments": OBJECT, "namespace": maybe(TEXT), "result": FLAG},
    ),
    "ProcessGraph": map_of(ref("Node")) | {"minProperties": 1},
    "Process": shape({"process_graph": ref("ProcessGraph")}, {"id": maybe(TEXT), **_OWN_PROCESS}),
    "Job": shape(_JOB_LISTED[0] | {"process": ref("Process")}, _JOB_LISTED[1] | {"links": LINKS}),
    "Service": shape(
        _SERVICE_LISTED[0] | {"process": ref("Process"), "configuration": OBJECT, "attributes": OBJECT},
        _SERVICE_LISTED[1],
    ),
    "Logs": shape(
        {
            "logs": list_of(
                shape({"id": TEXT, "level": _LEVEL, "message": TEXT}, {"time": INSTANT, "code": maybe(TEXT)})
            ),
            "links": LINKS,
        },
        {"level": _LEVEL},
    ),
    "Conformance": shape({"conformsTo": list_of(URL)}),
    "Queryables": shape({"$schema": URL, "$id": URL, "type": always("object"), "properties": map_of(OBJECT)}),
}

_CREATED = {"Location": URL, "OpenEO-Identifier": TEXT}
_OF_JOB = ("job_id=$response.header.OpenEO-Identifier",)
# A service is a layer of the map.
_OF_SERVICE = tuple(f"{name}=$response.header.OpenEO-Identifier" for name in ("service_id", "layer_id"))
_OF_PROCESS = tuple(f"{name}=$request.path.process_graph_id" for name in ("process_graph_id", "process_id"))

OPERATIONS: dict[str, Operation] = {
    "GET /.well-known/openeo": gives(
        shape({"versions": list_of(shape({"url": URL, "api_version": TEXT, "production": FLAG}))})
    ),
    f"GET {OPENEO}/": gives(
        shape(
            {
                "api_version": TEXT,
                "backend_version": TEXT,
                "stac_version": TEXT,
                "type": always("Catalog"),
                "id": TEXT,
                "title": TEXT,
                "description": TEXT,
                "conformsTo": list_of(URL),
                "endpoints": list_of(
                    shape({"path": TEXT, "methods": list_of(one_of("GET", "POST", "PUT", "PATCH", "DELETE"))})
                ),
                "links": LINKS,
            },
            {"production": FLAG, "billing": OBJECT, "eocene:udf": OBJECT},
        )
    ),
    f"GET {OPENEO}/conformance": gives(ref("Conformance")),
    f"GET {OPENEO}/file_formats": gives(shape({"input": map_of(_FORMAT), "output": map_of(_FORMAT)})),
    f"GET {OPENEO}/credentials/basic": gives(shape({"access_token": TEXT})),
    f"GET {OPENEO}/credentials/oidc": gives(
        shape({"providers": list_of(shape({"id": TEXT, "issuer": URL, "title": TEXT}), minItems=1)})
    ),
    f"GET {OPENEO}/me": gives(
        shape(
            {"user_id": TEXT, "links": LINKS},
            {
                "name": TEXT,
                "storage": shape({"free": COUNT, "quota": COUNT}),
                "budget": maybe(NUMBER),
                "roles": list_of(TEXT),
                "limits": OBJECT,
            },
        )
    ),
    f"GET {OPENEO}/collections": gives(shape({"collections": list_of(ref("Collection")), "links": LINKS})),
    f"GET {OPENEO}/collections/{{collection_id}}": gives(ref("Collection")),
    f"GET {OPENEO}/collections/{{collection_id}}/queryables": gives(ref("Queryables")),
    f"GET {OPENEO}/processes": gives(
        shape(
            {
                "version": TEXT,
                "processes": list_of(
                    shape(
                        {
                            "id": TEXT,
                            "description": TEXT,
                            "parameters": list_of(_PARAMETER),
                            "returns": shape({"schema": ANY}),
                        }
                    )
                ),
                "links": LINKS,
            }
        )
    ),
    f"GET {OPENEO}/udf_runtimes": gives(
        map_of(shape({"type": one_of("language", "docker"), "default": TEXT}, {"versions": map_of(OBJECT)}))
    ),
    f"GET {OPENEO}/process_graphs": gives(
        shape({"processes": list_of(shape({"id": TEXT}, _OWN_PROCESS)), "links": LINKS})
    ),
    f"PUT {OPENEO}/process_graphs/{{process_graph_id}}": gives_nothing(
        200, body=ref("Process"), errors=(501,), makes=_OF_PROCESS
    ),
    f"GET {OPENEO}/process_graphs/{{process_graph_id}}": gives(ref("Process")),
    f"DELETE {OPENEO}/process_graphs/{{process_graph_id}}": gives_nothing(),
    f"POST {OPENEO}/validation": gives(
        shape({"errors": list_of(shape({"code": TEXT, "message": TEXT}))}), body=OBJECT
    ),
    f"GET {OPENEO}/files": gives(shape({"files": list_of(_FILE), "links": LINKS})),
    f"GET {OPENEO}/files/{{path}}": Operation(
        (Answer(200, {_BINARY: BYTES}), Answer(206, {_BINARY: BYTES})), errors=(416,)
    ),
    f"PUT {OPENEO}/files/{{path}}": gives(_FILE, errors=(413,), makes=("path=$request.path.path",)),
    f"DELETE {OPENEO}/files/{{path}}": gives_nothing(),
    f"POST {OPENEO}/result": Operation(
        (Answer(200, {"*/*": ANY}, {"OpenEO-Identifier": TEXT}),),
        body=shape({"process": ref("Process")}, _JOB_FIELDS),
        errors=(404, 501),
    ),
    f"GET {OPENEO}/jobs": gives(shape({"jobs": list_of(shape(*_JOB_LISTED)), "links": LINKS})),
    f"POST {OPENEO}/jobs": gives_nothing(
        201, _CREATED, body=shape({"process": ref("Process")}, _JOB_FIELDS), makes=_OF_JOB, errors=(404, 501)
    ),
    f"GET {OPENEO}/jobs/{{job_id}}": gives(ref("Job")),
    f"PATCH {OPENEO}/jobs/{{job_id}}": gives_nothing(
        body=shape({}, {"process": ref("Process"), **_JOB_FIELDS}), errors=(501,)
    ),
    f"DELETE {OPENEO}/jobs/{{job_id}}": gives_nothing(),
    f"POST {OPENEO}/jobs/{{job_id}}/results": gives_nothing(202, errors=(402, 501)),
    f"DELETE {OPENEO}/jobs/{{job_id}}/results": gives_nothing(),
    f"GET {OPENEO}/jobs/{{job_id}}/results": Operation(
        (
            Answer(
                200,
                {
                    JSON: shape(
                        {
                            "type": always("Collection"),
                            "stac_version": TEXT,
                            "id": TEXT,
                            "license": TEXT,
                            "extent": OBJECT,
                            "assets": map_of(ref("Asset")),
                            "links": LINKS,
                            "openeo:status": _JOB_STATUS,
                        },
                        {**_WHEN, "expires": INSTANT, "created": INSTANT},
                    )
                },
                {"OpenEO-Costs": TEXT},
            ),
            Answer(424, {JSON: shape({"level": always("error"), "code": TEXT, "message": TEXT})}),
        )
    ),
    f"GET {OPENEO}/jobs/{{job_id}}/logs": gives(ref("Logs")),
    f"GET {OPENEO}/jobs/{{job_id}}/estimate": gives(
        shape({"size": COUNT, "duration": {"type": "string", "format": "duration"}, "costs": _AMOUNT}),
        errors=(500, 501),
    ),
    "GET /results/{job_id}/{name}": Operation(
        (Answer(200, {"*/*": ANY}), Answer(206, {"*/*": ANY})), errors=(410, 416)
    ),
    f"GET {OPENEO}/service_types": gives(
        map_of(
            shape({"configuration": map_of(OBJECT), "process_parameters": list_of(OBJECT), "links": LINKS})
        )
    ),
    f"GET {OPENEO}/services": gives(shape({"services": list_of(shape(*_SERVICE_LISTED)), "links": LINKS})),
    f"POST {OPENEO}/services": gives_nothing(
        201,
        _CREATED,
        body=shape({"type": TEXT, "process": ref("Process")}, _SERVICE_FIELDS),
        makes=_OF_SERVICE,
        errors=(404, 501),
    ),
    f"GET {OPENEO}/services/{{service_id}}": gives(ref("Service")),
    f"PATCH {OPENEO}/services/{{service_id}}": gives_nothing(
        body=shape({}, {"process": ref("Process"), **_SERVICE_FIELDS}), errors=(501,)
    ),
    f"DELETE {OPENEO}/services/{{service_id}}": gives_nothing(),
    f"GET {OPENEO}/services/{{service_id}}/logs": gives(ref("Logs")),
}
