"""What each process must give, written down in float64 numpy; nothing here knows the engine.

An oracle of values takes float64 arrays. An oracle of reducers takes one series of float64 numbers at a
time, without no-data and NaN. Rules of no-data and of dtypes stand in ``cases.py``.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Oracle = Callable[..., NDArray[Any]]


def _modulo(x: Any, y: Any) -> Any:
    """Return the remainder with the sign of y; x itself beside an infinite y, an infinity or NaN beside 0."""
    rest = np.fmod(x, y)
    rest = np.where((rest != 0) & (np.signbit(rest) != np.signbit(y)), rest + y, rest)
    rest = np.where(np.isinf(y) & np.isfinite(x), x, rest)
    return np.where(y == 0, np.where(x == 0, np.nan, x * np.inf), rest)


def _scale(x: Any, low: float, high: float, out_low: float, out_high: float) -> Any:
    share = (np.minimum(np.maximum(x, low), high) - low) / (high - low)
    return share * (out_high - out_low) + out_low


def _round_half_even(x: Any, p: int) -> Any:
    return np.array([v if not math.isfinite(v) else round(v, p) for v in np.ravel(x)]).reshape(np.shape(x))


ARITHMETIC: dict[str, Oracle] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "mod": _modulo,
    "power": np.float_power,
    "log": lambda x, base: np.log(x) / np.log(base),
    "arctan2": np.arctan2,
}
INDICES: dict[str, Oracle] = {"normalized_difference": lambda x, y: (x - y) / (x + y)}
FUNCTIONS: dict[str, Oracle] = {
    "absolute": lambda x: np.where(x < 0, -x, x) + 0.0,
    "sgn": lambda x: np.where(np.isnan(x), np.nan, (x > 0) * 1.0 - (x < 0)),
    "sqrt": np.sqrt,
    "exp": np.exp,
    "ln": np.log,
    "floor": np.floor,
    "ceil": lambda x: -np.floor(-x),
    "round": lambda x: _round_half_even(x, 0),
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "arcsin": np.arcsin,
    "arccos": np.arccos,
    "arctan": np.arctan,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "arsinh": np.arcsinh,
    "arcosh": np.arccosh,
    "artanh": np.arctanh,
}
BOUNDED: dict[str, tuple[dict[str, float], Oracle]] = {
    "clip": ({"min": -2, "max": 100}, lambda x: np.minimum(np.maximum(x, -2), 100)),
    "linear_scale_range": (
        {"inputMin": -10, "inputMax": 200, "outputMin": 0, "outputMax": 255},
        lambda x: _scale(x, -10, 200, 0, 255),
    ),
    "round": ({"p": 1}, lambda x: _round_half_even(x, 1)),
}
COMPARISONS: dict[str, Oracle] = {
    "eq": lambda x, y: x == y,
    "neq": lambda x, y: x != y,
    "gt": lambda x, y: x > y,
    "gte": lambda x, y: x >= y,
    "lt": lambda x, y: x < y,
    "lte": lambda x, y: x <= y,
}
CHECKS: dict[str, tuple[Callable[[Any], Any], bool]] = {
    "is_nan": (np.isnan, False),
    "is_infinite": (np.isinf, False),
    "is_valid": (np.isfinite, False),
    "is_nodata": (lambda x: np.zeros(x.shape, bool), True),
}
"""What a process says of float64 values, and what it says of no-data."""


def _and(x: Any, y: Any) -> Any:
    return False if x is False or y is False else None if x is None or y is None else True


def _or(x: Any, y: Any) -> Any:
    return True if x is True or y is True else None if x is None or y is None else False


def _xor(x: Any, y: Any) -> Any:
    return None if x is None or y is None else x != y


LOGIC: dict[str, Callable[[Any, Any], Any]] = {"and": _and, "or": _or, "xor": _xor}
"""Of two values that are True, False or None."""


def _median(numbers: Any) -> float:
    ordered = sorted(numbers)
    half = len(ordered) // 2
    return float(ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2)


def _variance(numbers: Any) -> float | None:
    if len(numbers) < 2:
        return None
    centre = np.mean(numbers)
    return float(np.sum((numbers - centre) ** 2) / (len(numbers) - 1))


def _deviation(numbers: Any) -> float | None:
    spread = _variance(numbers)
    return None if spread is None else float(np.sqrt(spread))


REDUCERS: dict[str, Callable[[Any], float | None]] = {
    "min": lambda n: float(np.min(n)),
    "max": lambda n: float(np.max(n)),
    "mean": lambda n: float(np.sum(n) / len(n)),
    "median": _median,
    "sum": lambda n: float(np.sum(n)),
    "product": lambda n: float(np.prod(n)),
    "variance": _variance,
    "sd": _deviation,
}
"""Of at least one number, none of them NaN; None for no-data."""
CUMULATIVE: dict[str, Callable[[Any], Any]] = {
    "cumsum": np.cumsum,
    "cumproduct": np.cumprod,
    "cummin": np.minimum.accumulate,
    "cummax": np.maximum.accumulate,
}
