"""Where samples lie on the ground, how large they are there, and which of them are too near to others.

A footprint is the square of edge ``width_m`` about a sample's centre, or a point where that column is
missing. Squares that overlap by a millimetre or less count as neighbours that touch, since coordinates
of pixels carry rounding errors.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import CRS

from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.curate.placed import Placed

Split: TypeAlias = tuple[NDArray[np.intp], NDArray[np.intp]]

TOUCH_M = 1e-3


def locate_blocks(placed: Placed, block_size_m: float) -> NDArray[np.int64]:
    """Return the (n, 2) column and row numbers of the absolute blocks that hold the samples."""
    if not (math.isfinite(block_size_m) and block_size_m > 0):
        raise InputError(f"A block of {block_size_m} m has no size.", "Give a size above 0 m.")
    require_metres(placed, "blocks")
    return np.floor(stack_places(placed) / block_size_m).astype(np.int64)


def require_metres(placed: Placed, what: str) -> None:
    """Refuse places that are not in metres.

    Raises
    ------
    InputError
        If the CRS has degrees, feet or mixed units.
    """
    units = {axis.unit_name for axis in CRS.from_epsg(placed.epsg).axis_info}
    if units != {"metre"}:
        raise InputError(
            f"EPSG:{placed.epsg} is measured in {', '.join(sorted(units))}, {what} in metres.",
            "Load the cube in a projected CRS, such as the UTM zone, and sample again.",
        )


def stack_places(placed: Placed) -> NDArray[np.float64]:
    """Return the centres as (n, 2)."""
    return np.stack([placed.x, placed.y], axis=1)


def measure_halves(placed: Placed) -> NDArray[np.float64]:
    """Return half the edge of each footprint in metres, less the part of it that may touch others.

    Raises
    ------
    InputError
        If a width is negative or not finite, or the CRS has no metres.
    """
    if "width_m" not in placed.columns:
        return np.zeros(len(placed.x))
    require_metres(placed, "widths of footprints")
    width = np.asarray(placed.columns["width_m"], dtype=np.float64)
    if not (np.isfinite(width).all() and (width >= 0).all()):
        raise InputError("A width_m is negative or not finite.", "Give the edge of each footprint in metres.")
    return np.maximum(width / 2 - TOUCH_M / 2, 0.0)


def outline(placed: Placed) -> NDArray[Any]:
    """Return the footprints as (n,) shapely geometries."""
    x, y, half = placed.x, placed.y, measure_halves(placed)
    shapes: NDArray[Any] = np.asarray(shapely.points(x, y))
    wide = half > 0
    if wide.any():
        x, y, half = x[wide], y[wide], half[wide]
        shapes[wide] = shapely.box(x - half, y - half, x + half, y + half)
    return shapes


def check_buffer(placed: Placed, buffer_m: float) -> None:
    """Refuse a buffer that is no distance, or that the CRS cannot measure."""
    if not (math.isfinite(buffer_m) and buffer_m >= 0):
        raise InputError(f"A buffer of {buffer_m} m is no distance.", "Give 0 or more.")
    if buffer_m > 0:
        require_metres(placed, "buffers")


def find_near(shapes: NDArray[Any], others: NDArray[Any], buffer_m: float) -> NDArray[np.bool_]:
    """Tell which shapes meet one of the others, or lie nearer to it than the buffer."""
    near = np.zeros(len(shapes), dtype=bool)
    if not len(shapes) or not len(others):
        return near
    (found, _), distance = shapely.STRtree(others).query_nearest(
        shapes, max_distance=max(buffer_m, TOUCH_M), return_distance=True, all_matches=False
    )
    near[found] = (distance == 0) | (distance < buffer_m)
    return near


def separate(
    shapes: NDArray[Any],
    fold: NDArray[np.intp],
    number: int,
    buffer_m: float,
    *,
    left_out: NDArray[np.bool_] | None = None,
) -> Split:
    """Return (train, test) of a fold: its rows are tested, others learnt unless too near or left out.

    Raises
    ------
    InputError
        If nothing is left to learn.
    """
    test = np.flatnonzero(fold == number)
    train = np.flatnonzero(fold != number if left_out is None else (fold != number) & ~left_out)
    train = train[~find_near(shapes[train], shapes[test], buffer_m)]
    if not len(train):
        raise InputError(
            f"A buffer of {buffer_m:g} m leaves fold {number} without training samples.",
            "Take a smaller buffer or a larger area.",
        )
    return train, test


def check_folds(folds: int, parts: int, what: str) -> None:
    """Refuse a number of folds that the parts do not allow."""
    if folds < 2 or parts < folds:
        raise InputError(
            f"{parts} {what} cannot be split into {folds} folds.",
            "Take at least 2 folds and at most as many as there are parts.",
        )
