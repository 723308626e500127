"""Processes on whole cubes that keep each pixel where it is.

Source: openEO processes 2.0, category cubes.
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import Any

import numpy as np

from eocene.cube.block import Block, align, expand
from eocene.model import InputError, UnavailableError
from eocene.process.elementwise import check_scalar, combine, same_times
from eocene.process.registry import process
from eocene.process.types import (
    Anything,
    Array,
    Bands,
    Context,
    Cube,
    Mapper,
    OptionalText,
    Options,
    Overlap,
    Reducer,
    Text,
)


def _times_unless_t(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Say that a date needs that date alone, unless the process works along t."""
    return None if arguments.get("dimension", arguments.get("name")) == "t" else wanted


def find_bands(block: Block, wanted: list[str]) -> list[int]:
    """Return the positions of bands given by name or common name.

    Raises
    ------
    InputError
        Naming the bands there are.
    """
    names = block.labels["bands"]
    common = {c: n for n, c in reversed(list(block.common_names.items()))}
    positions = []
    for name in wanted:
        found = name if name in names else common.get(name)
        if found not in names:
            near = get_close_matches(str(name), [str(n) for n in names], n=1)
            raise InputError(
                f"There is no band {name!r}.",
                (f"Did you mean {near[0]}? " if near else "")
                + f"The bands are {', '.join(map(str, names))}.",
                code="BandNotAvailable",
            )
        positions.append(names.index(found))
    return positions


@process("cubes", "filter", times=same_times)
def filter_bands(data: Cube, bands: Bands = (), wavelengths: Array = ()) -> Cube:
    """Keep the named bands, in the order given.

    Parameters
    ----------
    data
        A cube with bands.
    bands
        Band names or common names.
    wavelengths
        Not built: ranges in micrometres.
    """
    if wavelengths:
        raise UnavailableError("Filtering bands by wavelength is not built.", "Name the bands.")
    if not bands:
        raise InputError("filter_bands got no band.", "Name at least one.", code="BandFilterParameterMissing")
    _need_bands(data)
    return data.take("bands", find_bands(data, list(bands)))


def _need_bands(data: Block) -> None:
    if "bands" not in data.dims:
        raise InputError(
            "The cube has no dimension of type bands.",
            f"Its dimensions are {', '.join(data.dims)}.",
            code="DimensionMissing",
        )


