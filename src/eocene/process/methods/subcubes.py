"""Cubes that are changed part by part: what a process returns for each, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.model import InputError
from eocene.process.methods.series import as_series

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


def same_form(result: Any, given: Block, process: str) -> Block:
    """Return what a callback made of a cube, or of the array along its axis, in the form of what it got.

    Raises
    ------
    InputError
        DataCubePropertiesImmutable if its dimensions or the number of its labels differ.
    """
    if given.axis is not None and isinstance(result, list | tuple | Block):
        result = _along(as_series(result), given)
    if isinstance(result, Block) and set(result.dims) == set(given.dims):
        result = expand(result, given.dims)
        if result.values.shape == given.values.shape:
            return given.with_(values=result.values, valid=result.valid, axis=None)
    raise InputError(
        f"The process of {process} returns something of another form than it got: "
        f"({', '.join(given.dims)}) of {given.values.shape}.",
        "It must keep the dimensions and the number of their labels.",
        code="DataCubePropertiesImmutable",
    )


def _along(array: Block, given: Block) -> Block:
    """Return an array, which may be the same for all pixels, with the dimensions of what the callback got."""
    array = expand(
        array.with_(dims=tuple(given.axis or d if d == array.axis else d for d in array.dims)), given.dims
    )
    shape = np.broadcast_shapes(array.values.shape, _without_axis(given))
    return array.with_(
        values=np.broadcast_to(array.values, shape),
        valid=None if array.valid is None else np.broadcast_to(array.valid, shape),
    )


def _without_axis(given: Block) -> tuple[int, ...]:
    return tuple(1 if d == given.axis else n for d, n in zip(given.dims, given.values.shape, strict=True))


@dataclass(eq=False)
class Assembly:
    """Collects parts of a cube; what no part covers is no-data."""

    values: NDArray[Any]
    valid: NDArray[np.bool_]

    @classmethod
    def empty(cls, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Assembly:
        """Return one of no-data."""
        return cls(np.zeros(shape, dtype), np.zeros(shape, bool))

    def put(self, part: Block, there: Sequence[NDArray[np.int64]], here: Sequence[NDArray[np.int64]]) -> None:
        """Put some places of a part, given by the positions along each dimension, at others."""
        target, source = np.ix_(*there), np.ix_(*here)
        self.values[target] = part.values[source]
        self.valid[target] = True if part.valid is None else part.valid[source]

    def into(self, like: Block) -> Block:
        """Return what has been collected, in the form of ``like``."""
        return like.with_(values=self.values, valid=None if self.valid.all() else self.valid)
