"""Ground with detail at every scale, for scenes that have to compress as real ones do."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_COARSEST = 8


@lru_cache(maxsize=4)
def draw_relief(size: int, seed: int, grain: float = 0.0) -> NDArray[np.float32]:
    """Return a field (size, size) of mean 0 and standard deviation 1; not to be written into.

    Parameters
    ----------
    size : int
        Edge in pixels.
    seed : int
        Of the random numbers; the same seed gives the same field.
    grain : float
        Deviation of the noise from pixel to pixel, before the field is brought to deviation 1.
    """
    random = np.random.default_rng(seed)
    field, knots_across = np.zeros((size, size), np.float32), _COARSEST
    while knots_across < size:
        knots = random.standard_normal((knots_across + 1, knots_across + 1)).astype(np.float32)
        at = np.linspace(0, knots_across, size, endpoint=False, dtype=np.float32)
        low = at.astype(int)
        part = at - low
        rows = knots[low] * (1 - part)[:, None] + knots[low + 1] * part[:, None]
        field += (rows[:, low] * (1 - part) + rows[:, low + 1] * part) * (_COARSEST / knots_across)
        knots_across *= 4
    if grain:
        field += random.standard_normal((size, size), dtype=np.float32) * grain
    result: NDArray[np.float32] = (field - field.mean()) / field.std()
    result.setflags(write=False)
    return result
