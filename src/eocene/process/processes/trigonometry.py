"""Trigonometric and hyperbolic functions and their inverses; angles are in radians.

Outside the range in which a function is defined the answer is NaN.

Source: openEO processes 2.0, category math > trigonometric.
"""

from __future__ import annotations

import functools

import numpy as np

from eocene.process.methods.elementwise import elementwise
from eocene.process.types import BelowOne, FromOne, FromZero, Number, UpToOne

_CATEGORY = "math > trigonometric"
_of_one = functools.partial(elementwise, _CATEGORY, operands=("x",))


@_of_one()
def sin(x: Number) -> UpToOne:
    """Return the sine."""
    return np.sin(x)


@_of_one()
def cos(x: Number) -> UpToOne:
    """Return the cosine."""
    return np.cos(x)


@_of_one()
def tan(x: Number) -> Number:
    """Return the tangent."""
    return np.tan(x)


@_of_one()
def arcsin(x: UpToOne) -> Number:
    """Return the angle of a sine."""
    return np.arcsin(x)


@_of_one()
def arccos(x: UpToOne) -> FromZero:
    """Return the angle of a cosine."""
    return np.arccos(x)


@_of_one()
def arctan(x: Number) -> Number:
    """Return the angle of a tangent."""
    return np.arctan(x)


@elementwise(_CATEGORY)
def arctan2(y: Number, x: Number) -> Number:
    """Return the angle of the point (x, y), in the quadrant where it lies.

    Parameters
    ----------
    y
        The point's y.
    x
        The point's x.
    """
    return np.arctan2(y, x)


@_of_one()
def sinh(x: Number) -> Number:
    """Return the hyperbolic sine."""
    return np.sinh(x)


@_of_one()
def cosh(x: Number) -> FromOne:
    """Return the hyperbolic cosine."""
    return np.cosh(x)


@_of_one()
def tanh(x: Number) -> BelowOne:
    """Return the hyperbolic tangent."""
    return np.tanh(x)


@_of_one()
def arsinh(x: Number) -> Number:
    """Return the inverse of the hyperbolic sine."""
    return np.arcsinh(x)


@_of_one()
def arcosh(x: Number) -> FromZero:
    """Return the inverse of the hyperbolic cosine."""
    return np.arccosh(x)


@_of_one()
def artanh(x: BelowOne) -> Number:
    """Return the inverse of the hyperbolic tangent."""
    return np.arctanh(x)
