"""Noise that belongs to the ground: smooth, random, and the same for every tile that asks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

F = TypeVar("F", bound=Callable[..., Any])
compiled = cast("Callable[[F], F]", numba.njit(nogil=True, cache=True))
"""Compile a loop over pixels; it runs without the interpreter's lock, so threads share the work."""


@compiled
def _corner(column: int, row: int, seed: int) -> float:
    """Return a number in [-1, 1) that depends on nothing but the lattice corner and the seed."""
    h = (
        np.uint64(column) * np.uint64(0x9E3779B97F4A7C15)
        + np.uint64(row) * np.uint64(0xC2B2AE3D27D4EB4F)
        + np.uint64(seed) * np.uint64(0x165667B19E3779F9)
    )
    h = (h ^ (h >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    h = (h ^ (h >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    h = h ^ (h >> np.uint64(31))
    return np.float64(h >> np.uint64(40)) * (2.0 / 16777216.0) - 1.0


@compiled
def smooth(x: float, y: float, wavelength: float, seed: int) -> float:
    """Return value noise in [-1, 1] at a point of the plane; its grain is ``wavelength`` metres."""
    u, v = x / wavelength, y / wavelength
    column, row = int(np.floor(u)), int(np.floor(v))
    a, b = u - column, v - row
    a, b = a * a * (3.0 - 2.0 * a), b * b * (3.0 - 2.0 * b)
    top = _corner(column, row, seed) * (1.0 - a) + _corner(column + 1, row, seed) * a
    low = _corner(column, row + 1, seed) * (1.0 - a) + _corner(column + 1, row + 1, seed) * a
    return top * (1.0 - b) + low * b


@compiled
def rough(x: float, y: float, wavelength: float, octaves: int, seed: int) -> float:
    """Return fractal noise: octaves of :func:`smooth`, each half as long and half as strong, turned."""
    total, weight = 0.0, 1.0
    for octave in range(octaves):
        total += weight * smooth(x, y, wavelength, seed + 101 * octave)
        x, y = 0.8 * x - 0.6 * y, 0.6 * x + 0.8 * y
        wavelength *= 0.5
        weight *= 0.55
    return total


@compiled
def rough_points(
    x: NDArray[np.float64], y: NDArray[np.float64], wavelength: float, octaves: int, seed: int
) -> NDArray[np.float64]:
    """Return :func:`rough` at points, shape (n,)."""
    out = np.empty(x.size, np.float64)
    for i in range(x.size):
        out[i] = rough(x[i], y[i], wavelength, octaves, seed)
    return out


def derive(seed: int, *names: str | int) -> np.random.Generator:
    """Return the random generator that belongs to a seed and a name, in whatever order they are asked."""
    words = [int.from_bytes(str(name).encode(), "little") for name in names]
    return np.random.default_rng([seed, *words])
