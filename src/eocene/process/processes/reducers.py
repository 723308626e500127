"""Reducers: an array in, one value out; no-data is ignored unless told otherwise, NaN makes NaN.

Sums run in the order of the array in float64, whatever the shape of the block, so that the result
of a pixel does not depend on the pixels computed beside it.

Source: openEO processes 2.0, category reducer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.process.methods.elementwise import promote, quiet
from eocene.process.methods.kernels import choose, median_along_first, without_repeats
from eocene.process.methods.series import (
    along,
    as_series,
    reduced,
    stored_numbers_first,
)
from eocene.process.registry import process
from eocene.process.types import (
    Extrema,
    Flag,
    Number,
    Numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eocene.cube.block import Block

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]
    Statistic = Callable[[Floats, Mask], tuple[Floats, Mask]]


def over_numbers(
    function: Callable[..., Any],
    compute: Callable[..., Any],
    categories: tuple[str, ...],
    result: Any,
    ignore: str,
    **form: Any,
) -> None:
    """Register ``compute(data, ignore_nodata)`` under the name and with the words of a function."""
    compute.__name__, compute.__module__ = function.__name__, function.__module__
    compute.__annotations__ = {"data": Numbers, "ignore_nodata": Flag, "return": result}
    compute.__doc__ = f"""{function.__doc__}

Parameters
----------
data
    An array of numbers.
ignore_nodata
    {ignore}
"""
    process(*categories, **form)(compute)


def reducer(*categories: str) -> Callable[[Statistic], Statistic]:
    """Register a function of (values, present), axis first, as a reducing process.

    Integers of 16 bits at most come as they are stored. The function returns values, float64 or float32, and
    where there is a result.
    """

    def wrap(function: Statistic) -> Statistic:
        def compute(data: Any, ignore_nodata: bool = True) -> Any:
            series = as_series(data)
            return reduced(series, *summarise(function, series, ignore_nodata=ignore_nodata))

        ignore = "Whether no-data values are ignored; if not, one of them makes the result no-data."
        over_numbers(function, compute, (*categories, "reducer"), Number, ignore)
        return function

    return wrap


def summarise(function: Statistic, series: Block, *, ignore_nodata: bool) -> tuple[Floats, Mask]:
    """Return what a statistic makes of each pixel's numbers, and where there is a result.

    NaN is a value, and no-data is not NaN: one NaN makes the result NaN.
    """
    values, present = stored_numbers_first(series)
    if values.dtype.kind == "b" or values.dtype.itemsize > 2:
        values = promote(values)
    result, some = quiet(function, values, present)
    if not ignore_nodata:
        some = some & present.all(axis=0)
    if values.dtype.kind != "f":
        return result.astype(np.float32, copy=False), some
    spoilt = (np.isnan(values) & present).any(axis=0)
    result = np.where(spoilt, np.nan, result).astype(values.dtype)
    return result, some | spoilt if ignore_nodata else some


_LONG = 64
"""Of how many values on the pixels of a zone are many, not the dates of a cube: then loops over them cost."""


def _run(
    operation: np.ufunc, start: float, values: Floats, present: Mask
) -> tuple[Floats, NDArray[np.int64]]:
    """Return the values joined by sums or products, in the order of the array, and how many there are."""
    if len(values) >= (_LONG if values.ndim > 1 else 1):
        numbers = np.where(present, values, start).astype(np.float64, copy=False)
        return operation.accumulate(numbers, axis=0)[-1], present.sum(axis=0)
    total, complete = np.full(values.shape[1:], start, np.float64), present.all()
    for value, here in zip(values, present, strict=True):
        operation(total, value if complete else choose(here, value.astype(np.float64), start), out=total)
    return total, present.sum(axis=0)


def _add_up(values: Floats, present: Mask) -> tuple[Floats, NDArray[np.int64]]:
    return _run(np.add, 0, values, present)


@reducer("math > statistics")
def mean(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the arithmetic mean."""
    total, count = _add_up(values, present)
    return total / np.maximum(count, 1), count > 0


@reducer("math")
def sum_(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the sum."""
    total, count = _add_up(values, present)
    return total, count > 0


@reducer("math")
def product(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the product."""
    total, count = _run(np.multiply, 1, values, present)
    return total, count > 0


@reducer("math > statistics")
def median(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the median; of an even number of values the mean of the two in the middle."""
    if not 0 < len(values) <= _LONG:
        middle, some = find_quantiles(values, present, [0.5])
        return middle[0], some[0]
    present = without_repeats(present)
    some = np.broadcast_to(present.any(axis=0), values.shape[1:])
    return median_along_first(values, None if present.all() else present), some


def find_quantiles(values: Floats, present: Mask, cuts: Sequence[float]) -> tuple[Floats, Mask]:
    """Return one quantile after the other along the first axis, and where there is a value at all."""
    shape = (len(cuts), *values.shape[1:])
    if not len(values):
        return np.zeros(shape), np.zeros(shape, bool)
    ranked = np.sort(np.where(present, promote(values), np.inf), axis=0)
    last = np.maximum(present.sum(axis=0) - 1, 0)
    results = np.empty(shape)
    for position, p in enumerate(cuts):
        below = np.floor(p * last)
        share = p * last - below
        ends = (below, np.minimum(below + 1, last))
        low, high = (np.take_along_axis(ranked, end[None].astype(np.intp), axis=0)[0] for end in ends)
        between = low + (high.astype(np.float64) - low) * share
        # Beside an infinity the difference is infinite or NaN; the weighted mean is the limit.
        weighted = np.where(np.isfinite(between), between, low * (1 - share) + high * share)
        results[position] = np.where(share == 0, low, weighted)
    return results, np.broadcast_to(present.any(axis=0), shape)


@reducer("math", "math > statistics")
def min_(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the smallest value."""
    some = np.asarray(present.any(axis=0))
    low = np.min(np.where(present, promote(values), np.inf), axis=0, initial=np.inf)
    return np.where(some, low, 0), some


@reducer("math", "math > statistics")
def max_(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the largest value."""
    some = np.asarray(present.any(axis=0))
    high = np.max(np.where(present, promote(values), -np.inf), axis=0, initial=-np.inf)
    return np.where(some, high, 0), some


@reducer("math > statistics")
def variance(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the sample variance (n - 1 in the denominator)."""
    total, count = _add_up(values, present)
    centre = total / np.maximum(count, 1)
    squares, _ = _add_up((values - centre) ** 2, present)
    return squares / np.maximum(count - 1, 1), count > 1


@reducer("math > statistics")
def sd(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the sample standard deviation (n - 1 in the denominator)."""
    spread, some = variance(values, present)
    return np.sqrt(spread), some


@process("math > statistics")
def extrema(data: Numbers, ignore_nodata: Flag = True) -> Extrema:
    """Return the smallest and the largest value, in this order.

    Parameters
    ----------
    data
        An array of numbers.
    ignore_nodata
        Whether no-data values are ignored; if not, one of them makes both results no-data.
    """
    series = as_series(data)
    pair = [summarise(function, series, ignore_nodata=ignore_nodata) for function in (min_, max_)]
    return along(
        data, np.stack([values for values, _ in pair]), np.stack([some for _, some in pair]), range(2)
    )
