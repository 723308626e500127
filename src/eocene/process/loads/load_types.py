"""The openEO schemas of what the loading processes take, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.cube.source import CubeSource

_CRS: dict[str, Any] = {
    "anyOf": [
        {"title": "EPSG Code", "type": "integer", "subtype": "epsg-code", "minimum": 1000},
        {"title": "WKT2", "type": "string", "subtype": "wkt2-definition"},
    ],
    "default": 4326,
}
_HEIGHT = {"type": ["number", "null"], "default": None}
_BOX: dict[str, Any] = {
    "title": "Bounding Box",
    "type": "object",
    "subtype": "bounding-box",
    "required": ["west", "south", "east", "north"],
    "properties": {
        **{edge: {"type": "number"} for edge in ("west", "south", "east", "north")},
        "base": _HEIGHT,
        "height": _HEIGHT,
        "crs": _CRS,
    },
}
_GEOJSON = {"title": "GeoJSON", "type": "object", "subtype": "geojson"}
_GEOMETRIES = {"type": "object", "subtype": "datacube", "dimensions": [{"type": "geometry"}]}
_NULL = {"title": "No filter", "type": "null"}
_INSTANT = {
    "anyOf": [
        {"type": "string", "format": "date-time", "subtype": "date-time"},
        {"type": "string", "format": "date", "subtype": "date"},
        {"type": "null"},
    ]
}
_CONDITION = {
    "type": "object",
    "subtype": "process-graph",
    "parameters": [{"name": "value", "description": "The property's value.", "schema": {}}],
    "returns": {"description": "Whether to load the item.", "schema": {"type": "boolean"}},
}

CollectionId = Annotated[str, {"type": "string", "subtype": "collection-id", "pattern": "^[\\w\\-\\.~/]+$"}]
CollectionExtent = Annotated[Any, [_BOX, {**_GEOJSON, "deprecated": True}, _GEOMETRIES, _NULL]]
Extent = Annotated[Any, [_BOX, _GEOJSON, _GEOMETRIES, _NULL]]
Interval = Annotated[
    Any,
    [
        {
            "type": "array",
            "subtype": "temporal-interval",
            "uniqueItems": True,
            "minItems": 2,
            "maxItems": 2,
            "items": _INSTANT,
        },
        _NULL,
    ],
]
BandNames = Annotated[
    Any,
    [{"type": "array", "minItems": 1, "items": {"type": "string", "subtype": "band-name"}}, _NULL],
]
Properties = Annotated[
    Any,
    [
        {
            "title": "Filters",
            "type": "object",
            "subtype": "metadata-filter",
            "additionalProperties": _CONDITION,
        },
        _NULL,
    ],
]
Uri = Annotated[str, {"title": "URL", "type": "string", "format": "uri", "subtype": "uri"}]
Paths = Annotated[
    Any,
    {
        "type": "array",
        "subtype": "file-paths",
        "items": {"type": "string", "subtype": "file-path", "pattern": "^[^\r\n\\:'\"]+$"},
    },
]
InputFormat = Annotated[str, {"type": "string", "subtype": "input-format"}]
InputOptions = Annotated[Any, {"type": "object", "subtype": "input-format-options"}]
PropertyNames = Annotated[Any, {"type": "array", "uniqueItems": True, "items": {"type": "string"}}]
GeoJson = Annotated[Any, {"type": "object", "subtype": "geojson"}]
Source = Annotated[CubeSource, {"type": "object", "subtype": "datacube"}]
Loaded = Annotated[Block | CubeSource, {"type": "object", "subtype": "datacube"}]
VectorCube = Annotated[Block, _GEOMETRIES]
NO_OPTIONS: dict[str, Any] = {}
