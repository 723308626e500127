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
    rows, cols = locate_centres(window, source)
    return _floor_index(rows), _floor_index(cols)


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


def _floor_index(position: NDArray[np.float64]) -> Index:
    # Rounding noise of the division must not move a centre that lies on an edge.
    position = position + 1e-9
    np.floor(position, out=position)
    if position.size and not (np.isfinite(position.min()) and np.isfinite(position.max())):
        position[~np.isfinite(position)] = -(2.0**62)
    return position.astype(np.int64)


def covering_window(rows: Index, cols: Index, bounds: Grid) -> Grid | None:
    """Return the smallest window inside ``bounds`` that holds the located pixels, None if none does."""
    down = _reach(rows, bounds.top, bounds.height)
    across = _reach(cols, bounds.left, bounds.width)
    if down is None or across is None:
        return None
    (top, bottom), (left, right) = down, across
    return Grid(bounds.lattice, left, top, right - left + 1, bottom - top + 1)


def _reach(index: Index, first: int, count: int) -> tuple[int, int] | None:
    """Return the smallest and the largest of those numbers that lie in a range, None if none does."""
    if not index.size:
        return None
    low, high = int(index.min()), int(index.max())
    if low >= first and high < first + count:  # as most often
        return low, high
    index = index[(index >= first) & (index < first + count)]
    return (int(index.min()), int(index.max())) if index.size else None


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
    """What a window needs of one source grid, and where its pixels then are.

    Parameters
    ----------
    needed : Grid
        The part of the source to read.
    where : tuple of index, index or None
        Where in what is read the window's pixels are: within one CRS the rows and the columns of which the
        window is a product; between two the positions in the flattened array, of the window's shape, since
        one index is looked up several times faster than two. None where it is the window itself.
    inside : ndarray of bool
        Where the source covers the window, broadcast to its shape.
    """

    needed: Grid
    where: Where
    inside: NDArray[np.bool_]

    @cached_property
    def is_covering(self) -> bool:
        """Whether the source covers all of the window."""
        return bool(self.inside.all())

    @property
    def nbytes(self) -> int:
        """The memory that it takes."""
        arrays = self.where if isinstance(self.where, tuple) else (self.where,)
        return sum(array.nbytes for array in (*arrays, self.inside) if array is not None)

    def crop(self, place: tuple[slice, slice]) -> tuple[Grid, Where]:
        """Return what a part of the window needs, and where its pixels are in that."""
        whole, where = self.needed, self.where
        if where is None:
            (top, bottom), (left, right) = (s.indices(n)[:2] for s, n in zip(place, whole.shape, strict=True))
            return Grid(whole.lattice, whole.left + left, whole.top + top, right - left, bottom - top), None
        if place == (slice(None), slice(None)):
            return whole, where
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
    """Return the pixels of a window out of what was read for it, in ``out`` if given: see Footprint."""
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
    rows, cols = (_floor_index(position) for position in locate_centres(window, source.lattice))
    needed = covering_window(rows, cols, source)
    if needed is None:
        return None
    r, c = rows - needed.top, cols - needed.left
    reach = (r.min() >= 0, r.max() < needed.height, c.min() >= 0, c.max() < needed.width)
    if all(reach):
        inside: NDArray[np.bool_] = np.broadcast_to(np.array(True), window.shape)
    else:
        inside = (r >= 0) & (r < needed.height) & (c >= 0) & (c < needed.width)
        r, c = np.clip(r, 0, needed.height - 1), np.clip(c, 0, needed.width - 1)
    if needed == window:
        return Footprint(needed, None, inside)
    if window.epsg == source.epsg:
        return Footprint(needed, (r[:, 0], c[0]), inside)
    r *= needed.width
    r += c
    return Footprint(needed, r, inside)
