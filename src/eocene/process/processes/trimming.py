"""Removing what has no data.

Source: openEO processes 2.0, category cubes.
"""

from __future__ import annotations

import numpy as np

from eocene.cube.block import Block
from eocene.model import Grid
from eocene.process.dimensions import PIXELS
from eocene.process.registry import process
from eocene.process.types import Cube


@process("cubes", whole=True)
def trim_cube(data: Cube) -> Cube:
    """Remove labels that have only no-data.

    Along space and time only at the ends, since what lies between would else be torn apart; bands and
    other labels wherever they stand. A cube without any data stays as it is.

    Parameters
    ----------
    data
        A cube.
    """
    if data.valid is None or not data.valid.any():
        return data
    result = data
    for axis, dim in enumerate(data.dims):
        others = tuple(a for a in range(data.valid.ndim) if a != axis)
        some = np.flatnonzero(data.valid.any(axis=others))
        if data.kind_of(dim) in ("spatial", "temporal"):
            some = np.arange(some[0], some[-1] + 1)
        if len(some) < data.values.shape[axis]:
            result = _keep(result, dim, some.tolist())
    return result


def _keep(data: Block, dim: str, positions: list[int]) -> Block:
    """Keep positions along a dimension; along pixels of a grid they are consecutive."""
    if data.grid is None or dim not in PIXELS:
        return data.take(dim, positions)
    grid, start, length = data.grid, positions[0], len(positions)
    left, top, width, height = grid.left, grid.top, grid.width, grid.height
    if dim == "y":
        return data.crop(Grid(grid.lattice, left, top + start, width, length))
    return data.crop(Grid(grid.lattice, left + start, top, length, height))
