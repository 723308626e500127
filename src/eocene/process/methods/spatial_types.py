"""The openEO schemas of parameters of spatial processes, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.cube.resample import METHODS
from eocene.process.methods.borders import BORDERS
from eocene.process.methods.corners import CORNERS
from eocene.process.standard import (
    EPSG,
    FROM_ZERO,
    NEW_VALUE,
    NUMBER,
    OLD_GEOJSON,
    ONE_DATA,
    POLYGONS,
    RASTER,
    VECTOR,
    WKT,
    box,
)
from eocene.process.types import array_of, callback

_DURATION = (
    r"^(-?)P(?=\d|T\d)(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)([DW]))?"
    r"(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$"
)
_UNIT = (
    "The unit the values are given in, either in meters (`m`) or pixels (`px`). If no unit or `null` is "
    "given, uses the unit specified for the dimension or otherwise the default unit of the reference system."
)
_ISO = "[ISO 8601 duration](https://en.wikipedia.org/wiki/ISO_8601#Durations), e.g. `P1D` for one day."


def _chunks(without: str) -> dict[str, Any]:
    """Return the schema of sizes along dimensions; ``without`` is what a size of null means."""
    sizes = [
        {"title": without, "type": "null"},
        {"description": "See the `unit` parameter for more information."} | FROM_ZERO,
        {"description": _ISO, "type": "string", "subtype": "duration", "pattern": _DURATION},
    ]
    units = [
        {"title": "Default unit", "type": "null"},
        {"title": "Specific unit", "type": "string", "enum": ["px", "m"]},
    ]
    size = {
        "dimension": {"type": "string"},
        "value": {"default": None, "anyOf": sizes},
        "unit": {"description": _UNIT, "default": None, "anyOf": units},
    }
    form = {"type": "object", "subtype": "chunk-size", "required": ["dimension", "value"]}
    return array_of(form | {"properties": size})


Raster = Annotated[Block, RASTER]
RasterOrVector = Annotated[
    Block, [{"title": "Raster data cube"} | RASTER, {"title": "Vector data cube"} | VECTOR]
]
Box = Annotated[Any, box()]
Geometries = Annotated[Any, [{"title": "Vector Data Cube"} | VECTOR, OLD_GEOJSON]]
MaskPolygons = Annotated[Any, [{"title": "Vector Data Cube"} | POLYGONS, OLD_GEOJSON]]
Polygons = Annotated[Any, POLYGONS]
Replacement = Annotated[Any, [{"type": kind} for kind in ("number", "boolean", "string", "null")]]
Method = Annotated[str, {"type": "string", "enum": list(METHODS)}]
Corner = Annotated[str, {"type": "string", "enum": list(CORNERS)}]
_ONE = {"description": "A single number used as the resolution for both x and y."} | FROM_ZERO
_TWO = "A two-element array to specify separate resolutions for x (first element) and y (second element)."
Resolution = Annotated[Any, [_ONE, array_of(FROM_ZERO, minItems=2, maxItems=2, description=_TWO)]]
Projection = Annotated[Any, [EPSG, WKT, {"title": "Don't change projection", "type": "null"}]]
_KERNEL = "A two-dimensional array of numbers."
Kernel = Annotated[Any, array_of(array_of(NUMBER), subtype="kernel", description=_KERNEL)]
Border = Annotated[Any, [{"type": "string", "enum": list(BORDERS)}, NUMBER]]
PixelCounts = Annotated[Any, array_of({"type": "integer", "minimum": 1}, minItems=2, maxItems=2)]
ChunkSizes = Annotated[Any, _chunks("All values")]
Overlaps = Annotated[
    Any, [{"title": "Without overlap", "type": "null"}, {"title": "With overlap"} | _chunks("No values")]
]
PixelReducer = Annotated[Any, callback(NEW_VALUE, data=ONE_DATA)]
_MANY = {"title": "Multi-dimensional data"} | RASTER
_FLAT = {"title": "One-dimensional data", "type": "array"}
Focal = Annotated[
    Any,
    callback(
        {
            "description": "An array or data cube with the newly computed values. The data type and "
            "dimensionality must correspond to the input data.\n\n* Data cubes must have the same dimensions "
            "and the dimension properties (name, type, labels, reference system and resolution) must remain "
            "unchanged. Otherwise, a `DataCubePropertiesImmutable` exception will be thrown.\n* Arrays can "
            "be returned with or without labels.",
            "schema": [_MANY, _FLAT],
        },
        data={
            "description": "The input data, which is a subset of the data cube as specified in `size` and "
            "`overlap`. If the given size and overlap result in a one-dimensional data cube it is converted "
            "to a labeled array.",
            "schema": [_MANY, _FLAT | {"subtype": "labeled-array"}],
        },
    ),
]
PerPolygon = Annotated[
    Any,
    callback(
        {
            "description": "The updated sub data cube with the newly computed values and the same "
            "dimensions. The dimension properties (name, type, reference system and resolution) must remain "
            "unchanged. The labels can change, but the number of labels must remain unchanged.",
            # A schema inside a schema, which says nothing to JSON Schema: as openEO has it.
            "schema": {"description": "A data cube.", "schema": RASTER},
        },
        data={
            "description": "A sub data cube of the original data cube. The sub data cubes provided cover the "
            "smallest possible grid-aligned extent of the corresponding polygon and all pixels outside of "
            "the polygon are replaced with the value given in `mask_value`.",
            "schema": RASTER,
        },
    ),
]
