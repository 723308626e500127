"""The openEO schemas of what the loading processes take, as annotations."""

from __future__ import annotations

from typing import Annotated, Any

from eocene.cube.block import Block
from eocene.cube.source import CubeSource
from eocene.process.standard import ANY, GEOJSON, INTERVAL, TRUTH, VECTOR, box

_LIMITS = (
    "Limits the data cube to the bounding box of the given geometries{where}. {Pixels} inside the bounding "
    "box that do not intersect with any of the polygons will be set to the no-data value of the data cube."
)
_RASTER_ONLY, _ALWAYS = "For raster data, all pixels", "All pixels"
_REPROJECTED = (
    " If the bounding box is not provided in the coordinate reference system (CRS) of the data cube, the "
    "bounding box is reprojected to the CRS of the spatial data cube dimensions."
)
_CONDITION = {
    "type": "object",
    "subtype": "process-graph",
    "parameters": [
        {"name": "value", "description": "The property value to be checked against.", "schema": ANY}
    ],
    "returns": {
        "description": "`true` if the data should be loaded into the data cube, otherwise `false`.",
        "schema": TRUTH,
    },
}
_FILTERS = (
    "A list of filters to check against. Specify key-value-pairs with the key being the name of the metadata "
    "property name and the value being a process evaluated against the metadata values."
)


def _no_filter(told: str) -> dict[str, Any]:
    return {"title": "No filter", "description": f"Don't filter {told}.", "type": "null"}


def _extents(pixels: str, before: str = "", **more: Any) -> list[dict[str, Any]]:
    """Return the schemas of what limits a cube; ``pixels`` is how openEO's words go on for vector cubes."""
    geojson = before + _LIMITS.format(where="", Pixels=_RASTER_ONLY)
    geojson += "\n\nThe GeoJSON type `GeometryCollection` is not supported. Empty geometries are ignored."
    vector = _LIMITS.format(where=" in the vector data cube", Pixels=pixels)
    vector += " Empty geometries are ignored."
    return [
        box(_REPROJECTED, title="Bounding Box"),
        GEOJSON | {"description": geojson} | more,
        VECTOR | {"title": "Vector data cube", "description": vector},
        _no_filter("spatially. All data is included in the data cube"),
    ]


CollectionId = Annotated[str, {"type": "string", "subtype": "collection-id", "pattern": "^[\\w\\-\\.~/]+$"}]
CollectionExtent = Annotated[
    Any, _extents(_RASTER_ONLY, "Deprecated in favor of ``load_geojson()``. ", deprecated=True)
]
Extent = Annotated[Any, _extents(_ALWAYS)]
Interval = Annotated[
    Any,
    [
        INTERVAL | {"uniqueItems": True},
        _no_filter("temporally. All data is included in the data cube"),
    ],
]
BandNames = Annotated[
    Any,
    [
        {"type": "array", "minItems": 1, "items": {"type": "string", "subtype": "band-name"}},
        _no_filter("bands. All bands are included in the data cube"),
    ],
]
Properties = Annotated[
    Any,
    [
        {
            "title": "Filters",
            "description": _FILTERS,
            "type": "object",
            "subtype": "metadata-filter",
            "additionalProperties": _CONDITION,
        },
        _no_filter("by metadata properties"),
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
VectorCube = Annotated[Block, VECTOR]
NO_OPTIONS: dict[str, Any] = {}
