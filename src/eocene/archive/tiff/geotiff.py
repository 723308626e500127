"""Rasters in GeoTIFF and COG files: GDAL says where they stand, and reads what is not stored as usual."""

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
from rasterio.errors import NotGeoreferencedWarning, RasterioError, RasterioIOError
from rasterio.windows import Window

from eocene.archive.epsg import find_epsg
from eocene.archive.fetch import GDAL_DRIVER, describe_file, gdal_environment, open_dataset
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.tiff.skeleton import make_skeleton
from eocene.archive.tiff.tile_reader import open_tiles
from eocene.model.errors import DamageError, InputError
from eocene.model.grid import Grid

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.archive.arriving import StoredTile
    from eocene.archive.fetch import Content
    from eocene.archive.fetch.content import Identity
    from eocene.archive.tiff.image import ImageForm
    from eocene.archive.tiff.tile_reader import Again, TileFile

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
    """What the header of a file follows from: scenes of a tile agree in it, so GDAL is asked once."""

    band: int
    forms: tuple[ImageForm, ...]
    name: str = field(compare=False)


def read_header(file: TileFile, band: int) -> Header:
    """Return the header of a file.

    Raises
    ------
    InputError
        If there is no such band, or the image does not stand on a north-up grid.
    DamageError
        If the file cannot be read.
    """
    return _ask_gdal(_HeaderKey(band, tuple(image.form for image in file.images), file.content.name))


@lru_cache(maxsize=256)
def _ask_gdal(key: _HeaderKey) -> Header:
    first, *overviews = key.forms
    try:
        with (
            gdal_environment(),
            rasterio.MemoryFile(make_skeleton(first)) as memory,
            memory.open(driver=GDAL_DRIVER, sharing=False) as dataset,
        ):
            if not 1 <= key.band <= dataset.count:
                raise InputError(
                    f"The file {key.name!r} has {dataset.count} bands, band {key.band} was asked for.",
                    "Correct eocene:band of the asset.",
                )
            full = read_grid(dataset, key.name, (first.width, first.height))
            dtype, nodata = dataset.dtypes[key.band - 1], dataset.nodatavals[key.band - 1]
    except (RasterioIOError, NotGeoreferencedWarning, ValueError) as error:
        raise damaged(key.name, str(error)) from error
    levels = (full, *(_overview_grid(full, form.width, form.height) for form in overviews))
    return Header(np.dtype(dtype), nodata, levels)


