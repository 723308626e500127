"""What the explanations of models take and answer."""

from __future__ import annotations

from eocene.serve.schemas.notation import (
    ANY,
    COUNT,
    NUMBER,
    OBJECT,
    TEXT,
    Operation,
    Schema,
    gives,
    list_of,
    map_of,
    maybe,
    shape,
)

_CLASS: Schema = {"anyOf": [{"type": "integer"}, TEXT]}
_HOW: dict[str, Schema] = {
    "by": maybe(TEXT),
    "seed": {"type": "integer", "minimum": 0, "maximum": 2**32 - 1},
}
_OF_ANSWERS: dict[str, Schema] = {
    **_HOW,
    "class": maybe(_CLASS),
    "wanted": maybe(_CLASS),
    "background": list_of(ANY, minItems=1, maxItems=1000),
}
_ROWS = {"rows": list_of(ANY, maxItems=20)}
_MASKS = {"pixels": maybe(list_of(list_of(list_of({"enum": [0, 1, False, True]}))))}
_TIME = {"time": list_of(maybe(TEXT), minItems=2, maxItems=2)}
_ASKED: Schema = {
    "oneOf": [
        shape(_ROWS, {**_OF_ANSWERS, **_MASKS}, closed=True),
        shape({"geometry": OBJECT}, {**_OF_ANSWERS, **_TIME}, closed=True),
        shape({}, _HOW, closed=True),
    ]
}
_COUNTERFACTUAL = shape(
    {"wanted": _CLASS, "changed": list_of(TEXT)},
    {"name": TEXT, "probability": NUMBER, "value": NUMBER, "changes": list_of(OBJECT)},
)
_EXPLANATION = shape(
    {
        "explained": maybe(TEXT),
        "base": NUMBER,
        "attribution": list_of(shape({"name": TEXT, "value": NUMBER})),
        "counterfactual": maybe(_COUNTERFACTUAL),
    },
    {
        "class": {"type": "integer"},
        "name": TEXT,
        "probabilities": map_of(NUMBER),
        "value": NUMBER,
        "pixels": COUNT,
    },
)
_IMPORTANCE = shape({"name": TEXT, "mean": NUMBER, "sd": NUMBER})

OPERATIONS: dict[str, Operation] = {
    "POST /models/{model_id}/explain": gives(
        shape(
            {"model": TEXT, "dataset": maybe(TEXT)},
            {"explanations": list_of(maybe(_EXPLANATION)), "importance": list_of(_IMPORTANCE)},
        ),
        body=_ASKED,
        errors=(501,),
    ),
}
