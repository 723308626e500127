"""Neighbourhoods: how the sizes and overlaps of apply_neighborhood cut each dimension of a cube."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from eocene.cube.edge import parse_label
from eocene.model import InputError
from eocene.model.grid import is_geographic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.model import Grid

_DURATION = re.compile(
    r"P(?=\d|T\d)(?:(?P<years>\d+)Y)?(?:(?P<months>\d+)M)?(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
    r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+)(?:\.\d+)?S)?)?"
)


@dataclass(frozen=True)
class Chunk:
    """A part of a dimension, by numbers: what a process gets, and the part of it that counts."""

    outer: Sequence[int]
    inner: Sequence[int]


def read_sizes(entries: Any, dims: Sequence[str], parameter: str) -> dict[str, tuple[Any, str | None]]:
    """Return dimension → value and unit of ``size`` or ``overlap``.

    Raises
    ------
    InputError
        DimensionNotAvailable, or if an entry is none.
    """
    sizes: dict[str, tuple[Any, str | None]] = {}
    for entry in entries or ():
        if not isinstance(entry, dict) or not {"dimension", "value"} <= set(entry):
            raise _wrong(parameter, entry)
        name, value, unit = entry["dimension"], entry["value"], entry.get("unit")
        if name not in dims:
            raise InputError(
                f"The {parameter} names the dimension {name!r}, which the cube lacks.",
                f"Its dimensions are {', '.join(dims)}.",
                code="DimensionNotAvailable",
            )
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and value >= 0
        if unit not in (None, "px", "m") or not (value is None or isinstance(value, str) or is_number):
            raise _wrong(parameter, entry)
        sizes[name] = (value, unit)
    return sizes


def _wrong(parameter: str, entry: Any) -> InputError:
    return InputError(
        f"The {parameter} {entry!r} cannot be used.",
        'Write {"dimension": "x", "value": 64, "unit": "px"}; for times also durations such as "P5D".',
        code="ProcessParameterInvalid",
    )


def pixels(size: tuple[Any, str | None] | None, grid: Grid, dim: str, parameter: str) -> int | None:
    """Return a length along x or y in pixels; None if none is given."""
    value, unit = size or (None, None)
    if value is None:
        return None
    if isinstance(value, str) or (unit == "m" and is_geographic(grid.epsg)):
        raise _wrong(parameter, {"dimension": dim, "value": value, "unit": unit})
    count: float = value if unit == "px" else value / grid.lattice.resolution[dim == "y"]
    if (parameter == "size" and count <= 0) or (unit == "px" and count != int(count)):
        raise _wrong(parameter, {"dimension": dim, "value": value, "unit": unit})
    return max(round(count), 1 if parameter == "size" else 0)


def spatial_chunks(
    extent: tuple[int, int], window: tuple[int, int], size: int | None, overlap: int | None
) -> list[Chunk]:
    """Cut a window of pixel numbers into chunks that count from the start of the extent.

    ``extent`` and ``window`` are first number and length. All chunks are equally long, the last may leave
    the extent.
    """
    start, length = extent
    size, overlap = max(length, 1) if size is None else size, overlap or 0
    chunks = []
    for number in range((window[0] - start) // size, (window[0] + window[1] - 1 - start) // size + 1):
        first = start + number * size
        chunks.append(Chunk(range(first - overlap, first + size + overlap), range(first, first + size)))
    return chunks


def label_chunks(
    labels: Sequence[Any],
    size: tuple[Any, str | None] | None,
    overlap: tuple[Any, str | None] | None,
    dim: str,
) -> list[Chunk]:
    """Cut the labels of a dimension by number or, for times, by a duration from the first time on.

    Chunks hold positions in the order of time; those beyond the first and last label are not there.
    """
    value, margin = (None if s is None else s[0] for s in (size, overlap))
    if any(isinstance(v, str) for v in (value, margin)):
        return _time_chunks(labels, value, margin, dim)
    count = len(labels) if value is None else value
    extra = 0 if margin is None else margin
    if count < 1 or count != int(count) or extra != int(extra):
        raise _wrong("size", {"dimension": dim, "value": value})
    chunks = []
    for first in range(0, len(labels), int(count)):
        last = min(first + int(count), len(labels))
        outer = range(max(first - int(extra), 0), min(last + int(extra), len(labels)))
        chunks.append(Chunk(outer, range(first, last)))
    return chunks


def _time_chunks(labels: Sequence[Any], value: Any, margin: Any, dim: str) -> list[Chunk]:
    try:
        times = pd.DatetimeIndex([pd.Timestamp(parse_label(label)) for label in labels])
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The labels along {dim!r} are not times.",
            "Give a number of labels.",
            code="ProcessParameterInvalid",
        ) from error
    order = np.argsort(times, kind="stable")
    step, extra = (_duration(v, dim) for v in (value, margin))
    start, chunks, number = times.min(), [], 0
    while (low := start + number * step) <= times.max():
        high = start + (number + 1) * step
        number += 1
        inner = tuple(int(i) for i in order if low <= times[i] < high)
        outer = tuple(int(i) for i in order if low - extra <= times[i] < high + extra)
        if inner:
            chunks.append(Chunk(outer, inner))
    return chunks


def _duration(value: Any, dim: str) -> Any:
    if value is None:
        return pd.DateOffset(days=0)
    match = _DURATION.fullmatch(str(value))
    parts: dict[str, Any] = {k: int(v) for k, v in match.groupdict().items() if v} if match else {}
    if not parts:
        raise _wrong("size", {"dimension": dim, "value": value})
    return pd.DateOffset(**parts)
