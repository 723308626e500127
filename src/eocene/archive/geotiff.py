"""Rasters in GeoTIFF and COG files, read by GDAL's GTiff driver only."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.errors import RasterioError, RasterioIOError
from rasterio.windows import Window

from eocene.archive.fetch import GDAL_DRIVER, describe_file, gdal_environment
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.tiff import read_images
from eocene.archive.tile_reader import open_tiles
from eocene.model.errors import DamageError, InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

_OPEN_PER_THREAD = 128
_local = threading.local()


@dataclass(frozen=True)
class Header:
    """What the header of a file says of one band."""

    dtype: np.dtype[Any]
    nodata: float | None
    levels: tuple[Grid, ...]


@dataclass(frozen=True)
class _HeaderKey:
    """What the header of a file follows from: scenes of a tile agree in it, so GDAL opens one of them."""

    band: int
    images: tuple[Any, ...]
    identity: tuple[str, int, int] = field(compare=False)


@lru_cache(maxsize=4096)
def read_header(identity: tuple[str, int, int], band: int) -> Header:
    """Return the header of a file; remembered, since a cube opens each file for every block.

    Raises
    ------
    InputError
        If there is no such band, or the image does not stand on a north-up grid.
    DamageError
        If the file cannot be read.
    """
    images = read_images(Path(identity[0]))
    told = tuple((i.width, i.height, i.subfile, *i.stored.items(), i.georeference) for i in images)
    return _open_header(_HeaderKey(band, told, identity))


@lru_cache(maxsize=256)
def _open_header(key: _HeaderKey) -> Header:
    path, band = Path(key.identity[0]), key.band
    dataset = dataset_of_thread(key.identity)
    if not 1 <= band <= dataset.count:
        raise InputError(
            f"The file {str(path)!r} has {dataset.count} bands, band {band} was asked for.",
            "Correct eocene:band of the asset.",
        )
    full = read_grid(dataset, path)
    levels = (full, *_overview_grids(path, full))
    return Header(np.dtype(dataset.dtypes[band - 1]), dataset.nodatavals[band - 1], levels)


class GeotiffRaster:
    """One band of a GeoTIFF file and its overviews.

    GDAL datasets belong to one thread, so each thread opens its own; a bounded number stays open.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any]) -> None:
        self.path = path
        self._identity = describe_file(path)
        self._band = int(asset.get("eocene:band", 1))
        header = read_header(self._identity, self._band)
        self.dtype, self.levels = header.dtype, header.levels
        self._empty = header.nodata or 0.0
        declared = parse_nodata(asset.get("nodata"))
        self.nodata = header.nodata if declared is None else declared

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        rows, columns = check_window(window, self.levels[level], str(self.path))
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        try:
            tiles = open_tiles(self._identity)
            if tiles is not None:
                tiles.read(level, self._band - 1, rows, columns, pixels, self._empty)
            else:
                self._read_by_gdal(level, rows, columns, pixels)
        except (RasterioError, ValueError) as error:
            raise damaged(self.path, str(error)) from error
        return pixels

    def _read_by_gdal(self, level: int, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        dataset = dataset_of_thread(self._identity, level - 1 if level else None)
        if dataset.shape != self.levels[level].shape:
            raise ValueError(f"overview {level} is {dataset.shape}, not {self.levels[level].shape}")
        dataset.read(self._band, window=Window.from_slices(rows, columns), out=out)

    def close(self) -> None:
        """Close the files that this thread holds open for the raster."""
        pool = _pool()
        for key in [key for key in pool if key[0] == self._identity]:
            pool.pop(key).close()


def damaged(path: Path | str, why: str) -> DamageError:
    """Return the error of a raster file that cannot be read."""
    return DamageError(
        f"The raster file {str(path)!r} cannot be read: {str(why).rstrip('.')}.",
        "Fetch or write the file again.",
    )


def read_grid(dataset: Any, path: Path) -> Grid:
    """Return the full-resolution grid of an open dataset.

    Raises
    ------
    InputError
        If the file has no CRS, an unknown one, or is not north-up.
    """
    if dataset.crs is None or dataset.transform.is_identity:
        raise InputError(
            f"The file {str(path)!r} is not georeferenced: it has no CRS or no transform.",
            "Write both into the file, for instance with gdal_translate -a_srs … -a_ullr ….",
        )
    epsg = find_epsg(dataset.crs.to_wkt())
    if epsg is None:
        raise InputError(
            f"The CRS of {str(path)!r} has no EPSG code.", "Warp the file to a CRS that has one."
        )
    try:
        return Grid.from_transform(epsg, tuple(dataset.transform)[:6], dataset.width, dataset.height)
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error.message}", error.remedy) from error


@lru_cache(maxsize=64)
def find_epsg(wkt: str) -> int | None:
    """Return the EPSG code of a CRS, None if it has none."""
    code = rasterio.crs.CRS.from_wkt(wkt).to_epsg()
    return None if code is None else int(code)


def _overview_grids(path: Path, full: Grid) -> list[Grid]:
    rx, _, west, _, ry, north = full.transform
    grids = []
    for image in read_images(path):
        if image.is_overview:
            scale_x, scale_y = full.width / image.width, full.height / image.height
            affine = (rx * scale_x, 0.0, west, 0.0, ry * scale_y, north)
            grids.append(Grid.from_transform(full.epsg, affine, image.width, image.height))
    return grids


def _pool() -> OrderedDict[tuple[tuple[str, int, int], int | None], Any]:
    if not hasattr(_local, "pool"):
        _local.pool = OrderedDict()
    pool: OrderedDict[tuple[tuple[str, int, int], int | None], Any] = _local.pool
    return pool


def dataset_of_thread(identity: tuple[str, int, int], overview: int | None = None) -> Any:
    """Return this thread's open dataset; ``overview`` counts from 0, None is full resolution.

    Raises
    ------
    DamageError
        If GDAL cannot open it.
    """
    pool, key = _pool(), (identity, overview)
    if key in pool:
        pool.move_to_end(key)
        return pool[key]
    options: dict[str, Any] = {} if overview is None else {"overview_level": overview}
    try:
        with gdal_environment():
            dataset = rasterio.open(identity[0], driver=GDAL_DRIVER, sharing=False, **options)
    except RasterioIOError as error:
        raise damaged(identity[0], str(error)) from error
    if not math.prod(dataset.shape):
        raise damaged(identity[0], "it has no pixels")
    pool[key] = dataset
    while len(pool) > _OPEN_PER_THREAD:
        pool.popitem(last=False)[1].close()
    return dataset
