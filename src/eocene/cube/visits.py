"""Which windows of a cube are still to be read: so what of a file they will want, and how often."""

from __future__ import annotations

import math
import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from eocene.archive.tiff.kept_tiles import SOME_TIME
from eocene.model import Grid, transformer

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from numpy.typing import NDArray

    from eocene.archive.tiff.tile_reader import Again

_MESH = 9
"""Lines of a window each way whose places on another grid are found."""


class Visits:
    """The windows that a cube is going to be read in, in turn, and which of them meet a tile of an image.

    It is told beforehand and is a help only: a window that was not foreseen is read as well.
    """

    def __init__(self) -> None:
        self._turns: dict[Grid, int] = {}
        self._meeting: dict[tuple[Grid, tuple[int, int]], list[tuple[int, ...]]] = {}
        self._left: dict[tuple[Hashable, int], tuple[int, ...]] = {}
        self._lock = threading.Lock()

    def foresee(self, windows: Iterable[Grid]) -> None:
        """Take note of the windows that are read next, on one lattice."""
        self._turns = {window: turn for turn, window in enumerate(dict.fromkeys(windows))}
        self._meeting, self._left = {}, {}

    def counter(
        self, file: Hashable, image: Grid, tile: tuple[int, int], window: Grid, *, is_sure: bool = True
    ) -> Again | None:
        """Return what counts the visit of a window to a tile, given its number.

        It tells which window comes next, by its turn, SOME_TIME if it may come or not, None if none comes.
        Where visits are not known there is no such count.

        Parameters
        ----------
        file : hashable
            Which image it is.
        image : Grid
            Of the image, or of an overview.
        tile : tuple of int
            Height and width of its tiles.
        window : Grid
            Which reads it.
        is_sure : bool
            Whether all who meet a tile will want it: not if others lie above the image.
        """
        turn = self._turns.get(window)
        if len(self._turns) < 2 or turn is None:
            return None
        meeting = self._meeting.get((image, tile))
        if meeting is None:
            meeting = self._meeting[image, tile] = self._meet(image, tile)

        def visit(number: int) -> int | None:
            left = self._visit(file, number, turn, meeting[number % len(meeting)])
            return (left[0] if is_sure else SOME_TIME) if left else None

        return visit

    def _visit(self, file: Hashable, number: int, turn: int, turns: tuple[int, ...]) -> tuple[int, ...]:
        """Return the turns that are left."""
        with self._lock:
            left = tuple(t for t in self._left.pop((file, number), turns) if t != turn)
            if left:
                self._left[file, number] = left
        return left

    def _meet(self, image: Grid, tile: tuple[int, int]) -> list[tuple[int, ...]]:
        """Return for each tile the turns of the windows that meet it."""
        height, width = tile
        across = math.ceil(image.width / width)
        found: list[list[int]] = [[] for _ in range(across * math.ceil(image.height / height))]
        for window, turn in self._turns.items():
            needed = needed_nearly(window, image)
            if needed is not None:
                rows, columns = needed.slices_in(image)
                for row in range(rows.start // height, math.ceil(rows.stop / height)):
                    for column in range(columns.start // width, math.ceil(columns.stop / width)):
                        found[row * across + column].append(turn)
        return [tuple(turns) for turns in found]


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
