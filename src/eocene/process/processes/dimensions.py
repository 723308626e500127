"""Processes that make, name, split and join dimensions.

Source: openEO processes 2.0, category cubes; flatten_dimensions and unflatten_dimension are proposals.
"""

from __future__ import annotations

from itertools import product
from typing import Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.methods.dimensions import (
    as_label,
    drop_single,
    labelled,
    over_pixels,
    refuse_existing,
    times_unless_t,
)
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.series import plain_label
from eocene.process.registry import process
from eocene.process.types import Cube, Label, Text, array_of

_TYPES = ("bands", "geometry", "spatial", "temporal", "other")
_ORDER = {"temporal": 1, "bands": 2, "spatial": 3}
DimensionType = Annotated[str, {"type": "string", "enum": list(_TYPES)}]
Names = Annotated[Any, array_of({"type": "string"}, uniqueItems=True)]
SeveralNames = Annotated[Any, array_of({"type": "string"}, uniqueItems=True, minItems=2)]
Separator = Annotated[str, {"type": "string", "minLength": 1}]


@process("cubes")
def create_data_cube() -> Cube:
    """Make an empty cube without dimensions; add_dimension gives it some."""
    return Block(np.zeros((), np.float32), (), {}, np.zeros((), bool))


@process("cubes", times=same_times)
def add_dimension(data: Cube, name: Text, label: Label, type: DimensionType = "other") -> Cube:
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
        spatial, temporal, bands, geometry or other.

    Raises
    ------
    DimensionExists
        The cube has a dimension of that name, or x, y and z already.
    """
    refuse_existing(data, name)
    if type not in _TYPES:
        raise InputError(
            f"There is no type of dimension {type!r}.",
            f"Use one of {', '.join(_TYPES)}.",
            code="ProcessParameterInvalid",
        )
    if type == "spatial" and len(data.dims_of("spatial")) == len("xyz"):
        raise InputError(
            "The cube has dimensions for x, y and z.", "Use another type.", code="DimensionExists"
        )
    place = _place_for(type, data)
    return data.with_(
        values=np.expand_dims(data.values, place),
        valid=None if data.valid is None else np.expand_dims(data.valid, place),
        dims=(*data.dims[:place], name, *data.dims[place:]),
        labels={**data.labels, name: (as_label(label, type),)},
        kinds={**data.kinds, name: type},
    )


def _place_for(kind: str, data: Block) -> int:
    """Return where a new dimension goes: others, times, bands, then pixels."""
    rank = _ORDER.get(kind, 0)
    after = (i for i, d in enumerate(data.dims) if _ORDER.get(data.kind_of(d), 0) >= max(rank, 1))
    return next(after, len(data.dims)) if rank else 0


@process("cubes", times=times_unless_t, whole=over_pixels("name"))
def drop_dimension(data: Cube, name: Text) -> Cube:
    """Drop a dimension that has one label.

    Parameters
    ----------
    data
        A cube.
    name
        The dimension.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    DimensionLabelCountMismatch
        The dimension has no label, or several.
    """
    return drop_single(data, name)


@process("cubes", times=same_times, whole=over_pixels("source"))
def rename_dimension(data: Cube, source: Text, target: Text) -> Cube:
    """Rename a dimension; its type and labels stay.

    Parameters
    ----------
    data
        A cube.
    source
        Its name.
    target
        Its new name.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    DimensionExists
        The cube has a dimension of the new name.
    """
    data.index(source)
    refuse_existing(data, target)
    cube = labelled(data, source)
    names = {source: target}
    return cube.with_(
        dims=tuple(names.get(d, d) for d in cube.dims),
        labels={names.get(d, d): cube.labels[d] for d in cube.dims if d in cube.labels},
        kinds={**cube.kinds, target: cube.kind_of(source)},
    )


@process("cubes", times=times_unless_t, whole=over_pixels("dimensions"), experimental=True)
def flatten_dimensions(
    data: Cube, dimensions: Names, target_dimension: Text, label_separator: Separator = "~"
) -> Cube:
    """Join dimensions to one, whose labels are those of each joined by a separator.

    Parameters
    ----------
    data
        A cube.
    dimensions
        The dimensions to join; the labels of the last change fastest.
    target_dimension
        The new dimension.
    label_separator
        Stands between the labels.

    Raises
    ------
    DimensionNotAvailable
        The cube lacks one of the dimensions.
    TargetDimensionExists
        The cube has a dimension of the new name.
    """
    joined = _check_names(dimensions, 1)
    for name in joined:
        data.index(name)
    refuse_existing(data, target_dimension, "TargetDimensionExists")
    cube = labelled(data, *joined)
    first = min(cube.index(name) for name in joined)
    rest = [d for d in cube.dims if d not in joined]
    order = [cube.index(d) for d in (*rest[:first], *joined, *rest[first:])]
    parts = [[str(plain_label(label)) for label in cube.labels[d]] for d in joined]
    labels = tuple(label_separator.join(combination) for combination in product(*parts))
    shape = (*(len(cube.labels[d]) if d in cube.labels else cube.values.shape[cube.index(d)] for d in rest),)
    shape = (*shape[:first], len(labels), *shape[first:])
    return cube.with_(
        values=cube.values.transpose(order).reshape(shape),
        valid=None if cube.valid is None else cube.valid.transpose(order).reshape(shape),
        dims=(*rest[:first], target_dimension, *rest[first:]),
        labels={**{d: cube.labels[d] for d in rest if d in cube.labels}, target_dimension: labels},
        kinds={**cube.kinds, target_dimension: "other"},
    )


def _check_names(names: Any, least: int) -> list[str]:
    if len(names) < least or len(set(names)) < len(names) or not all(isinstance(n, str) for n in names):
        raise InputError(
            f"{names!r} are not at least {least} different names of dimensions.",
            'Write a list such as ["t", "bands"].',
            code="ProcessParameterInvalid",
        )
    return list(names)


@process("cubes", times=times_unless_t, whole=over_pixels("dimension"), experimental=True)
def unflatten_dimension(
    data: Cube, dimension: Text, target_dimensions: SeveralNames, label_separator: Separator = "~"
) -> Cube:
    """Split a dimension into several, by splitting its labels at a separator.

    Parameters
    ----------
    data
        A cube.
    dimension
        The dimension to split; its labels must be all combinations of the parts.
    target_dimensions
        The new dimensions, in the order of the parts.
    label_separator
        Stands between the parts of a label.

    Raises
    ------
    DimensionNotAvailable
        The cube has no dimension of that name.
    TargetDimensionExists
        The cube has a dimension of one of the new names.
    """
    axis = data.index(dimension)
    targets = _check_names(target_dimensions, 2)
    for name in targets:
        refuse_existing(data, name, "TargetDimensionExists")
    cube = labelled(data, dimension)
    split = [tuple(str(plain_label(label)).split(label_separator)) for label in cube.labels[dimension]]
    parts = [tuple(dict.fromkeys(column)) for column in zip(*split, strict=False)]
    wanted = list(product(*parts))
    if {len(s) for s in split} != {len(targets)} or sorted(split) != sorted(wanted):
        raise InputError(
            f"The labels along {dimension!r} are not all combinations of {len(targets)} parts.",
            f"Each must hold {label_separator!r} {len(targets) - 1} times, each combination be there once.",
            code="ProcessParameterInvalid",
        )
    places = {s: position for position, s in enumerate(split)}
    ordered = cube.take(dimension, [places[s] for s in wanted])
    lengths = tuple(len(p) for p in parts)
    shape = (*cube.values.shape[:axis], *lengths, *cube.values.shape[axis + 1 :])
    return cube.with_(
        values=ordered.values.reshape(shape),
        valid=None if ordered.valid is None else ordered.valid.reshape(shape),
        dims=(*cube.dims[:axis], *targets, *cube.dims[axis + 1 :]),
        labels={
            **{k: v for k, v in cube.labels.items() if k != dimension},
            **dict(zip(targets, parts, strict=True)),
        },
        kinds={**cube.kinds, **dict.fromkeys(targets, "other")},
    )
