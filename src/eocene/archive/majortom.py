"""The Major TOM grid: cells of about equal size over the whole globe, by which items and samples are found.

Rows of one height go from pole to pole; each is cut into as many equal columns as its circumference has
lengths of a cell, and their edges are counted from 0 degrees. A cell is named by the geohash of its centre,
11 characters. Sources: A. Francis, M. Czerkawski, "Major TOM: Expandable Datasets for Earth Observation",
arXiv:2402.12095, for the grid; the package majortom-eg, which computes it, for the names.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely
from majortom_eg import MajorTomGrid

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray

CELLS, DISTANCE = "majortom:cells", "majortom:distance"
"""Properties of an item: the ids of its cells, and the length of their sides in metres."""
DISTANCES_M = (10_000, 100_000, 1_000_000)
MOST_CELLS = 5_000
"""An item of more cells than that names those of a coarser grid."""
_PER_DEGREE_M = 111_320.0
_LETTERS = "0123456789bcdefghjkmnpqrstuvwxyz"
_NEAREST = 90.0 - 2e-7
"""A place at the pole itself is taken for one so near: the grid ends before."""
_TOUCH = 3e-7
_GEOHASH = re.compile(f"[{_LETTERS}]{{11}}")


@lru_cache(maxsize=8)
def make_grid(distance_m: int) -> MajorTomGrid:
    """Return the grid of cells of that size, which do not overlap."""
    return MajorTomGrid(d=distance_m, overlap=False)


def name_cells(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an item with the ids of its cells; one without a geometry as it is.

    Cells that a reader or a former archive has named are replaced: they follow from the geometry.
    """
    geometry = item.get("geometry")
    if geometry is None:
        return dict(item)
    try:
        shape = shapely.geometry.shape(geometry)
        west, south, east, north = shape.bounds  # NaN without points
        if not (-180.0 <= west <= east <= 180.0 and -90.0 <= south <= north <= 90.0):
            return dict(item)
        cells, distance_m = find_cells(shape)
    except (shapely.errors.ShapelyError, ValueError, TypeError, KeyError, AttributeError, IndexError):
        return dict(item)  # the catalogue names what is wrong with it
    return {**item, "properties": {**item["properties"], CELLS: cells, DISTANCE: distance_m}}


def find_cells(shape: Any) -> tuple[list[str], int]:
    """Return the ids of the cells that a geometry in degrees touches, sorted, and their size in metres.

    They are those of the finest grid of which it touches at most ``MOST_CELLS``.
    """
    cells, distance_m = _find_cells(shapely.to_wkb(shape))
    return list(cells), distance_m


@lru_cache(maxsize=256)
def _find_cells(outline: bytes) -> tuple[tuple[str, ...], int]:
    """Return the cells of a geometry as WKB; remembered, since the items of a series share theirs."""
    shape = shapely.from_wkb(outline)
    for distance_m in DISTANCES_M:
        last = distance_m == DISTANCES_M[-1]
        if last or _guess_count(shape, distance_m) <= 4 * MOST_CELLS:
            found = sorted(_touched(shape, distance_m))
            if last or len(found) <= MOST_CELLS:
                break
    return tuple(found), distance_m


def _guess_count(shape: Any, distance_m: int) -> float:
    """Return how many cells lie around a geometry, roughly."""
    count = 0.0
    for part in shapely.get_parts(shape):
        west, south, east, north = part.bounds
        nearest = 0.0 if south <= 0 <= north else min(abs(south), abs(north))
        width = (east - west) * np.cos(np.radians(nearest)) * _PER_DEGREE_M / distance_m
        count += (width + 1) * ((north - south) * _PER_DEGREE_M / distance_m + 1)
    return float(count)


def _touched(shape: Any, distance_m: int) -> set[str]:
    """Return the ids of the cells that a geometry touches."""
    grid, found = make_grid(distance_m), set()
    for part in _simple_parts(shape):
        plain = part.geom_type == "Polygon" and not part.interiors and part.area > 0
        outline = part if plain else _draw_around(part)
        shapely.prepare(part)
        for cell in grid.generate_grid_cells(outline):
            west, south, east, _ = cell.geom.bounds
            # At 90 degrees the package goes on with a row that is not on the globe.
            if south < 90.0 and (plain or shapely.dwithin(part, cell.geom, _TOUCH)):
                found.add(cell.id())
                # It has another name on the other side, unless rounding alone brings its edge there.
                if west < -180.0 - _TOUCH or east > 180.0 + _TOUCH:
                    found.add(_name_at(180.0 if west < -180.0 else -180.0, cell.geom.centroid.y, distance_m))
    return found


