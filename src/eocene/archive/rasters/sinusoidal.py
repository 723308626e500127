"""Images in the sinusoidal projection of MODIS and VIIRS, seen on a grid in degrees.

The projection is that of a sphere and has no EPSG code. A map pixel has the number of the image pixel under
its centre; the grid has as many pixels on the equator as the image, 480, 240 or 120 a degree.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.errors import RasterioError
from rasterio.windows import Window

from eocene.archive.fetch import describe_file, open_dataset
from eocene.archive.fetch.gdal import GDAL_DRIVER, JP2_DRIVER
from eocene.archive.picking import pick_pixels
from eocene.archive.raster import HDF4, check_window, is_hdf5, is_jp2, parse_nodata
from eocene.archive.rasters.eos_grid import EosField, open_field
from eocene.archive.rasters.hdf4 import Hdf4Field, open_hdf4_field
from eocene.archive.tiff.geotiff import damaged
from eocene.model.errors import InputError
from eocene.model.grid import Grid, Lattice

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

RADIUS_M = 6_371_007.181
"""Of the sphere, metres; MODIS grids of the version 6 of the products and later."""

_METRES_A_DEGREE = RADIUS_M * np.pi / 180.0
_SPHERE = re.compile(r"6371007\.181")


@dataclass(frozen=True)
class SinusoidalImage:
    """Where an image lies: its upper left corner, the size of its pixels in metres, rows and columns."""

    west: float
    north: float
    size: tuple[float, float]
    shape: tuple[int, int]

    def cover(self) -> Grid:
        """Return the grid in degrees around the image.

        Raises
        ------
        InputError
            If it does not lie on the Earth.
        """
        south = self.north - self.size[1] * self.shape[0]
        east = self.west + self.size[0] * self.shape[1]
        latitudes = np.clip(np.array([south, self.north]) / _METRES_A_DEGREE, -90.0, 90.0)
        if latitudes[0] <= 0 <= latitudes[1]:
            latitudes = np.append(latitudes, 0.0)
        lengths = np.maximum(_METRES_A_DEGREE * np.cos(np.radians(latitudes)), 1.0)
        longitudes = np.clip([self.west / lengths, east / lengths], -180.0, 180.0)
        if np.ptp(latitudes) <= 0 or np.ptp(longitudes) <= 0:
            raise InputError("the image does not lie on the Earth.", "Fetch the product again.")
        step = 1.0 / max(round(_METRES_A_DEGREE / self.size[0]), 1)
        box = longitudes.min(), latitudes.min(), longitudes.max(), latitudes.max()
        return Lattice(4326, (step, step)).grid_over(tuple(float(edge) for edge in box))  # type: ignore[arg-type]

    def locate(self, window: Grid) -> tuple[Numbers, Numbers]:
        """Return the row and column of the image under each pixel centre of a window, NaN outside of it."""
        longitude, latitude = np.meshgrid(window.x, window.y)
        y = _METRES_A_DEGREE * latitude
        x = _METRES_A_DEGREE * longitude * np.cos(np.radians(latitude))
        rows, columns = (self.north - y) / self.size[1], (x - self.west) / self.size[0]
        inside = (rows >= 0) & (rows < self.shape[0]) & (columns >= 0) & (columns < self.shape[1])
        inside &= np.abs(longitude) <= 180.0
        return np.where(inside, rows, np.nan), np.where(inside, columns, np.nan)


@dataclass(frozen=True)
class _Header:
    image: SinusoidalImage
    grid: Grid
    dtype: np.dtype[Any]
    nodata: float | None


class SinusoidalRaster:
    """One band of a GeoTIFF or JPEG 2000 file, or a field of an HDF-EOS file.

    Parameters
    ----------
    path : Path
        As a door has resolved it.
    asset : mapping
        ``type``; ``eocene:band``, or ``eocene:variable``, the field's grid and name; ``nodata``.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = describe_file(path)
        self._field: EosField | Hdf4Field | None = None
        if is_hdf5(asset):
            opener = open_hdf4_field if asset.get("type") == HDF4 else open_field
            self._field = opener(self._identity, str(asset.get("eocene:variable", "")))
            header = _describe_field(self._identity, self._field)
        else:
            self._driver = JP2_DRIVER if is_jp2(asset) else GDAL_DRIVER
            self._band = int(asset.get("eocene:band", 1))
            header = _read_header(self._identity, self._driver, self._band)
        declared = parse_nodata(asset.get("nodata"))
        self._image = header.image
        self.dtype, self.levels = header.dtype, (header.grid,)
        self.nodata: float | None = header.nodata if declared is None else declared
        if self.nodata is None:
            self.nodata = float(np.iinfo(self.dtype).min) if self.dtype.kind == "i" else 0.0

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        check_window(window, self.levels[level], str(self.path))
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        pixels[...] = self.nodata
        pick_pixels(self._image.locate(window), self._image.shape, self._read_part, pixels)
        return pixels

    def _read_part(self, rows: slice, columns: slice) -> NDArray[Any]:
        if self._field is not None:
            return self._field.read(rows, columns)
        try:
            with open_dataset(str(self.path), self._driver) as dataset:
                part: NDArray[Any] = dataset.read(self._band, window=Window.from_slices(rows, columns))
        except RasterioError as error:
            raise damaged(self.path, str(error)) from error
        return part

    def close(self) -> None:
        """Nothing to let go of: the file is opened for each read."""


def find_image(dataset: Any) -> SinusoidalImage | None:
    """Return where the image of an open dataset lies; None where it is not in this projection."""
    wkt = "" if dataset.crs is None else dataset.crs.to_wkt()
    transform = dataset.transform
    if "Sinusoidal" not in wkt or not _SPHERE.search(wkt) or transform.b or transform.d:
        return None
    if not (transform.a > 0 > transform.e and abs(transform.c) + abs(transform.f) < 1e9):
        return None
    return SinusoidalImage(transform.c, transform.f, (transform.a, -transform.e), dataset.shape)


@lru_cache(maxsize=1024)
def _read_header(identity: tuple[str, int, int], driver: str, band: int) -> _Header:
    try:
        with open_dataset(identity[0], driver) as dataset:
            image = find_image(dataset)
            if image is None or not 1 <= band <= dataset.count:
                raise damaged(identity[0], f"it has no band {band} in the sinusoidal projection of MODIS")
            kind, nodata = np.dtype(dataset.dtypes[band - 1]), dataset.nodatavals[band - 1]
    except RasterioError as error:
        raise damaged(identity[0], str(error)) from error
    return _Header(image, _cover(image, identity), kind, nodata)


def _describe_field(identity: tuple[str, int, int], field: EosField | Hdf4Field) -> _Header:
    grid = field.grid
    image = SinusoidalImage(grid.west, grid.north, grid.size, grid.shape)
    return _Header(image, _cover(image, identity), field.encoding.dtype, field.encoding.nodata)


def _cover(image: SinusoidalImage, identity: tuple[str, int, int]) -> Grid:
    try:
        return image.cover()
    except InputError as error:
        raise damaged(identity[0], error.message) from error
