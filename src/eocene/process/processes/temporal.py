"""Processes that choose dates.

Source: openEO processes 2.0, categories filter and reproject.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError, TimeSpan
from eocene.process.methods.dimensions import temporal_dimension
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.periods import instants
from eocene.process.registry import process
from eocene.process.types import Number, OptionalText, Series, TemporalInterval

if TYPE_CHECKING:
    from numpy.typing import NDArray

_DAY_SECONDS = 86_400


@process("cubes", "filter", times=same_times)
def filter_temporal(data: Series, extent: TemporalInterval, dimension: OptionalText = None) -> Series:
    """Keep the dates in an interval, its end excluded; maybe none.

    Parameters
    ----------
    data
        A cube with dates.
    extent
        Start and end; either may be null.
    dimension
        The temporal dimension; all of them by default.

    Raises
    ------
    TemporalExtentEmpty
        The end is not after the start.
    DimensionNotAvailable
        The cube has no temporal dimension, or none of that name.
    """
    dims = data.dims_of("temporal") if dimension is None else ()
    span = TimeSpan.from_openeo(extent)
    for dim in dims or (temporal_dimension(data, dimension),):
        kept = [i for i, t in enumerate(instants(data.labels[dim])) if span.contains(t)]
        if len(kept) < len(data.labels[dim]):
            data = data.take(dim, kept)
    return data


@process("cubes", "reproject", grid=lambda a: a["data"].grid, unread=("target",))
def resample_cube_temporal(
    data: Series, target: Series, dimension: OptionalText = None, valid_within: Number = None
) -> Series:
    """Put a cube on the dates of another: for each of these the nearest date, of two the earlier.

    Parameters
    ----------
    data
        A cube with dates.
    target
        The cube whose dates are wanted.
    dimension
        The temporal dimension of both; by default all that both have.
    valid_within
        Days: if given, the nearest value that is neither no-data nor NaN nor infinite is searched less than
        so many days before and after, and there is no data where none is found.

    Raises
    ------
    DimensionNotAvailable
        One of the cubes has no dimension of that name.
    DimensionMismatch
        The cubes have no temporal dimension in common.
    """
    for dim in _common_dimensions(data, target, dimension):
        times, wanted = (instants(cube.labels[dim]) for cube in (data, target))
        seconds = np.abs((wanted[:, None] - times[None, :]).astype(np.int64))
        # By distance, then by time: the earlier of two that are equally near.
        order = [np.lexsort((times, row)).tolist() for row in seconds]
        if valid_within is None and len(times):
            taken = data.take(dim, [row[0] for row in order])
        else:
            taken = _take_valid(data, dim, order, seconds < (valid_within or 0) * _DAY_SECONDS)
        data = taken.with_(labels={**data.labels, dim: target.labels[dim]})
    return data


def _common_dimensions(data: Block, target: Block, dimension: str | None) -> tuple[str, ...]:
    """Return the temporal dimensions to resample."""
    if dimension is not None:
        data.index(dimension)
        target.index(dimension)
        found: tuple[str, ...] = (dimension,)
    else:
        found = tuple(d for d in data.dims_of("temporal") if d in target.dims)
    found = tuple(d for d in found if data.kind_of(d) == target.kind_of(d) == "temporal")
    if not found:
        raise InputError(
            "The two cubes have no temporal dimension in common"
            + (f" that is named {dimension!r}." if dimension else "."),
            "Rename one with rename_dimension so that both have the same name.",
            code="DimensionMismatch",
        )
    return found


def _take_valid(data: Block, dim: str, order: list[list[int]], near: NDArray[np.bool_]) -> Block:
    """Return for each list of positions, nearest first, the first valid value among those that are near."""
    axis = data.index(dim)
    source = np.moveaxis(data.values, axis, 0)
    usable = np.isfinite(source) if source.dtype.kind == "f" else np.ones(source.shape, bool)
    if data.valid is not None:
        usable = usable & np.moveaxis(data.valid, axis, 0)
    values = np.zeros((len(order), *source.shape[1:]), source.dtype)
    found = np.zeros(values.shape, bool)
    for place, positions in enumerate(order):
        for position in positions:
            if not near[place, position] or found[place].all():
                break
            np.copyto(values[place, ...], source[position], where=usable[position] & ~found[place])
            found[place] |= usable[position]
    return data.with_(values=np.moveaxis(values, 0, axis), valid=np.moveaxis(found, 0, axis))