def _simple_parts(shape: Any) -> Iterator[Any]:
    for part in shapely.get_parts(shape):
        if part.geom_type.startswith("Multi") or part.geom_type == "GeometryCollection":
            yield from _simple_parts(part)
        else:
            yield part


def widen_cells(cells: Iterable[str]) -> tuple[str, ...]:
    """Return cells with those of coarser grids that they touch, by which large items name theirs.

    Raises
    ------
    InputError
        If one is not the id of a cell of 10, 100 or 1,000 km.
    """
    found: dict[str, None] = {}
    for cell in cells:
        distance_m, place = _locate(cell)
        found[cell] = None
        inside = shapely.box(*place).buffer(-1e-9)
        for coarser in DISTANCES_M:
            if coarser > distance_m:
                found.update(dict.fromkeys(sorted(_touched(inside, coarser))))
    return tuple(found)


def _locate(cell: str) -> tuple[int, tuple[float, float, float, float]]:
    """Return the size of a cell and its bounds in degrees."""
    # The package breaks off on some texts that are no ids, so the place is decoded here.
    outline = _draw_near(*_decode_geohash(cell)) if _GEOHASH.fullmatch(cell) else None
    for distance_m in DISTANCES_M if outline else ():
        for found in make_grid(distance_m).generate_grid_cells(outline):
            if found.id() == cell:
                return distance_m, found.geom.bounds
    raise InputError(
        f"{cell!r} is not a cell of the Major TOM grid of 10, 100 or 1,000 km.",
        f"Take one of an item's {CELLS}.",
        code="ProcessParameterInvalid",
    )


def cells_at(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return the ids of the finest cells under points (n,) in degrees; empty where there is no such place."""
    there = np.isfinite(lon) & (np.abs(lat) <= 90.0)
    names = np.zeros(len(lon), "U11")
    names[there] = _names_under((lon[there] + 180.0) % 360.0 - 180.0, lat[there])
    return names


def _names_under(lon: NDArray[np.float64], lat: NDArray[np.float64]) -> NDArray[np.str_]:
    grid = make_grid(DISTANCES_M[0])
    height = 180.0 / grid.row_count
    rows = np.clip(np.floor(lat / height), -(grid.row_count // 2), grid.row_count // 2 - 1).astype(np.int64)
    used, which = np.unique(rows, return_inverse=True)
    width = np.array([grid.get_lon_spacing(float(row) * height) for row in used])[which]
    columns = np.floor(lon / width).astype(np.int64)
    places, first, which = np.unique(
        np.stack([rows, columns], axis=1), axis=0, return_index=True, return_inverse=True
    )
    names = [
        _name_at((column + 0.5) * width[at], (row + 0.5) * height, DISTANCES_M[0])
        for (row, column), at in zip(places.tolist(), first.tolist(), strict=True)
    ]
    return np.array(names, "U11")[which.reshape(-1)]


def _name_at(lon: float, lat: float, distance_m: int) -> str:
    """Return the id of the cell around a point that lies well inside it, or where it meets 180 degrees."""
    (cell,) = make_grid(distance_m).generate_grid_cells(_draw_near(lon, lat))
    name: str = cell.id()
    return name


def _draw_around(part: Any) -> Any:
    """Return the box around a geometry, on the globe."""
    west, south, east, north = part.bounds
    return shapely.box(west, min(south, _NEAREST), east, min(north, _NEAREST))


def _draw_near(lon: float, lat: float) -> Any:
    """Return a box of a few centimetres around a point, on the globe."""
    step = 1e-7
    x, y = max(step - 180.0, min(lon, 180.0 - step)), max(step - 90.0, min(lat, _NEAREST))
    return shapely.box(x - step, y - step, x + step, y + step)


def _decode_geohash(text: str) -> tuple[float, float]:
    """Return longitude and latitude of the middle of a geohash: halvings in turn, five bits a letter."""
    low, size = [-180.0, -90.0], [360.0, 180.0]
    for number in range(5 * len(text)):
        letter, bit, axis = _LETTERS.index(text[number // 5]), 4 - number % 5, number % 2
        size[axis] /= 2
        low[axis] += size[axis] * (letter >> bit & 1)
    return low[0] + size[0] / 2, low[1] + size[1] / 2
