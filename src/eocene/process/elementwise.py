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

    from numpy.typing import NDArray


def elementwise(*categories: str, operands: Sequence[str] = ("x", "y")) -> Callable[..., Any]:
    """Register a function of numpy arrays as a process that works value by value.

    The arguments named in ``operands`` may be cubes or numbers: they are matched by dimension name,
    integers become floats first, and the result is no-data where any of them is.
    """

    def wrap(function: Callable[..., Any]) -> Callable[..., Any]:
        names = [n for n in inspect.signature(function).parameters if n in operands]

        @functools.wraps(function)
        def compute(**arguments: Any) -> Any:
            given = [arguments.pop(n) for n in names]
            return combine(functools.partial(function, **arguments), given)

        process(*categories, times=same_times)(compute)
        return compute

    return wrap


def same_times(wanted: tuple[Any, ...], _arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Say that a date of the result needs that date alone."""
    return wanted


def combine(function: Callable[..., Any], given: Sequence[Any]) -> Any:
    """Apply a numpy function to blocks and plain values."""
    blocks = [g for g in given if isinstance(g, Block)]
    if not blocks:
        if any(g is None for g in given):
            return None
        return plain(quiet(function, *[promote(check_scalar(g)) for g in given]))
    aligned, lead = align(blocks)
    if any(g is None for g in given):
        shape = lead.values.shape
        return lead.with_(values=np.zeros(shape, np.float32), valid=np.zeros(shape, bool))
    iterator = iter(aligned)
    arrays = [promote(next(iterator).values if isinstance(g, Block) else check_scalar(g)) for g in given]
    values = np.asarray(quiet(function, *arrays))
    return lead.with_(values=values, valid=both_valid([b.valid for b in aligned], values.shape))


def check_scalar(value: Any) -> Any:
    """Refuse what is neither a number, a boolean nor a text."""
    if isinstance(value, bool | int | float | str | np.generic):
        return value
    raise InputError(
        f"{value!r} is not a number.", "Give a number, or a cube.", code="ProcessParameterInvalid"
    )


def quiet(function: Callable[..., Any], *arrays: Any) -> Any:
    """Call without numpy's warnings: a division by zero is an answer here (inf or NaN)."""
    with np.errstate(all="ignore"):
        return function(*arrays)


def promote(values: Any) -> Any:
    """Turn integer arrays into floats that hold them: 8 and 16 bits into float32, others into float64."""
    if not isinstance(values, np.ndarray) or values.dtype.kind not in "iu":
        return values
    return values.astype(np.float32 if values.dtype.itemsize <= 2 else np.float64)


def plain(value: Any) -> Any:
    """Return a Python scalar where there is one; NaN stays NaN."""
    return value.item() if isinstance(value, np.generic | np.ndarray) and np.ndim(value) == 0 else value


def as_series(data: Any) -> Block:
    """Return a callback's array: a block with its axis, or a list of numbers and blocks stacked.

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
    blocks = [d for d in data if isinstance(d, Block)]
    return _stack(data, blocks) if blocks else _from_numbers(data)


def _from_numbers(data: Sequence[Any]) -> Block:
    values = np.array([np.nan if d is None else d for d in data], dtype=None if data else np.float64)
    if values.dtype.kind not in "biuf":
        raise InputError(
            "The array holds something that is not a number.",
            "Give numbers or nulls.",
            code="ProcessParameterInvalid",
        )
    valid = np.array([d is not None for d in data], bool)
    labels = {"array": tuple(range(len(data)))}
    return Block(values, ("array",), labels, None if valid.all() else valid, axis="array")


def _stack(data: Sequence[Any], blocks: Sequence[Block]) -> Block:
    """Stack blocks and numbers along a new leading dimension."""
    aligned, lead = align(blocks)
    iterator = iter(aligned)
    shape = np.broadcast_shapes(*(b.values.shape for b in aligned))
    wide = np.result_type(np.float32, *(promote(b.values[:0]).dtype for b in aligned))
    parts: list[NDArray[Any]] = []
    masks: list[NDArray[np.bool_]] = []
    for entry in data:
        if isinstance(entry, Block):
            block = next(iterator)
            parts.append(np.broadcast_to(promote(block.values), shape))
            masks.append(np.broadcast_to(True if block.valid is None else block.valid, shape))
        else:
            parts.append(np.full(shape, np.nan if entry is None else check_scalar(entry), wide))
            masks.append(np.full(shape, entry is not None))
    valid = np.stack(masks)
    return lead.with_(
        values=np.stack(parts),
        dims=("array", *lead.dims),
        labels={**lead.labels, "array": tuple(range(len(data)))},
        valid=None if valid.all() else valid,
        axis="array",
    )


def axis_first(series: Block) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return values and mask with the callback's axis in front."""
    position = series.index(series.axis or "")
    values = np.moveaxis(series.values, position, 0)
    return values, None if series.valid is None else np.moveaxis(series.valid, position, 0)


def reduced(series: Block, values: NDArray[Any], valid: NDArray[np.bool_] | None) -> Any:
    """Return the block, or the plain value, that is left when the axis is reduced."""
    result = series.without(series.axis or "", np.asarray(values), valid)
    if result.dims:
        return result
    return None if valid is not None and not bool(valid) else plain(result.values)
