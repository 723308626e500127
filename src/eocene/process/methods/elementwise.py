"""How a plain numpy function becomes an openEO process over values, arrays and cubes."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, align, both_valid
from eocene.model import InputError
from eocene.process.registry import process

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def elementwise(
    *categories: str, operands: Sequence[str] = ("x", "y"), exact: bool = False, **form: Any
) -> Callable[..., Any]:
    """Register a function of numpy arrays as a process that works value by value.

    The arguments named in ``operands`` may be cubes or numbers: they are matched by dimension name,
    integers become floats first unless the function is ``exact``, and the result is no-data where any
    of them is. ``form`` is as for :func:`~eocene.process.registry.process`.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        names = [n for n in inspect.signature(function).parameters if n in operands]

        @functools.wraps(function)
        def compute(**arguments: Any) -> Any:
            given = [arguments.pop(n) for n in names]
            return combine(functools.partial(function, **arguments), given, exact=exact)

        process(*categories, times=same_times, **form)(compute)
        return compute

    return wrap


def same_times(wanted: tuple[Any, ...], _arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Say that a date of the result needs that date alone."""
    return wanted


def combine(function: Callable[..., Any], given: Sequence[Any], *, exact: bool = False) -> Any:
    """Apply a numpy function to blocks and plain values; integers become floats unless it is exact."""
    blocks = [g for g in given if isinstance(g, Block)]
    if not blocks:
        if any(g is None for g in given):
            return None
        return plain(quiet(function, *(check_scalar(g) if exact else _bound(check_scalar(g)) for g in given)))
    aligned, lead = align(blocks)
    iterator = iter(aligned)
    arrays = [next(iterator).values if isinstance(g, Block) else check_scalar(g or 0) for g in given]
    values = np.asarray(quiet(function, *(arrays if exact else map(promote, arrays))))
    if any(g is None for g in given):
        return lead.with_(values=values, valid=np.zeros(values.shape, bool))
    return lead.with_(values=values, valid=both_valid([b.valid for b in aligned], values.shape))


def check_scalar(value: Any) -> Any:
    """Refuse what is neither a number, a boolean nor a text."""
    if isinstance(value, bool | int | float | str | np.generic):
        return value
    raise InputError(
        f"{value!r} is not a number.", "Give a number, or a cube.", code="ProcessParameterInvalid"
    )


def _bound(value: Any) -> Any:
    """Turn integers that float64 cannot count by ones into floats, or products would grow without end."""
    return float(value) if isinstance(value, int) and abs(value) > 2**53 else value


def quiet(function: Callable[..., Any], *arrays: Any) -> Any:
    """Call without numpy's warnings: a division by zero is an answer here (inf or NaN)."""
    with np.errstate(all="ignore"):
        return function(*arrays)


def promote(values: Any) -> Any:
    """Turn arrays of integers and booleans into floats: to 16 bits into float32, others into float64."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "biu":
        return values
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)


def plain(value: Any) -> Any:
    """Return a Python scalar where there is one; NaN stays NaN."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0 else value
