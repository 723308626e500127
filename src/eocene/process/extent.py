"""Read spatial extents as users write them."""

from __future__ import annotations

import math
from typing import Any

from eocene.model import BBox, InputError


def parse_bbox(extent: Any) -> tuple[BBox, int]:
    """Return (west, south, east, north) and the EPSG code of an openEO box, a list of four, or GeoJSON.

    Raises
    ------
    InputError
        If the box is empty, not finite or not a box, saying which edge is wrong.
    """
    epsg = 4326
    if isinstance(extent, list | tuple) and len(extent) == 4:
        edges = list(extent)
    elif isinstance(extent, dict) and "type" in extent:
        edges = list(_geojson_bounds(extent))
    elif isinstance(extent, dict) and {"west", "south", "east", "north"} <= set(extent):
        edges = [extent[k] for k in ("west", "south", "east", "north")]
        epsg = _parse_crs(extent.get("crs") or 4326)
    else:
        raise _invalid(f"The spatial extent {extent!r} is not a box.")
    try:
        west, south, east, north = (float(e) for e in edges)
    except (TypeError, ValueError) as error:
        raise _invalid(f"The spatial extent {extent!r} holds something that is not a number.") from error
    if not all(map(math.isfinite, (west, south, east, north))):
        raise _invalid(f"The spatial extent {extent!r} is not finite.")
    if west >= east or south >= north:
        raise _invalid(f"The box west={west}, south={south}, east={east}, north={north} is empty.")
    if epsg == 4326 and (south < -90 or north > 90 or west < -180 or east > 180):
        raise _invalid(f"The box west={west}, south={south}, east={east}, north={north} leaves the globe.")
    return (west, south, east, north), epsg


def _invalid(message: str) -> InputError:
    return InputError(
        message,
        "Give west < east and south < north, in degrees or in the units of 'crs'.",
        code="ProcessParameterInvalid",
    )


def _geojson_bounds(geojson: dict[str, Any]) -> BBox:
    from shapely.geometry import GeometryCollection, shape

    try:
        if geojson["type"] == "FeatureCollection":
            parts = [shape(f["geometry"]) for f in geojson["features"]]
        else:
            parts = [shape(geojson["geometry"] if geojson["type"] == "Feature" else geojson)]
        bounds: BBox = GeometryCollection(parts).bounds
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _invalid(f"The GeoJSON of the spatial extent cannot be read: {error}.") from error
    return bounds


def _parse_crs(crs: Any) -> int:
    text = str(crs).upper().removeprefix("EPSG:")
    if not text.isdigit():
        raise _invalid(f"The crs {crs!r} of the spatial extent is not an EPSG code.")
    return int(text)
