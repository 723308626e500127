"""Processes, jobs and errors as OGC API – Processes writes them.

Source: OGC API – Processes – Part 1: Core 1.0 (OGC 18-062r2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene._version import __version__
from eocene.jobs.job import format_instant
from eocene.serve.rooms import Address, join_path, link
from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from eocene.jobs import Job

OGC = "/ogc"
RESULTS = "results"
"""The one output of each process: the STAC collection of all files."""

RELATIONS = "http://www.opengis.net/def/rel/ogc/1.0"
STATES = {
    "created": "accepted",
    "queued": "accepted",
    "running": "running",
    "finished": "successful",
    "error": "failed",
    "canceled": "dismissed",
}
EXECUTION = "eocene:execution"
"""The member of a job's process that tells how OGC API – Processes was asked for it."""

_CONTROL = {
    "jobControlOptions": ["sync-execute", "async-execute", "dismiss"],
    "outputTransmission": ["value", "reference"],
}
_OUTPUT = {
    "title": "Results",
    "description": "A STAC collection; its assets are the files that were made, under signed links.",
    "schema": {"type": "object", "contentMediaType": "application/json"},
}
_BBOX_SCHEMA = "https://schemas.opengis.net/ogcapi/processes/part1/1.0/openapi/schemas/bbox.yaml"
_BBOX = {"allOf": [{"format": "ogc-bbox"}, {"$ref": _BBOX_SCHEMA}]}
_KEYWORDS = {
    "title", "description", "type", "enum", "format", "default", "contentMediaType", "contentEncoding",
    "multipleOf", "maximum", "minimum", "maxLength", "minLength", "pattern", "maxItems", "minItems",
    "uniqueItems", "maxProperties", "minProperties", "required", "properties", "additionalProperties",
    "items", "not", "allOf", "oneOf", "anyOf",
}  # fmt: skip
_NESTED, _LISTED = ("not", "items", "additionalProperties"), ("allOf", "oneOf", "anyOf")
_EXCEPTIONS = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
_EXCEPTION_OF = {
    "ProcessUnsupported": "no-such-process",
    "ProcessGraphNotFound": "no-such-process",
    "JobNotFound": "no-such-job",
    "JobNotFinished": "result-not-ready",
    "JobNotStarted": "result-not-ready",
}


def summarise_process(name: str, process: dict[str, Any], address: Address) -> dict[str, Any]:
    """Return what the list of processes tells of one."""
    home = address(locate("processes", name))
    told = {
        "id": name,
        "version": str(process.get("version") or __version__),
        "title": process.get("summary") or name,
        "description": process.get("description") or process.get("summary"),
        "keywords": process.get("categories"),
    }
    links = [link("self", home, title="Description"), link(f"{RELATIONS}/execute", f"{home}/execution")]
    return {key: value for key, value in told.items() if value} | _CONTROL | {"links": links}


def describe_process(name: str, process: dict[str, Any], address: Address) -> dict[str, Any]:
    """Return a process with its inputs, one for each parameter, and its one output."""
    inputs = {p["name"]: describe_input(p) for p in process.get("parameters") or []}
    return summarise_process(name, process, address) | {"inputs": inputs, "outputs": {RESULTS: _OUTPUT}}


def describe_input(parameter: dict[str, Any]) -> dict[str, Any]:
    """Return an input: a parameter of openEO; a box may be given as OGC writes one, too."""
    schema = convert_schema(parameter.get("schema") or {})
    if is_box(parameter):
        schema = {"oneOf": [schema, _BBOX]}
    if "default" in parameter:
        schema["default"] = parameter["default"]
    return {
        "title": parameter["name"],
        "description": str(parameter.get("description") or parameter["name"]),
        "minOccurs": 1 if is_required(parameter) else 0,
        "maxOccurs": 1,
        "schema": schema,
    }


def is_required(parameter: dict[str, Any]) -> bool:
    """Tell whether a parameter has to be given."""
    return not (parameter.get("optional") or "default" in parameter)


def is_box(parameter: dict[str, Any]) -> bool:
    """Tell whether a parameter is a bounding box of openEO."""
    schemas = list_schemas(parameter)
    return any(schema.get("subtype") == "bounding-box" for schema in schemas)


def list_schemas(parameter: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the schemas of a parameter, of which a value has to meet one."""
    schema = parameter.get("schema") or {}
    return schema if isinstance(schema, list) else [schema]


def convert_schema(schema: Any) -> Any:
    """Return a schema of openEO (JSON Schema 7) in the words of OpenAPI 3.0, as OGC wants it.

    Keywords that these do not know are left out; what remains allows no less than the original.
    """
    if isinstance(schema, list):
        return (
            convert_schema(schema[0]) if len(schema) == 1 else {"oneOf": [convert_schema(s) for s in schema]}
        )
    if not isinstance(schema, dict):
        return schema
    made = {key: value for key, value in schema.items() if key in _KEYWORDS}
    for key in _NESTED:
        if key in made:
            made[key] = convert_schema(made[key])
    for key in _LISTED:
        if key in made:
            made[key] = [convert_schema(inner) for inner in made[key]]
    if "properties" in made:
        made["properties"] = {name: convert_schema(inner) for name, inner in made["properties"].items()}
    if "const" in schema:
        made["enum"] = [schema["const"]]
    return _split_types(made)


def _split_types(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema with one type: several become alternatives, null makes it nullable."""
    kinds = schema.get("type")
    if not isinstance(kinds, list) and kinds != "null":
        return schema
    listed = [kind for kind in (kinds if isinstance(kinds, list) else [kinds]) if kind != "null"]
    rest = {key: value for key, value in schema.items() if key != "type"}
    if "null" in kinds:
        rest["nullable"] = True
    if len(listed) <= 1:
        return rest | ({"type": listed[0]} if listed else {})
    return {"oneOf": [rest | {"type": kind} for kind in listed]}


def describe_job(job: Job, address: Address) -> dict[str, Any]:
    """Return the status of a job (``statusInfo``)."""
    home = address(locate("jobs", job.id))
    told = {
        "processID": find_execution(job).get("process"),
        "type": "process",
        "jobID": job.id,
        "status": STATES[job.status],
        "message": "The job waits to be started through openEO." if job.status == "created" else job.title,
        "progress": round(job.progress),
    }
    instants = {"created": job.created, "started": job.started, "finished": job.ended, "updated": job.updated}
    told |= {name: format_instant(at) for name, at in instants.items() if at is not None}
    links = [link("self", home, title="Status")]
    if job.status == "finished":
        links.append(link(f"{RELATIONS}/results", f"{home}/results", title="Results"))
    links.append(link("alternate", address(f"{OPENEO}{join_path(['jobs', job.id])}"), title="In openEO"))
    return {key: value for key, value in told.items() if value is not None} | {"links": links}


def find_execution(job: Job) -> dict[str, Any]:
    """Return how a job was asked for, as strings; nothing for one that was not made here."""
    kept = job.process.get(EXECUTION)
    kept = kept if isinstance(kept, dict) else {}
    return {key: value for key, value in kept.items() if isinstance(value, str)}


def describe_problem(status: int, code: str, message: str) -> dict[str, Any]:
    """Return what an error says besides, as OGC wants it (RFC 7807)."""
    kind = _EXCEPTION_OF.get(code) if status == 404 else None
    told = {"type": f"{_EXCEPTIONS}/{kind}" if kind else "about:blank", "title": code}
    return told | {"status": status, "detail": message}


def locate(*parts: str) -> str:
    """Return the path of a process or job."""
    return f"{OGC}{join_path(parts)}"
