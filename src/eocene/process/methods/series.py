"""The arrays that processes get and give: lists, labelled arrays, and the axis of a callback's block.

A list stays a list, a block stays a block: a process takes the entries of an array, or its values with
the axis in front, and hands back an array of the kind it was given. In a block every pixel has an array
of its own, all of one length.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, align
from eocene.cube.edge import parse_label
from eocene.model import InputError
from eocene.process.methods.elementwise import plain, promote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

ARRAY = "array"
"""Name of the dimension of an array that was no dimension of a cube."""


def as_series(data: Any) -> Block:
    """Return an array as a block with its axis: a callback's array, or a list of values and blocks.

    Raises
    ------
    InputError
        If the argument is no array.
    """
    if isinstance(data, Block):
        if data.axis is None:
            raise InputError(
                "An array is needed, a single value was given.",
                "Inside reduce_dimension and apply_dimension use the parameter 'data'.",
                code="ProcessParameterInvalid",
            )
        return data
    if not isinstance(data, list | tuple):
        raise InputError(f"{data!r} is not an array.", "Give a list.", code="ProcessParameterInvalid")
    return _stack(data, range(len(data)))


def labels_of(data: Any) -> tuple[Any, ...] | None:
    """Return the labels of an array; None if it has none, that is to say its indices only."""
    if not isinstance(data, Block):
        return None
    labels = tuple(as_series(data).labels[data.axis or ""])
    return None if labels == tuple(range(len(labels))) else labels


def find_label(labels: Sequence[Any], label: Any) -> int | None:
    """Return the position of a label, which for times may be written in any ISO 8601 form."""
    for position, known in enumerate(labels):
        if known == label or plain_label(known) == label:
            return position
    times = [isinstance(known, np.datetime64) for known in labels]
    if any(times) and isinstance(label, str):
        try:
            instant = parse_label(label)
        except ValueError:
            return None
        return next((i for i, known in enumerate(labels) if times[i] and known == instant), None)
    return None


def plain_label(label: Any) -> Any:
    """Return a label as JSON has it: a number, or a text, times in ISO 8601."""
    if isinstance(label, np.datetime64):
        text = str(label)
        return f"{text}Z" if "T" in text else text
    return plain(label)


def entries_of(data: Any) -> list[Any]:
    """Return the entries of an array: plain values where it is all there is, else blocks without the axis."""
    if isinstance(data, list | tuple):
        return list(data)
    series = as_series(data)
    return [entry_at(series, i) for i in range(series.values.shape[series.index(series.axis or "")])]


def entry_at(data: Any, position: int) -> Any:
    """Return one entry of an array."""
    if isinstance(data, list | tuple):
        return data[position]
    series = as_series(data)
    entry = series.pick(series.axis or "", position)
    return entry if entry.dims else _plain_entry(entry)


def _plain_entry(block: Block) -> Any:
    return None if block.valid is not None and not bool(block.valid) else plain(block.values)


def gather(entries: Sequence[Any], like: Any, labels: Sequence[Any] | None = None) -> Any:
    """Return entries as an array of the kind of ``like``, or a labelled array if there are labels."""
    is_plain = not any(isinstance(entry, Block) for entry in entries)
    if isinstance(like, Block):
        series = as_series(like)
        axis = series.axis or ""
        lead = series.without(axis, _without_first(axis_first(series)[0]), None)
        return _stack(entries, _or_indices(labels, entries), axis, lead)
    if is_plain and labels is None:
        return list(entries)
    return _stack(entries, _or_indices(labels, entries))


def _or_indices(labels: Sequence[Any] | None, entries: Sequence[Any]) -> Sequence[Any]:
    return range(len(entries)) if labels is None else labels


def _without_first(values: NDArray[Any]) -> NDArray[Any]:
    """Return an array of the shape that is left without the first axis; what it holds does not matter."""
    return np.broadcast_to(np.zeros((), values.dtype), values.shape[1:])


def _stack(
    entries: Sequence[Any], labels: Sequence[Any], axis: str = ARRAY, lead: Block | None = None
) -> Block:
    """Stack values and blocks along a new leading dimension, as wide as the widest, or as ``lead``."""
    blocks = [entry for entry in entries if isinstance(entry, Block)]
    if not blocks and (lead is None or not lead.dims):
        values, valid = _column(entries)
        alone = lead or Block(values, ())
        return alone.with_(values=values, dims=(axis,), labels={axis: tuple(labels)}, valid=valid, axis=axis)
    aligned, widest = align([*blocks, *([lead] if lead is not None else [])])
    shape = np.broadcast_shapes(*(block.values.shape for block in aligned))
    numbers, known = _column([None if isinstance(entry, Block) else entry for entry in entries])
    dtype = _common_dtype(blocks, numbers, known)
    values = np.empty((len(entries), *shape), dtype)
    valid = np.empty(values.shape, bool)
    iterator = iter(aligned)
    for position, entry in enumerate(entries):
        if isinstance(entry, Block):
            block = next(iterator)
            values[position], valid[position] = block.values, True if block.valid is None else block.valid
        else:
            values[position], valid[position] = numbers[position], entry is not None
    return widest.with_(
        values=values,
        dims=(axis, *widest.dims),
        labels={**widest.labels, axis: tuple(labels)},
        valid=None if valid.all() else valid,
        axis=axis,
    )


def _common_dtype(blocks: Sequence[Block], numbers: NDArray[Any], known: Mask | None) -> np.dtype[Any]:
    """Return the dtype that blocks keep among themselves; beside plain numbers integers become floats."""
    some_plain = bool(np.size(numbers)) and (known is None or bool(known.any()))
    dtypes = [block.values.dtype for block in blocks]
    if len({*dtypes, *([numbers.dtype] if some_plain else [])}) == 1:
        return [*dtypes, numbers.dtype][0]
    if any(dtype.kind not in "biuf" for dtype in (*dtypes, numbers.dtype)):
        raise InputError(
            "An array mixes pixels with something that is not a number.",
            "Give numbers, or null.",
            code="ProcessParameterInvalid",
        )
    return np.result_type(np.float32, *(promote(np.empty(0, dtype)).dtype for dtype in dtypes))


def _column(entries: Sequence[Any]) -> tuple[NDArray[Any], Mask | None]:
    """Return plain values and which of them are data; anything but numbers or booleans as objects."""
    valid = np.array([entry is not None for entry in entries], bool)
    known = [entry for entry in entries if entry is not None]
    if any(isinstance(entry, Block) or not _is_number(entry) for entry in known) or _mixes_booleans(known):
        values = np.empty(len(entries), object)
        for position, entry in enumerate(entries):
            values[position] = entry
    else:
        dtype = np.result_type(*map(np.min_scalar_type, known)) if known else np.dtype(np.float64)
        wide = {"b": np.bool_, "i": np.int64, "u": np.int64}.get(dtype.kind, np.float64)
        wide = np.float64 if dtype == np.uint64 and max(known) > np.iinfo(np.int64).max else wide
        values = np.array([0 if entry is None else entry for entry in entries], wide)
    return values, None if valid.all() else valid


def _is_number(value: Any) -> bool:
    return isinstance(value, bool | int | float | np.bool_ | np.number)


def _mixes_booleans(values: Sequence[Any]) -> bool:
    return len({isinstance(value, bool | np.bool_) for value in values}) > 1


def axis_first(series: Block) -> tuple[NDArray[Any], Mask | None]:
    """Return values and mask with the callback's axis in front."""
    position = series.index(series.axis or "")
    values = np.moveaxis(series.values, position, 0)
    return values, None if series.valid is None else np.moveaxis(series.valid, position, 0)


