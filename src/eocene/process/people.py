"""What people hand in and get back: xarray, GeoDataFrames, lists and plain values, never blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.edge import to_xarray
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.process.schema import Source


def from_people(value: Any) -> Any:
    """Return a parameter as processes take it.

    Returns
    -------
    Source, Block or plain value
        A DataArray with pixels becomes a source, others a block (one-dimensional: a labelled array), a
        GeoDataFrame a block along ``geometry``; numpy scalars and arrays become numbers and lists.

    Raises
    ------
    InputError
        If it is none of these.
    """
    if value is None or isinstance(value, bool | int | float | str | dict | list | Block):
        return value
    if hasattr(value, "probe"):  # it was a cube, and has gone this way before
        return value
    if isinstance(value, tuple):
        return list(value)
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if hasattr(value, "coords"):
        from eocene.cube.edge import from_xarray

        given: Source | Block = from_xarray(value)
        return given
    if hasattr(value, "geometry"):
        from eocene.cube.feature import from_geodataframe

        return from_geodataframe(value)
    raise InputError(
        f"A {type(value).__name__} cannot be a parameter of a graph.",
        "Hand in a DataArray, a GeoDataFrame, a list or a plain value.",
        code="ProcessParameterInvalid",
    )


def to_people(result: Any) -> Any:
    """Return a result as people use it: DataArray, GeoDataFrame, list or plain Python value."""
    if isinstance(result, list | tuple):
        return [to_people(v) for v in result]
    if isinstance(result, Block):
        return _show_block(result)
    return result.item() if isinstance(result, np.generic) else result


def _show_block(block: Block) -> Any:
    if block.dims_of("geometry"):
        from eocene.cube.feature import to_geodataframe

        return to_geodataframe(block)
    if not block.dims:
        return None if block.valid is not None and not block.valid else block.values.item()
    if block.axis is not None and block.labels[block.axis] == tuple(range(block.values.shape[0])):
        return _as_list(block)
    return to_xarray(block, block.grid)


def _as_list(series: Block) -> list[Any]:
    """Return an array without labels as a list, None where there is no data."""
    values: list[Any] = series.values.tolist()
    if series.valid is None:
        return values
    return [v if here else None for v, here in zip(values, series.valid.tolist(), strict=True)]
