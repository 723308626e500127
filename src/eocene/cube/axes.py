"""Where target pixels lie along the rows and columns of a source, and what the pixels there weigh."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.cube.remembered import remember
from eocene.cube.warp import locate_centres, locate_points
from eocene.model import Grid, InputError, Lattice
from eocene.model.grid import is_geographic

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eocene.cube.warp import Index, Position

NOWHERE = -(2.0**40)
"""Position of a pixel that the transformation cannot reach."""

_EDGE = 1e-6
"""An edge that misses a pixel's edge by less, in pixels, is on it."""

_AS_LARGE = 1.05
"""A target pixel less than this wide, in source pixels, is as large as a source pixel."""

_KEPT_AREA = 0.9
"""The part of a pixel's area that the box between two of its corners must have to stand for it."""

_WIDEST = 16
"""Near a pole, a footprint between two CRSs is cut to this many times its usual width."""


def _triangle(x: Position) -> Position:
    return np.asarray(np.maximum(1 - np.abs(x), 0))


def _cubic(x: Position) -> Position:
    a = np.abs(x)
    outer = np.where(a < 2, ((-0.5 * a + 2.5) * a - 4) * a + 2, 0)
    return np.where(a < 1, (1.5 * a - 2.5) * a * a + 1, outer)


def _spline(x: Position) -> Position:
    a = np.abs(x)
    rest = np.maximum(2 - a, 0)
    return np.where(a < 1, (0.5 * a - 1) * a * a + 2 / 3, rest * rest * rest / 6)


def _lanczos(x: Position) -> Position:
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


KERNELS: dict[str, tuple[int, Callable[[Position], Position]]] = {
    "bilinear": (1, _triangle),
    "cubic": (2, _cubic),
    "cubicspline": (2, _spline),
    "lanczos": (3, _lanczos),
}
"""Method → radius in pixels, weight at a distance."""

MOST_TAPS = 1_000_000
"""Source pixels along an axis of which one target pixel may be made."""


@dataclass(frozen=True, eq=False)
class Axis:
    """Where target pixels lie along one axis of the source: centre and width, in source pixels."""

    centre: Position
    width: Position

    def reach(self, method: str) -> tuple[Index, int]:
        """Return the first source pixel that each target pixel uses, and how many it uses at most."""
        if method in KERNELS:
            radius = KERNELS[method][0] * self._stretch()
            first = np.floor(self.centre - 0.5 - radius) + 1
            return first.astype(np.int64), int(np.ceil(2 * radius.max() - _EDGE))
        low, high = self._edges()
        first = np.floor(low)
        return first.astype(np.int64), int((np.ceil(high) - first).max())

    def weights(self, method: str, first: Index, count: int) -> Position:
        """Return the weights of ``count`` source pixels from ``first`` on, along a new last axis."""
        if count > MOST_TAPS:
            raise InputError(
                f"One pixel of the target would be made of {count} source pixels along an axis.",
                "Choose a finer resolution, or several steps.",
                code="ProcessParameterInvalid",
            )
        taps = first[..., None] + np.arange(count)
        if method in KERNELS:
            distance = taps + 0.5 - self.centre[..., None]
            return KERNELS[method][1](distance / self._stretch()[..., None])
        low, high = (edge[..., None] for edge in self._edges())
        return np.asarray(np.maximum(np.minimum(taps + 1, high) - np.maximum(taps, low), 0))

    def strip(self, rows: slice) -> Axis:
        """Return some rows of a window."""
        return Axis(_rows(self.centre, rows), _rows(self.width, rows))

    def is_stretched(self) -> NDArray[np.bool_]:
        """Return where kernels are wider than usual; not for the few per cent by which CRSs differ."""
        return np.asarray(self.width >= _AS_LARGE)

    def _stretch(self) -> Position:
        """Return how much wider than usual a kernel is."""
        return np.where(self.is_stretched(), self.width, 1.0)

    def _edges(self) -> tuple[Position, Position]:
        return _snap(self.centre - self.width / 2), _snap(self.centre + self.width / 2)


