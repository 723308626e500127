"""What each operation of the server takes and answers, as JSON Schema."""

from __future__ import annotations

from eocene.serve.schemas import house, openeo, stac
from eocene.serve.schemas.notation import TEXT, Operation, Schema, list_of, ref, shape

SCHEMAS: dict[str, Schema] = {
    # Below /stac an error has a description besides, as STAC API writes it.
    "Error": shape(
        {"id": TEXT, "code": TEXT, "message": TEXT, "links": list_of(ref("Link"))}, {"description": TEXT}
    ),
    **openeo.SCHEMAS,
    **stac.SCHEMAS,
    **house.SCHEMAS,
}
OPERATIONS: dict[str, Operation] = openeo.OPERATIONS | stac.OPERATIONS | house.OPERATIONS

__all__ = ["OPERATIONS", "SCHEMAS", "Operation", "Schema"]
