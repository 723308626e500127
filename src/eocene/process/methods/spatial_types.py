"""The openEO schemas of parameters of spatial processes, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.cube.resample import METHODS
from eocene.process.methods.borders import BORDERS
from eocene.process.methods.corners import CORNERS
from eocene.process.types import array_of, callback

_ANY: dict[str, Any] = {"description": "Any data type."}
_RASTER = {
    "type": "object",
    "subtype": "datacube",
    "dimensions": [{"type": "spatial", "axis": ["x", "y"]}],
}
_VECTOR = {"type": "object", "subtype": "datacube", "dimensions": [{"type": "geometry"}]}
_POLYGONS = {
    "type": "object",
    "subtype": "datacube",
    "dimensions": [{"type": "geometry", "geometry_type": ["Polygon", "MultiPolygon"]}],
}
_GEOJSON = {"type": "object", "subtype": "geojson", "deprecated": True}
_NUMBER = {"type": "number"}
_FROM_ZERO = {"type": "number", "minimum": 0}
_EPSG = {"type": "integer", "subtype": "epsg-code", "minimum": 1000}
_WKT = {"type": "string", "subtype": "wkt2-definition"}
_DURATION = (
    r"^(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?"
    r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
)
_CHUNKS = array_of(
    {
        "type": "object",
        "subtype": "chunk-size",
        "required": ["dimension", "value"],
        "properties": {
            "dimension": {"type": "string"},
            "value": {
                "default": None,
                "anyOf": [
                    {"type": "null"},
                    _FROM_ZERO,
                    {"type": "string", "subtype": "duration", "pattern": _DURATION},
                ],
            },
            "unit": {"default": None, "anyOf": [{"type": "null"}, {"type": "string", "enum": ["px", "m"]}]},
        },
    }
)
_BOX = {
    "type": "object",
    "subtype": "bounding-box",
    "required": ["west", "south", "east", "north"],
    "properties": {
        **dict.fromkeys(("west", "south", "east", "north"), _NUMBER),
        **{edge: {"type": ["number", "null"], "default": None} for edge in ("base", "height")},
        "crs": {"anyOf": [_EPSG, _WKT], "default": 4326},
    },
}

Raster = Annotated[Block, _RASTER]
RasterOrVector = Annotated[Block, [_RASTER, _VECTOR]]
Box = Annotated[Any, _BOX]
Geometries = Annotated[Any, [_VECTOR, _GEOJSON]]
MaskPolygons = Annotated[Any, [_POLYGONS, _GEOJSON]]
Polygons = Annotated[Any, _POLYGONS]
Replacement = Annotated[Any, [{"type": kind} for kind in ("number", "boolean", "string", "null")]]
Method = Annotated[str, {"type": "string", "enum": list(METHODS)}]
Corner = Annotated[str, {"type": "string", "enum": list(CORNERS)}]
Resolution = Annotated[Any, [_FROM_ZERO, array_of(_FROM_ZERO, minItems=2, maxItems=2)]]
Projection = Annotated[Any, [_EPSG, _WKT, {"type": "null"}]]
Kernel = Annotated[Any, array_of(array_of(_NUMBER), subtype="kernel")]
Border = Annotated[Any, [{"type": "string", "enum": list(BORDERS)}, _NUMBER]]
PixelCounts = Annotated[Any, array_of({"type": "integer", "minimum": 1}, minItems=2, maxItems=2)]
ChunkSizes = Annotated[Any, _CHUNKS]
Overlaps = Annotated[Any, [{"type": "null"}, _CHUNKS]]
PixelReducer = Annotated[
    Any,
    callback(
        {"description": "One value.", "schema": _ANY},
        data={"description": "The values of the pixels.", "schema": array_of()},
    ),
]
Focal = Annotated[
    Any,
    callback(
        {"description": "The new values, in the same form.", "schema": [_RASTER, {"type": "array"}]},
        data={
            "description": "A part of the cube; an array if it has several labels along one dimension only.",
            "schema": [_RASTER, {"type": "array", "subtype": "labeled-array"}],
        },
    ),
]
PerPolygon = Annotated[
    Any,
    callback(
        {"description": "The new values, in the same form.", "schema": _RASTER},
        data={"description": "The cube around a polygon, masked outside of it.", "schema": _RASTER},
    ),
]