@process("cubes", "reducer", times=_times_unless_t)
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
    """
    data.index(dimension)
    if dimension in ("x", "y"):
        raise UnavailableError(
            f"Reducing over {dimension!r} is not built.", "Use aggregate_spatial with a polygon."
        )
    result = reducer(data=data.with_(axis=dimension), context=context)
    return _back_to_cube(result, data, dimension)


def _back_to_cube(result: Any, data: Block, dimension: str) -> Block:
    """Return what a reducer made as a cube without the dimension."""
    if isinstance(result, Block):
        if result.axis is not None:
            raise InputError(
                "The reducer returns an array.", "It must end in one value.", code="ProcessParameterInvalid"
            )
        return result
    template = data.pick(dimension, 0)
    if isinstance(result, list):
        raise InputError(
            "The reducer returns an array.", "It must end in one value.", code="ProcessParameterInvalid"
        )
    value = np.float32(0) if result is None else result
    shape = template.values.shape
    return template.with_(
        values=np.full(shape, value), valid=None if result is not None else np.zeros(shape, bool), axis=None
    )


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
    result = process(x=data.with_(axis=None), context=context)
    if isinstance(result, Block):
        return expand(result, data.dims)
    value = np.float32(0) if result is None else result
    valid = None if result is not None else np.zeros(data.values.shape, bool)
    return data.with_(values=np.full(data.values.shape, value), valid=valid)


@process("cubes", times=_times_unless_t)
def apply_dimension(
    data: Cube,
    process: Reducer,
    dimension: Text,
    target_dimension: OptionalText = None,
    context: Context = None,
) -> Cube:
    """Apply a process to the array along a dimension.

    Parameters
    ----------
    data
        A cube.
    process
        Takes the array, returns an array.
    dimension
        The dimension along which the array runs.
    target_dimension
        A new name for the dimension, if it is to have one.
    context
        Handed to the process.
    """
    data.index(dimension)
    result = process(data=data.with_(axis=dimension), context=context)
    if not isinstance(result, Block) or result.axis is None:
        raise InputError(
            "The process of apply_dimension does not return an array.",
            "Use reduce_dimension to end in one value.",
            code="ProcessParameterInvalid",
        )
    axis, name = result.axis, target_dimension or dimension
    position = result.index(axis)
    length = result.values.shape[position]
    kept = data.labels[dimension] if length == len(data.labels[dimension]) else tuple(range(length))
    labels = {k: v for k, v in result.labels.items() if k != axis} | {name: kept}
    dims = tuple(name if d == axis else d for d in result.dims)
    order = tuple(name if d == dimension else d for d in data.dims)
    return expand(result.with_(dims=dims, labels=labels, axis=None), order)


@process("cubes", "masks", times=same_times)
def mask(data: Cube, mask: Cube, replacement: Anything = None) -> Cube:
    """Replace values where the mask is true or not zero.

    Parameters
    ----------
    data
        A cube.
    mask
        A cube with the same labels on the dimensions that both have; it may lack dimensions.
    replacement
        The new value; by default no-data.
    """
    _check_labels(data, mask)
    where = expand(mask, data.dims)
    hit = where.values.astype(bool)
    if where.values.dtype.kind == "f":
        hit &= ~np.isnan(where.values)
    if where.valid is not None:
        hit = hit & where.valid
    if replacement is None:
        keep = np.broadcast_to(~hit, data.values.shape)
        return data.with_(valid=keep if data.valid is None else data.valid & keep)
    if isinstance(check_scalar(replacement), str):
        raise InputError(
            f"The replacement {replacement!r} is not a number.", "Give one.", code="ProcessParameterInvalid"
        )
    # Wide enough for both: 0.5 does not become 0 in a cube of integers.
    dtype = np.result_type(data.values.dtype, np.min_scalar_type(replacement))
    values = np.where(hit, dtype.type(replacement), data.values.astype(dtype, copy=False))
    return data.with_(values=values, valid=None if data.valid is None else data.valid | hit)


def _check_labels(data: Block, other: Block) -> None:
    for dim in set(data.dims) & set(other.dims) - {"x", "y"}:
        if data.labels[dim] != other.labels[dim]:
            raise InputError(
                f"The two cubes have different labels along {dim!r}: {len(data.labels[dim])} beside "
                f"{len(other.labels[dim])}.",
                "Filter or rename them so that they agree.",
                code="LabelsNotEqual",
            )


@process("cubes", "math > indices", "vegetation indices", times=same_times)
def ndvi(
    data: Cube, nir: OptionalText = "nir", red: OptionalText = "red", target_band: OptionalText = None
) -> Cube:
    """Compute the Normalised Difference Vegetation Index, ``(nir - red) / (nir + red)``.

    Parameters
    ----------
    data
        A cube with bands.
    nir
        Name or common name of the near-infrared band.
    red
        Name or common name of the red band.
    target_band
        If given, the bands stay and the index joins them under this name; else the bands go.
    """
    _need_bands(data)
    found = []
    for name, code in ((nir or "nir", "NirBandAmbiguous"), (red or "red", "RedBandAmbiguous")):
        try:
            found.append(data.pick("bands", find_bands(data, [name])[0]))
        except InputError as error:
            raise InputError(error.message, error.remedy, code=code) from error
    index: Block = combine(lambda n, r: np.true_divide(n - r, n + r), found)
    if target_band is None:
        return index
    if target_band in data.labels["bands"]:
        raise InputError(
            f"There is already a band {target_band!r}.", "Choose another name.", code="BandExists"
        )
    return _concatenate(data, _with_dimension(index, "bands", target_band, data.dims), "bands")


def _with_dimension(block: Block, name: str, label: Any, dims: tuple[str, ...]) -> Block:
    wide = expand(block, dims)
    return wide.with_(labels={**block.labels, name: (label,)})


def _concatenate(first: Block, second: Block, dim: str) -> Block:
    """Join two blocks along a dimension; the other dimensions agree."""
    axis = first.index(dim)
    dtype = np.result_type(first.values.dtype, second.values.dtype)
    masks = [np.ones(b.values.shape, bool) if b.valid is None else b.valid for b in (first, second)]
    complete = first.valid is None and second.valid is None
    return first.with_(
        values=np.concatenate([first.values.astype(dtype), second.values.astype(dtype)], axis=axis),
        valid=None if complete else np.concatenate(masks, axis=axis),
        labels={**first.labels, dim: (*first.labels[dim], *second.labels[dim])},
        common_names={**second.common_names, **first.common_names},
    )


def _times_of_merge(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Say that all dates are needed where the cubes are joined along t, since each has but some of them."""
    cubes = [arguments[name] for name in ("cube1", "cube2") if "t" in arguments[name].dims]
    return wanted if len({cube.labels["t"] for cube in cubes}) == 1 else None


