"""How two cubes are joined: dimension by dimension, label by label."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, as_slice, expand
from eocene.process.methods.dimensions import PIXELS, keys_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Joint:
    """How two cubes meet along a dimension.

    Parameters
    ----------
    dim : str
        The dimension.
    labels : tuple or None
        The labels of the result; None for pixels of the grid, which both share.
    at : pair of sequences
        Where in the result the labels of each cube are; everywhere for a cube that lacks the dimension.
    length : int
        How many labels the result has.
    differs : bool
        Whether the two cubes have different labels.
    """

    dim: str
    labels: tuple[Any, ...] | None
    at: tuple[Sequence[int], Sequence[int]]
    length: int
    differs: bool = True

    @cached_property
    def shared(self) -> Sequence[int]:
        """Positions in the result of the labels that both have."""
        return sorted({*self.at[0]} & {*self.at[1]}) if self.differs else range(self.length)


def join(one: Block, two: Block) -> list[Joint]:
    """Return how two cubes meet along each dimension of the result, those of the wider one, pixels last."""
    lead, other = (two, one) if {*one.dims} <= {*two.dims} else (one, two)
    dims = (*(d for d in other.dims if d not in lead.dims), *lead.dims)
    on_grid = PIXELS if one.grid is not None or two.grid is not None else ()
    return [_join(d, one, two) for d in (*(d for d in dims if d not in on_grid), *on_grid)]


def _join(dim: str, one: Block, two: Block) -> Joint:
    has = [block for block in (one, two) if dim in block.dims]
    on_grid = has[0].grid is not None and dim in PIXELS
    labels = None if on_grid else has[0].labels[dim]
    length = has[0].values.shape[has[0].index(dim)]
    if len(has) == 1 or on_grid or two.labels[dim] == labels:
        return Joint(dim, labels, (range(length), range(length)), length, differs=False)
    keys = keys_of(one, dim), keys_of(two, dim)
    joined = _sorted(dict.fromkeys((*keys[0], *keys[1])), keys[0], one.kind_of(dim))
    known = dict(zip((*keys[1], *keys[0]), (*two.labels[dim], *one.labels[dim]), strict=True))
    place = {key: position for position, key in enumerate(joined)}
    at = [place[k] for k in keys[0]], [place[k] for k in keys[1]]
    return Joint(dim, tuple(known[key] for key in joined), at, len(joined), differs=at[0] != at[1])


def _sorted(keys: Iterable[Any], first: Sequence[Any], kind: str) -> list[Any]:
    """Return times ascending, coordinates in the direction of the first cube, others as they come."""
    if kind not in ("temporal", "spatial"):
        return list(keys)
    falling = kind == "spatial" and len(first) > 1 and first[0] > first[-1]
    return sorted(keys, key=lambda key: (isinstance(key, str), key), reverse=falling)


def frame(one: Block, two: Block, joints: Sequence[Joint]) -> Block:
    """Return the result without its values."""
    return one.with_(
        values=np.broadcast_to(np.False_, [joint.length for joint in joints]),
        valid=None,
        dims=tuple(joint.dim for joint in joints),
        labels={joint.dim: joint.labels for joint in joints if joint.labels is not None},
        grid=one.grid or two.grid,
        axis=None,
        common_names={**two.common_names, **one.common_names},
        wavelengths={**two.wavelengths, **one.wavelengths},
        kinds={**two.kinds, **one.kinds},
    )


def shared_part(block: Block, joints: Sequence[Joint], which: int) -> Block:
    """Return the part of the first (0) or second (1) cube whose labels the other has too."""
    for joint in joints:
        if joint.differs and joint.dim in block.dims:
            position = {place: i for i, place in enumerate(joint.at[which])}
            block = block.take(joint.dim, [position[place] for place in joint.shared])
    return block.with_(axis=None)


@dataclass(frozen=True)
class Layer:
    """A block, its places in the result along each dimension, and in which pixels it counts (None: all)."""

    block: Block
    at: Sequence[Sequence[int]]
    pixels: NDArray[np.bool_] | None = None


def overlay(layers: Sequence[Layer], result: Block) -> Block:
    """Write layers over one another into the frame; no-data where there is none."""
    blocks = [expand(layer.block, result.dims) for layer in layers]
    values = np.zeros(result.values.shape, np.result_type(*(b.values.dtype for b in blocks)))
    valid = np.zeros(values.shape, bool)
    for block, layer in zip(blocks, layers, strict=True):
        at = _index(layer.at)
        known: Any = np.True_ if block.valid is None else block.valid
        if layer.pixels is None:
            values[at], valid[at] = block.values, known
        else:
            values[at] = np.where(layer.pixels, block.values, values[at])
            valid[at] = np.where(layer.pixels, known, valid[at])
    return result.with_(values=values, valid=None if valid.all() else valid)


def _index(places: Sequence[Sequence[int]]) -> tuple[Any, ...]:
    """Return numpy's index of places along each axis: slices where possible, since they copy the fastest."""
    spans = [as_slice(p) for p in places]
    if sum(isinstance(span, list) for span in spans) <= 1:
        return tuple(spans)
    return np.ix_(*(np.asarray(p, np.intp) for p in places))
