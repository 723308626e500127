"""Reducers: an array in, one value out; no-data is ignored unless told otherwise, NaN makes NaN.

Sums run in the order of the array in float64, whatever the shape of the block, so that the result
of a pixel does not depend on the pixels computed beside it.

Source: openEO processes 2.0, category reducer.
"""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.elementwise import as_series, axis_first, promote, quiet, reduced
from eocene.process.registry import process
from eocene.process.types import (
    Anything,
    Array,
    Boolean,
    Booleans,
    Condition,
    Context,
    Flag,
    Number,
    Numbers,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]


def reducer(function: Callable[..., Any]) -> Callable[..., Any]:
    """Register a function of (values, present), axis first, as a reducing process.

    The function returns values, float64 or float32, and where there is a result.
    """

    @functools.wraps(function)
    def compute(data: Numbers, ignore_nodata: Flag = True) -> Number:
        series = as_series(data)
        values, valid = axis_first(series)
        values = promote(values)
        present = np.ones(values.shape, bool) if valid is None else valid
        result, some = quiet(function, values, present)
        if not ignore_nodata:
            some = some & present.all(axis=0)
        if values.dtype.kind == "f":
            spoilt = (np.isnan(values) & present).any(axis=0)  # NaN is a value, and no-data is not NaN
            result = np.where(spoilt, np.nan, result).astype(values.dtype)
            some = some | spoilt if ignore_nodata else some
        return reduced(series, result, some)

    signature = inspect.signature(compute, follow_wrapped=False)
    compute.__signature__ = signature  # type: ignore[attr-defined]
    compute.__annotations__ = {"data": Numbers, "ignore_nodata": Flag, "return": Number}
    compute.__doc__ = (compute.__doc__ or "") + _PARAMETERS
    process("math > reducer", "reducer")(compute)
    return function


_PARAMETERS = """

Parameters
----------
data
    An array of numbers.
ignore_nodata
    Whether no-data values are ignored; if not, one of them makes the result no-data.
"""


_LONG = 64
"""From how many values on one running sum beats a loop: the pixels of a zone, not the dates of a cube."""


def _add_up(values: Floats, present: Mask) -> tuple[Floats, NDArray[np.int64]]:
    """Return sum and count along the first axis, added in the order of the array."""
    if len(values) >= _LONG:
        numbers = np.where(present, values, 0).astype(np.float64, copy=False)
        return np.add.accumulate(numbers, axis=0)[-1], present.sum(axis=0)
    total = np.zeros(values.shape[1:], np.float64)
    count = np.zeros(values.shape[1:], np.int64)
    for value, here in zip(values, present, strict=True):
        np.add(total, value, out=total, where=here)
        count += here
    return total, count


