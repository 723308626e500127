"""Resampling as gdalwarp names it: every target pixel by itself, so that no window changes a bit.

*Interpolating* kinds weigh the source pixels around the target pixel's centre, which is transformed
exactly. Where the target pixel is larger than a source pixel the kernel is stretched by as much, so
that no source pixel is skipped. *Aggregating* kinds take the source pixels under the target pixel:
within one CRS exactly under it; between two CRSs under the upright box between two of its corners, as
gdalwarp does, or, where the pixel is rotated by more than some 13 degrees and such a box would miss much
of it, under one around its centre that is as wide and as high as the pixel is spread out.

Pixels that are no-data or not finite (openEO's ``is_valid``) are left out and the weights made up
for. An interpolated pixel is no-data where the source pixel under its centre is; an aggregated one
where no source pixel under it is valid. Sums run in float64, in the order of rows and columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.axes import KERNELS, locate_axes, locate_boxes
from eocene.cube.warp import gather_pixels, locate_pixels
from eocene.model import Grid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.cube.axes import Axis
    from eocene.cube.block import Block
    from eocene.cube.warp import Index, Position
    from eocene.model import Lattice

    Numbers = NDArray[Any]
    Mask = NDArray[np.bool_]

_STRIP = 2**17
"""Weights that are held at once, to stay in the cache."""


_MIN, _MAX, _QUANTILE, _MODE = range(4)
PICKS = {
    "max": (_MAX, 0.0),
    "med": (_QUANTILE, 0.5),
    "min": (_MIN, 0.0),
    "mode": (_MODE, 0.0),
    "q1": (_QUANTILE, 0.25),
    "q3": (_QUANTILE, 0.75),
}
"""Method → how the loop picks a value, and the share of a quantile."""

METHODS = tuple(sorted(("average", *KERNELS, *PICKS, "near", "rms", "sum")))


def source_window(window: Grid, source: Grid, method: str = "near") -> Grid:
    """Return the smallest window of ``source`` that a window needs; one pixel if it needs none."""
    if method == "near":
        if window.lattice == source.lattice:
            return window
        (first_row, first_col), down, across = locate_pixels(window, source.lattice), 1, 1
    else:
        rows, cols = _locate(window, source.lattice, method)
        (first_row, down), (first_col, across) = rows.reach(method), cols.reach(method)
    touched = (first_row < source.top + source.height) & (first_row + down > source.top)
    touched = touched & (first_col < source.left + source.width) & (first_col + across > source.left)
    if not touched.any():
        return Grid(source.lattice, source.left, source.top, 1, 1)
    row, col = (np.broadcast_to(first, touched.shape)[touched] for first in (first_row, first_col))
    left, top = int(col.min()), int(row.min())
    hull = Grid(
        source.lattice, left, top, int(col.max()) + across - left, int(row.max()) + down - top
    ).intersect(source)
    return hull or Grid(source.lattice, source.left, source.top, 1, 1)


def resample(block: Block, window: Grid, method: str = "near") -> Block:
    """Return a block on the window of another lattice; ``block`` holds what :func:`source_window` says."""
    if block.grid is None:
        return block
    if method == "near":
        return _nearest(block, block.grid, window)
    usable = _usable(block)
    planes = _compilable(block.values).reshape(-1, *block.grid.shape)
    mask = np.ones((0, 0, 0), bool) if usable is None else usable.reshape(planes.shape)
    axes = _locate(window, block.grid.lattice, method)
    shape = (len(planes), *window.shape)
    values = np.zeros(shape, planes.dtype if method in PICKS else _as_float(block.values.dtype))
    valid = np.zeros(shape, bool)
    for strip in _strips(axes, method):
        taps = Taps(planes, mask, block.grid, *(axis.strip(strip) for axis in axes))
        part = (slice(None), strip)
        taps.resample(method, values[part], valid[part])
    shape = (*block.values.shape[:-2], *window.shape)
    return block.with_(
        values=values.reshape(shape).astype(
            block.values.dtype if method in PICKS else values.dtype, copy=False
        ),
        valid=None if valid.all() else valid.reshape(shape),
        grid=window,
    )


def _locate(window: Grid, source: Lattice, method: str) -> tuple[Axis, Axis]:
    return locate_axes(window, source) if method in KERNELS else locate_boxes(window, source)


def _nearest(block: Block, grid: Grid, window: Grid) -> Block:
    if grid.lattice == window.lattice:
        return block
    rows, cols = locate_pixels(window, grid.lattice)
    values, inside = gather_pixels(block.values, grid, rows, cols)
    valid: Any = np.broadcast_to(inside, values.shape)
    if block.valid is not None:
        valid = valid & gather_pixels(block.valid, grid, rows, cols)[0]
    return block.with_(values=values, valid=valid, grid=window)


def _usable(block: Block) -> Mask | None:
    """Return where a block has finite data, None if everywhere."""
    if block.values.dtype.kind != "f":
        return block.valid
    finite = np.isfinite(block.values)
    if block.valid is not None:
        finite &= block.valid
    return None if finite.all() else finite


def _as_float(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the float that a cube of this dtype becomes, as for arithmetic."""
    is_small = dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    return np.dtype(np.float32 if is_small else np.float64)


