"""Which windows of a cube are still to be read: so what of a file they will want, and how often."""

from __future__ import annotations

import math
import threading
from functools import lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from eocene.model import Grid, transformer

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from numpy.typing import NDArray

    Counts = NDArray[np.int64]

_MESH = 9
"""Lines of a window each way whose places on another grid are found."""


class Visits:
    """The windows that a cube is going to be read in, and how many of them meet each tile of an image.

    It is told beforehand and is a help only: a window that was not foreseen is read as well.
    """

    def __init__(self) -> None:
        self._windows: tuple[Grid, ...] = ()
        self._counts: dict[tuple[Grid, tuple[int, int]], Counts] = {}
        self._left: dict[tuple[Hashable, int], int] = {}
        self._lock = threading.Lock()

    def foresee(self, windows: Iterable[Grid]) -> None:
        """Take note of the windows that are read next, on one lattice."""
        self._windows, self._counts, self._left = tuple(dict.fromkeys(windows)), {}, {}

    def counter(self, file: Hashable, image: Grid, tile: tuple[int, int]) -> Callable[[int], bool] | None:
        """Return what counts a visit to a tile, given its number, and tells whether there will be another.

        None where that is not known.

        Parameters
        ----------
        file : hashable
            Which image it is.
        image : Grid
            Of the image, or of an overview.
        tile : tuple of int
            Height and width of its tiles.
        """
        if len(self._windows) < 2:
            return None
        counts = self._counts.get((image, tile))
        if counts is None:
            counts = self._counts[image, tile] = self._meet(image, tile)
        return partial(self._visit, counts, file)

    def _visit(self, counts: Counts, file: Hashable, number: int) -> bool:
        with self._lock:
            left = self._left.pop((file, number), int(counts.flat[number % counts.size])) - 1
            if left > 0:
                self._left[file, number] = left
        return left > 0

    def _meet(self, image: Grid, tile: tuple[int, int]) -> Counts:
        height, width = tile
        counts = np.zeros((math.ceil(image.height / height), math.ceil(image.width / width)), np.int64)
        for window in self._windows:
            needed = needed_nearly(window, image)
            if needed is not None:
                rows, columns = needed.slices_in(image)
                down = slice(rows.start // height, math.ceil(rows.stop / height))
                counts[down, columns.start // width : math.ceil(columns.stop / width)] += 1
        return counts


@lru_cache(4096)
def needed_nearly(window: Grid, source: Grid) -> Grid | None:
    """Return the part of a grid that is read for a window: what lies between the pixels under its centres.

    A mesh of them is looked at; between its lines two CRSs differ by far less than a pixel.
    """
    (rx, ry), (ax, ay) = source.lattice.resolution, source.lattice.anchor
    x, y = np.meshgrid(_some(window.x), _some(window.y))
    if window.epsg != source.epsg:
        x, y = transformer(window.epsg, source.epsg).transform(x, y)
    rows, cols = (ay - y) / ry, (x - ax) / rx
    inside = np.isfinite(rows) & np.isfinite(cols)
    if not inside.any():
        return None
    (top, bottom), (left, right) = (_first_and_last(a[inside]) for a in (rows, cols))
    found = Grid(source.lattice, left, top, right - left + 1, bottom - top + 1)
    return found.intersect(source)


def _some(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first, the last and some coordinates between them."""
    picked: NDArray[np.float64] = centres[np.linspace(0, len(centres) - 1, _MESH).astype(int)]
    return picked


def _first_and_last(positions: NDArray[np.float64]) -> tuple[int, int]:
    """Return the smallest and the largest pixel number; see eocene.cube.warp for rounding noise."""
    return math.floor(positions.min() + 1e-9), math.floor(positions.max() + 1e-9)
