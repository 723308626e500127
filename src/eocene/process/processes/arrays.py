"""Processes on the labelled array that a callback sees.

Source: openEO processes 2.0, category arrays.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.edge import parse_label
from eocene.model import InputError
from eocene.process.elementwise import as_series, axis_first, plain
from eocene.process.registry import process
from eocene.process.types import Anything, Array, Flag, Integer, Numbers


@process("arrays", "reducer")
def array_element(
    data: Array, index: Integer = None, label: Anything = None, return_nodata: Flag = False
) -> Anything:
    """Return one element of an array, by index (from 0) or by label.

    Parameters
    ----------
    data
        An array.
    index
        The position, from 0.
    label
        The label, such as a band name.
    return_nodata
        Whether no-data is returned where there is no such element, instead of an error.
    """
    if (index is None) == (label is None):
        raise InputError(
            "array_element needs either an index or a label.",
            "Give one of the two.",
            code="ArrayElementParameterMissing" if index is None else "ArrayElementParameterConflict",
        )
    series = as_series(data)
    labels = series.labels[series.axis or ""]
    position = _position(labels, index, label)
    if position is None:
        if return_nodata:
            return None
        raise InputError(
            f"The array has no element {label if index is None else index!r}.",
            f"Its labels are {', '.join(str(v) for v in labels)}.",
            code="ArrayElementNotAvailable",
        )
    element = series.pick(series.axis or "", position)
    if element.dims:
        return element
    return None if element.valid is not None and not element.valid else plain(element.values)


def _position(labels: tuple[Any, ...], index: int | None, label: Any) -> int | None:
    if index is not None:
        return index if 0 <= index < len(labels) else None
    texts = [str(v) for v in labels]
    return texts.index(str(label)) if str(label) in texts else None


@process("arrays")
def array_create(data: Anything = (), repeat: Integer = 1) -> Array:
    """Make an array of values.

    Parameters
    ----------
    data
        The values.
    repeat
        How often they are repeated.
    """
    values = data if isinstance(data, list | tuple) else [data]
    if not isinstance(repeat, int) or repeat < 1:
        raise InputError(
            f"repeat is {repeat!r}.", "Give a whole number from 1.", code="ProcessParameterInvalid"
        )
    return (
        as_series(list(values) * repeat)
        if any(isinstance(v, Block) for v in values)
        else list(values) * repeat
    )


@process("arrays", "math", "math > interpolation")
def array_interpolate_linear(data: Numbers) -> Numbers:
    """Replace no-data between two values by the straight line between them, along the labels.

    No-data before the first and after the last value stays. Labels that are times or numbers are the
    positions, else the indices are.

    Parameters
    ----------
    data
        An array of numbers.
    """
    from eocene.process.kernels import fill_gaps_along_first

    series = as_series(data)
    values, valid = axis_first(series)
    values = values if values.dtype.kind == "f" else values.astype(np.float64)
    if valid is not None:
        values = np.where(valid, values, values.dtype.type(np.nan))
    filled = fill_gaps_along_first(values, positions_of(series.labels[series.axis or ""]))
    position = series.index(series.axis or "")
    known = ~np.isnan(filled) | (np.ones(filled.shape, bool) if valid is None else valid)
    result = series.with_(
        values=np.moveaxis(filled, 0, position),
        valid=None if known.all() else np.moveaxis(known, 0, position),
    )
    if result.dims == ("array",):
        return [plain(v) if k else None for v, k in zip(filled, known, strict=True)]
    return result


def positions_of(labels: tuple[Any, ...]) -> Any:
    """Return times in seconds, numbers as they are, and 0, 1, 2, … for other labels; float64."""
    if all(isinstance(v, int | float) for v in labels):
        return np.array(labels, np.float64)
    try:
        times = np.array([parse_label(v).astype("datetime64[s]") for v in labels])
    except (TypeError, ValueError):
        return np.arange(len(labels), dtype=np.float64)
    return (times - times[0]).astype(np.float64)
