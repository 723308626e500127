"""What the routes of labelling take and answer."""

from __future__ import annotations

from eocene.serve.schemas.notation import (
    ANY,
    COUNT,
    FLAG,
    LINKS,
    NUMBER,
    OBJECT,
    TEXT,
    Operation,
    always,
    gives,
    list_of,
    map_of,
    maybe,
    one_of,
    shape,
)

_CLASS = maybe({"type": "integer"})
_LABELLING = shape(
    {
        "id": TEXT,
        "dataset": TEXT,
        "kind": TEXT,
        "classes": list_of(shape({"value": {"type": "integer"}, "name": TEXT, "labels": COUNT})),
        "labels": COUNT,
        "skipped": COUNT,
        "pool": COUNT,
        "round": COUNT,
        "until_next": COUNT,
        "step": COUNT,
        "learning": FLAG,
        "fault": TEXT,
        "curve": list_of(OBJECT),
        "authors": map_of(COUNT),
    }
)
_QUESTION = shape(
    {
        "sample": COUNT,
        "lon": NUMBER,
        "lat": NUMBER,
        "known": map_of(TEXT),
        "kind": one_of("chips", "series", "rows"),
        "guess": maybe(map_of(NUMBER)),
    },
    {"views": list_of(OBJECT), "dates": list_of(TEXT), "curves": list_of(OBJECT), "numbers": list_of(OBJECT)},
)
_MANY = list_of(NUMBER)

OPERATIONS: dict[str, Operation] = {
    "GET /labels": gives(
        shape({"labellings": list_of(shape({"id": TEXT, "links": LINKS})), "links": LINKS}), errors=(501,)
    ),
    "GET /labels/{labelling_id}": gives(_LABELLING, errors=(501,)),
    "POST /labels/{labelling_id}": gives(
        _LABELLING, body=shape({"sample": COUNT, "class": _CLASS}, closed=True), errors=(501,)
    ),
    "DELETE /labels/{labelling_id}": gives(
        shape({"sample": maybe(_QUESTION), "state": _LABELLING}), errors=(501,)
    ),
    "GET /labels/{labelling_id}/next": gives(shape({"samples": list_of(_QUESTION)}), errors=(501,)),
    "GET /labels/{labelling_id}/places": gives(
        shape(
            {"sample": list_of(COUNT), "lon": _MANY, "lat": _MANY, "answers": list_of(_CLASS),
             "labels": list_of(_CLASS)}
        ),
        errors=(501,),
    ),
    "GET /labels/{labelling_id}/export": gives(
        shape({"type": always("FeatureCollection"), "features": list_of(ANY)}), errors=(501,)
    ),
}  # fmt: skip
