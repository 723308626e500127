"""Comparisons; the answer is a boolean, no-data where an operand is no-data.

Source: openEO processes 2.0, category comparison.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.process.methods.elementwise import combine, elementwise, promote, same_times
from eocene.process.registry import process
from eocene.process.types import AboveZero, Anything, Boolean, Flag, Known, Scalar, Truth

if TYPE_CHECKING:
    from collections.abc import Callable


_CONSTANTS = "math > constants"


def _kind(value: Any) -> str:
    """Return the JSON type of a plain value; pixels count as numbers, masks of booleans too."""
    if isinstance(value, bool | np.bool_):
        return "boolean"
    return "string" if isinstance(value, str) else "number"


def _nowhere(x: Any, y: Any) -> Any:
    return np.zeros(np.broadcast_shapes(np.shape(x), np.shape(y)), bool)


@elementwise("texts", "comparison", exact=True)
def eq(x: Scalar, y: Scalar, delta: AboveZero = None, case_sensitive: Flag = True) -> Boolean:
    """Tell whether two values are equal; values of different types are not.

    Parameters
    ----------
    x
        First operand.
    y
        Second operand.
    delta
        For numbers: how far apart they may be.
    case_sensitive
        For texts: whether upper and lower case differ.
    """
    if isinstance(x, str) and isinstance(y, str):
        return x == y if case_sensitive else x.casefold() == y.casefold()
    pixels = [isinstance(v, np.ndarray) for v in (x, y)]
    if _kind(x) != _kind(y) and ("string" in (_kind(x), _kind(y)) or not any(pixels)):
        return _nowhere(x, y)
    return x == y if delta is None else np.abs(promote(x) - promote(y)) <= abs(delta)


@elementwise("texts", "comparison", exact=True)
def neq(x: Scalar, y: Scalar, delta: AboveZero = None, case_sensitive: Flag = True) -> Boolean:
    """Tell whether two values differ; values of different types do.

    Parameters
    ----------
    x
        First operand.
    y
        Second operand.
    delta
        For numbers: how far apart they may be and still count as equal.
    case_sensitive
        For texts: whether upper and lower case differ.
    """
    return np.logical_not(eq.__wrapped__(x, y, delta, case_sensitive))


def _compare(compare: Callable[[Any, Any], Any], x: Any, y: Any) -> Any:
    """Compare numbers; anything else is in no order, as openEO has it."""
    return compare(x, y) if _kind(x) == _kind(y) == "number" else _nowhere(x, y)


@elementwise("comparison", exact=True)
def gt(x: Scalar, y: Scalar) -> Boolean:
    """Tell whether ``x`` is greater than ``y``."""
    return _compare(operator.gt, x, y)


@elementwise("comparison", exact=True)
def gte(x: Scalar, y: Scalar) -> Boolean:
    """Tell whether ``x`` is greater than or equal to ``y``."""
    return _compare(operator.ge, x, y)


@elementwise("comparison", exact=True)
def lt(x: Scalar, y: Scalar) -> Boolean:
    """Tell whether ``x`` is less than ``y``."""
    return _compare(operator.lt, x, y)


@elementwise("comparison", exact=True)
def lte(x: Scalar, y: Scalar) -> Boolean:
    """Tell whether ``x`` is less than or equal to ``y``."""
    return _compare(operator.le, x, y)


@process("comparison", times=same_times)
def between(x: Anything, min: Known, max: Known, exclude_max: Flag = False) -> Boolean:
    """Tell whether a value lies between two others, both included.

    Parameters
    ----------
    x
        The value.
    min
        Lower boundary.
    max
        Upper boundary.
    exclude_max
        Whether the upper boundary is not included.
    """
    if isinstance(x, bool) or not (x is None or isinstance(x, Block | int | float)):
        return False
    return combine(lambda v: (v >= min) & ((v < max) if exclude_max else (v <= max)), [x], exact=True)


def _tell(x: Any, test: Callable[[Any], Any], *, otherwise: bool, nodata: bool) -> Any:
    """Return what a test says of floats; other values and no-data have one answer."""
    if not isinstance(x, Block):
        if x is None:
            return nodata
        return bool(test(x)) if isinstance(x, float) else otherwise
    if x.values.dtype.kind == "f":
        answer = test(x.values)
    elif x.values.dtype == object:
        answer = np.frompyfunc(lambda v: _tell(v, test, otherwise=otherwise, nodata=nodata), 1, 1)(x.values)
    else:
        answer = np.full(x.values.shape, otherwise)
    answer = np.asarray(answer, bool)
    return x.with_(values=answer if x.valid is None else np.where(x.valid, answer, nodata), valid=None)


@process("comparison", times=same_times)
def is_nodata(x: Anything) -> Truth:
    """Tell whether a value is no-data; NaN is a value."""
    return _tell(x, np.zeros_like, otherwise=False, nodata=True)


@process("comparison", _CONSTANTS, times=same_times)
def is_nan(x: Anything) -> Truth:
    """Tell whether a value is not a number (NaN); no-data is not NaN."""
    return _tell(x, np.isnan, otherwise=False, nodata=False)


@process("comparison", times=same_times, experimental=True)
def is_infinite(x: Anything) -> Truth:
    """Tell whether a value is infinite."""
    return _tell(x, np.isinf, otherwise=False, nodata=False)


@process("comparison", times=same_times)
def is_valid(x: Anything) -> Truth:
    """Tell whether a value is neither no-data nor NaN nor infinite."""
    return _tell(x, np.isfinite, otherwise=True, nodata=False)
