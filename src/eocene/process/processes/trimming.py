"""Removing what has no data.

Source: openEO processes 2.0, category cubes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.cube.block import Block
from eocene.process.methods.elementwise import same_times
from eocene.process.registry import process
from eocene.process.types import Cube

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@process("cubes", times=same_times)
def trim_cube(data: Cube) -> Cube:
    """Remove labels that have only no-data.

    Along space and time only at the ends, since what lies between would else be torn apart; bands and
    other labels wherever they stand. A cube without any data stays as it is. A cube with pixels is trimmed
    where the result of a graph is, by :mod:`eocene.process.settle`: before that it is not known what can go.

    Parameters
    ----------
    data
        A cube.
    """
    if data.grid is not None or data.valid is None:
        return data
    axes = range(data.valid.ndim)
    some = {d: np.any(data.valid, axis=tuple(a for a in axes if a != n)) for n, d in enumerate(data.dims)}
    for dim, positions in positions_with_data(data, some).items():
        data = data.take(dim, positions)
    return data


def positions_with_data(cube: Block, some: Mapping[str, NDArray[np.bool_]]) -> dict[str, list[int]]:
    """Return, for each dimension that can be cut, the positions that stay.

    Parameters
    ----------
    cube : Block
        Whose dimensions they are.
    some : mapping
        Dimension → for each of its labels whether there is any data.
    """
    kept = {}
    for dim, here in some.items():
        found = np.flatnonzero(here)
        if not len(found):
            return {}
        if cube.kind_of(dim) in ("spatial", "temporal"):
            found = np.arange(found[0], found[-1] + 1)
        if len(found) < len(here):
            kept[dim] = found.tolist()
    return kept
