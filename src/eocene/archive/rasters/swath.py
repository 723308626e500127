"""Variables of NetCDF-4 files that lie in the geometry of a scan, seen on a north-up map grid.

A product like Sentinel-3 keeps longitude and latitude of every pixel in a file beside its measurements. Every
sixteenth row and column of them are tie points, between which the scan is taken as bilinear; a map pixel has
the number of the image pixel under its centre.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import describe_file
from eocene.archive.picking import pick_pixels
from eocene.archive.raster import GEOLOCATION, check_window, parse_nodata
from eocene.archive.rasters.geolocation import TiePoints
from eocene.archive.rasters.netcdf import reading
from eocene.archive.rasters.netcdf_variable import Encoding, plain_dataset, read_encoding, read_whole
from eocene.archive.tiff.geotiff import damaged
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.archive.fetch import Door
    from eocene.model.grid import Grid

    Numbers = NDArray[np.float64]
    Identity = tuple[str, int, int]

STEP = 16
"""Pixels between tie points."""

_PER_DEGREE = {300: 400, 500: 200, 1000: 100, 1200: 80}
"""Map pixels of a degree by the ground sampling distance in metres: all scenes share one grid."""
_FARTHEST_NORTH = 75.0
_FILE = re.compile(r"[A-Za-z0-9_-]+\.nc")


class SwathRaster:
    """A variable (rows, columns) on a map grid: in degrees, or in metres at the poles and the antimeridian.

    Parameters
    ----------
    path : Path
        The file of the variable, as a door has resolved it.
    asset : mapping
        ``eocene:variable``, ``eocene:geolocation`` and ``gsd``.
    door : Door
        Lets the file with longitude and latitude through.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any], door: Door) -> None:
        self.path = path
        self._identity = describe_file(path)
        self._name = str(asset.get("eocene:variable", ""))
        beside = asset.get(GEOLOCATION)
        file, longitude, latitude = (
            str(beside.get(key, "")) if isinstance(beside, dict) else ""
            for key in ("file", "longitude", "latitude")
        )
        if not _FILE.fullmatch(file) or asset.get("gsd") not in _PER_DEGREE:
            raise InputError(
                f"The asset {str(path)!r} does not tell where its pixels lie and how large they are.",
                "Ingest the product again.",
            )
        places = describe_file(door.resolve(str(path.parent / file)))
        self._shape, encoding = _read_shape(self._identity, self._name)
        self._points, grid = _read_points(places, longitude, latitude, int(asset["gsd"]))
        if self._points.shape != self._shape:
            raise damaged(path, f"{self._name} is {self._shape}, its geolocation {self._points.shape}")
        declared = parse_nodata(asset.get("nodata"))
        self.dtype: np.dtype[Any] = encoding.dtype
        self.nodata: float | None = empty_number(encoding) if declared is None else declared
        self.levels: tuple[Grid, ...] = (grid,)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        check_window(window, self.levels[level], str(self.path))
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        pixels[...] = self.nodata
        pick_pixels(self._points.locate(window), self._shape, self._read_part, pixels)
        return pixels

    def _read_part(self, rows: slice, columns: slice) -> NDArray[Any]:
        with reading(self._identity) as stream:
            return as_meant(plain_dataset(stream, self._name, self.path)[rows, columns], self.dtype)

    def close(self) -> None:
        """Nothing to let go of: the files are shared and closed when others need their place."""


def empty_number(encoding: Encoding) -> float | None:
    """Return the number for no data: what the file says, NaN, or the largest one where flags have none."""
    if encoding.nodata is not None or encoding.dtype.kind == "f":
        return math.nan if encoding.nodata is None else encoding.nodata
    return float(np.iinfo(encoding.dtype).max) if encoding.dtype.itemsize <= 4 else None


def as_meant(stored: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return stored numbers in the byte order of the machine and with the sign that they are meant with."""
    native: NDArray[Any] = stored.astype(stored.dtype.newbyteorder("="), copy=False)
    return native if native.dtype == dtype else native.view(dtype)


@lru_cache(maxsize=512)
def _read_shape(identity: Identity, name: str) -> tuple[tuple[int, int], Encoding]:
    with reading(identity) as stream:
        dataset = plain_dataset(stream, name, _path(identity))
        if dataset.ndim != 2 or min(dataset.shape) < 2 or dataset.dtype.kind not in "iuf":
            raise ValueError(f"{name} is no image: its shape is {dataset.shape}")
        return (int(dataset.shape[0]), int(dataset.shape[1])), read_encoding(dataset)


@lru_cache(maxsize=16)
def _read_points(identity: Identity, longitude: str, latitude: str, gsd: int) -> tuple[TiePoints, Grid]:
    """Return the tie points of a file with the longitude and latitude of every pixel, and the map grid."""
    shape, east, north = (0, 0), None, None
    with reading(identity) as stream:
        for name in (longitude, latitude):
            dataset = plain_dataset(stream, name, _path(identity))
            shape, encoding = tuple(dataset.shape), read_encoding(dataset)
            if len(shape) != 2 or min(shape) < 2:
                raise ValueError(f"{name} has the shape {shape}")
            rows, columns = (_choose_places(length) for length in shape)
            stored = as_meant(read_whole(stream, name, _path(identity)), encoding.dtype)[
                np.ix_(rows, columns)
            ]
            values = np.where(stored == encoding.nodata, np.nan, stored * encoding.scale + encoding.offset)
            east, north = (values, north) if name == longitude else (east, values)
    if east is None or north is None or east.shape != north.shape:
        raise damaged(identity[0], "longitude and latitude do not go together")
    try:
        points = _tie((rows, columns), (east, north), shape)
        return points, points.cover(1.0 / _PER_DEGREE[gsd] if points.epsg == 4326 else float(gsd))
    except InputError as error:
        raise DamageError(f"{identity[0]!r}: {error.message}", "Fetch the product again.") from error


def _tie(
    places: tuple[NDArray[np.intp], NDArray[np.intp]],
    degrees: tuple[Numbers, Numbers],
    shape: tuple[int, int],
) -> TiePoints:
    known = np.isfinite(degrees[0]) & np.isfinite(degrees[1])
    row, column = (place[known] + 0.5 for place in np.meshgrid(*places, indexing="ij"))
    east, north = (values[known] for values in degrees)
    is_round = known.any() and (np.ptp(east) > 180 or np.abs(north).max() > _FARTHEST_NORTH)
    return TiePoints.of((row, column), (east, north), shape, None if is_round else 4326)


def _choose_places(length: int) -> NDArray[np.intp]:
    """Return every sixteenth pixel and the last one."""
    return np.unique(np.append(np.arange(0, length, STEP), length - 1))


def _path(identity: Identity) -> Path:
    from pathlib import Path

    return Path(identity[0])
