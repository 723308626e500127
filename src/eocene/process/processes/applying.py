"""Processes that call another for each value or along a dimension.

Source: openEO processes 2.0, category cubes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.model import InputError
from eocene.process.methods.dimensions import (
    drop_single,
    fill,
    labelled,
    over_pixels,
    times_unless_t,
    without,
)
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.series import as_series
from eocene.process.registry import process
from eocene.process.types import ArrayMapper, Context, Cube, Mapper, OptionalText, Reducer, Text


@process("cubes", times=same_times)
def apply(data: Cube, process: Mapper, context: Context = None) -> Cube:
    """Apply a process to each value.

    Parameters
    ----------
    data
        A cube.
    process
        Takes one value, returns one.
    context
        Handed to the process.
    """
    return fill(process(x=data.with_(axis=None), context=context), data, "process of apply")


@process("cubes", "reducer", times=times_unless_t, whole=over_pixels("dimension"))
def reduce_dimension(data: Cube, reducer: Reducer, dimension: Text, context: Context = None) -> Cube:
    """Reduce a dimension: the reducer makes one value of the array along it.

    Parameters
    ----------
    data
        A cube.
    reducer
        Takes the array, returns one value.
    dimension
        The dimension that goes.
    context
        Handed to the reducer.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    """
    data.index(dimension)
    series = labelled(data, dimension).with_(axis=dimension)
    return fill(reducer(data=series, context=context), without(series, dimension), "reducer")


@process("cubes", times=times_unless_t, whole=over_pixels("dimension", "target_dimension"))
def apply_dimension(
    data: Cube,
    process: ArrayMapper,
    dimension: Text,
    target_dimension: OptionalText = None,
    context: Context = None,
) -> Cube:
    """Apply a process to the array along a dimension.

    The labels of the dimension stay if as many values come out as went in, else they are 0, 1, 2, …

    Parameters
    ----------
    data
        A cube.
    process
        Takes the array, returns an array.
    dimension
        The dimension along which the array runs.
    target_dimension
        The dimension in which the results lie: a new one, or one of a single label; the dimension itself
        by default.
    context
        Handed to the process.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    """
    data.index(dimension)
    target = target_dimension or dimension
    series = labelled(data, dimension, target).with_(axis=dimension)
    if target != dimension and target in data.dims:
        series = drop_single(series, target)
    array = _as_array(process(data=series, context=context))
    place = target if target in data.dims else dimension
    dims = tuple(
        target if d == place else d for d in data.dims if d == place or (d in series.dims and d != dimension)
    )
    return _name_array(array, series, target, dims, data)


def _as_array(result: Any) -> Block:
    is_array = isinstance(result, list | tuple) or (isinstance(result, Block) and result.axis is not None)
    array = as_series(result) if is_array else None
    if array is None or not array.values.shape[array.index(array.axis or "")]:
        raise InputError(
            "The process of apply_dimension returns no array of at least one value.",
            "Use reduce_dimension to end in one value.",
            code="ProcessParameterInvalid",
        )
    return array


def _name_array(array: Block, series: Block, target: str, dims: tuple[str, ...], data: Block) -> Block:
    """Return a callback's array as a cube of the dimensions ``dims``, its axis named ``target``."""
    axis, source = array.axis or "", series.axis or ""
    length = array.values.shape[array.index(axis)]
    named = expand(array.with_(dims=tuple(target if d == axis else d for d in array.dims)), dims)
    sizes = dict(zip(series.dims, series.values.shape, strict=True)) | {target: length}
    shape = tuple(sizes[d] for d in dims)
    stays = target == source and length == series.values.shape[series.index(source)]
    labels = {d: series.labels[d] for d in dims if d in series.labels}
    result = series.with_(
        values=np.broadcast_to(named.values, shape),
        valid=None if named.valid is None else np.broadcast_to(named.valid, shape),
        dims=dims,
        labels=labels if stays else {**labels, target: tuple(range(length))},
        axis=None,
        kinds=data.kinds if target in data.dims else {**data.kinds, target: "other"},
    )
    return result.with_(labels=data.labels, grid=data.grid) if stays else result