def present_first(series: Block) -> tuple[NDArray[Any], Mask]:
    """Return values with the callback's axis in front and, of the same shape, which of them are data."""
    values, valid = axis_first(series)
    return values, np.ones(values.shape, bool) if valid is None else valid


def numbers_first(series: Block) -> tuple[NDArray[Any], Mask]:
    """Return numbers, ready for arithmetic, with the callback's axis in front and which of them are data."""
    values, present = stored_numbers_first(series)
    return promote(values), present


def stored_numbers_first(series: Block) -> tuple[NDArray[Any], Mask]:
    """Return the same in the dtype that they are stored in."""
    values, present = present_first(series)
    if values.dtype.kind not in "biuf":
        known, _ = _column(values[present].tolist())
        if known.dtype.kind not in "biuf":
            raise InputError(
                "The array holds something that is not a number.",
                "Give numbers or nulls.",
                code="ProcessParameterInvalid",
            )
        values = np.zeros(values.shape, known.dtype)
        values[present] = known
    return values, present


def truths(series: Block) -> Mask:
    """Return an array of booleans with the axis in front; no-data counts as false.

    Raises
    ------
    InputError
        If they are not booleans.
    """
    values, present = present_first(series)
    if values.dtype != bool and present.any():
        raise InputError(
            "The condition does not return a boolean for each value of the array.",
            "End it in a comparison, or another process that returns a boolean.",
            code="ProcessParameterInvalid",
        )
    truth: Mask = np.logical_and(present, values.astype(bool))
    return truth


def reduced(series: Block, values: NDArray[Any], valid: Mask | None) -> Any:
    """Return the block, or the plain value, that is left when the axis is reduced."""
    result = series.without(series.axis or "", np.asarray(values), valid)
    return result if result.dims else _plain_entry(result)


def along(data: Any, values: NDArray[Any], valid: Mask | None, labels: Sequence[Any] | None = None) -> Any:
    """Return values with the axis in front as an array of the kind of ``data``.

    Labels stay where the array keeps its length and none are given; else they are indices.
    """
    series = as_series(data)
    axis = series.axis or ""
    if isinstance(data, list | tuple) and series.dims == (axis,):
        known = np.ones(len(values), bool) if valid is None else valid
        return [plain(v) if k else None for v, k in zip(values, known, strict=True)]
    position = series.index(axis)
    if labels is None:
        kept = series.labels[axis]
        labels = kept if len(kept) == len(values) else range(len(values))
    complete = valid is None or bool(valid.all())
    return series.with_(
        values=np.moveaxis(values, 0, position),
        valid=None if complete or valid is None else np.moveaxis(valid, 0, position),
        labels={**series.labels, axis: tuple(labels)},
    )
