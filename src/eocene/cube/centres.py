"""Where pixel centres lie in another CRS: a polynomial for each cell of the lattice, checked beside pyproj.

A CRS is smooth, so over some hundred pixels a polynomial of two variables gives what its formulas give, to
their rounding, twenty times faster. The cells are those of the absolute pixel numbers, and every value is
made by the same operations in the same order: a pixel lies in the same place in every window. Where the
polynomial misses pyproj, as round a pole, along the antimeridian or with pixels of many kilometres, each
centre is transformed by itself.

Source: Trefethen, Approximation Theory and Approximation Practice, SIAM 2019, chapters 2 to 4.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from eocene.model import Grid, transformer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.model import Lattice

    Position = NDArray[np.float64]

CELL = 256
"""Pixels along the edge of a cell."""
_DEGREE = 7
_HALF = (CELL - 1) / 2
_PRECISE = 1e-7
"""What a centre may be away from where pyproj says, in pixels."""
_CELLS = 4096
"""Whose polynomials are kept, a kilobyte each."""


def _basis(s: Position) -> Position:
    """Return the Chebyshev polynomials at places in -1…1, (degree + 1, n)."""
    found = np.ones((_DEGREE + 1, len(s)))
    found[1] = s
    for k in range(2, _DEGREE + 1):
        found[k] = 2 * s * found[k - 1] - found[k - 2]
    return found


_NODES = np.cos(np.pi * np.arange(_DEGREE + 1) / _DEGREE)
_BETWEEN = np.cos(np.pi * (np.arange(_DEGREE) + 0.5) / _DEGREE)
_TO_COEFFICIENTS = np.linalg.inv(_basis(_NODES).T)


def transform_centres(window: Grid, epsg: int) -> tuple[Position, Position]:
    """Return x and y of the pixel centres in another CRS, each (height, width).

    They are within a ten millionth of a pixel of where pyproj says, and not finite where it gives nothing.
    """
    x, y = np.empty(window.shape), np.empty(window.shape)
    for row, col, part in _cells(window):
        place = part.slices_in(window)
        fitted = _fit(window.lattice, row, col, epsg)
        if fitted is None:
            x[place], y[place] = transformer(window.epsg, epsg).transform(*np.meshgrid(part.x, part.y))
            continue
        down = _basis((part.top - row * CELL + np.arange(part.height)) / _HALF - 1)
        right = _basis((part.left - col * CELL + np.arange(part.width)) / _HALF - 1)
        for coefficients, out in zip(fitted, (x[place], y[place]), strict=True):
            _evaluate(coefficients, down, right, out)
    return x, y


def _cells(window: Grid) -> Iterator[tuple[int, int, Grid]]:
    """Yield row and column of each cell that a window meets, and the part of the window in it."""
    bottom, right = window.top + window.height, window.left + window.width
    for row in range(window.top // CELL, (bottom - 1) // CELL + 1):
        top = max(window.top, row * CELL)
        height = min(bottom, (row + 1) * CELL) - top
        for col in range(window.left // CELL, (right - 1) // CELL + 1):
            left = max(window.left, col * CELL)
            width = min(right, (col + 1) * CELL) - left
            yield row, col, Grid(window.lattice, left, top, width, height)


@lru_cache(maxsize=_CELLS)
def _fit(lattice: Lattice, row: int, col: int, epsg: int) -> Position | None:
    """Return the coefficients of x and y over a cell, (2, down, right), or None where they would not do."""
    (rx, ry), (ax, ay) = lattice.resolution, lattice.anchor

    def ask(s: Position) -> Position:
        pixels = _HALF * (1 + s) + 0.5
        places = np.meshgrid(ax + (col * CELL + pixels) * rx, ay - (row * CELL + pixels) * ry)
        return np.array(transformer(lattice.epsg, epsg).transform(*places))

    known, between = ask(_NODES), ask(_BETWEEN)
    if not (np.isfinite(known).all() and np.isfinite(between).all()):
        return None
    # einsum and not matmul: its sums do not depend on what the processor multiplies by.
    coefficients = np.einsum("jk,ckl,ml->cjm", _TO_COEFFICIENTS, known, _TO_COEFFICIENTS)
    basis = _basis(_BETWEEN)
    missed = np.abs(np.einsum("ja,cjm,mb->cab", basis, coefficients, basis) - between).max(axis=(1, 2))
    pixel = (np.abs(coefficients[:, 1, 0]) + np.abs(coefficients[:, 0, 1])) / _HALF
    room = _PRECISE * pixel - missed
    return _leave_out(coefficients, room) if bool((room >= 0).all()) else None


def _leave_out(coefficients: Position, room: Position) -> Position:
    """Return the coefficients without the highest degrees, whose terms together are at most so large."""
    sizes = np.abs(coefficients)  # no Chebyshev polynomial exceeds 1
    for length in range(2, _DEGREE + 1):
        rest = sizes.sum(axis=(1, 2)) - sizes[:, :length, :length].sum(axis=(1, 2))
        if (rest <= room).all():
            return coefficients[:, :length, :length]
    return coefficients


def _evaluate(coefficients: Position, down: Position, right: Position, out: Position) -> None:
    """Write the polynomial of some rows and columns, small terms first; (rows, columns)."""
    degree = len(coefficients) - 1
    across = np.zeros((degree + 1, right.shape[1]))
    for k in range(degree, -1, -1):
        across += coefficients[:, k, None] * right[k]
    term = np.empty(out.shape)
    np.multiply(down[degree][:, None], across[degree], out=out)
    for k in range(degree - 1, -1, -1):
        np.multiply(down[k][:, None], across[k], out=term)
        out += term
