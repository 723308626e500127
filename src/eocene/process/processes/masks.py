"""Masking.

Source: openEO processes 2.0, category masks.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.model import Grid, InputError
from eocene.process import registry
from eocene.process.methods.dimensions import check_same_labels
from eocene.process.methods.elementwise import check_scalar, same_times
from eocene.process.registry import process
from eocene.process.types import Raster, Scalar


def aligned(cube: Block, target: Block) -> Block:
    """Return a cube on the pixel lattice of another, by resample_cube_spatial where it is on its own."""
    if cube.grid is None or target.grid is None or cube.grid.lattice == target.grid.lattice:
        return cube
    resample = registry.get("resample_cube_spatial")
    moved: Block = resample.call({"data": cube, "target": target, "method": "near"}, _window=target.grid)
    return moved


def need_of_aligned(window: Grid, arguments: dict[str, Any]) -> Grid:
    """Return what a window needs of an input that :func:`aligned` may move."""
    need = registry.get("resample_cube_spatial").need
    return need(window, arguments) if need else window


@process("cubes", "masks", times=same_times, grid=lambda a: a["data"].grid, need=need_of_aligned)
def mask(data: Raster, mask: Raster, replacement: Scalar = None) -> Raster:
    """Replace values where the mask is true or not zero.

    Parameters
    ----------
    data
        A cube.
    mask
        A cube with the same labels on the dimensions that both have; it may lack dimensions. It is put on
        the pixel grid of ``data`` as resample_cube_spatial does by default.
    replacement
        The new value; by default no-data.

    Raises
    ------
    IncompatibleDataCubes
        The mask has a dimension that the data lack, or other labels.
    """
    where = _conform(aligned(mask, data), data)
    hit = where.values.astype(bool, copy=False)
    if where.values.dtype.kind == "f":
        hit = hit & ~np.isnan(where.values)
    if where.valid is not None:
        hit = hit & where.valid
    if replacement is None:
        keep = np.broadcast_to(~hit, data.values.shape)
        return data.with_(valid=keep if data.valid is None else data.valid & keep)
    if isinstance(check_scalar(replacement), str) and data.values.dtype.kind != "O":
        raise InputError(
            f"The replacement {replacement!r} is not a number.", "Give one.", code="ProcessParameterInvalid"
        )
    # Wide enough for both: 0.5 does not become 0 in a cube of integers.
    dtype = np.result_type(data.values.dtype, np.min_scalar_type(replacement))
    new = replacement if dtype.kind == "O" else dtype.type(replacement)
    values = np.where(hit, new, data.values.astype(dtype, copy=False))
    return data.with_(values=values, valid=None if data.valid is None else data.valid | hit)


def _conform(mask: Block, data: Block) -> Block:
    """Return the mask with the dimensions of the data, those that it lacks of length 1."""
    extra = [d for d in mask.dims if d not in data.dims]
    if extra or ((mask.grid is None) != (data.grid is None) and {"x", "y"} & set(mask.dims)):
        raise InputError(
            f"The mask has the dimensions {', '.join(mask.dims)}, the data {', '.join(data.dims)}.",
            "Reduce those that the data lack, or rename them.",
            code="IncompatibleDataCubes",
        )
    if mask.grid is not None and data.grid is not None:
        mask = mask.crop(data.grid)
    check_same_labels(data, mask)
    return expand(mask, data.dims)
