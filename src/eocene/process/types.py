"""The openEO schemas of parameters, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.process.callback import Callback

Cube = Annotated[Block, {"type": "object", "subtype": "datacube"}]
Number = Annotated[Any, {"type": ["number", "null"]}]
Boolean = Annotated[Any, {"type": ["boolean", "null"]}]
Anything = Annotated[Any, {"description": "Any data type."}]
Array = Annotated[Any, {"type": "array", "items": {"description": "Any data type."}}]
Numbers = Annotated[Any, {"type": "array", "items": {"type": ["number", "null"]}}]
Booleans = Annotated[Any, {"type": "array", "items": {"type": ["boolean", "null"]}}]
Text = Annotated[str, {"type": "string"}]
OptionalText = Annotated[str | None, {"type": ["string", "null"]}]
Flag = Annotated[bool, {"type": "boolean"}]
Integer = Annotated[Any, {"type": "integer"}]
Bands = Annotated[Any, {"type": ["array", "null"], "items": {"type": "string", "subtype": "band-name"}}]
BoundingBox = Annotated[Any, {"type": ["object", "null"], "subtype": "bounding-box"}]
GeoJson = Annotated[Any, {"type": "object", "subtype": "geojson"}]
TemporalInterval = Annotated[
    Any, {"type": ["array", "null"], "subtype": "temporal-interval", "items": {"type": ["string", "null"]}}
]
Options = Annotated[Any, {"type": ["object", "null"], "subtype": "output-format-options"}]
Context = Annotated[Any, {"description": "Any data type."}]

_ANY: dict[str, Any] = {"description": "Any data type."}


def _callback(
    returns: dict[str, Any], *, kind: Any = "object", **parameters: dict[str, Any]
) -> dict[str, Any]:
    """Return the schema of a callback: its parameters, and ``context`` after them."""
    context = {
        "name": "context",
        "description": "Additional data passed by the user.",
        "schema": _ANY,
        "optional": True,
        "default": None,
    }
    own = [{"name": name, **parameter} for name, parameter in parameters.items()]
    return {"type": kind, "subtype": "process-graph", "parameters": [*own, context], "returns": returns}


_ONE = {"description": "One value.", "schema": _ANY}
Reducer = Annotated[
    Callback,
    _callback(
        {"description": "One value, or an array.", "schema": _ANY},
        data={"description": "A labeled array.", "schema": {"type": "array"}},
    ),
]
Mapper = Annotated[Callback, _callback({"description": "The new value.", "schema": _ANY}, x=_ONE)]
Overlap = Annotated[
    Callback | None,
    _callback(
        {"description": "The value to use.", "schema": {}},
        kind=["object", "null"],
        x={"description": "The value of the first cube.", "schema": {}},
        y={"description": "The value of the second cube.", "schema": {}},
    ),
]
Condition = Annotated[
    Any,
    [
        _callback({"description": "Whether it counts.", "schema": {"type": "boolean"}}, x=_ONE),
        {"type": "boolean"},
        {"type": "null"},
    ],
]
