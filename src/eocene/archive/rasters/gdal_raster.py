"""Rasters that GDAL reads, each by one named driver: JPEG 2000, and GeoTIFF in zip and tar files.

The smaller resolutions in a JPEG 2000 file are wavelet approximations: they blend no-data and class numbers
with values. So they are no overviews here, and a reduced window is made of the pixels themselves.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from rasterio.errors import RasterioError
from rasterio.windows import Window

from eocene.archive.fetch import JP2_DRIVER, describe_file, open_dataset
from eocene.archive.packing.zips import MEMBER, find_member, open_content
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.rasters.jp2_codestream import check_parts, read_image_size
from eocene.archive.tiff.geotiff import damaged, read_grid
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.model.grid import Grid

_OPEN_PER_THREAD = 48
_local = threading.local()


@dataclass(frozen=True)
class _Key:
    """What is opened, and by which driver."""

    identity: tuple[str, int, int]
    member: str | None
    driver: str


@dataclass(frozen=True)
class _Header:
    """What the header of a file says; ``opened`` is the name that GDAL opens it by."""

    opened: str
    dtype: np.dtype[Any]
    nodata: float | None
    grid: Grid
    count: int


class GdalRaster:
    """One band of a file, or of a member of a zip or tar file, without overviews.

    GDAL datasets belong to one thread, so each thread opens its own; a bounded number stays open.
    """

    def __init__(self, path: Path, asset: Mapping[str, Any], driver: str) -> None:
        member = asset.get(MEMBER)
        self.label = str(path) if member is None else f"{path}/{member}"
        self._key = _Key(describe_file(path), member, driver)
        header = _read_header(path, self._key)
        self._opened, self._band = header.opened, int(asset.get("eocene:band", 1))
        if not 1 <= self._band <= header.count:
            raise InputError(
                f"The file {self.label!r} has {header.count} bands, band {self._band} was asked for.",
                "Correct eocene:band of the asset.",
            )
        declared = parse_nodata(asset.get("nodata"))
        self.dtype: np.dtype[Any] = header.dtype
        self.nodata: float | None = header.nodata if declared is None else declared
        self.levels: tuple[Grid, ...] = (header.grid,)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        rows, columns = check_window(window, self.levels[level], self.label)
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        try:
            dataset = _dataset(self._key, self._opened)
            dataset.read(self._band, window=Window.from_slices(rows, columns), out=pixels)
        except (RasterioError, ValueError) as error:
            raise damaged(self.label, str(error)) from error
        return pixels

    def close(self) -> None:
        """Close the file if this thread holds it open."""
        dataset = _pool().pop(self._key, None)
        if dataset is not None:
            dataset.close()


def check_jp2(path: Path, asset: Mapping[str, Any]) -> None:
    """Check that all tiles that a JPEG 2000 file announces are in it; GDAL would fill missing ones unseen.

    Members that are compressed are left to the checksum in the zip file.

    Raises
    ------
    DamageError
        If the file is cut off or its codestream is damaged.
    """
    content = open_content(path, asset.get(MEMBER))
    if content is not None:
        check_parts(content)


@lru_cache(maxsize=1024)
def _read_header(path: Path, key: _Key) -> _Header:
    member = key.member
    content = open_content(path, member) if key.driver == JP2_DRIVER else None
    if content is not None:
        read_image_size(content)
    opened = str(path) if member is None else find_member(path, member).gdal_name
    dataset = _dataset(key, opened)
    grid = read_grid(dataset, path if member is None else path / member)
    return _Header(opened, np.dtype(dataset.dtypes[0]), dataset.nodata, grid, dataset.count)


def _pool() -> OrderedDict[Any, Any]:
    if not hasattr(_local, "pool"):
        _local.pool = OrderedDict()
    pool: OrderedDict[Any, Any] = _local.pool
    return pool


def _dataset(key: _Key, opened: str) -> Any:
    pool = _pool()
    if key in pool:
        pool.move_to_end(key)
        return pool[key]
    try:
        dataset = open_dataset(opened, key.driver)
    except RasterioError as error:
        raise damaged("/".join(filter(None, (key.identity[0], key.member))), str(error)) from error
    pool[key] = dataset
    while len(pool) > _OPEN_PER_THREAD:
        pool.popitem(last=False)[1].close()
    return dataset
