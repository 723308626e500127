"""Blocks as code of users sees them, and what it gives back as blocks again."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from eocene.cube.block import Block
from eocene.cube.edge import to_xarray
from eocene.process.udf.limits import UdfError

_MOST_LABELS = 100_000
_MOST_VALUES = 10_000_000
"""Of plain lists, which take ten times the memory of an array."""


def to_data(data: Any) -> Any:
    """Return a block as a DataArray of floats, NaN where there is no data, or as a GeoDataFrame."""
    if not isinstance(data, Block):
        return data
    if data.dims_of("geometry"):
        from eocene.cube.feature import to_geodataframe

        return to_geodataframe(data)
    return to_xarray(data, data.grid)


def from_result(result: Any, data: Any) -> Any:
    """Return what the code gave back in the form of the data: a block for a block.

    Raises
    ------
    UdfError
        If it is something else than a block can be.
    """
    if hasattr(result, "geometry") and hasattr(result, "columns"):
        from eocene.cube.feature import from_geodataframe

        return from_geodataframe(result)
    if not isinstance(result, xr.DataArray):
        return result
    if isinstance(data, Block):
        return _to_block(result, data)
    if result.size > _MOST_VALUES:
        raise UdfError(
            f"The code gave back {result.size:,} values.", f"Give at most {_MOST_VALUES:,}, or a cube."
        )
    return result.values.tolist()


def _to_block(result: xr.DataArray, data: Block) -> Block:
    """Return an array in the place of the data, which have the same pixels."""
    dims = tuple(str(d) for d in result.dims)
    pixels = [d for d in ("y", "x") if d in data.dims]
    sizes = {d: data.values.shape[data.dims.index(d)] for d in pixels}
    if any(result.sizes.get(d) != n for d, n in sizes.items()):
        raise UdfError(
            f"The code gave back {dict(result.sizes)} where y and x are {sizes}.",
            "Keep the pixels as they are.",
        )
    if result.dtype.kind not in "biuf":
        raise UdfError(f"The code gave back values of the type {result.dtype}.", "Give back numbers.")
    order = [d for d in dims if d not in pixels] + pixels
    values = result.transpose(*order).values
    if values.dtype == np.float16:
        values = values.astype(np.float32)
    valid = ~np.isnan(values) if values.dtype.kind == "f" else np.ones(values.shape, bool)
    complete = bool(valid.all())
    labels = {d: _labels(result, d, data) for d in order if d not in sizes or data.grid is None}
    return data.with_(
        values=values if complete else np.where(valid, values, values.dtype.type(0)),
        valid=None if complete else valid,
        dims=tuple(order),
        labels=labels,
        axis=data.axis if data.axis in order else None,
    )


def _labels(result: xr.DataArray, dim: str, data: Block) -> tuple[Any, ...]:
    """Return the labels that the code has set; where it left them alone those of the data, as they were."""
    if result.sizes[dim] > _MOST_LABELS:
        raise UdfError(
            f"The code gave back {result.sizes[dim]:,} labels of {dim}.",
            f"At most {_MOST_LABELS:,} are taken.",
        )
    kept = data.labels.get(dim, ())
    same_length = len(kept) == result.sizes[dim]
    if dim not in result.coords:
        return kept if same_length else tuple(range(result.sizes[dim]))
    found = result[dim].values
    if same_length:
        given = to_xarray(data.with_(grid=None) if data.grid is None else data, data.grid)
        if dim in given.coords and np.array_equal(given[dim].values.astype(object), found.astype(object)):
            return kept
    if found.dtype.kind == "M":
        return tuple(found.astype("datetime64[s]"))
    return tuple(found.tolist())
