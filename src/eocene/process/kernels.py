"""Loops over time, compiled once and kept on disk: numba is imported when the first is called."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def _median(values: NDArray[Any], out: NDArray[Any]) -> None:
    length, pixels = values.shape
    kept = np.empty(length, values.dtype)
    for p in range(pixels):
        n = 0
        for i in range(length):
            v = values[i, p]
            if np.isnan(v):
                continue
            j = n
            while j > 0 and kept[j - 1] > v:
                kept[j] = kept[j - 1]
                j -= 1
            kept[j] = v
            n += 1
        if n == 0:
            out[p] = np.nan
        elif n % 2 == 1:
            out[p] = kept[n // 2]
        else:
            out[p] = (kept[n // 2 - 1] + kept[n // 2]) / 2


@numba.njit(cache=True, nogil=True)
def _fill_gaps(values: NDArray[Any], position: NDArray[Any], out: NDArray[Any]) -> None:
    length, pixels = values.shape
    for p in range(pixels):
        before = -1
        for i in range(length):
            v = values[i, p]
            out[i, p] = v
            if np.isnan(v):
                continue
            if before >= 0 and before < i - 1:
                low, high = np.float64(values[before, p]), np.float64(v)
                run = position[i] - position[before]
                for k in range(before + 1, i):
                    share = (position[k] - position[before]) / run
                    between = low + (high - low) * share
                    # Beside an infinity the weighted mean is the limit.
                    out[k, p] = between if np.isfinite(between) else low * (1 - share) + high * share
            before = i


def median_along_first(values: NDArray[Any]) -> NDArray[Any]:
    """Return the median along the first axis of floats, NaN left out; NaN where all are NaN."""
    flat = np.ascontiguousarray(values).reshape(values.shape[0], -1)
    out = np.empty(flat.shape[1], values.dtype)
    _median(flat, out)
    return out.reshape(values.shape[1:])


def fill_gaps_along_first(values: NDArray[Any], position: NDArray[np.float64]) -> NDArray[Any]:
    """Return floats with each inner run of NaN replaced by the straight line between its neighbours."""
    flat = np.ascontiguousarray(values).reshape(values.shape[0], -1)
    out = np.empty_like(flat)
    _fill_gaps(flat, position, out)
    return out.reshape(values.shape)
