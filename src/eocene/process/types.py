"""The openEO schemas of parameters and results, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.process.callback import Callback

_ANY: dict[str, Any] = {"description": "Any data type."}
_ALLOWED: dict[str, Any] = {"description": "Any data type is allowed."}
"""OpenEO says it in two ways, inside callbacks and outside; its tests compare them word by word."""


def array_of(items: dict[str, Any] = _ANY, **more: Any) -> dict[str, Any]:
    """Return the schema of an array."""
    return {"type": "array", "items": items, **more}


def number(*, null: bool = True, **limits: Any) -> dict[str, Any]:
    """Return the schema of a number, or null, within limits."""
    return {"type": ["number", "null"] if null else "number", **limits}


def cube(*dimensions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a cube that needs some types of dimensions."""
    return {"type": "object", "subtype": "datacube", "dimensions": list(dimensions)}


_SPATIAL = {"type": "spatial", "axis": ["x", "y"]}
Cube = Annotated[Block, {"type": "object", "subtype": "datacube"}]
Raster = Annotated[Block, cube(_SPATIAL)]
Series = Annotated[Block, cube({"type": "temporal"})]
Banded = Annotated[Block, cube({"type": "bands"})]
Image = Annotated[Block, cube(_SPATIAL, {"type": "bands"})]
Number = Annotated[Any, number()]
Known = Annotated[Any, number(null=False)]
FromZero = Annotated[Any, number(minimum=0)]
FromOne = Annotated[Any, number(minimum=1)]
AboveZero = Annotated[Any, number(minimumExclusive=0)]
UpToOne = Annotated[Any, number(minimum=-1, maximum=1)]
BelowOne = Annotated[Any, number(minimumExclusive=-1, maximumExclusive=1)]
Ratio = Annotated[Any, number(null=False, minimum=-1, maximum=1)]
Sign = Annotated[Any, number(enum=[-1, 0, 1, None])]
Boolean = Annotated[Any, {"type": ["boolean", "null"]}]
Truth = Annotated[Any, {"type": "boolean"}]
Scalar = Annotated[Any, {"type": ["number", "boolean", "string", "null"]}]
Anything = Annotated[Any, _ALLOWED]
Array = Annotated[Any, array_of(_ALLOWED)]
AnyArray = Annotated[Any, {"type": "array"}]
Labelled = Annotated[Any, array_of(subtype="labeled-array")]
Numbers = Annotated[Any, array_of(number())]
Booleans = Annotated[Any, array_of({"type": ["boolean", "null"]})]
_WRITABLE = {"type": ["string", "number", "boolean", "null"]}
Writable = Annotated[Any, _WRITABLE]
Scalars = Annotated[Any, array_of(_WRITABLE)]
Text = Annotated[str, {"type": "string"}]
OptionalText = Annotated[str | None, {"type": ["string", "null"]}]
Flag = Annotated[bool, {"type": "boolean"}]
OptionalFlag = Annotated[bool | None, {"type": ["boolean", "null"]}]
Integer = Annotated[Any, {"type": "integer"}]
Count = Annotated[int, {"type": "integer", "minimum": 1}]
Index = Annotated[Any, {"type": "integer", "minimum": 0}]
Indices = Annotated[Any, array_of({"type": "integer", "minimum": 0})]
Place = Annotated[Any, [{"type": "null"}, {"type": "integer", "minimum": 0}]]
OptionalIndex = Annotated[Any, {"type": ["integer", "null"], "minimum": 0}]
OptionalInteger = Annotated[Any, {"type": ["integer", "null"]}]
Label = Annotated[Any, [{"type": "number"}, {"type": "string"}]]
OptionalLabel = Annotated[Any, [{"type": "number"}, {"type": "string"}, {"type": "null"}]]
Labels = Annotated[Any, array_of({"type": ["number", "string"]})]
DistinctLabels = Annotated[Any, array_of({"type": ["number", "string"]}, uniqueItems=True)]
Bands = Annotated[Any, array_of({"type": "string", "subtype": "band-name"})]
GeoJson = Annotated[Any, {"type": "object", "subtype": "geojson"}]
Options = Annotated[Any, {"type": ["object", "null"], "subtype": "output-format-options"}]
Context = Annotated[Any, _ANY]

_DATE_TIME = {"type": "string", "format": "date-time", "subtype": "date-time"}
_DATE = {"type": "string", "format": "date", "subtype": "date"}
_TIME = {"type": "string", "subtype": "time", "pattern": r"^\d{2}:\d{2}:\d{2}$"}
TemporalInterval = Annotated[
    Any,
    array_of(
        {"anyOf": [_DATE_TIME, _DATE, {"type": "null"}]}, subtype="temporal-interval", minItems=2, maxItems=2
    ),
]
Date = Annotated[str, [_DATE_TIME, _DATE]]
DateOrTime = Annotated[str, [_DATE_TIME, _DATE, _TIME]]
DateUnit = Annotated[
    str,
    {
        "type": "string",
        "enum": ["millisecond", "second", "minute", "hour", "day", "week", "month", "year"],
    },
]
Sortable = Annotated[Any, array_of({"anyOf": [{"type": "number"}, {"type": "null"}, _DATE_TIME, _DATE]})]
Extrema = Annotated[
    Any,
    [array_of({"type": kind}, minItems=2, maxItems=2) for kind in ("number", "null")],
]
Probabilities = Annotated[
    Any,
    [
        array_of(number(null=False, minimum=0, maximum=1), uniqueItems=True),
        {"type": "integer", "minimum": 2},
    ],
]
Intervals = Annotated[Any, {"type": "integer", "minimum": 2}]


def callback(returns: dict[str, Any], **parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a callback: its parameters, and ``context`` after them."""
    context = {
        "name": "context",
        "description": "Additional data passed by the user.",
        "schema": _ANY,
        "optional": True,
        "default": None,
    }
    own = [{"name": name, **parameter} for name, parameter in parameters.items()]
    return {"type": "object", "subtype": "process-graph", "parameters": [*own, context], "returns": returns}


_ONE = {"description": "One value.", "schema": _ANY}
_ELEMENT: dict[str, Any] = {
    "x": {"description": "The value of the element.", "schema": _ANY},
    "index": {"description": "Its index, from 0.", "schema": {"type": "integer", "minimum": 0}},
    "label": {
        "description": "Its label, if the array is labelled.",
        "schema": [{"type": "number"}, {"type": "string"}, {"type": "null"}],
        "default": None,
        "optional": True,
    },
}
_TRUTH = {"description": "Whether it counts.", "schema": {"type": "boolean"}}
_ARRAY = {"description": "A labeled array.", "schema": array_of(subtype="labeled-array")}
Reducer = Annotated[
    Callback, callback({"description": "One value, or an array.", "schema": _ANY}, data=_ARRAY)
]
ArrayMapper = Annotated[
    Callback, callback({"description": "The new array.", "schema": array_of()}, data=_ARRAY)
]
Mapper = Annotated[Callback, callback({"description": "The new value.", "schema": _ANY}, x=_ONE)]
ElementMapper = Annotated[Callback, callback({"description": "The new value.", "schema": _ANY}, **_ELEMENT)]
ElementCondition = Annotated[Callback, callback(_TRUTH, **_ELEMENT)]
Overlap = Annotated[
    Callback | None,
    callback(
        {"description": "The value to use.", "schema": {}},
        x={"description": "The value of the first cube.", "schema": {}},
        y={"description": "The value of the second cube.", "schema": {}},
    ),
]
Condition = Annotated[Any, [callback(_TRUTH, x=_ONE), {"type": "boolean", "const": True}, {"type": "null"}]]
