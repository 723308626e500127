"""Cubes that are changed part by part: what a process returns for each, put together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.model import InputError
from eocene.process.series import as_series

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
        result = as_series(result)
        dims = tuple(given.axis if d == result.axis else d for d in result.dims)
        result = result.with_(dims=dims)
    if isinstance(result, Block) and set(result.dims) <= set(given.dims):
        result = expand(result, given.dims)
        fits = all(n in (1, m) for n, m in zip(result.values.shape, given.values.shape, strict=True))
        if fits and (given.axis is None or given.axis in result.dims):
            shape = given.values.shape
            valid = None if result.valid is None else np.broadcast_to(result.valid, shape)
            return given.with_(values=np.broadcast_to(result.values, shape), valid=valid, axis=None)
    raise InputError(
        f"The process of {process} returns something of another form than it got: "
        f"({', '.join(given.dims)}) of {given.values.shape}.",
        "It must keep the dimensions and the number of their labels.",
        code="DataCubePropertiesImmutable",
    )


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
