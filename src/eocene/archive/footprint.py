"""Footprints of scenes: rings of corners in degrees made into GeoJSON, also across the antimeridian."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.model.grid import BBox


def draw_footprint(corners: Sequence[tuple[float, float]], name: str) -> tuple[dict[str, Any], BBox]:
    """Return the GeoJSON geometry and the bbox of a ring of corners.

    A ring that seems wider than half the Earth crosses the antimeridian: it becomes two polygons, and its
    bbox has west > east, as RFC 7946 says. Rings around a pole are not supported.

    Parameters
    ----------
    corners : sequence of (longitude, latitude)
        In degrees, closed or not.
    name : str
        The file that they come from, for errors.

    Raises
    ------
    DamageError
        If they make no area on the Earth.
    """
    points = np.array(corners, dtype=np.float64).reshape(-1, 2)
    inside = np.isfinite(points).all() and (np.abs(points) <= (180.0, 90.0)).all()
    if len(points) < 3 or not inside:
        raise _no_area(name)
    crosses = bool(np.ptp(points[:, 0]) > 180.0)
    if crosses:
        points[:, 0] = np.where(points[:, 0] < 0, points[:, 0] + 360.0, points[:, 0])
    shape = shapely.make_valid(shapely.Polygon(points))
    if not shape.area > 0:
        raise _no_area(name)
    west, south, east, north = (float(v) for v in shape.bounds)
    if crosses and east > 180.0:
        halves = [shapely.intersection(shape, shapely.box(0, -90, 180, 90)), _move_back(shape)]
        shape = shapely.union_all([_areas(half) for half in halves])
        east -= 360.0
    return json.loads(shapely.to_geojson(_areas(shape))), (west, south, east, north)


def _move_back(shape: shapely.Geometry) -> shapely.Geometry:
    """Return what lies east of the antimeridian, with its true longitudes."""
    beyond = shapely.intersection(shape, shapely.box(180, -90, 360, 90))
    return shapely.transform(beyond, lambda points: points - np.array([360.0, 0.0]))


def _areas(shape: shapely.Geometry) -> shapely.Geometry:
    """Return only the polygons of a geometry: one, or a multipolygon."""
    parts = [part for part in shapely.get_parts(shape, return_index=False) if part.area > 0]
    return parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _no_area(name: str) -> DamageError:
    return DamageError(f"The footprint in {name!r} is no area on the Earth.", "Fetch the product again.")
