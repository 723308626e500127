"""Schemas in openEO's own words: what the descriptions of several processes share.

Clients and openEO's test suite compare schemas whole, so what is said in them is said as there.

Source: openEO processes 2.0.0-rc.2 (Apache-2.0).
"""

from __future__ import annotations

from typing import Any

ANY: dict[str, Any] = {"description": "Any data type."}
ANY_ALLOWED: dict[str, Any] = {"description": "Any data type is allowed."}
"""OpenEO says it in two ways, inside callbacks and outside."""

NUMBER = {"type": "number"}
FROM_ZERO = {"type": "number", "minimum": 0}
TRUTH = {"type": "boolean"}

DATE_TIME = {"type": "string", "format": "date-time", "subtype": "date-time"}
DATE = {"type": "string", "format": "date", "subtype": "date"}
TIME = {"type": "string", "subtype": "time", "pattern": r"^\d{2}:\d{2}:\d{2}$"}
DATE_TIME_TOLD = DATE_TIME | {"description": "Date and time with a time zone."}
DATE_TOLD = DATE | {
    "description": "Date only, formatted as `YYYY-MM-DD`. The time zone is UTC. "
    "Missing time components are all 0."
}
INTERVAL = {
    "type": "array",
    "subtype": "temporal-interval",
    "minItems": 2,
    "maxItems": 2,
    "items": {"anyOf": [DATE_TIME_TOLD, DATE_TOLD, {"type": "null"}]},
    "examples": [["2015-01-01T00:00:00Z", "2016-01-01T00:00:00Z"], ["2015-01-01", "2016-01-01"]],
}

EPSG = {"title": "EPSG Code", "type": "integer", "subtype": "epsg-code", "minimum": 1000, "examples": [3857]}
WKT = {"title": "WKT2", "type": "string", "subtype": "wkt2-definition"}
_CRS = (
    "Coordinate reference system of the extent, specified as [EPSG code]"
    "(https://spatialreference.org/ref/epsg/) or [WKT2 CRS string]"
    "(http://docs.opengeospatial.org/is/18-010r7/18-010r7.html). Defaults to `4326` (EPSG code 4326) unless "
    "the client explicitly requests a different coordinate reference system."
)
_EDGES = {"west": ("lower left", 1), "south": ("lower left", 2), "east": ("upper right", 1)}
_EDGES |= {"north": ("upper right", 2), "base": ("optional, lower left", 3)}
_EDGES |= {"height": ("optional, upper right", 3)}
_REQUIRED = ["west", "south", "east", "north"]

SPATIAL = {"type": "spatial", "axis": ["x", "y"]}
_CUBE = {"type": "object", "subtype": "datacube"}
RASTER = _CUBE | {"dimensions": [SPATIAL]}
VECTOR = _CUBE | {"dimensions": [{"type": "geometry"}]}
POLYGONS = _CUBE | {"dimensions": [{"type": "geometry", "geometry_type": ["Polygon", "MultiPolygon"]}]}
GEOJSON = {"title": "GeoJSON", "type": "object", "subtype": "geojson"}
OLD_GEOJSON = GEOJSON | {
    "description": "Deprecated in favor of ``load_geojson()``. "
    "The GeoJSON type `GeometryCollection` is not supported.",
    "deprecated": True,
}
"""GeoJSON in place of a vector cube."""

ONE_DATA = {"description": "An array with elements of any type.", "schema": {"type": "array", "items": ANY}}
NEW_VALUE = {"description": "The value to be set in the new data cube.", "schema": ANY}


def box(more: str = "", **said: Any) -> dict[str, Any]:
    """Return the schema of a bounding box; ``more`` is said of its CRS besides."""
    edges = {edge: _edge(edge, *place) for edge, place in _EDGES.items()}
    crs = {"description": _CRS + more, "anyOf": [EPSG, WKT], "default": 4326}
    form = {"type": "object", "subtype": "bounding-box", "required": _REQUIRED}
    return said | form | {"properties": edges | {"crs": crs}}


def _edge(name: str, corner: str, axis: int) -> dict[str, Any]:
    told = {"description": f"{name.title()} ({corner} corner, coordinate axis {axis})."}
    return told | (NUMBER if name in _REQUIRED else {"type": ["number", "null"], "default": None})
