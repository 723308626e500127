"""Processes that look something up in an array.

Source: openEO processes 2.0, category arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.methods.series import (
    as_series,
    entries_of,
    entry_at,
    find_label,
    gather,
    labels_of,
    plain_label,
    reduced,
    truths,
)
from eocene.process.processes.comparison import eq
from eocene.process.registry import process
from eocene.process.types import (
    AnyArray,
    Anything,
    Array,
    Flag,
    Index,
    Label,
    Labels,
    Place,
    Scalar,
    Truth,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray


@process("arrays", "reducer")
def array_element(
    data: Array, index: Index = None, label: Label = None, return_nodata: Flag = False
) -> Anything:
    """Return one entry of an array, by index (from 0) or by label.

    Parameters
    ----------
    data
        An array.
    index
        The position, from 0.
    label
        The label, such as a band name.
    return_nodata
        Whether no-data is returned where there is no such entry, instead of an error.

    Raises
    ------
    ArrayElementNotAvailable
        The array has no entry with this index or label.
    ArrayElementParameterMissing
        Neither an index nor a label is given.
    ArrayElementParameterConflict
        Both an index and a label are given.
    ArrayNotLabeled
        A label is given, but the array has none.
    """
    if (index is None) == (label is None):
        raise InputError(
            "array_element needs either an index or a label.",
            "Give one of the two.",
            code="ArrayElementParameterMissing" if index is None else "ArrayElementParameterConflict",
        )
    if label is not None and not isinstance(data, Block):
        raise InputError(
            f"The array has no labels, but its entry {label!r} is asked for.",
            "Use the index instead.",
            code="ArrayNotLabeled",
        )
    labels = array_labels(data)
    position = find_label(labels_of(data) or labels, label) if index is None else int(index)
    if position is not None and 0 <= position < len(labels):
        return entry_at(data, position)
    if return_nodata:
        return None
    raise InputError(
        f"The array has no entry {label if index is None else index!r}.",
        f"Its labels are {', '.join(map(str, labels))}.",
        code="ArrayElementNotAvailable",
    )


@process("arrays")
def array_labels(data: AnyArray) -> Labels:
    """Return the labels of an array; its indices if it has no labels.

    Parameters
    ----------
    data
        An array.
    """
    series = as_series(data)
    return [plain_label(label) for label in series.labels[series.axis or ""]]


@process("arrays", "reducer", experimental=True)
def array_find_label(data: Array, label: Label) -> Place:
    """Return the index of a label in an array; no-data if it is not there.

    Parameters
    ----------
    data
        An array.
    label
        The label.
    """
    return find_label(labels_of(data) or (), label)


@process("arrays", "comparison", "reducer")
def array_contains(data: Array, value: Scalar) -> Truth:
    """Tell whether an array holds a value; values of different types are not equal, and null is in none.

    Parameters
    ----------
    data
        An array.
    value
        The value.
    """
    series, matches = _match(data, value)
    return reduced(series, np.any(matches, axis=0), None)


@process("arrays", "reducer")
def array_find(data: Array, value: Anything, reverse: Flag = False) -> Place:
    """Return the index of a value in an array; no-data if it is not there.

    Parameters
    ----------
    data
        An array.
    value
        The value; arrays, objects and null are never found.
    reverse
        Whether the last such value is wanted, not the first.
    """
    series, matches = _match(data, value)
    places = np.arange(len(matches)).reshape(-1, *(1,) * (matches.ndim - 1))
    nowhere, best = (-1, np.max) if reverse else (len(matches), np.min)
    place = best(np.where(matches, places, nowhere), axis=0, initial=nowhere)
    return reduced(series, place, np.asarray(place != nowhere))


def _match(data: Any, value: Any) -> tuple[Block, NDArray[np.bool_]]:
    """Return which entries equal a value, as an array and as booleans with the axis in front."""
    answers = [
        False if isinstance(entry, list | dict) or isinstance(value, list | dict) else eq(x=entry, y=value)
        for entry in entries_of(data)
    ]
    series = as_series(gather(answers, data))
    return series, truths(series)
