"""What processes on cubes share about dimensions: which one is meant, whether labels agree, what it takes."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.cube.block import Block, expand
from eocene.cube.feature import Feature
from eocene.model import EoceneError, InputError
from eocene.model.timespan import parse_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

PIXELS = ("y", "x")
_DATE = 10
"""Characters of a date, the shortest text that is an instant and no period."""


def times_unless_t(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Say that a date needs that date alone, unless the process works along t."""
    along = (arguments.get(name) for name in ("dimension", "target_dimension", "name"))
    return None if "t" in along else wanted


def over_pixels(*parameters: str) -> Callable[[dict[str, Any]], bool]:
    """Return the condition under which a process needs the whole grid: if a parameter names y or x."""

    def condition(arguments: dict[str, Any]) -> bool:
        named = [arguments.get(p) for p in parameters]
        return any(name in PIXELS for n in named for name in (n if isinstance(n, list | tuple) else (n,)))

    return condition


def labelled(data: Block, *dimensions: str) -> Block:
    """Return the block off its grid if one of the dimensions is y or x, so that all of them have labels."""
    return data.off_grid() if set(dimensions) & set(PIXELS) else data


def refuse_existing(data: Block, name: str, code: str = "DimensionExists") -> None:
    """Raise InputError if there is a dimension of that name."""
    if name in data.dims:
        raise InputError(
            f"There is already a dimension {name!r}.",
            f"Choose a name other than {', '.join(data.dims)}.",
            code=code,
        )


def temporal_dimension(data: Block, dimension: str | None) -> str:
    """Return the temporal dimension that is meant.

    Raises
    ------
    InputError
        TooManyDimensions if there are several and none is named, DimensionNotAvailable if there is none.
    """
    found = data.dims_of("temporal")
    if dimension is not None:
        data.index(dimension)
        found = tuple(d for d in found if d == dimension)
    if not found:
        raise InputError(
            f"{'The cube has' if dimension is None else f'{dimension!r} is'} no temporal dimension.",
            f"Its temporal dimensions are {', '.join(data.dims_of('temporal')) or 'none'}.",
            code="DimensionNotAvailable",
        )
    if len(found) > 1:
        raise InputError(
            f"The cube has several temporal dimensions: {', '.join(found)}.",
            "Name one in the parameter dimension.",
            code="TooManyDimensions",
        )
    return found[0]


def as_label(label: Any, kind: str) -> Any:
    """Return a label as cubes keep it: a date or instant of a temporal dimension as datetime64."""
    if kind != "temporal" or not isinstance(label, str) or len(label) < _DATE:
        return label
    try:
        return parse_instant(label)
    except EoceneError:
        return label  # the name of a period, say


def label_key(label: Any, kind: str) -> Hashable:
    """Return what is equal for labels that mean the same: an instant, a geometry, a number or a text."""
    label = as_label(label, kind)
    if isinstance(label, np.datetime64):
        return int(label.astype("datetime64[us]").astype(np.int64))
    if isinstance(label, Feature):
        return label.epsg, shapely.normalize(label.geometry).wkb
    found: Hashable = label
    return found


def keys_of(data: Block, dim: str) -> tuple[Hashable, ...]:
    """Return the keys of a dimension's labels."""
    kind = data.kind_of(dim)
    return tuple(label_key(label, kind) for label in data.labels[dim])


def check_same_labels(data: Block, other: Block, but: tuple[str, ...] = ()) -> None:
    """Raise InputError if two cubes differ in the labels of a dimension that both have."""
    for dim in data.dims:
        if dim not in other.dims or dim in but or data.labels.get(dim) == other.labels.get(dim):
            continue
        if keys_of(data, dim) != keys_of(other, dim):
            raise InputError(
                f"The two cubes have different labels along {dim!r}: {len(data.labels[dim])} beside "
                f"{len(other.labels[dim])}.",
                "Filter or rename them so that they agree.",
                code="IncompatibleDataCubes",
            )


def no_band(name: Any, bands: Iterable[Any], owner: str, others: Iterable[Any] = ()) -> InputError:
    """Return the error of a band that is not there; a name that comes near may be one of the ``others``."""
    known = [str(band) for band in bands]
    near = get_close_matches(str(name), [*known, *map(str, others)], n=1)
    return InputError(
        f"{owner} has no band {name!r}.",
        (f"Did you mean {near[0]}? " if near else "") + f"Its bands are {', '.join(known)}.",
        code="BandNotAvailable",
    )


def drop_single(data: Block, dim: str) -> Block:
    """Return the block without a dimension that has one label.

    Raises
    ------
    InputError
        DimensionLabelCountMismatch if it has none or several.
    """
    count = data.values.shape[data.index(dim)]
    if count != 1:
        raise InputError(
            f"The dimension {dim!r} has {count} labels.",
            "Reduce it, or filter it to one label first.",
            code="DimensionLabelCountMismatch",
        )
    return labelled(data, dim).pick(dim, 0)


def without(data: Block, dim: str) -> Block:
    """Return a block of what is left without a dimension; what its values are does not matter."""
    axis = data.index(dim)
    shape = data.values.shape[:axis] + data.values.shape[axis + 1 :]
    return data.without(dim, np.broadcast_to(np.zeros((), data.values.dtype), shape), None)


def fill(result: Any, like: Block, what: str) -> Block:
    """Return what a callback gave as a block of the shape of ``like``, repeated where it lacks dimensions.

    Raises
    ------
    InputError
        If it is an array.
    """
    if isinstance(result, list | tuple) or (isinstance(result, Block) and result.axis is not None):
        raise InputError(
            f"The {what} returns an array.", "It must end in one value.", code="ProcessParameterInvalid"
        )
    shape = like.values.shape
    if not isinstance(result, Block):
        value = np.asarray(np.float32(0) if result is None else result)
        value = value.astype(object) if value.dtype.kind not in "biuf" else value
        valid = None if result is not None else np.broadcast_to(np.False_, shape)
        return like.with_(values=np.broadcast_to(value, shape), valid=valid, axis=None)
    block = expand(result, like.dims)
    if block.values.shape == shape:
        return block
    return like.with_(
        values=np.broadcast_to(block.values, shape),
        valid=None if block.valid is None else np.broadcast_to(block.valid, shape),
        axis=None,
    )
