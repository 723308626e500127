"""The edge where blocks become xarray, with coordinates and a CRS that other tools read."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pyproj import CRS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.cube.block import Block
    from eocene.model import Grid


def edge_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the float that holds values of the dtype, with NaN for no-data."""
    if dtype.kind == "f":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


class PeriodLabel(str):
    """A week or dekad, such as 2024-09, which must not be read as a month."""

    __slots__ = ()


def parse_label(label: Any) -> np.datetime64:
    """Return a label along t as an instant, to its own precision; raises ValueError if it is none."""
    if isinstance(label, PeriodLabel):
        raise ValueError(f"{label} is a period")
    return np.datetime64(label.removesuffix("Z") if isinstance(label, str) else label)


def time_coordinate(labels: tuple[Any, ...]) -> Any:
    """Return labels along t as datetime64[ns] where all are times (a month is its first day), else texts."""
    try:
        return np.array([parse_label(label) for label in labels], dtype="datetime64[ns]")
    except (TypeError, ValueError):
        return np.array([str(label) for label in labels], dtype=object)


def _label_coordinate(labels: tuple[Any, ...]) -> Any:
    """Return texts as objects, which Zarr v3 stores by a specified dtype, other labels as they are."""
    return np.array(labels, dtype=object) if any(isinstance(v, str) for v in labels) else np.array(labels)


@lru_cache(maxsize=64)
def _crs_attributes(epsg: int) -> dict[str, Any]:
    crs = CRS.from_epsg(epsg)
    return {"crs_wkt": crs.to_wkt(), "epsg": epsg, **crs.to_cf()}


def make_coordinates(labels: Mapping[str, tuple[Any, ...]], grid: Grid) -> dict[str, Any]:
    """Return xarray coordinates for the labels and for the pixel centres of the grid."""
    coordinates: dict[str, Any] = {}
    for dim, values in labels.items():
        coordinates[dim] = time_coordinate(values) if dim == "t" else _label_coordinate(values)
    coordinates |= {
        "y": ("y", grid.y, {"axis": "Y"}),
        "x": ("x", grid.x, {"axis": "X"}),
    }
    a, b, c, d, e, f = grid.transform
    attributes = _crs_attributes(grid.epsg) | {"GeoTransform": f"{c} {a} {b} {f} {d} {e}"}
    coordinates["spatial_ref"] = xr.Variable((), 0, attributes)
    return coordinates


def to_xarray(block: Block, grid: Grid, name: str = "data") -> xr.DataArray:
    """Return a block as a DataArray of floats with NaN for no-data."""
    values = block.filled()
    values = values.astype(edge_dtype(values.dtype), copy=False)
    labels = {d: block.labels[d] for d in block.dims if d in block.labels}
    return xr.DataArray(
        values, dims=block.dims, coords=make_coordinates(labels, grid), name=name,
        attrs={"crs": f"EPSG:{grid.epsg}", "grid_mapping": "spatial_ref"},
    )  # fmt: skip
