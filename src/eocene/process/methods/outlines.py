"""Geometries on the pixels of a cube: read once, tested window by window."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.cube.geojson import read_features
from eocene.cube.inside import find_window, pixels_inside
from eocene.model import InputError
from eocene.process.loads.extent import pixels_in

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from eocene.cube.feature import Feature
    from eocene.model import Grid


def outlines(geometries: Any, epsg: int) -> tuple[BaseGeometry, ...]:
    """Return the geometries, without empty ones, of GeoJSON or a vector cube (or its schema) in a CRS."""
    if isinstance(geometries, dict):
        return _in_crs(_read(json.dumps(geometries)), epsg)
    return _in_crs(read_features(getattr(geometries, "probe", geometries)), epsg)


def polygons(geometries: Any, epsg: int) -> tuple[BaseGeometry, ...]:
    """Return :func:`outlines`, which must be polygons.

    Raises
    ------
    InputError
        If there is none, or another kind of geometry among them.
    """
    found = outlines(geometries, epsg)
    other = next((g for g in found if shapely.get_dimensions(g) != 2), None)
    if other is not None or not found:
        raise InputError(
            f"The geometries hold a {other.geom_type}." if other else "There is no polygon.",
            "Give polygons or multipolygons; vector_buffer makes some of points and lines.",
            code="ProcessParameterInvalid",
        )
    return found


@lru_cache(maxsize=8)
def _read(text: str) -> tuple[Feature, ...]:
    return read_features(json.loads(text))


@lru_cache(maxsize=8)
def _in_crs(features: tuple[Feature, ...], epsg: int) -> tuple[BaseGeometry, ...]:
    return tuple(f.to_epsg(epsg).geometry for f in features if not f.geometry.is_empty)


def window_of(geometry: BaseGeometry, grid: Grid) -> Grid | None:
    """Return the smallest part of a grid that holds all pixels of a geometry; None if it has none."""
    if shapely.get_dimensions(geometry) < 2:
        return find_window(geometry, grid)
    if not np.isfinite(geometry.bounds).all():
        return None
    window = pixels_in(geometry.bounds, grid.epsg, grid)
    return window if window.width else None


def pixels_of(geometries: Sequence[BaseGeometry], window: Grid) -> NDArray[np.bool_]:
    """Return which pixels of a window belong to at least one of the geometries."""
    mask = np.zeros(window.shape, bool)
    for geometry in geometries:
        part = window_of(geometry, window)
        if part is not None:
            mask[part.slices_in(window)] |= pixels_inside(geometry, part)
    return mask
