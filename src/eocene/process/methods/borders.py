"""What lies beyond the border of a cube, for processes that look at neighbours."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.model import Grid

    Index = NDArray[np.int64]

BORDERS = ("replicate", "reflect", "reflect_pixel", "wrap")
"""Rules; a number instead stands for itself beyond the border."""


def extend(start: int, stop: int, length: int, border: str | float) -> Index:
    """Return which pixel of a row of ``length`` stands at each place from ``start`` to ``stop``.

    Beyond the row that is a matter of the border; -1 stands for its number.
    """
    place = np.arange(start, stop)
    length = max(length, 1)  # a cube may be left without pixels
    if border == "replicate":
        return np.clip(place, 0, length - 1)
    if border == "wrap":
        return place % length
    if border == "reflect":
        folded = place % (2 * length)
        return np.where(folded < length, folded, 2 * length - 1 - folded)
    if border == "reflect_pixel":
        folded = place % max(2 * length - 2, 1)
        return np.where(folded < length, folded, 2 * length - 2 - folded)
    return np.where((place >= 0) & (place < length), place, -1)


def surroundings(
    window: Grid, extent: Grid, radius: tuple[int, int], border: str | float
) -> tuple[Index, Index]:
    """Return the rows and columns of the extent that stand in a window and ``radius`` pixels around it."""
    top, left = window.top - extent.top, window.left - extent.left
    rows = extend(top - radius[0], top + window.height + radius[0], extent.height, border)
    cols = extend(left - radius[1], left + window.width + radius[1], extent.width, border)
    return rows, cols


def hull(rows: Index, cols: Index, extent: Grid) -> Grid:
    """Return the smallest window of the extent that holds rows and columns, at least one pixel."""
    rows, cols = rows[rows >= 0], cols[cols >= 0]
    if rows.size == 0 or cols.size == 0:
        return replace(extent, width=1, height=1)
    top, left = int(rows.min()), int(cols.min())
    return replace(
        extent,
        top=extent.top + top,
        left=extent.left + left,
        height=int(rows.max()) + 1 - top,
        width=int(cols.max()) + 1 - left,
    )


def gather(values: NDArray[Any], index: Index, axis: int, constant: float) -> NDArray[Any]:
    """Return the values at places along an axis, the constant where the place is -1."""
    lead: tuple[Any, ...] = (slice(None),) * axis
    # Run by run, since slices are copied faster than single places.
    runs = np.split(index, np.flatnonzero((np.diff(index) != 1) | (index[:-1] < 0)) + 1)
    if len(runs) == 1 and index[0] >= 0:
        return values[(*lead, slice(int(index[0]), int(index[-1]) + 1))]
    edge = np.full((*values.shape[:axis], 1, *values.shape[axis + 1 :]), constant, values.dtype)
    parts = [edge if r[0] < 0 else values[(*lead, slice(int(r[0]), int(r[-1]) + 1))] for r in runs]
    return np.concatenate(parts, axis)