def _compilable(values: Numbers) -> Numbers:
    """Return values of a dtype that loops are compiled for, each once."""
    return np.ascontiguousarray(values.view(np.uint8) if values.dtype == bool else values)


def _strips(axes: tuple[Axis, Axis], method: str) -> Iterator[slice]:
    """Yield rows such that about ``_STRIP`` weights are held at a time."""
    height = axes[0].centre.shape[0]
    pixels = max(axis.centre.size * axis.reach(method)[1] for axis in axes)
    step = max(1, _STRIP * height // max(pixels, 1))
    for top in range(0, height, step):
        yield slice(top, top + step)


@dataclass(frozen=True, eq=False)
class Taps:
    """Source planes (n, height, width) on a grid, and where target pixels lie on them."""

    planes: Numbers
    usable: Mask
    grid: Grid
    rows: Axis
    cols: Axis

    def resample(self, method: str, values: Numbers, valid: Mask) -> None:
        """Fill in values and where they are data."""
        if method in PICKS:
            from eocene.cube.footprints import pick

            rows, cols = self._weights(method)
            pick(self.planes, self.usable, rows, cols, PICKS[method], (values, valid))
            return
        total, weight, complete = self._weigh(method, values.shape)
        if method == "sum":
            values[:], valid[:] = total, weight > 0
            return
        valid[:] = self._nearest_usable() if method in KERNELS else weight > 0
        with np.errstate(all="ignore"):
            total /= weight
            if method in ("cubic", "lanczos") and not complete.all():
                # Negative weights whose counterpart is missing would exaggerate: there it is bilinear.
                plain, weight, _ = self._weigh("bilinear", values.shape)
                total = np.where(complete | self._is_stretched(), total, plain / weight)
        values[:] = np.where(valid, np.sqrt(total) if method == "rms" else total, 0)

    def _weights(self, method: str) -> list[tuple[Index, Position]]:
        """Return, along rows and columns, the first source pixel and the weights of those that follow."""
        taps = []
        for axis, start in ((self.rows, self.grid.top), (self.cols, self.grid.left)):
            first, count = axis.reach(method)
            taps.append((first - start, axis.weights(method, first, count)))
        return taps

    def _weigh(self, method: str, shape: tuple[int, ...]) -> tuple[Position, Position, Mask]:
        from eocene.cube.footprints import weigh

        out = np.empty(shape), np.empty(shape), np.empty(shape, bool)
        rows, cols = self._weights(method)
        weigh(self.planes, self.usable, rows, cols, method == "rms", out)
        return out

    def _is_stretched(self) -> Mask:
        """Return where a target pixel is larger than a source pixel: there one gap is a gap among many."""
        return np.asarray(self.rows.is_stretched() | self.cols.is_stretched())

    def _nearest_usable(self) -> Mask:
        """Return whether the source pixel under each centre is there and usable."""
        row, col = (np.floor(axis.centre + 1e-9).astype(np.int64) for axis in (self.rows, self.cols))
        usable = self.usable if self.usable.size else np.ones((1, *self.grid.shape), bool)
        there, inside = gather_pixels(usable, self.grid, row, col)
        result: Mask = np.logical_and(there, inside)
        return result
