"""Which source pixel lies under each target pixel: exact, and equal in every window.

Coordinates come from absolute pixel numbers and each pixel centre is transformed by itself, so
the answer for a pixel does not depend on the window that it is asked in.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.centres import transform_centres
from eocene.cube.remembered import remember
from eocene.model import Grid, Lattice, transformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Index = NDArray[np.int64]
    Where = tuple[Index, Index] | Index | None
    Position = NDArray[np.float64]

_CENTRES_BYTES = 5 * 2**20 * max(2, os.cpu_count() or 1)
"""Of coordinates that are kept until the bands of other resolutions have been located too: of one block of
512 by 512 pixels for each thread."""


@remember(lambda found: sum(index.nbytes for index in found))
def locate_pixels(window: Grid, source: Lattice) -> tuple[Index, Index]:
    """Return the absolute rows and columns on ``source`` under each pixel centre of ``window``.

    Within one CRS they are the axes of a product: rows (height, 1) and columns (1, width); between
    two CRSs both have shape (height, width). Centres that the transformation cannot reach get -2⁶².
    """
    rows, cols = (_floor(position) for position in locate_centres(window, source))
    return rows.astype(np.int64), cols.astype(np.int64)


def locate_centres(window: Grid, source: Lattice) -> tuple[Position, Position]:
    """Return where on ``source`` each pixel centre of ``window`` lies, in pixels from its anchor.

    Pixel number n reaches from n to n + 1. Shapes are those of :func:`locate_pixels`; what the
    transformation cannot reach is not finite.
    """
    if window.epsg == source.epsg:
        return _on_lattice(window.x[None, :], window.y[:, None], source)
    return _on_lattice(*_transform_centres(window, source.epsg), source)


@remember(lambda found: sum(position.nbytes for position in found), most_bytes=_CENTRES_BYTES)
def _transform_centres(window: Grid, epsg: int) -> tuple[Position, Position]:
    """Return the coordinates of the pixel centres in another CRS, for bands of all resolutions."""
    return transform_centres(window, epsg)


def locate_points(x: Position, y: Position, epsg: int, source: Lattice) -> tuple[Position, Position]:
    """Return where on ``source`` the points lie whose x (width,) and y (height,) are given in another CRS."""
    return _on_lattice(*transformer(epsg, source.epsg).transform(*np.meshgrid(x, y)), source)


def _on_lattice(x: Position, y: Position, source: Lattice) -> tuple[Position, Position]:
    (rx, ry), (ax, ay) = source.resolution, source.anchor
    return (ay - y) / ry, (x - ax) / rx


def _floor(position: Position) -> Position:
    """Return the numbers of the pixels in which positions lie: whole, -2⁶² for those that are not finite."""
    # Rounding noise of the division must not move a centre that lies on an edge.
    number = position + 1e-9
    np.floor(number, out=number)
    if not np.isfinite(number.sum()):
        number[~np.isfinite(number)] = -(2.0**62)
    return number


def covering_window(rows: Index | Position, cols: Index | Position, bounds: Grid) -> tuple[Grid | None, bool]:
    """Return the smallest window inside ``bounds`` that holds the located pixels, and whether it holds all.

    The window is None if none of them lies inside.
    """
    down = _reach(rows, bounds.top, bounds.height)
    across = _reach(cols, bounds.left, bounds.width)
    if down is None or across is None:
        return None, False
    (top, bottom, all_down), (left, right, all_across) = down, across
    return Grid(bounds.lattice, left, top, right - left + 1, bottom - top + 1), all_down and all_across


def _reach(index: Index | Position, first: int, count: int) -> tuple[int, int, bool] | None:
    """Return the smallest and largest of those numbers that lie in a range, and whether all of them do."""
    if not index.size:
        return None
    low, high = int(index.min()), int(index.max())
    if low >= first and high < first + count:  # as most often
        return low, high, True
    index = index[(index >= first) & (index < first + count)]
    return (int(index.min()), int(index.max()), False) if index.size else None


def gather_pixels(
    pixels: NDArray[np.generic], where: Grid, rows: Index, cols: Index
) -> tuple[NDArray[np.generic], NDArray[np.bool_]]:
    """Pick the located pixels out of ``pixels`` (…, height, width of ``where``); and where they exist."""
    r, c = rows - where.top, cols - where.left
    inside = (r >= 0) & (r < where.height) & (c >= 0) & (c < where.width)
    r, c = np.clip(r, 0, where.height - 1), np.clip(c, 0, where.width - 1)
    return pixels[..., r, c], inside


@dataclass(frozen=True, eq=False)
class Footprint:
    """What a window, or a place in it, needs of one source grid, and where its pixels then are.

    Parameters
    ----------
    needed : Grid
        The part of the source to read.
    where : tuple of index, index or None
        Where in what is read the place's pixels are: within one CRS the rows and the columns of which the
        place is a product; between two the positions in the flattened array, of the place's shape, since
        one index is looked up several times faster than two. None where it is the place itself.
    inside : ndarray of bool
        Which pixels of the place are wanted of the source, all of which it covers.
    place : tuple of slice
        Rows and columns of the window.
    """

    needed: Grid
    where: Where
    inside: NDArray[np.bool_]
    place: tuple[slice, slice] = (slice(None), slice(None))

    @cached_property
    def count(self) -> int:
        """How many pixels are wanted."""
        return int(np.count_nonzero(self.inside))

    @property
    def is_covering(self) -> bool:
        """Whether all pixels of the place are wanted."""
        return self.count == self.inside.size

    @cached_property
    def outside(self) -> NDArray[np.bool_]:
        """Which pixels of the place are not wanted."""
        return ~self.inside

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        arrays = self.where if isinstance(self.where, tuple) else (self.where,)
        return sum(array.nbytes for array in (*arrays, self.inside) if array is not None)

    def within(self, wanted: NDArray[np.bool_]) -> Footprint | None:
        """Return what some of the window's pixels need, None for nothing.

        Parameters
        ----------
        wanted : ndarray of bool
            (height, width) of the window.
        """
        wanted = wanted & self.inside
        rows, cols = (np.flatnonzero(wanted.any(axis)) for axis in (1, 0))
        if not rows.size:
            return None
        place = slice(int(rows[0]), int(rows[-1]) + 1), slice(int(cols[0]), int(cols[-1]) + 1)
        return Footprint(*self._crop(place), wanted[place], place)

    def _crop(self, place: tuple[slice, slice]) -> tuple[Grid, Where]:
        """Return what a part of the window needs, and where its pixels are in that."""
        whole, where = self.needed, self.where
        if where is None:
            (top, bottom), (left, right) = ((s.start, s.stop) for s in place)
            return Grid(whole.lattice, whole.left + left, whole.top + top, right - left, bottom - top), None
        if isinstance(where, tuple):
            rows, cols = where[0][place[0]], where[1][place[1]]
        else:
            rows, cols = np.divmod(where[place], whole.width)
        top, left = int(rows.min()), int(cols.min())
        height, width = int(rows.max()) - top + 1, int(cols.max()) - left + 1
        needed = Grid(whole.lattice, whole.left + left, whole.top + top, width, height)
        if isinstance(where, tuple):
            return needed, (rows - top, cols - left)
        return needed, (rows - top) * width + (cols - left)


def pick_pixels(pixels: NDArray[Any], where: Where, out: NDArray[Any] | None = None) -> NDArray[Any]:
    """Return the pixels of a place out of what was read for it, in ``out`` if given: see Footprint."""
    if isinstance(where, np.ndarray):
        # They lie inside; "clip" lets numpy write to the place at once.
        return np.asarray(np.take(pixels.reshape(-1), where, out=out, mode="clip"))
    picked = pixels if where is None else np.asarray(pixels[where[0]][:, where[1]])
    if out is None:
        return picked
    out[...] = picked
    return out


@remember(lambda found: found.nbytes if found else 0)
def find_footprint(window: Grid, source: Grid) -> Footprint | None:
    """Return what ``window`` needs of ``source``, None if they do not meet.

    The images of one tile share their grid, so the answer is kept for the next date and band.
    """
    r, c = (_floor(position) for position in locate_centres(window, source.lattice))
    needed, is_covering = covering_window(r, c, source)
    if needed is None:
        return None
    r -= needed.top
    c -= needed.left
    inside: NDArray[np.bool_] = np.broadcast_to(np.array(True), window.shape)
    if not is_covering:
        inside = (r >= 0) & (r < needed.height) & (c >= 0) & (c < needed.width)
        np.clip(r, 0, needed.height - 1, out=r)
        np.clip(c, 0, needed.width - 1, out=c)
    if needed == window:
        return Footprint(needed, None, inside)
    if window.epsg == source.epsg:
        return Footprint(needed, (r[:, 0].astype(np.int64), c[0].astype(np.int64)), inside)
    r *= needed.width
    r += c
    return Footprint(needed, r.astype(np.int64), inside)


@remember(lambda found: found.nbytes if found else 0)
def find_beneath(window: Grid, source: Grid, above: tuple[Grid, ...]) -> Footprint | None:
    """Return what ``window`` needs of ``source`` where others do not cover it, None for nothing."""
    found = find_footprint(window, source)
    over = filter(None, (find_footprint(window, grid) for grid in above))
    covered = np.logical_or.reduce([other.inside for other in over])
    return found.within(~covered) if found else None
