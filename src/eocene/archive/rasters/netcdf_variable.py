"""How a variable of a NetCDF-4 file is stored: its grid, its time axis, what its numbers mean.

Attributes are read with care, since in the wild integers have a NaN ``_FillValue``, ``scale_factor`` is
a text and the CRS stands in one of five places.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from pyproj.exceptions import CRSError

from eocene.archive.fetch import check_decoded, read_crs
from eocene.archive.raster import parse_nodata
from eocene.archive.rasters.netcdf_chunks import check_chunks
from eocene.model.errors import InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Variable:
    """A variable of a NetCDF file as stored; nothing is decoded.

    ``grid`` is north-up; ``flip`` says that the rows are stored south-up. ``steps`` is the length of
    the leading axis, or None for a two-dimensional variable. ``time`` names that axis.
    """

    name: str
    dtype: np.dtype[Any]
    grid: Grid
    flip: bool
    steps: int | None
    time: str | None
    nodata: float | None
    scale: float
    offset: float
    unit: str | None


@dataclass(frozen=True)
class Encoding:
    """How the numbers of a dataset become values; ``dtype`` is the one that they are meant as."""

    dtype: np.dtype[Any]
    nodata: float | None
    scale: float
    offset: float
    unit: str | None


def read_encoding(dataset: Any) -> Encoding:
    """Return what the CF attributes of a dataset say of its numbers."""
    attributes = {key: _plain(value) for key, value in dataset.attrs.items() if key not in _REFERENCES}
    dtype = dataset.dtype.newbyteorder("=")
    if str(attributes.get("_Unsigned", "")).lower() == "true" and dtype.kind == "i":
        dtype = np.dtype(f"u{dtype.itemsize}")
    return Encoding(
        dtype=dtype,
        nodata=_nodata(attributes, dtype),
        scale=_number(attributes.get("scale_factor"), 1.0),
        offset=_number(attributes.get("add_offset"), 0.0),
        unit=str(attributes["units"]) if attributes.get("units") else None,
    )


def plain_dataset(stream: Any, name: str, path: Path) -> Any:
    """Return a dataset whose bytes all lie in this file.

    Raises
    ------
    InputError
        If there is no such variable, it is a link to or a view of another file, or one of its chunks
        would not fit into memory.
    DamageError
        If a chunk unpacks to more than it says.
    """
    link = stream.get(name, getlink=True) if name and "/" not in name else None
    if link is None:
        raise InputError(
            f"The file {str(path)!r} has no variable {name!r}.",
            f"It has {', '.join(sorted(stream)) or 'none'}.",
        )
    dataset = stream[name] if isinstance(link, h5py.HardLink) else None
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise InputError(
            f"The variable {name!r} of {str(path)!r} is refused: its data lie in another file.",
            "Copy the data into one plain NetCDF file.",
        )
    check_decoded(path, f"a chunk of {name!r}", dataset.chunks or (), dataset.dtype.itemsize)
    check_chunks(stream, dataset, path)
    return dataset


def read_whole(stream: Any, name: str, path: Path) -> NDArray[Any]:
    """Return all values of a dataset, such as a coordinate, as stored.

    Raises
    ------
    InputError
        As :func:`plain_dataset`, or if they would not fit into memory.
    """
    dataset = plain_dataset(stream, name, path)
    check_decoded(path, repr(name), dataset.shape, dataset.dtype.itemsize)
    values: NDArray[Any] = dataset[...]
    return values


def list_rasters(stream: Any, path: Path) -> Iterator[Variable]:
    """Yield the variables of an open file that lie on a grid, in file order."""
    for name in stream:
        link = stream.get(name, getlink=True)
        dataset = stream[name] if isinstance(link, h5py.HardLink) else None
        if isinstance(dataset, h5py.Dataset) and dataset.ndim in (2, 3) and dataset.dtype.kind in "iuf":
            yield describe_variable(stream, name, path)


def describe_variable(stream: Any, name: str, path: Path) -> Variable:
    """Return how a variable is stored.

    Raises
    ------
    InputError
        If it has no grid: no CRS, uneven or missing coordinates.
    """
    dataset = plain_dataset(stream, name, path)
    if dataset.ndim not in (2, 3):
        raise InputError(
            f"The variable {name!r} of {str(path)!r} has {dataset.ndim} dimensions.",
            "A raster has the dimensions (y, x) or (time, y, x).",
        )
    dims = [_dimension(dataset, axis) for axis in range(dataset.ndim)]
    grid, flip = _read_grid(stream, dataset, dims[-2:], path)
    return Variable(
        name=name,
        grid=grid,
        flip=flip,
        steps=dataset.shape[0] if dataset.ndim == 3 else None,
        time=dims[0] if dataset.ndim == 3 else None,
        **vars(read_encoding(dataset)),
    )


_REFERENCES = {"DIMENSION_LIST", "REFERENCE_LIST"}


def _dimension(dataset: Any, axis: int) -> str:
    scales = dataset.dims[axis].keys()
    return str(scales[0]) if scales else ("t", "y", "x")[axis - dataset.ndim]


def _read_grid(stream: Any, dataset: Any, dims: list[str], path: Path) -> tuple[Grid, bool]:
    size = abs(_number(_plain(dataset.attrs.get("resolution")), 0.0))
    y, x = (Coordinate(name, read_whole(stream, name, path)) for name in dims)
    mapping = _plain(dataset.attrs.get("grid_mapping"))
    places = [dataset, stream]
    if isinstance(mapping, str) and isinstance(stream.get(mapping), h5py.Dataset):
        places.insert(0, stream[mapping])
    epsg = find_epsg([place.attrs for place in places])
    if epsg is None:
        raise no_crs(dataset.name.lstrip("/"), path)
    return grid_between(y, x, dataset.shape[-2:], epsg, path, size)


@dataclass(frozen=True)
class Coordinate:
    """The name and the values of a coordinate."""

    name: str
    values: Any


def grid_between(
    y: Coordinate, x: Coordinate, shape: tuple[int, ...], epsg: int, path: Path, size: float = 0.0
) -> tuple[Grid, bool]:
    """Return the grid whose pixel centres are the coordinates, and whether its rows are stored south-up.

    Parameters
    ----------
    y, x : Coordinate
        Of the pixel centres.
    shape : tuple of int
        Rows and columns of the data.
    epsg : int
        The CRS.
    path : Path
        What errors name.
    size : float
        Of a pixel, where there is only one along an axis.

    Raises
    ------
    InputError
        If they are not evenly spaced, or x runs westwards.
    """
    height, width = shape
    north, flip, height_m = _axis(y, height, size, path)
    west, backwards, width_m = _axis(x, width, size, path)
    if backwards:
        raise InputError(f"{str(path)!r}: the x coordinate runs westwards.", "Sort the file by x.")
    affine = (width_m, 0.0, west - width_m / 2, 0.0, -height_m, north + height_m / 2)
    return Grid.from_transform(epsg, affine, width, height), flip


def _axis(coordinate: Coordinate, length: int, size: float, path: Path) -> tuple[float, bool, float]:
    """Return the first centre (west or north), whether the axis is stored upwards, and the spacing."""
    name, values = coordinate.name, np.asarray(coordinate.values, dtype=np.float64)
    steps = np.diff(values)
    spacing = float(abs(values[-1] - values[0])) / (length - 1) if length > 1 and values.size else size
    even = values.shape == (length,) and bool(np.all(np.abs(np.abs(steps) - spacing) <= 1e-3 * spacing))
    if not even or not spacing > 0 or not np.isfinite(values).all():
        raise InputError(
            f"The coordinate {name!r} of {str(path)!r} is not evenly spaced, so it makes no grid.",
            "Put the data on a regular grid first.",
        )
    upwards = length > 1 and values[1] > values[0]
    if name.lower().startswith(("x", "lon")):
        return float(values.min()), length > 1 and not upwards, spacing
    return float(values.max()), upwards, spacing


def find_epsg(places: Iterable[Mapping[str, Any]]) -> int | None:
    """Return the EPSG code that the first of some attributes says, in one of the usual ways."""
    for attributes in places:
        for key in ("epsg", "proj:code", "proj:epsg", "crs", "crs_wkt", "spatial_ref"):
            code = _parse_epsg(_plain(attributes.get(key)))
            if code is not None:
                return code
    return None


def no_crs(name: str, path: Path) -> InputError:
    """Return the error of a variable whose CRS is not known."""
    return InputError(
        f"The variable {name!r} of {str(path)!r} has no CRS with an EPSG code.",
        "Add a grid_mapping variable with crs_wkt.",
    )


def _parse_epsg(text: object) -> int | None:
    if text is None:
        return None
    code = re.fullmatch(r"(?:\+init=)?(?:epsg:)?(\d{4,6})", str(text).strip(), re.IGNORECASE)
    try:
        found = int(code.group(1)) if code else read_crs(str(text)).to_epsg()
    except CRSError:
        return None
    return found


def _plain(value: Any) -> Any:
    """Return an attribute as a plain Python value: bytes as text, one-element arrays as their element."""
    if isinstance(value, np.ndarray):
        value = value.ravel()[0] if value.size == 1 else value.tolist()
    if isinstance(value, bytes | np.bytes_):
        return value.decode("utf-8", "replace")
    return value.item() if isinstance(value, np.generic) else value


def _number(value: object, default: float) -> float:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return default
    return number if math.isfinite(number) else default


def _nodata(attributes: Mapping[str, Any], dtype: np.dtype[Any]) -> float | None:
    """Return the stored number that means no data; a NaN fill of integers means that there is none."""
    for key in ("_FillValue", "missing_value", "NoData", "nodata"):
        value = parse_nodata(attributes.get(key))
        if value is None or (dtype.kind in "iu" and not math.isfinite(value)):
            continue
        if dtype.kind == "u" and value < 0:
            value += 2.0 ** (8 * dtype.itemsize)
        return value
    return None
