"""Read spatial extents as users write them, and find the pixels in them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from pyproj import CRS
from pyproj.exceptions import CRSError
from shapely.geometry import GeometryCollection

from eocene.cube.block import Block
from eocene.cube.geojson import read_features
from eocene.model import BBox, InputError
from eocene.model.grid import transform_bbox
from eocene.process.loads.crs import parse_epsg

if TYPE_CHECKING:
    from eocene.model import Grid

_EDGE = 1e-6
"""A pixel centre that misses an edge by less, in pixels, is on it."""


def parse_bbox(extent: Any) -> tuple[BBox, int]:
    """Return (west, south, east, north) and the EPSG code of what a user gives as extent.

    That is an openEO box, a list of four in EPSG:4326, GeoJSON or a vector cube.

    Raises
    ------
    InputError
        If the box is empty, not finite or not a box, saying which edge is wrong.
    """
    epsg = 4326
    if isinstance(extent, list | tuple) and len(extent) == 4:
        edges = list(extent)
    elif isinstance(extent, Block) or (isinstance(extent, dict) and "type" in extent):
        edges, epsg = _bounds_of(extent)
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


def _bounds_of(geometries: Any) -> tuple[list[float], int]:
    features = read_features(geometries)
    epsg = features[0].epsg if features else 4326
    return list(GeometryCollection([f.to_epsg(epsg).geometry for f in features]).bounds), epsg


def _parse_crs(crs: Any) -> int:
    """Return the EPSG code of a CRS: a number, WKT, or PROJ JSON."""
    if not isinstance(crs, dict):
        return parse_epsg(crs)
    try:
        return parse_epsg(CRS.from_json_dict(crs).to_wkt())
    except CRSError as error:
        raise _invalid(f"The crs of the spatial extent is no PROJ JSON: {error}.") from error


def pixels_in(bbox: BBox, epsg: int, grid: Grid) -> Grid:
    """Return the part of a grid whose pixel centres lie in a box or on its edge; of no pixels if none do."""
    west, south, east, north = transform_bbox(bbox, epsg, grid.epsg)
    (rx, ry), (ax, ay) = grid.lattice.resolution, grid.lattice.anchor
    left, right = _numbers_between((west - ax) / rx, (east - ax) / rx)
    top, bottom = _numbers_between((ay - north) / ry, (ay - south) / ry)
    nothing = replace(grid, width=0, height=0)
    if right <= left or bottom <= top:
        return nothing
    return (
        grid.intersect(replace(grid, left=left, top=top, width=right - left, height=bottom - top)) or nothing
    )


def _numbers_between(low: float, high: float) -> tuple[int, int]:
    """Return the number of the first pixel whose centre lies between two positions, and of the one after."""
    return math.ceil(low - 0.5 - _EDGE), math.floor(high - 0.5 + _EDGE) + 1
