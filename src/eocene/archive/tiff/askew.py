"""GeoTIFFs that stand askew: rotated images, south-up ones, and those that have tie points only.

They are seen on a north-up map grid of about their own pixel size, where each pixel has the value of the
image pixel under its centre.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from affine import Affine
from rasterio.errors import RasterioError
from rasterio.windows import Window

from eocene.archive.epsg import find_epsg
from eocene.archive.fetch import describe_file
from eocene.archive.picking import pick_pixels
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.rasters.geolocation import TiePoints
from eocene.archive.tiff.geotiff import damaged, dataset_of_thread
from eocene.model.errors import InputError
from eocene.model.grid import Grid, Lattice, transformer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

ASKEW = "eocene:askew"
"""Field of an asset: true if its file stands askew, so that proj:transform is that of the map grid."""


class Geometry(Protocol):
    """Where the pixels of an image lie on a map."""

    def locate(self, window: Grid) -> tuple[Numbers, Numbers]:
        """Return the row and column of the image under each pixel centre of a window, NaN outside of it."""


@dataclass(frozen=True)
class RotatedImage:
    """An image on a grid of parallelograms.

    Parameters
    ----------
    transform : Affine
        From column and row to the map.
    epsg : int
        The map's CRS.
    shape : tuple of int
        Rows and columns.
    """

    transform: Affine
    epsg: int
    shape: tuple[int, int]

    def cover(self, resolution: float) -> Grid:
        """Return the map grid around the image, its pixel edges on whole multiples of the resolution."""
        height, width = self.shape
        corners = [self.transform * corner for corner in ((0, 0), (width, 0), (0, height), (width, height))]
        x, y = zip(*corners, strict=True)
        return Lattice(self.epsg, (resolution, resolution)).grid_over(
            (min(x), min(y), max(x), max(y)), self.epsg
        )

    def locate(self, window: Grid) -> tuple[Numbers, Numbers]:
        """Return the row and column of the image under each pixel centre of a window, NaN outside of it."""
        columns, rows = ~self.transform * np.meshgrid(window.x, window.y)
        height, width = self.shape
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        return np.where(inside, rows, np.nan), np.where(inside, columns, np.nan)


def find_geometry(dataset: Any, path: Path) -> tuple[Geometry, Grid] | None:
    """Return where the pixels of an open dataset lie, and its map grid; None if it is north-up.

    Raises
    ------
    InputError
        If its tie points cannot be used.
    """
    points, crs = dataset.gcps
    transform = dataset.transform
    if points and (dataset.crs is None or transform.is_identity):
        return _tie(points, find_epsg(crs.to_wkt()) if crs else None, dataset.shape, path)
    is_north_up = transform.b == transform.d == 0 and transform.a > 0 and transform.e < 0
    epsg = None if dataset.crs is None else find_epsg(dataset.crs.to_wkt())
    if is_north_up or transform.is_identity or transform.is_degenerate or epsg is None:
        return None
    image = RotatedImage(transform, epsg, dataset.shape)
    return image, image.cover(_round(math.sqrt(abs(transform.determinant))))


def _tie(points: list[Any], epsg: int | None, shape: tuple[int, int], path: Path) -> tuple[Geometry, Grid]:
    if epsg is None:
        raise InputError(
            f"The tie points of {str(path)!r} have no CRS with an EPSG code.",
            "Write it into the file, for instance with gdal_edit -a_srs EPSG:4326.",
        )
    degrees = transformer(epsg, 4326).transform([p.x for p in points], [p.y for p in points])
    try:
        tied = TiePoints.of(([p.row for p in points], [p.col for p in points]), degrees, shape)
        return tied, tied.cover(_round(_spacing(tied)))
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error.message}", error.remedy) from error


def _spacing(points: TiePoints) -> float:
    """Return the side of a square as large as a pixel of the image in the middle, in units of the map."""
    steps = [np.hypot(np.diff(points.x, axis=axis), np.diff(points.y, axis=axis)) for axis in (0, 1)]
    down = np.median(steps[0] / np.diff(points.rows)[:, None])
    across = np.median(steps[1] / np.diff(points.columns)[None, :])
    return float(np.sqrt(down * across))


def _round(resolution: float) -> float:
    """Return a pixel size as a number of two digits, such as 40 for 40.3."""
    return float(f"{resolution:.2g}")


@lru_cache(maxsize=256)
def _geometry(identity: tuple[str, int, int], path: Path) -> tuple[Geometry, Grid]:
    found = find_geometry(dataset_of_thread(identity), path)
    if found is None:
        raise damaged(path, "it was replaced by an image that does not stand askew")
    return found


class AskewRaster:
    """One band of a GeoTIFF that stands askew, on its map grid; where that has no image it is no data.

    Parameters
    ----------
    path : Path
        As a door has resolved it.
    asset : mapping
        ``eocene:band``; ``nodata``, which is needed unless the numbers are floats.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = describe_file(path)
        self._band = int(asset.get("eocene:band", 1))
        dataset = dataset_of_thread(self._identity)
        if not 1 <= self._band <= dataset.count:
            raise InputError(
                f"The file {str(path)!r} has {dataset.count} bands, band {self._band} was asked for.",
                "Correct eocene:band of the asset.",
            )
        self._geometry, grid = _geometry(self._identity, path)
        self._shape: tuple[int, int] = dataset.shape
        self.levels: tuple[Grid, ...] = (grid,)
        self.dtype: np.dtype[Any] = np.dtype(dataset.dtypes[self._band - 1])
        declared = parse_nodata(asset.get("nodata"))
        self.nodata: float | None = dataset.nodatavals[self._band - 1] if declared is None else declared
        if self.nodata is None:
            self.nodata = empty_number(self.dtype)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        check_window(window, self.levels[level], str(self.path))
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        pixels[...] = self.nodata
        pick_pixels(self._geometry.locate(window), self._shape, self._read_part, pixels)
        return pixels

    def _read_part(self, rows: slice, columns: slice) -> NDArray[Any]:
        try:
            part: NDArray[Any] = dataset_of_thread(self._identity).read(
                self._band, window=Window.from_slices(rows, columns)
            )
        except RasterioError as error:
            raise damaged(self.path, str(error)) from error
        return part

    def close(self) -> None:
        """Nothing of its own to let go of."""


def empty_number(dtype: np.dtype[Any]) -> float:
    """Return the number that fills what lies beside an image without a no-data number, as gdalwarp does."""
    return math.nan if dtype.kind == "f" else 0.0
