"""Arithmetic, powers, rounding, trigonometry and constants.

Source: openEO processes 2.0, category math.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from eocene.model import InputError
from eocene.process.elementwise import combine, elementwise, same_times
from eocene.process.registry import process
from eocene.process.types import Number


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


@elementwise("math", operands=("base", "p"))
def power(base: Number, p: Number) -> Number:
    """Raise a number to a power: ``base`` to the ``p``.

    Parameters
    ----------
    base
        The numerical base.
    p
        The numerical exponent.
    """
    return np.power(np.asarray(base, dtype=None if isinstance(base, np.ndarray) else np.float64), p)


@elementwise("math", operands=("x",))
def absolute(x: Number) -> Number:
    """Return the distance from zero."""
    return np.abs(x)


@elementwise("math", operands=("x",))
def sqrt(x: Number) -> Number:
    """Return the square root; NaN for negative numbers."""
    return np.sqrt(x)


@elementwise("math", operands=("p",))
def exp(p: Number) -> Number:
    """Return Euler's number to the power of ``p``."""
    return np.exp(p)


@elementwise("math", operands=("x",))
def ln(x: Number) -> Number:
    """Return the natural logarithm."""
    return np.log(x)


@elementwise("math", operands=("x",))
def floor(x: Number) -> Number:
    """Round down."""
    return np.floor(x)


@elementwise("math", operands=("x",))
def ceil(x: Number) -> Number:
    """Round up."""
    return np.ceil(x)


@elementwise("math", "math > indices")
def normalized_difference(x: Number, y: Number) -> Number:
    """Return the normalised difference ``(x - y) / (x + y)``."""
    return np.true_divide(x - y, x + y)


@process("math", times=same_times)
def clip(x: Number, min: Number, max: Number) -> Number:
    """Confine a number between a minimum and a maximum.

    Parameters
    ----------
    x
        A number.
    min
        Anything below becomes this.
    max
        Anything above becomes this.
    """
    if min > max:
        raise InputError(
            f"clip has the minimum {min} above the maximum {max}.", "Swap the two.", code="MinMaxSwapped"
        )
    return combine(lambda v: np.clip(v, min, max), [x])


@process("math", times=same_times)
def linear_scale_range(
    x: Number,
    inputMin: Number,
    inputMax: Number,
    outputMin: Number = 0,
    outputMax: Number = 1,
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


@process("math", "math > constants")
def pi() -> Number:
    """Return π."""
    return math.pi


@process("math", "math > constants")
def e() -> Number:
    """Return Euler's number."""
    return math.e
