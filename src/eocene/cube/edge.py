"""The edge where blocks become xarray, with coordinates and a CRS that other tools read, and back."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr
from pyproj import CRS

from eocene.cube.block import Block
from eocene.cube.memory import MemorySource, make_source
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.model import Grid


def edge_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the float that holds values of the dtype, with NaN for no-data."""
    if dtype.kind == "f":
        return dtype
    return np.dtype(np.float32 if dtype.itemsize <= 2 else np.float64)


_INSTANT = re.compile(r"[+-]?\d{4,}(-\d\d(-\d\d([T ]\d\d(:\d\d(:\d\d(\.\d+)?)?)?)?)?)?")


class PeriodLabel(str):
    """A week or dekad, such as 2024-09, which must not be read as a month."""

    __slots__ = ()


def parse_label(label: Any) -> np.datetime64:
    """Return a label along t as an instant, to its own precision; raises ValueError if it is none."""
    if isinstance(label, PeriodLabel):
        raise ValueError(f"{label} is a period")
    if not isinstance(label, str):
        return np.datetime64(label)
    text = label.removesuffix("Z")
    if not _INSTANT.fullmatch(text):  # numpy would take a text after a time for a zone, and warn
        raise ValueError(f"{label} is no time")
    return np.datetime64(text)


def time_coordinate(labels: tuple[Any, ...]) -> Any:
    """Return labels along t as datetime64[ns] where all are times (a month is its first day), else texts."""
    try:
        return np.array([parse_label(label) for label in labels], dtype="datetime64[ns]")
    except (TypeError, ValueError):
        return np.array([str(label) for label in labels], dtype=object)


def _label_coordinate(labels: tuple[Any, ...]) -> Any:
    """Return texts as objects, which Zarr v3 stores by a specified dtype, numbers as they are."""
    if all(isinstance(v, bool | int | float | np.generic) for v in labels):
        return np.array(labels)
    return np.array([str(v) for v in labels], dtype=object)


@lru_cache(maxsize=64)
def _crs_attributes(epsg: int) -> dict[str, Any]:
    crs = CRS.from_epsg(epsg)
    return {"crs_wkt": crs.to_wkt(), "epsg": epsg, **crs.to_cf()}


def make_coordinates(
    labels: Mapping[str, tuple[Any, ...]], grid: Grid | None, kinds: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return xarray coordinates for the labels, and for the pixel centres of the grid.

    ``kinds`` tells the dimensions of time where they are not named t.
    """
    coordinates: dict[str, Any] = {}
    for dim, values in labels.items():
        is_time = (kinds or {}).get(dim, "temporal" if dim == "t" else "") == "temporal"
        coordinates[dim] = time_coordinate(values) if is_time else _label_coordinate(values)
    if grid is None:
        return coordinates
    coordinates |= {
        "y": ("y", grid.y, {"axis": "Y"}),
        "x": ("x", grid.x, {"axis": "X"}),
    }
    a, b, c, d, e, f = grid.transform
    attributes = _crs_attributes(grid.epsg) | {"GeoTransform": f"{c} {a} {b} {f} {d} {e}"}
    coordinates["spatial_ref"] = xr.Variable((), 0, attributes)
    return coordinates


def to_xarray(block: Block, grid: Grid | None, name: str = "data") -> xr.DataArray:
    """Return a block as a DataArray of floats with NaN for no-data.

    Without a grid truths and texts stay what they are, with None where there is no data.
    """
    labels = {d: block.labels[d] for d in block.dims if d in block.labels}
    if grid is None:
        return xr.DataArray(
            _plain_values(block), make_coordinates(labels, None, block.kinds), block.dims, name
        )
    values = block.filled()
    values = values.astype(edge_dtype(values.dtype), copy=False)
    return xr.DataArray(
        values, dims=block.dims, coords=make_coordinates(labels, grid, block.kinds), name=name,
        attrs={"crs": f"EPSG:{grid.epsg}", "grid_mapping": "spatial_ref"},
    )  # fmt: skip


def _plain_values(block: Block) -> Any:
    if block.values.dtype.kind in "iuf":
        return block.filled().astype(edge_dtype(block.values.dtype), copy=False)
    if block.valid is None or block.valid.all():
        return block.values
    return np.where(block.valid, block.values.astype(object), np.array(None))


def from_xarray(array: xr.DataArray) -> MemorySource | Block:
    """Return a DataArray as a cube with pixels, read when needed, or as a block without.

    With regular coordinates x and y, in any order and direction, and a CRS it has pixels. NaN is no-data,
    and None in arrays of objects. One dimension alone is a labelled array.

    Raises
    ------
    InputError
        If it has pixels and no CRS, or values that are none.
    """
    if not isinstance(array, xr.DataArray):
        raise InputError(
            f"A {type(array).__name__} is no cube.",
            "Hand in a DataArray, for instance Dataset.to_array('bands').",
            code="ProcessParameterInvalid",
        )
    labels = {str(d): _read_labels(array, d) for d in array.dims}
    kinds = {d: kind for d, values in labels.items() if (kind := _find_kind(d, values)) is not None}
    source = make_source(array, labels, kinds)
    if source is not None:
        return source
    values, valid = _read_values(np.asarray(array.values))
    dims = tuple(str(d) for d in array.dims)
    if len(dims) == 1 and kinds.get(dims[0]) is None and dims[0] not in ("t", "bands"):
        return Block(values, ("array",), {"array": labels[dims[0]]}, valid, axis="array")
    return Block(values, dims, labels, valid, axis=dims[0] if len(dims) == 1 else None, kinds=kinds)


def _read_labels(array: xr.DataArray, dim: Any) -> tuple[Any, ...]:
    """Return the labels of a dimension: instants, texts or numbers; whole numbers where it has none."""
    if dim not in array.coords:
        return tuple(range(array.sizes[dim]))
    values = np.asarray(array[dim].values)
    if values.dtype.kind == "M":
        seconds = values.astype("datetime64[s]")
        return tuple(seconds if (seconds == values).all() else values)
    return tuple(values.tolist())


def _find_kind(dim: str, labels: tuple[Any, ...]) -> str | None:
    """Return the openEO type of a dimension whose name does not say it."""
    if dim == "band":
        return "bands"
    return "temporal" if dim != "t" and labels and isinstance(labels[0], np.datetime64) else None


def _read_values(values: Any) -> tuple[Any, Any]:
    """Return values and where they are data, None for everywhere."""
    if values.dtype.kind in "US":
        return values.astype(object), None
    if values.dtype.kind not in "biufO":
        raise InputError(
            f"The array holds {values.dtype}, which is neither numbers nor texts.",
            "Convert it with DataArray.astype.",
            code="ProcessParameterInvalid",
        )
    if values.dtype == object:
        valid = np.array([v is not None for v in values.ravel()], bool).reshape(values.shape)
    else:
        valid = ~np.isnan(values)
    return values, None if valid.all() else valid
