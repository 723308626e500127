"""What a median and the filling of gaps along time cost a value, beside compiled loops.

Run with ``python benchmarks/engine/kernels.py``; prints a JSON object of nanoseconds of CPU a value, for a
block of 64 × 256 pixels of which a third of the values, scattered, is no data. bottleneck is measured where
it is installed.
"""

from __future__ import annotations

import json
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

from eocene.process.methods.gaps import fill_gaps_along_first
from eocene.process.methods.kernels import median_along_first

if TYPE_CHECKING:
    from collections.abc import Callable

PIXELS, LENGTHS, RUNS = 64 * 256, (3, 6, 12, 36, 72), 30


@numba.njit
def sort_each(values: Any, out: Any) -> None:
    """Write the median of each pixel, NaN left out: an insertion sort of its values."""
    kept = np.empty(len(values), values.dtype)
    for pixel in range(values.shape[1]):
        count = 0
        for value in values[:, pixel]:
            if np.isnan(value):
                continue
            place = count
            while place > 0 and kept[place - 1] > value:
                kept[place] = kept[place - 1]
                place -= 1
            kept[place] = value
            count += 1
        out[pixel] = np.nan if count == 0 else (kept[(count - 1) // 2] + kept[count // 2]) / 2


def cost(function: Callable[[], Any], values: int) -> float:
    """Return the least nanoseconds a value that a function took."""
    best = float("inf")
    for _ in range(RUNS):
        start = time.process_time_ns()
        function()
        best = min(best, time.process_time_ns() - start)
    return round(best / values, 2)


def measure(length: int) -> dict[str, float]:
    rng = np.random.default_rng(length)
    values, valid = rng.random((length, PIXELS), np.float32), rng.random((length, PIXELS)) < 2 / 3
    gappy, out = np.where(valid, values, np.float32(np.nan)), np.empty(PIXELS, np.float32)
    sort_each(gappy, out)
    contenders: dict[str, Callable[[], Any]] = {
        "median, masked": lambda: median_along_first(values, valid),
        "median, complete": lambda: median_along_first(values),
        "median, numba": lambda: sort_each(gappy, out),
        "gaps filled": lambda: fill_gaps_along_first(gappy, np.arange(length, dtype=np.float64)),
    }
    if find_spec("bottleneck"):
        import bottleneck

        contenders["median, bottleneck"] = lambda: bottleneck.nanmedian(gappy, axis=0)
    return {name: cost(function, values.size) for name, function in contenders.items()}


if __name__ == "__main__":
    print(json.dumps({f"{length} dates": measure(length) for length in LENGTHS}, indent=1))
