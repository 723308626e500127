"""Running sums, products and extremes: an array in, an array of the same length out.

No-data stays where it is; it is passed over, or, if it is not to be ignored, ends the array.

Source: openEO processes 2.0, category math > cumulative.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.process.methods.elementwise import quiet
from eocene.process.methods.series import along, as_series, numbers_first
from eocene.process.processes.reducers import over_numbers
from eocene.process.types import Numbers

if TYPE_CHECKING:
    from collections.abc import Callable


def cumulative(neutral: float) -> Callable[[Callable[[], np.ufunc]], Callable[[], np.ufunc]]:
    """Register the process that accumulates with a ufunc; ``neutral`` leaves every value as it is."""

    def wrap(function: Callable[[], np.ufunc]) -> Callable[[], np.ufunc]:
        def compute(data: Any, ignore_nodata: bool = True) -> Any:
            values, present = numbers_first(as_series(data))
            numbers = np.where(present, values, neutral).astype(np.float64, copy=False)
            running = quiet(function().accumulate, numbers).astype(values.dtype, copy=False)
            return along(data, running, present if ignore_nodata else np.logical_and.accumulate(present))

        ignore = "Whether no-data is passed over; if not, everything behind it becomes no-data."
        over_numbers(function, compute, ("math > cumulative",), Numbers, ignore, experimental=True)
        return function

    return wrap


@cumulative(neutral=0)
def cumsum() -> np.ufunc:
    """Return the sum of each value and all before it."""
    return np.add


@cumulative(neutral=1)
def cumproduct() -> np.ufunc:
    """Return the product of each value and all before it."""
    return np.multiply


@cumulative(neutral=-np.inf)
def cummax() -> np.ufunc:
    """Return the largest of each value and all before it."""
    return np.maximum


@cumulative(neutral=np.inf)
def cummin() -> np.ufunc:
    """Return the smallest of each value and all before it."""
    return np.minimum
