"""Reducers of values of any kind: the first, the last, how many there are, and whether they are true.

Source: openEO processes 2.0, category reducer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, both_valid
from eocene.process.methods.series import (
    as_series,
    axis_first,
    entries_of,
    gather,
    present_first,
    reduced,
    truths,
)
from eocene.process.processes.comparison import is_valid
from eocene.process.registry import process
from eocene.process.types import Anything, Array, Boolean, Booleans, Condition, Context, Flag, Known

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]


def _pick(data: Any, ignore_nodata: bool, *, backwards: bool) -> Any:
    series = as_series(data)
    values, present = present_first(series)
    if not len(values):
        return reduced(series, np.zeros(values.shape[1:]), np.zeros(values.shape[1:], bool))
    if backwards:
        values, present = values[::-1], present[::-1]
    where = np.argmax(present, axis=0)[None] if ignore_nodata else np.zeros((1, *values.shape[1:]), np.intp)
    picked, some = (np.take_along_axis(a, where, axis=0).reshape(a.shape[1:]) for a in (values, present))
    return reduced(series, picked, some)


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


@process("arrays", "math > statistics", "reducer")
def count(data: Array, condition: Condition = None, context: Context = None) -> Known:
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
    return reduced(series, counted.sum(axis=0).astype(np.float64), None)


def _find_counted(series: Block, condition: Any, context: Any) -> Mask:
    if condition is True:
        return np.ones(axis_first(series)[0].shape, bool)
    if condition is None:
        return truths(is_valid(series))
    answers = [condition(x=entry, context=context) for entry in entries_of(series)]
    return truths(as_series(gather(answers, series)))


def _decide(data: Any, ignore_nodata: bool, *, decisive: bool) -> Any:
    if isinstance(data, list | tuple) and _are_masks(data):
        return _join(data, ignore_nodata, decisive=decisive)
    series = as_series(data)
    values, present = axis_first(series)
    truth = values.astype(bool, copy=False)
    decides = truth if decisive else ~truth
    settled = np.asarray((decides if present is None else decides & present).any(axis=0))
    known = None if present is None or ignore_nodata else np.asarray(settled | present.all(axis=0))
    return reduced(series, settled if decisive else ~settled, known)


def _are_masks(entries: Sequence[Any]) -> bool:
    """Tell whether entries are booleans of the same pixels."""
    return bool(entries) and all(
        isinstance(entry, Block)
        and entry.values.dtype == bool
        and entry.values.shape == entries[0].values.shape
        and entry.dims == entries[0].dims != ()
        for entry in entries
    )


def _join(masks: Sequence[Block], ignore_nodata: bool, *, decisive: bool) -> Block:
    """Decide between masks one after another: nothing is copied to lie side by side."""
    settled = np.zeros(masks[0].values.shape, bool)
    for mask in masks:
        decides = mask.values if decisive else ~mask.values
        settled |= decides if mask.valid is None else decides & mask.valid
    known = None if ignore_nodata else both_valid([mask.valid for mask in masks], settled.shape)
    return masks[0].with_(
        values=settled if decisive else ~settled, valid=None if known is None else settled | known, axis=None
    )


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
