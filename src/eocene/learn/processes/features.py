"""Which numbers of a cube are the features of a model: by their names, whatever their order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.cube.edge import time_coordinate
from eocene.curate.naming import join_names
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.cube.block import Block


def name_features(data: Block, dims: tuple[str, ...]) -> tuple[str, ...]:
    """Return the name of each number on a pixel, as the samples have it: a month is its first day."""
    return join_names([time_coordinate(data.labels[d]) if d == "t" else data.labels[d] for d in dims])


def match_features(names: Sequence[str], wanted: Sequence[str], model: str) -> list[int]:
    """Return the places of a model's features among those of a cube.

    Raises
    ------
    InputError
        If some are not there; names them.
    """
    position = {name: i for i, name in enumerate(names)}
    missing = [name for name in wanted if name not in position]
    if missing:
        there = f"{', '.join(names[:6])}{', …' if len(names) > 6 else ''}"
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        raise InputError(
            f"{model} needs {len(wanted)} features; the cube lacks "
            f"{', '.join(missing[:6])}{more}. It has {there}.",
            "Build the cube by the graph in the lineage of the model, or rename its labels.",
            code="ProcessParameterInvalid",
        )
    return [position[name] for name in wanted]


def check_dimensions(data: Block, dimensions: Any) -> tuple[str, ...]:
    """Return the dimensions of a cube that make up the features.

    Raises
    ------
    InputError
        If it is no list of dimensions other than y and x, or the cube has none of them.
    """
    if isinstance(dimensions, str) or not dimensions or len(set(dimensions)) != len(dimensions):
        raise InputError(
            f"dimensions is {dimensions!r}.",
            'Give a list such as ["t", "bands"].',
            code="ProcessParameterInvalid",
        )
    dims = tuple(str(d) for d in dimensions)
    if set(dims) & {"y", "x"}:
        raise InputError(
            "Pixels cannot be features: dimensions holds y or x.",
            'Use ["t", "bands"]; a model of chips looks around each pixel by itself.',
            code="ProcessParameterInvalid",
        )
    for dim in dims:
        if dim not in ("t", "bands"):
            data.index(dim)
    there = tuple(d for d in dims if d in data.dims)
    if not there:
        data.index(dims[0])
    return there
