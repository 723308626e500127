"""Processes that make arrays and change which entries they have.

Source: openEO processes 2.0, category arrays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.allowance import refuse_long
from eocene.process.methods.series import (
    as_series,
    entries_of,
    find_label,
    gather,
    labels_of,
    plain_label,
    truths,
)
from eocene.process.registry import process
from eocene.process.types import (
    Anything,
    Array,
    Context,
    Count,
    DistinctLabels,
    ElementCondition,
    ElementMapper,
    Index,
    Labelled,
    OptionalLabel,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


@process("arrays")
def array_create(data: Array = (), repeat: Count = 1) -> Array:
    """Make an array of values.

    Parameters
    ----------
    data
        The values.
    repeat
        How often they are repeated.
    """
    if repeat < 1:
        raise InputError(
            f"repeat is {repeat!r}.", "Give a whole number from 1.", code="ProcessParameterInvalid"
        )
    entries = entries_of(data)
    refuse_long(len(entries) * repeat)
    return gather(entries * int(repeat), data)


@process("arrays", experimental=True)
def array_create_labeled(data: Anything, labels: DistinctLabels) -> Labelled:
    """Make an array whose values have labels.

    Parameters
    ----------
    data
        The values.
    labels
        As many labels, no two of them equal.

    Raises
    ------
    ArrayLengthMismatch
        There are not as many labels as values.
    """
    entries, names = entries_of(data), entries_of(labels)
    if len(entries) != len(names):
        raise InputError(
            f"There are {len(entries)} values and {len(names)} labels.",
            "Give as many labels as values.",
            code="ArrayLengthMismatch",
        )
    _check_distinct(names)
    return gather(entries, data, names)


def _check_distinct(labels: Sequence[Any], code: str = "LabelExists") -> None:
    for position, label in enumerate(labels):
        if find_label(labels[:position], label) is not None:
            raise InputError(f"The label {label!r} is there twice.", "Choose another.", code=code)


@process("arrays")
def array_append(data: Array, value: Anything, label: OptionalLabel = None) -> Array:
    """Append a value to an array.

    Parameters
    ----------
    data
        An array.
    value
        The value.
    label
        Its label, if the array has labels; by default its index.

    Raises
    ------
    LabelExists
        The array has the label already.
    ArrayNotLabeled
        A label is given for an array that has none.
    """
    entries, labels = entries_of(data), labels_of(data)
    if label is not None and labels is None:
        raise InputError(
            f"The label {label!r} is given, but the array has no labels.",
            "Leave it out, or make the array with array_create_labeled.",
            code="ArrayNotLabeled",
        )
    if labels is not None:
        labels = (*labels, len(entries) if label is None else label)
        _check_distinct(labels)
    return gather([*entries, value], data, labels)


@process("arrays")
def array_concat(array1: Array, array2: Array) -> Array:
    """Append an array to another; labels stay if both have some.

    Parameters
    ----------
    array1
        The first array.
    array2
        The second array.

    Raises
    ------
    ArrayLabelConflict
        Both arrays have a label.
    """
    # Clients append what they have calculated of an array, one value, as if it were an array of one.
    others = [array2] if isinstance(array2, Block) and array2.axis is None else array2
    return array_modify(array1, others, len(entries_of(array1)))


@process("arrays", experimental=True)
def array_modify(data: Array, values: Array, index: Index, length: Index = 0) -> Array:
    """Remove entries of an array and insert others in their place; labels stay if both arrays have some.

    Parameters
    ----------
    data
        The array to change.
    values
        The values to insert.
    index
        Where, from 0; the number of entries stands for the end.
    length
        How many entries are removed there.

    Raises
    ------
    ArrayElementNotAvailable
        The index is larger than the number of entries.
    ArrayLabelConflict
        Both arrays have a label.
    """
    entries, others = entries_of(data), entries_of(values)
    if index > len(entries):
        raise InputError(
            f"The index is {index}, the array has {len(entries)} entries.",
            "Give one up to their number.",
            code="ArrayElementNotAvailable",
        )
    start, stop = int(index), int(index + length)
    labels = None
    if (labels_of(data) or not entries) and (labels_of(values) or not others):
        own, new = labels_of(data) or (), labels_of(values) or ()
        labels = (*own[:start], *new, *own[stop:]) or None
        _check_distinct(labels or (), "ArrayLabelConflict")
    like = data if isinstance(data, Block) else values
    return gather([*entries[:start], *others, *entries[stop:]], like, labels)


@process("arrays")
def array_apply(data: Array, process: ElementMapper, context: Context = None) -> Array:
    """Apply a process to each entry of an array.

    Parameters
    ----------
    data
        An array.
    process
        Takes a value, its index and its label, returns the new value.
    context
        Handed to the process.
    """
    mapped = [process(**entry, context=context) for entry in _label_entries(data)]
    return gather(mapped, data, labels_of(data))


@process("arrays", "filter")
def array_filter(data: Array, condition: ElementCondition, context: Context = None) -> Array:
    """Keep the entries of an array that fulfil a condition.

    In a cube all pixels have arrays of one length, so that a condition may use indices, labels and
    the context, but not the values of pixels.

    Parameters
    ----------
    data
        An array.
    condition
        Takes a value, its index and its label, returns a boolean.
    context
        Handed to the condition.
    """
    answers = [condition(**entry, context=context) for entry in _label_entries(data)]
    if any(isinstance(answer, Block) for answer in answers):
        raise InputError(
            "The condition of array_filter depends on the values of pixels, so that each would keep another "
            "number of values.",
            "Filter by index or label, or use array_apply with if to make unwanted values no-data.",
            code="ProcessParameterInvalid",
        )
    kept = [position for position, truth in enumerate(truths(as_series(answers))) if truth]
    entries, labels = entries_of(data), labels_of(data)
    return gather([entries[p] for p in kept], data, labels and [labels[p] for p in kept])


def _label_entries(data: Any) -> list[dict[str, Any]]:
    """Return what a callback is told of each entry: the value, its index and its label, if it has one."""
    labels = labels_of(data)
    return [
        {"x": entry, "index": index, "label": None if labels is None else plain_label(labels[index])}
        for index, entry in enumerate(entries_of(data))
    ]
