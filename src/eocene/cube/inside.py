"""Which pixels belong to a geometry: tested exactly, each by itself, so that no window changes the answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from eocene.model import Grid

    Mask = NDArray[np.bool_]

_TILE = 64


def find_window(geometry: BaseGeometry, grid: Grid) -> Grid | None:
    """Return the part of a grid under a geometry in its CRS, a pixel more for lines, or None."""
    bounds = geometry.bounds
    if geometry.is_empty or not np.isfinite(bounds).all():
        return None
    window = grid.lattice.grid_over(bounds, grid.epsg)
    return (window.pad(1) if shapely.get_dimensions(geometry) == 1 else window).intersect(grid)


def pixels_inside(geometry: BaseGeometry, window: Grid) -> Mask:
    """Return which pixels of a window belong to a geometry in its CRS.

    Of a polygon those whose centre lies in it or on its edge; of a point the one under it; of a line
    those that it crosses or touches, whose centres are the nearest to some point of it.
    """
    mask = np.zeros(window.shape, bool)
    if geometry.is_empty or not np.isfinite(geometry.bounds).all():
        return mask
    dimension = shapely.get_dimensions(geometry)
    if dimension == 0:
        return _mark_points(shapely.get_coordinates(geometry), window, mask)
    whole = shapely.make_valid(geometry) if dimension == 2 and not geometry.is_valid else geometry
    parts = [p for p in shapely.get_parts(whole) if shapely.get_dimensions(p) == dimension]
    shape = parts[0] if len(parts) == 1 else shapely.union_all(parts)
    shapely.prepare(shape)
    test = _test_centres if dimension == 2 else _test_pixels
    tiles = list(window.blocks(_TILE))
    boxes = shapely.box(*np.array([t.bounds for t in tiles]).T)
    full = shapely.contains_properly(shape, boxes) if dimension == 2 else np.zeros(len(tiles), bool)
    for tile, is_full, is_touched in zip(tiles, full, shapely.intersects(shape, boxes), strict=True):
        if is_full or is_touched:
            mask[tile.slices_in(window)] = True if is_full else test(shape, tile)
    return mask


def _mark_points(points: NDArray[np.float64], window: Grid, mask: Mask) -> Mask:
    (width, height), (east, south) = window.lattice.resolution, window.lattice.anchor
    # A point that misses an edge by rounding noise is on it, as in Lattice.grid_over.
    cols = np.floor((points[:, 0] - east) / width + 1e-6).astype(np.int64) - window.left
    rows = np.floor((south - points[:, 1]) / height + 1e-6).astype(np.int64) - window.top
    here = (rows >= 0) & (rows < window.height) & (cols >= 0) & (cols < window.width)
    mask[rows[here], cols[here]] = True
    return mask


def _test_centres(polygon: Any, tile: Grid) -> Mask:
    x, y = np.meshgrid(tile.x, tile.y)
    return np.asarray(shapely.intersects_xy(polygon, x, y))


def _test_pixels(line: Any, tile: Grid) -> Mask:
    x, y = tile.x_edges, tile.y_edges
    west, north = np.meshgrid(x[:-1], y[:-1])
    right, bottom = np.meshgrid(x[1:], y[1:])
    return np.asarray(shapely.intersects(line, shapely.box(west, bottom, right, north)))
