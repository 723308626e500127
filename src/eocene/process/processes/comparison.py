"""Comparisons; the answer is a boolean, no-data where an operand is no-data.

Source: openEO processes 2.0, category comparison.
"""

from __future__ import annotations

import math

import numpy as np

from eocene.cube.block import Block
from eocene.process.elementwise import combine, elementwise, same_times
from eocene.process.registry import process
from eocene.process.types import Anything, Boolean, Flag, Number


@elementwise("comparison", "texts")
def eq(x: Anything, y: Anything) -> Boolean:
    """Tell whether two values are equal."""
    return x == y


@elementwise("comparison", "texts")
def neq(x: Anything, y: Anything) -> Boolean:
    """Tell whether two values differ."""
    return x != y


@elementwise("comparison")
def gt(x: Anything, y: Anything) -> Boolean:
    """Tell whether ``x`` is greater than ``y``."""
    return x > y


@elementwise("comparison")
def gte(x: Anything, y: Anything) -> Boolean:
    """Tell whether ``x`` is greater than or equal to ``y``."""
    return x >= y


@elementwise("comparison")
def lt(x: Anything, y: Anything) -> Boolean:
    """Tell whether ``x`` is less than ``y``."""
    return x < y


@elementwise("comparison")
def lte(x: Anything, y: Anything) -> Boolean:
    """Tell whether ``x`` is less than or equal to ``y``."""
    return x <= y


@process("comparison", times=same_times)
def between(x: Anything, min: Number, max: Number, exclude_max: Flag = False) -> Boolean:
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
    if min is None or max is None:
        return combine(lambda v: v, [None] if not isinstance(x, Block) else [x, None])
    return combine(lambda v: (v >= min) & ((v < max) if exclude_max else (v <= max)), [x])


@process("comparison", times=same_times)
def is_nodata(x: Anything) -> Boolean:
    """Tell whether a value is no-data; NaN is a value."""
    if not isinstance(x, Block):
        return x is None
    missing = np.zeros(x.values.shape, bool) if x.valid is None else ~x.valid
    return x.with_(values=missing, valid=None)


@process("comparison", times=same_times)
def is_nan(x: Anything) -> Boolean:
    """Tell whether a value is not a number (NaN)."""
    if not isinstance(x, Block):
        return not isinstance(x, bool | int | float) or math.isnan(x)
    values = np.isnan(x.values) if x.values.dtype.kind == "f" else np.zeros(x.values.shape, bool)
    return x.with_(values=values)


@process("comparison", times=same_times)
def is_valid(x: Anything) -> Boolean:
    """Tell whether a value is neither no-data nor NaN nor infinite."""
    if not isinstance(x, Block):
        return x is not None and (not isinstance(x, float) or bool(np.isfinite(x)))
    finite = np.isfinite(x.values) if x.values.dtype.kind == "f" else np.ones(x.values.shape, bool)
    return x.with_(values=finite if x.valid is None else finite & x.valid, valid=None)
