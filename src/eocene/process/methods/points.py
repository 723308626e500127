"""Sample points of geometries: at random, or regularly."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    Points = NDArray[np.float64]

_MOST = 1_000_000
_ROUNDS = 200


def random_points(geometry: BaseGeometry, count: int, random: np.random.Generator) -> Points:
    """Return at most ``count`` different points of a geometry, at least one: (n, 2).

    Evenly over the area of polygons and the length of lines; of points a choice.
    """
    dimension = shapely.get_dimensions(geometry)
    if dimension == 0:
        points = np.unique(shapely.get_coordinates(geometry), axis=0)
        return random.permutation(points)[:count]
    if dimension == 1:
        lines = shapely.get_parts(geometry)
        chosen = random.choice(len(lines), count, p=_shares(shapely.length(lines)))
        return shapely.get_coordinates(
            shapely.line_interpolate_point(lines[chosen], random.random(count), normalized=True)
        )
    return _fill_polygon(geometry, count, random)


def _shares(sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    total = sizes.sum()
    return np.asarray(sizes / total if total > 0 else np.full(len(sizes), 1 / len(sizes)))


def _fill_polygon(polygon: BaseGeometry, count: int, random: np.random.Generator) -> Points:
    """Draw in the boxes of the parts until enough lie inside; a point surely inside if none does."""
    parts = shapely.get_parts(polygon)
    shapely.prepare(parts)
    boxes = shapely.bounds(parts)
    shares = _shares((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]))
    found = np.empty((0, 2))
    for _ in range(_ROUNDS):
        which = random.choice(len(parts), max(2 * (count - len(found)), 64), p=shares)
        low, high = boxes[which, :2], boxes[which, 2:]
        drawn = low + random.random((len(which), 2)) * (high - low)
        found = np.concatenate([found, drawn[shapely.contains_xy(parts[which], *drawn.T)]])
        if len(found) >= count:
            return found[:count]
    return found if len(found) else shapely.get_coordinates(polygon.representative_point())


def regular_points(geometry: BaseGeometry, distance: float) -> Points:
    """Return the points of a geometry that lie ``distance`` apart, in its units: (n, 2).

    Polygons: the centres, where inside, of square cells from the upper left of their bounds; the first
    coordinate if there is none. Lines: from their first point on along the line. Points: as they are.
    """
    dimension = shapely.get_dimensions(geometry)
    if dimension == 0:
        return shapely.get_coordinates(geometry)
    walk: Any = _walk_line if dimension == 1 else _lay_cells
    points = np.concatenate([walk(part, distance) for part in shapely.get_parts(geometry)])
    return points if len(points) else shapely.get_coordinates(geometry)[:1]


def _walk_line(line: Any, distance: float) -> Points:
    check_number(line.length / distance)
    return shapely.get_coordinates(
        shapely.line_interpolate_point(line, np.arange(0, line.length * (1 + 1e-12), distance))
    )


def _lay_cells(polygon: BaseGeometry, distance: float) -> Points:
    west, south, east, north = polygon.bounds
    cols, rows = math.ceil((east - west) / distance), math.ceil((north - south) / distance)
    check_number(cols * rows)
    x, y = np.meshgrid(west + (np.arange(cols) + 0.5) * distance, north - (np.arange(rows) + 0.5) * distance)
    shapely.prepare(polygon)
    inside = shapely.contains_xy(polygon, x, y)
    return np.stack([x[inside], y[inside]], axis=1)


def check_number(number: float) -> None:
    """Refuse more points than can be drawn in a second or two."""
    if number > _MOST:
        raise InputError(
            f"{number:.0f} points are asked for; {_MOST} are the most.",
            "Choose a smaller count or a larger distance.",
            code="ProcessParameterInvalid",
        )