@reducer
def mean(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the arithmetic mean."""
    total, count = _add_up(values, present)
    return total / np.maximum(count, 1), count > 0


@reducer
def sum_(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the sum."""
    total, count = _add_up(values, present)
    return total, count > 0


@reducer
def median(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the median; of an even number of values the mean of the two in the middle."""
    from eocene.process.kernels import median_along_first

    if not len(values):
        return np.zeros(values.shape[1:]), np.zeros(values.shape[1:], bool)
    numbers = values if values.dtype.kind == "f" else values.astype(np.float32)
    filled = np.where(present, numbers, numbers.dtype.type(np.nan))
    return median_along_first(filled), np.asarray(present.any(axis=0))


@reducer
def min_(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the smallest value."""
    some = np.asarray(present.any(axis=0))
    low = np.min(np.where(present, values, np.inf), axis=0, initial=np.inf)
    return np.where(some, low, 0), some


@reducer
def max_(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the largest value."""
    some = np.asarray(present.any(axis=0))
    high = np.max(np.where(present, values, -np.inf), axis=0, initial=-np.inf)
    return np.where(some, high, 0), some


@reducer
def variance(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the sample variance (n - 1 in the denominator)."""
    total, count = _add_up(values, present)
    centre = total / np.maximum(count, 1)
    squares, _ = _add_up((values - centre) ** 2, present)
    return squares / np.maximum(count - 1, 1), count > 1


@reducer
def sd(values: Floats, present: Mask) -> tuple[Floats, Mask]:
    """Return the sample standard deviation (n - 1 in the denominator)."""
    spread, some = variance(values, present)
    return np.sqrt(spread), some


def _pick(data: Any, ignore_nodata: bool, *, backwards: bool) -> Any:
    series = as_series(data)
    values, valid = axis_first(series)
    if not len(values):
        return reduced(series, np.zeros(values.shape[1:], values.dtype), np.zeros(values.shape[1:], bool))
    present = np.ones(values.shape, bool) if valid is None else valid
    if backwards:
        values, present = values[::-1], present[::-1]
    where = np.argmax(present, axis=0) if ignore_nodata else np.zeros(values.shape[1:], np.intp)
    some = np.take_along_axis(present, where[None], axis=0)[0]
    return reduced(series, np.take_along_axis(values, where[None], axis=0)[0], some)


@process("arrays", "reducer")
def first(data: Array, ignore_nodata: Flag = True) -> Anything:
    """Return the first value.

    Parameters
    ----------
    data
        An array.
    ignore_nodata
        Whether no-data values are passed over.
    """
    return _pick(data, ignore_nodata, backwards=False)


@process("arrays", "reducer")
def last(data: Array, ignore_nodata: Flag = True) -> Anything:
    """Return the last value.

    Parameters
    ----------
    data
        An array.
    ignore_nodata
        Whether no-data values are passed over.
    """
    return _pick(data, ignore_nodata, backwards=True)


@process("arrays", "reducer")
def count(data: Array, condition: Condition = None, context: Context = None) -> Number:
    """Count the values that are neither no-data nor NaN nor infinite, or those that fulfil a condition.

    Parameters
    ----------
    data
        An array.
    condition
        A process of one value ``x`` that returns a boolean, or true to count all values.
    context
        Handed to the condition.
    """
    series = as_series(data)
    counted = _find_counted(series, condition, context)
    return reduced(series, counted.sum(axis=series.index(series.axis or "")).astype(np.float64), None)


def _find_counted(series: Block, condition: Any, context: Any) -> Mask:
    if condition is True:
        return np.ones(series.values.shape, bool)
    if condition in (None, False):
        is_float = series.values.dtype.kind == "f"
        finite = np.isfinite(series.values) if is_float else np.ones(series.values.shape, bool)
        return finite if series.valid is None else finite & series.valid
    met = condition(x=series.with_(axis=None), context=context)
    if not isinstance(met, Block) or met.values.shape != series.values.shape:
        raise InputError(
            "The condition of count does not return a boolean for each value.",
            "End it in a comparison of the parameter x.",
            code="ProcessParameterInvalid",
        )
    truth = met.values.astype(bool)
    return truth if met.valid is None else truth & met.valid


def _decide(data: Any, ignore_nodata: bool, *, decisive: bool) -> Any:
    series = as_series(data)
    values, valid = axis_first(series)
    present = np.ones(values.shape, bool) if valid is None else valid
    settled = ((values.astype(bool) == decisive) & present).any(axis=0)
    known = np.ones(settled.shape, bool) if ignore_nodata else settled | present.all(axis=0)
    return reduced(series, np.where(settled, decisive, not decisive), np.asarray(known))


@process("logic", "reducer")
def any_(data: Booleans, ignore_nodata: Flag = True) -> Boolean:
    """Tell whether at least one value is true.

    Parameters
    ----------
    data
        An array of booleans.
    ignore_nodata
        Whether no-data values are ignored.
    """
    return _decide(data, ignore_nodata, decisive=True)


@process("logic", "reducer")
def all_(data: Booleans, ignore_nodata: Flag = True) -> Boolean:
    """Tell whether all values are true.

    Parameters
    ----------
    data
        An array of booleans.
    ignore_nodata
        Whether no-data values are ignored.
    """
    return _decide(data, ignore_nodata, decisive=False)