def _rows(values: Position, rows: slice) -> Position:
    return values if values.shape[0] == 1 else values[rows]


def _snap(position: Position) -> Position:
    near = np.rint(position)
    return np.where(np.abs(position - near) < _EDGE, near, position)


@remember(lambda found: sum(axis.centre.nbytes + axis.width.nbytes for axis in found))
def locate_axes(window: Grid, source: Lattice) -> tuple[Axis, Axis]:
    """Return where the pixels of ``window`` lie along the rows and along the columns of ``source``."""
    if window.epsg == source.epsg:
        rows, cols = locate_centres(window, source)
        width, height = (t / s for t, s in zip(window.lattice.resolution, source.resolution, strict=True))
        return Axis(rows, np.full((1, 1), height)), Axis(cols, np.full((1, 1), width))
    rows, cols = locate_centres(window.pad(1), source)
    widest = max(1.0, _WIDEST * window.lattice.resolution_m / source.resolution_m)
    return _axis(rows, None, widest), _axis(cols, _pixels_round(source), widest)


@remember(lambda found: sum(axis.centre.nbytes + axis.width.nbytes for axis in found))
def locate_boxes(window: Grid, source: Lattice) -> tuple[Axis, Axis]:
    """Return which upright boxes on ``source`` the pixels of ``window`` cover, by their middles and widths.

    Between two CRSs a box lies between the upper left and the lower right corner of the pixel, as gdalwarp
    has it. The more a pixel is rotated the narrower that is: where a tenth of its area is lost, the box is
    as wide and as high as the pixel is spread out around its centre.
    """
    spread = locate_axes(window, source)
    if window.epsg == source.epsg:
        return spread
    rows, cols = locate_points(window.x_edges, window.y_edges, window.epsg, source)
    down, across = _box(rows, spread[0], None), _box(cols, spread[1], _pixels_round(source))
    with np.errstate(invalid="ignore"):
        whole = down.width * across.width >= _KEPT_AREA * spread[0].width * spread[1].width
    return _either(whole, down, spread[0]), _either(whole, across, spread[1])


def _either(chosen: NDArray[np.bool_], one: Axis, other: Axis) -> Axis:
    return Axis(np.where(chosen, one.centre, other.centre), np.where(chosen, one.width, other.width))


def _box(corners: Position, spread: Axis, turn: float | None) -> Axis:
    """Return middles and widths from the corners of pixels along one axis, beside their centres."""
    first = corners[:-1, :-1]
    with np.errstate(invalid="ignore"):
        step = _shortest(corners[1:, 1:] - first, turn)
        middle = spread.centre + _shortest(first + step / 2 - spread.centre, turn)
        return Axis(middle, np.abs(step))


def _pixels_round(source: Lattice) -> float | None:
    """Return how many pixels lead once round the globe, None if the CRS does not go round."""
    return 360 / source.resolution[0] if is_geographic(source.epsg) else None


def _shortest(step: Position, turn: float | None) -> Position:
    """Return steps the short way round: across the date line the difference of columns is long."""
    return step - turn * np.rint(step / turn) if turn else step


def _axis(position: Position, turn: float | None, widest: float) -> Axis:
    """Return centres and spread from centres that reach a pixel beyond the window on each side."""
    with np.errstate(invalid="ignore"):
        across = _shortest(position[1:-1, 2:] - position[1:-1, :-2], turn)
        down = _shortest(position[2:, 1:-1] - position[:-2, 1:-1], turn)
        width = np.sqrt(across * across + down * down) / 2
    centre = position[1:-1, 1:-1]
    return Axis(
        np.where(np.isfinite(centre), centre, NOWHERE),
        np.where(np.isfinite(width), np.clip(width, 1e-3, widest), 1.0),
    )
