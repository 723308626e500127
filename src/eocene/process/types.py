"""The openEO schemas of parameters and results, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.process.callback import Callback
from eocene.process.standard import (
    ANY,
    ANY_ALLOWED,
    DATE,
    DATE_TIME,
    DATE_TIME_TOLD,
    DATE_TOLD,
    INTERVAL,
    NEW_VALUE,
    SPATIAL,
    TIME,
    TRUTH,
)


def array_of(items: dict[str, Any] = ANY, **more: Any) -> dict[str, Any]:
    """Return the schema of an array."""
    return {"type": "array", "items": items, **more}


def number(*, null: bool = True, **limits: Any) -> dict[str, Any]:
    """Return the schema of a number, or null, within limits."""
    return {"type": ["number", "null"] if null else "number", **limits}


def cube(*dimensions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a cube that needs some types of dimensions."""
    return {"type": "object", "subtype": "datacube", "dimensions": list(dimensions)}


Cube = Annotated[Block, {"type": "object", "subtype": "datacube"}]
Raster = Annotated[Block, cube(SPATIAL)]
Series = Annotated[Block, cube({"type": "temporal"})]
Banded = Annotated[Block, cube({"type": "bands"})]
Image = Annotated[Block, cube(SPATIAL, {"type": "bands"})]
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
Truth = Annotated[Any, TRUTH]
Scalar = Annotated[Any, {"type": ["number", "boolean", "string", "null"]}]
Anything = Annotated[Any, ANY_ALLOWED]
Whatever = Annotated[Any, ANY]
Array = Annotated[Any, array_of(ANY_ALLOWED)]
AnyArray = Annotated[Any, {"type": "array"}]
Labelled = Annotated[Any, array_of(subtype="labeled-array")]
Numbers = Annotated[Any, array_of(number())]
Booleans = Annotated[Any, array_of({"type": ["boolean", "null"]})]
_WRITABLE = {"type": ["string", "number", "boolean", "null"]}
Writable = Annotated[Any, _WRITABLE]
Scalars = Annotated[Any, array_of(_WRITABLE)]
Text = Annotated[str, {"type": "string"}]
OptionalText = Annotated[str | None, {"type": ["string", "null"]}]
Flag = Annotated[bool, TRUTH]
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
Context = Annotated[Any, ANY]

_TIME_TOLD = TIME | {"description": "Time only, formatted as HH:MM:SS. The time zone is UTC."}
TemporalInterval = Annotated[Any, INTERVAL]
Date = Annotated[str, [DATE_TIME, DATE]]
DateOrTime = Annotated[str, [DATE_TIME_TOLD, DATE_TOLD, _TIME_TOLD]]
DateUnit = Annotated[
    str,
    {
        "type": "string",
        "enum": ["millisecond", "second", "minute", "hour", "day", "week", "month", "year"],
    },
]
Sortable = Annotated[Any, array_of({"anyOf": [{"type": "number"}, {"type": "null"}, DATE_TIME, DATE]})]
Extrema = Annotated[
    Any,
    [array_of({"type": kind}, minItems=2, maxItems=2) for kind in ("number", "null")],
]
Probabilities = Annotated[
    Any,
    [
        {"title": "List of probabilities"}
        | array_of(number(null=False, minimum=0, maximum=1), uniqueItems=True),
        {"title": "Number of intervals (q-quantiles)", "type": "integer", "minimum": 2},
    ],
]
Intervals = Annotated[Any, {"type": "integer", "minimum": 2}]


def callback(returns: dict[str, Any], **parameters: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a callback: its parameters, and ``context`` after them."""
    context = {
        "name": "context",
        "description": "Additional data passed by the user.",
        "schema": ANY,
        "optional": True,
        "default": None,
    }
    own = [{"name": name, **parameter} for name, parameter in parameters.items()]
    return {"type": "object", "subtype": "process-graph", "parameters": [*own, context], "returns": returns}


_CURRENT = "of the current element being processed."
_ELEMENT: dict[str, Any] = {
    "x": {"description": f"The value {_CURRENT}", "schema": ANY},
    "index": {
        "description": f"The zero-based index {_CURRENT}",
        "schema": {"type": "integer", "minimum": 0},
    },
    "label": {
        "description": f"The label {_CURRENT} Only populated for labeled arrays.",
        "schema": [{"type": "number"}, {"type": "string"}, {"type": "null"}],
        "default": None,
        "optional": True,
    },
}
_KEPT = {
    "description": "`true` if the value should be kept in the array, otherwise `false`.",
    "schema": TRUTH,
}
_COUNTED = {
    "description": "`true` if the element should increase the counter, otherwise `false`.",
    "schema": TRUTH,
}
_ARRAY = "A labeled array with elements of any type."


def _along(more: str = "") -> dict[str, Any]:
    data = {"description": _ARRAY + more, "schema": array_of(subtype="labeled-array")}
    return callback(NEW_VALUE, data=data)


Reducer = Annotated[Callback, _along()]
IntervalReducer = Annotated[Callback, _along(" If there's no data for the interval, the array is empty.")]
PeriodReducer = Annotated[Callback, _along(" If there's no data for the period, the array is empty.")]
ArrayMapper = Annotated[
    Callback,
    callback(
        NEW_VALUE | {"schema": array_of()},
        data={"description": _ARRAY, "schema": array_of(subtype="labeled-array")},
    ),
]
Mapper = Annotated[Callback, callback(NEW_VALUE, x={"description": "The value to process.", "schema": ANY})]
ElementMapper = Annotated[
    Callback, callback({"description": "The value to be set in the new array.", "schema": ANY}, **_ELEMENT)
]
ElementCondition = Annotated[Callback, callback(_KEPT, **_ELEMENT)]
Overlap = Annotated[
    Callback | None,
    callback(
        {"description": "The value to be set in the merged data cube.", "schema": ANY},
        x={"description": "The overlapping value from the base data cube `cube1`.", "schema": ANY},
        y={"description": "The overlapping value from the other data cube `cube2`.", "schema": ANY},
    ),
]
Condition = Annotated[
    Any,
    [
        callback(_COUNTED, x=_ELEMENT["x"])
        | {
            "title": "Condition",
            "description": "A logical expression that is evaluated against each element in the array.",
        },
        {
            "title": "All elements",
            "description": "Boolean `true` counts all elements in the list.",
            "type": "boolean",
            "const": True,
        },
        {
            "title": "Valid elements",
            "description": "`null` counts valid elements in the list.",
            "type": "null",
        },
    ],
]
