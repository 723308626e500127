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
Reducer = Annotated[
    Callback,
    {
        "type": "object",
        "subtype": "process-graph",
        "parameters": [
            {"name": "data", "description": "A labeled array.", "schema": {"type": "array"}},
            {
                "name": "context",
                "description": "Additional data passed by the user.",
                "schema": {"description": "Any data type."},
                "optional": True,
                "default": None,
            },
        ],
        "returns": {"description": "One value, or an array.", "schema": {"description": "Any data type."}},
    },
]
Mapper = Annotated[
    Callback,
    {
        "type": "object",
        "subtype": "process-graph",
        "parameters": [
            {"name": "x", "description": "One value.", "schema": {"description": "Any data type."}},
            {
                "name": "context",
                "description": "Additional data passed by the user.",
                "schema": {"description": "Any data type."},
                "optional": True,
                "default": None,
            },
        ],
        "returns": {"description": "The new value.", "schema": {"description": "Any data type."}},
    },
]
Overlap = Annotated[
    Callback | None,
    {
        "type": ["object", "null"],
        "subtype": "process-graph",
        "parameters": [
            {"name": "x", "description": "The value of the first cube.", "schema": {}},
            {"name": "y", "description": "The value of the second cube.", "schema": {}},
            {
                "name": "context",
                "description": "Additional data passed by the user.",
                "schema": {"description": "Any data type."},
                "optional": True,
                "default": None,
            },
        ],
        "returns": {"description": "The value to use.", "schema": {}},
    },
]
Condition = Annotated[
    Any,
    [
        {
            "type": "object",
            "subtype": "process-graph",
            "parameters": [
                {"name": "x", "description": "One value.", "schema": {"description": "Any data type."}},
                {
                    "name": "context",
                    "description": "Additional data passed by the user.",
                    "schema": {"description": "Any data type."},
                    "optional": True,
                    "default": None,
                },
            ],
            "returns": {"description": "Whether it counts.", "schema": {"type": "boolean"}},
        },
        {"type": "boolean"},
        {"type": "null"},
    ],
]
