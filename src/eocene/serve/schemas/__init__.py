"""What each operation of the server takes and answers, as JSON Schema."""

from __future__ import annotations

from eocene.serve.schemas import explaining, house, labels, ogc, openeo, stac
from eocene.serve.schemas.notation import COUNT, LINKS, TEXT, Operation, Schema, shape

SCHEMAS: dict[str, Schema] = {
    # Below /stac an error has a description besides, below /ogc what RFC 7807 asks for.
    "Error": shape(
        {"id": TEXT, "code": TEXT, "message": TEXT, "links": LINKS},
        {"description": TEXT, "type": TEXT, "title": TEXT, "status": COUNT, "detail": TEXT},
    ),
    **openeo.SCHEMAS,
    **stac.SCHEMAS,
    **house.SCHEMAS,
    **ogc.SCHEMAS,
}
OPERATIONS: dict[str, Operation] = (
    openeo.OPERATIONS
    | stac.OPERATIONS
    | house.OPERATIONS
    | explaining.OPERATIONS
    | labels.OPERATIONS
    | ogc.OPERATIONS
)

__all__ = ["OPERATIONS", "SCHEMAS", "Operation", "Schema"]
