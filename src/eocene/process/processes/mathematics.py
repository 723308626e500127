"""Arithmetic, powers, logarithms, rounding and constants.

Source: openEO processes 2.0, category math.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.methods.elementwise import combine, elementwise, same_times
from eocene.process.registry import process
from eocene.process.types import (
    AboveZero,
    Anything,
    FromZero,
    Integer,
    Known,
    Number,
    OptionalInteger,
    Ratio,
    Sign,
    Whatever,
)

_ROUNDING = "math > rounding"
_POWERS = "math > exponential & logarithmic"
_CONSTANTS = "math > constants"
_LOGARITHMS = {2: np.log2, 10: np.log10}
"""Logarithms that are exact where the number is a power of the base."""


@elementwise("math")
def add(x: Number, y: Number) -> Number:
    """Add two numbers: ``x + y``."""
    return x + y


@elementwise("math")
def subtract(x: Number, y: Number) -> Number:
    """Subtract two numbers: ``x - y``."""
    return x - y


@elementwise("math")
def multiply(x: Number, y: Number) -> Number:
    """Multiply two numbers: ``x · y``."""
    return x * y


@elementwise("math")
def divide(x: Number, y: Number) -> Number:
    """Divide two numbers: ``x / y``; a division by zero gives ±infinity or NaN (IEEE 754)."""
    return np.true_divide(x, y)


@elementwise("math")
def mod(x: Number, y: Number) -> Number:
    """Return the remainder of ``x / y``, which has the sign of ``y``.

    A division by zero gives ±infinity or NaN; a finite number divided by ±infinity is left as it is.
    """
    dtype = np.result_type(x, y, 1.0)
    rest = np.where(np.isinf(y) & np.isfinite(x), x, np.mod(x, y, dtype=dtype))
    return np.where(np.equal(y, 0), np.divide(x, abs(y), dtype=dtype), rest)


@elementwise("math", _POWERS, operands=("base", "p"))
def power(base: Number, p: Number) -> Number:
    """Raise a number to a power: ``base`` to the ``p``.

    Parameters
    ----------
    base
        The numerical base.
    p
        The numerical exponent.
    """
    return np.power(base, p, dtype=np.result_type(base, p, 1.0))


@elementwise("math", operands=("x",))
def absolute(x: Number) -> FromZero:
    """Return the distance from zero."""
    return np.abs(x)


@elementwise("math", operands=("x",))
def sgn(x: Number) -> Sign:
    """Return the sign: -1, 0 or 1; NaN for NaN."""
    return np.sign(x)


@elementwise("math", _POWERS, operands=("x",))
def sqrt(x: Number) -> Number:
    """Return the square root; NaN for negative numbers."""
    return np.sqrt(x)


@elementwise(_POWERS, operands=("p",))
def exp(p: Number) -> AboveZero:
    """Return Euler's number to the power of ``p``."""
    return np.exp(p)


@elementwise(_POWERS, operands=("x",))
def ln(x: FromZero) -> Number:
    """Return the natural logarithm; minus infinity for 0, NaN for negative numbers."""
    return np.log(x)


@elementwise(_POWERS, operands=("x", "base"))
def log(x: FromZero, base: Number) -> Number:
    """Return the logarithm to a base; minus infinity for 0, NaN for negative numbers.

    Parameters
    ----------
    x
        A number.
    base
        The base.
    """
    exact = None if isinstance(base, np.ndarray) else _LOGARITHMS.get(base)
    dtype = np.result_type(x, base, 1.0)
    return exact(x) if exact else np.log(x, dtype=dtype) / np.log(base, dtype=dtype)


@elementwise(_ROUNDING, operands=("x",))
def floor(x: Number) -> OptionalInteger:
    """Round down."""
    return np.floor(x)


@elementwise(_ROUNDING, operands=("x",))
def ceil(x: Number) -> OptionalInteger:
    """Round up."""
    return np.ceil(x)


@elementwise(_ROUNDING, operands=("x",))
def round_(x: Number, p: Integer = 0) -> Number:
    """Round to a number of digits; halves go to the even neighbour.

    Parameters
    ----------
    x
        A number.
    p
        Digits after the decimal point; a negative number rounds to a power of ten.
    """
    return np.round(x, int(p))


@process("math", _ROUNDING, times=same_times)
def int_(x: Number) -> OptionalInteger:
    """Return the integer part of a number; no-data for NaN, which has none."""
    whole = combine(lambda v: np.trunc(v) + 0.0, [x])
    if not isinstance(whole, Block):
        return None if whole is None or math.isnan(whole) else whole
    known = ~np.isnan(whole.values)
    return whole.with_(valid=known if whole.valid is None else known & whole.valid)


@elementwise("math > indices", "vegetation indices", nodata=("x", "y"))
def normalized_difference(x: Known, y: Known) -> Ratio:
    """Return the normalised difference ``(x - y) / (x + y)``."""
    return np.true_divide(x - y, x + y)


@process("math", times=same_times)
def clip(x: Number, min: Known, max: Known) -> Number:
    """Confine a number between a minimum and a maximum.

    Parameters
    ----------
    x
        A number.
    min
        Anything below becomes this.
    max
        Anything above becomes this.

    Raises
    ------
    MinMaxSwapped
        The minimum is above the maximum.
    """
    if min > max:
        raise InputError(
            f"clip has the minimum {min} above the maximum {max}.", "Swap the two.", code="MinMaxSwapped"
        )
    return combine(lambda v: np.clip(v, min, max), [x])


@process("math", times=same_times)
def linear_scale_range(
    x: Number,
    inputMin: Known,
    inputMax: Known,
    outputMin: Known = 0,
    outputMax: Known = 1,
) -> Number:
    """Scale a range of numbers linearly onto another; what lies outside is clipped.

    Parameters
    ----------
    x
        A number.
    inputMin
        Minimum of the input.
    inputMax
        Maximum of the input.
    outputMin
        Minimum of the output.
    outputMax
        Maximum of the output.
    """

    def scale(value: Any) -> Any:
        inside = np.clip(value, *sorted((inputMin, inputMax)))
        return (inside - inputMin) / (inputMax - inputMin) * (outputMax - outputMin) + outputMin

    return combine(scale, [x])


@process(_CONSTANTS, times=same_times)
def constant(x: Whatever) -> Whatever:
    """Return a value as it is, so that a graph can give it a name.

    Parameters
    ----------
    x
        The value.
    """
    return x


@process(_CONSTANTS, "math > trigonometric")
def pi() -> Known:
    """Return π."""
    return math.pi


@process(_CONSTANTS, _POWERS)
def e() -> Known:
    """Return Euler's number."""
    return math.e


@process(_CONSTANTS, experimental=True)
def nan() -> Anything:
    """Return NaN, which is not a number and not no-data."""
    return math.nan