@process("cubes", times=_times_of_merge)
def merge_cubes(cube1: Cube, cube2: Cube, overlap_resolver: Overlap = None, context: Context = None) -> Cube:
    """Merge two cubes on one pixel grid.

    They may differ in the labels of one dimension, along which they are joined; where labels are
    equal in all dimensions the resolver decides. A cube that lacks a dimension is repeated along it.

    Parameters
    ----------
    cube1
        A cube.
    cube2
        Another cube.
    overlap_resolver
        Takes the values x and y of both cubes, returns the one to use.
    context
        Handed to the resolver.
    """
    if len(cube2.dims) > len(cube1.dims):
        raise UnavailableError(
            "Merging into a first cube that lacks dimensions of the second is not built.",
            "Swap cube1 and cube2.",
        )
    shared = [d for d in cube1.dims if d in cube2.dims and d not in ("x", "y")]
    differing = [d for d in shared if cube1.labels[d] != cube2.labels[d]]
    if not differing:
        if overlap_resolver is None:
            raise InputError(
                "The two cubes overlap everywhere and no overlap_resolver is given.",
                "Give one, such as max, or rename the bands.",
                code="OverlapResolverMissing",
            )
        (a, b), _ = align([cube1, cube2])
        result = overlap_resolver(x=a, y=b, context=context)
        if isinstance(result, Block):
            return result
        raise InputError(
            f"The overlap_resolver returns {result!r}, whatever the two values are.",
            "Use its parameters x and y, such as max over both.",
            code="ProcessParameterInvalid",
        )
    if len(differing) > 1 or len(cube2.dims) < len(cube1.dims):
        raise InputError(
            f"The two cubes differ along {', '.join(differing)}.",
            "Make their labels agree in all dimensions but one.",
            code="ProcessParameterInvalid",
        )
    dim = differing[0]
    if set(cube1.labels[dim]) & set(cube2.labels[dim]):
        raise UnavailableError(
            f"Merging cubes that share some labels along {dim!r} is not built.",
            "Filter or rename them first.",
        )
    joined = _concatenate(cube1, expand(cube2, cube1.dims), dim)
    if dim != "t":
        return joined
    order = sorted(range(len(joined.labels["t"])), key=lambda i: str(joined.labels["t"][i]))
    return joined.take("t", order)


@process("cubes", times=_times_unless_t)
def rename_labels(data: Cube, dimension: Text, target: Array, source: Array = ()) -> Cube:
    """Rename labels of a dimension.

    Parameters
    ----------
    data
        A cube.
    dimension
        The dimension.
    target
        The new labels.
    source
        The labels they replace; all, in order, if empty.
    """
    data.index(dimension)
    labels = data.labels[dimension]
    old = list(source) or list(labels)
    if len(old) != len(target):
        raise InputError(
            f"{len(target)} new labels are given for {len(old)}.", "Give as many.", code="LabelMismatch"
        )
    missing = [s for s in old if s not in labels]
    if missing:
        raise InputError(
            f"There is no label {missing[0]!r} along {dimension!r}.",
            f"The labels are {', '.join(map(str, labels))}.",
            code="LabelNotAvailable",
        )
    renamed = dict(zip(old, target, strict=True))
    result = tuple(renamed.get(label, label) for label in labels)
    if len(set(result)) < len(result):
        raise InputError("Two labels would be equal.", "Choose other names.", code="LabelExists")
    names = {renamed.get(k, k): v for k, v in data.common_names.items()} if dimension == "bands" else None
    return data.with_(
        labels={**data.labels, dimension: result}, common_names=data.common_names if names is None else names
    )


@process("cubes", times=same_times)
def add_dimension(data: Cube, name: Text, label: Anything, type: Text = "other") -> Cube:
    """Add a dimension with one label.

    Parameters
    ----------
    data
        A cube.
    name
        The new dimension.
    label
        Its label.
    type
        temporal, bands, geometry or other.
    """
    if name in data.dims:
        raise InputError(f"There is already a dimension {name!r}.", "Choose another.", code="DimensionExists")
    known = [d for d in ("t", "bands") if d in data.dims or d == name]
    others = [d for d in data.dims if d not in ("t", "bands", "y", "x")] + ([] if name in known else [name])
    return _with_dimension(data, name, label, (*others, *known, "y", "x"))


@process("cubes", times=_times_unless_t)
def drop_dimension(data: Cube, name: Text) -> Cube:
    """Drop a dimension that has one label.

    Parameters
    ----------
    data
        A cube.
    name
        The dimension.
    """
    axis = data.index(name)
    if data.values.shape[axis] != 1:
        raise InputError(
            f"The dimension {name!r} has {data.values.shape[axis]} labels.",
            "Reduce it or filter it to one label first.",
            code="DimensionLabelCountMismatch",
        )
    return data.pick(name, 0)


@process("cubes", "export", times=same_times)
def save_result(data: Cube, format: Text, options: Options = None) -> Cube:
    """Say in which file format the result is wanted.

    Parameters
    ----------
    data
        The cube to save.
    format
        One of GET /file_formats, such as GTiff; upper or lower case.
    options
        Options of the format.
    """
    from eocene.process.formats import check_format

    check_format(format)
    return data
