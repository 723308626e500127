"""How a variable of a NetCDF file is stored: its grid, its time axis, what its numbers mean.

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

from eocene.archive.fetch import check_decoded
from eocene.archive.raster import parse_nodata
from eocene.archive.rasters.cf_grid import (
    Coordinate,
    begin_at_antimeridian,
    find_epsg,
    finite_number,
    grid_between,
    no_crs,
    plain_value,
)
from eocene.archive.rasters.netcdf_chunks import check_chunks
from eocene.archive.rasters.netcdf_classic import ClassicFile, ClassicVariable
from eocene.model.errors import InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class Variable:
    """A variable of a NetCDF file as stored; nothing is decoded.

    ``grid`` is north-up; ``flip`` says that the rows are stored south-up. ``steps`` is the length of
    the leading axis, or None for a two-dimensional variable. ``time`` names that axis. ``first`` is the
    stored column that is the grid's first one: longitudes from 0 to 360 begin anew at the antimeridian.
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
    first: int = 0


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
    attributes = {key: plain_value(value) for key, value in dataset.attrs.items() if key not in _REFERENCES}
    dtype = dataset.dtype.newbyteorder("=")
    if str(attributes.get("_Unsigned", "")).lower() == "true" and dtype.kind == "i":
        dtype = np.dtype(f"u{dtype.itemsize}")
    return Encoding(
        dtype=dtype,
        nodata=_nodata(attributes, dtype),
        scale=finite_number(attributes.get("scale_factor"), 1.0),
        offset=finite_number(attributes.get("add_offset"), 0.0),
        unit=str(attributes["units"]) if attributes.get("units") else None,
    )


def plain_dataset(stream: Any, name: str, path: object) -> Any:
    """Return a dataset whose bytes all lie in this file.

    Raises
    ------
    InputError
        If there is no such variable, it is a link to or a view of another file, or one of its chunks
        would not fit into memory.
    DamageError
        If a chunk unpacks to more than it says.
    """
    if isinstance(stream, ClassicFile):
        if name not in stream.variables:
            raise _no_variable(name, stream.variables, path)
        return stream.variables[name]
    if not name or "/" in name or stream.get(name, getlink=True) is None:
        raise _no_variable(name, stream, path)
    dataset = _find_dataset(stream, name)
    if not isinstance(dataset, h5py.Dataset) or dataset.external or dataset.is_virtual:
        raise InputError(
            f"The variable {name!r} of {str(path)!r} is refused: its data lie in another file.",
            "Copy the data into one plain NetCDF file.",
        )
    check_decoded(path, f"a chunk of {name!r}", dataset.chunks or (), dataset.dtype.itemsize)
    check_chunks(stream, dataset, path)
    return dataset


def _no_variable(name: str, known: Iterable[str], path: object) -> InputError:
    return InputError(
        f"The file {str(path)!r} has no variable {name!r}.", f"It has {', '.join(sorted(known)) or 'none'}."
    )


def _find_dataset(stream: Any, name: object) -> Any:
    """Return what has a name in an open file itself, None if it is a link to elsewhere or not there."""
    if not isinstance(name, str) or not name or "/" in name:
        return None
    if isinstance(stream, ClassicFile):
        return stream.variables.get(name)
    return stream[name] if isinstance(stream.get(name, getlink=True), h5py.HardLink) else None


def read_whole(stream: Any, name: str, path: object) -> NDArray[Any]:
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


def list_rasters(stream: Any, path: object) -> Iterator[Variable]:
    """Yield the variables of an open file that lie on a grid, in file order."""
    for name in stream.variables if isinstance(stream, ClassicFile) else stream:
        dataset = _find_dataset(stream, name)
        if (
            isinstance(dataset, h5py.Dataset | ClassicVariable)
            and dataset.ndim in (2, 3)
            and dataset.dtype.kind in "iuf"
        ):
            yield describe_variable(stream, name, path)


def describe_variable(stream: Any, name: str, path: object) -> Variable:
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
    grid, first = begin_at_antimeridian(grid, path)
    return Variable(
        name=name,
        grid=grid,
        first=first,
        flip=flip,
        steps=dataset.shape[0] if dataset.ndim == 3 else None,
        time=dims[0] if dataset.ndim == 3 else None,
        **vars(read_encoding(dataset)),
    )


_REFERENCES = {"DIMENSION_LIST", "REFERENCE_LIST"}


def _dimension(dataset: Any, axis: int) -> str:
    if isinstance(dataset, ClassicVariable):
        return dataset.dimensions[axis]
    scales = dataset.dims[axis].keys()
    return str(scales[0]) if scales else ("t", "y", "x")[axis - dataset.ndim]


def _read_grid(stream: Any, dataset: Any, dims: list[str], path: object) -> tuple[Grid, bool]:
    size = abs(finite_number(plain_value(dataset.attrs.get("resolution")), 0.0))
    y, x = (Coordinate(name, read_whole(stream, name, path)) for name in dims)
    mapping = _find_dataset(stream, plain_value(dataset.attrs.get("grid_mapping")))
    places = [*([] if mapping is None else [mapping]), dataset, stream]
    epsg = find_epsg([place.attrs for place in places])
    if epsg is None and mapping is None and _is_geographic(stream, dims):
        epsg = 4326
    if epsg is None:
        raise no_crs(dataset.name.lstrip("/"), path)
    return grid_between(y, x, dataset.shape[-2:], epsg, path, size)


def _is_geographic(stream: Any, dims: list[str]) -> bool:
    """Tell whether coordinates have the units of latitude and longitude (CF 1.11, clauses 4.1 and 4.2)."""
    units = [str(plain_value(_find_dataset(stream, name).attrs.get("units"))) for name in dims]
    return bool(re.fullmatch(r"degrees?_?n(orth)?", units[0], re.IGNORECASE)) and bool(
        re.fullmatch(r"degrees?_?e(ast)?", units[1], re.IGNORECASE)
    )


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