class GeotiffRaster:
    """One band of a GeoTIFF file and its overviews.

    GDAL datasets belong to one thread, so each thread opens its own; a bounded number stays open.

    Parameters
    ----------
    source : Path or TileFile
        A local path as a door has resolved it, or a file on a server whose directories were read.
    asset : mapping
        ``eocene:band`` (from 1) and ``nodata`` of a STAC asset.
    """

    def __init__(self, source: Path | TileFile, asset: Mapping[str, Any]) -> None:
        self.path = source if isinstance(source, Path) else None
        self._remote = None if isinstance(source, Path) else source
        self.identity = describe_file(source) if isinstance(source, Path) else source.content.identity
        self._band = int(asset.get("eocene:band", 1))
        header = read_header(self.file, self._band)
        self.dtype, self.levels = header.dtype, header.levels
        self._empty = header.nodata or 0.0
        declared = parse_nodata(asset.get("nodata"))
        self.nodata = header.nodata if declared is None else declared

    @property
    def file(self) -> TileFile:
        """The directories of the file, and its tiles."""
        return self._remote or open_tiles(self.identity)

    @property
    def is_remote(self) -> bool:
        """Whether reading it takes requests, so that those of several windows should be under way at once."""
        return self._remote is not None

    @property
    def has_mask(self) -> bool:
        """Whether the file itself says which pixels are valid; see :meth:`read_mask`."""
        return self.file.masks[0] is not None

    def tile(self, level: int) -> tuple[int, int]:
        """Height and width of the tiles of ``levels[level]``."""
        return self.file.images[level].form.tile

    def missing(self, window: Grid, level: int = 0) -> dict[int, tuple[int, int]]:
        """Return offset and length of the stored tiles that a window has to be read from, by their number."""
        if self.file.unusual(level):
            return {}
        return self.file.missing(level, self._band - 1, *check_window(window, self.levels[level], self.name))

    def pass_by(self, window: Grid, but: Grid | None, level: int, again: Again) -> None:
        """Tell that a window has been read without its tiles, ``but`` for those of a part of it."""
        if self.file.unusual(level):
            return
        passed, read = (
            set()
            if part is None
            else self.file.tiles_under(
                level, self._band - 1, *check_window(part, self.levels[level], self.name)
            )
            for part in (window, but)
        )
        for number in passed - read:
            if again(number) is None:
                self.file.let_go(level, number)

    def fetch(self, missing: Mapping[int, tuple[int, int]]) -> dict[int, StoredTile]:
        """Return stored tiles, for :meth:`read`."""
        return self.file.fetch(missing) if missing else {}

    def read(
        self,
        window: Grid,
        level: int = 0,
        out: NDArray[Any] | None = None,
        fetched: Mapping[int, StoredTile] | None = None,
        again: Again | None = None,
    ) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given.

        For ``fetched`` and ``again`` see :meth:`TileFile.read`.
        """
        place = check_window(window, self.levels[level], self.name)
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        try:
            if self.file.unusual(level):
                self._read_by_gdal(level, *place, pixels)
            else:
                self.file.read(level, self._band - 1, place, pixels, self._empty, fetched, again)
        except (RasterioError, ValueError) as error:
            raise damaged(self.name, str(error)) from error
        return pixels

    def read_mask(self, window: Grid, level: int = 0) -> NDArray[np.bool_]:
        """Return which pixels (height, width) of a window the file's own mask calls valid.

        An overview without a mask of its own takes the one of full resolution at its pixels' centres.
        """
        rows, columns = check_window(window, self.levels[level], self.name)
        try:
            if self.file.unusual(level):
                dataset = self._dataset(level)
                return np.asarray(dataset.dataset_mask(window=Window.from_slices(rows, columns)) != 0)
            return self.file.read_mask(level, rows, columns)
        except (RasterioError, ValueError) as error:
            raise damaged(self.name, str(error)) from error

    @property
    def name(self) -> str:
        """What errors call the file."""
        return self.file.content.name

    def _read_by_gdal(self, level: int, rows: slice, columns: slice, out: NDArray[Any]) -> None:
        dataset = self._dataset(level)
        if dataset.shape != self.levels[level].shape:
            raise ValueError(f"overview {level} is {dataset.shape}, not {self.levels[level].shape}")
        dataset.read(self._band, window=Window.from_slices(rows, columns), out=out)

    def _dataset(self, level: int) -> Any:
        content = self._remote.content if self._remote else None
        return dataset_of_thread(self.identity, level - 1 if level else None, content)

    def close(self) -> None:
        """Close the files that this thread holds open for the raster."""
        pool = _pool()
        for key in [key for key in pool if key[0] == self.identity]:
            pool.pop(key).close()


def damaged(path: Path | str, why: str) -> DamageError:
    """Return the error of a raster file that cannot be read."""
    return DamageError(
        f"The raster file {str(path)!r} cannot be read: {str(why).rstrip('.')}.",
        "Fetch or write the file again.",
    )


def read_grid(dataset: Any, path: Path | str, size: tuple[int, int] | None = None) -> Grid:
    """Return the full-resolution grid of an open dataset, of another width and height if given.

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
            f"The CRS of {str(path)!r} has no EPSG code.",
            "Write one into the file with gdal_edit.py -a_srs EPSG:…, or warp it to a CRS that has one.",
        )
    try:
        return Grid.from_transform(
            epsg, tuple(dataset.transform)[:6], *(size or (dataset.width, dataset.height))
        )
    except InputError as error:
        raise InputError(f"{str(path)!r}: {error.message}", error.remedy) from error


def _overview_grid(full: Grid, width: int, height: int) -> Grid:
    rx, _, west, _, ry, north = full.transform
    affine = (rx * full.width / width, 0.0, west, 0.0, ry * full.height / height, north)
    return Grid.from_transform(full.epsg, affine, width, height)


def _pool() -> OrderedDict[tuple[Identity, int | None], Any]:
    if not hasattr(_local, "pool"):
        _local.pool = OrderedDict()
    pool: OrderedDict[tuple[Identity, int | None], Any] = _local.pool
    return pool


def dataset_of_thread(identity: Identity, overview: int | None = None, content: Content | None = None) -> Any:
    """Return this thread's open dataset; ``overview`` counts from 0, None is full resolution.

    ``content`` is read instead of a local file.

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
        dataset = open_dataset(identity[0], GDAL_DRIVER, content=content, **options)
    except RasterioIOError as error:
        raise damaged(identity[0], str(error)) from error
    if not math.prod(dataset.shape):
        raise damaged(identity[0], "it has no pixels")
    pool[key] = dataset
    while len(pool) > _OPEN_PER_THREAD:
        pool.popitem(last=False)[1].close()
    return dataset
