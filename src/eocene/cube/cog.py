"""Write a cloud-optimised GeoTIFF from anything that can be read window by window."""

from __future__ import annotations

import errno
import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import rasterio.shutil
from rasterio.windows import Window as RasterWindow

from eocene.model.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.cube.stored import StoredForm
    from eocene.model import Grid

_TILE = 256
_WINDOW = 512
_GDAL_CACHE_MB = 64
"""GDAL's cache of raster blocks, shared by all threads; its default grows with the machine."""


def write_cog(
    path: Path,
    grid: Grid,
    form: StoredForm,
    bands: Sequence[str],
    read: Callable[[int, Grid], NDArray[Any]],
) -> None:
    """Write one file, tiled and compressed, with overviews; it is there whole or not at all.

    Parameters
    ----------
    path : Path
        Where to.
    grid : Grid
        The extent.
    form : StoredForm
        The dtype and the no-data number.
    bands : sequence of str
        Descriptions of the bands.
    read : callable
        (number of a band, window) → its stored numbers there; memory does not grow with the extent.

    Raises
    ------
    OSError
        If the disk did not take what was written; GDAL itself keeps silent about some such failures.
    """
    draft = path.with_name(f".{path.stem}.draft.tif")
    try:
        with rasterio.Env(GDAL_CACHEMAX=_GDAL_CACHE_MB):
            _write_draft(draft, grid, form, bands, read)
            with replace_file(path) as temporary:
                rasterio.shutil.copy(
                    draft, temporary, driver="COG", COMPRESS="DEFLATE", LEVEL=6, BLOCKSIZE=_TILE,
                    PREDICTOR="FLOATING_POINT" if form.dtype.kind == "f" else "STANDARD",
                    OVERVIEW_RESAMPLING="NEAREST", NUM_THREADS=1, BIGTIFF="IF_SAFER",
                )  # fmt: skip
                _check_written(temporary, grid, len(bands), read)
    finally:
        draft.unlink(missing_ok=True)


def _write_draft(
    draft: Path,
    grid: Grid,
    form: StoredForm,
    bands: Sequence[str],
    read: Callable[[int, Grid], NDArray[Any]],
) -> None:
    """Write the plain tiled GeoTIFF that GDAL makes a COG from, a band after the other."""
    options = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": len(bands),
        "dtype": form.dtype, "nodata": form.nodata, "crs": f"EPSG:{grid.epsg}", "transform": grid.transform,
        "tiled": True, "blockxsize": _TILE, "blockysize": _TILE, "interleave": "band", "BIGTIFF": "IF_SAFER",
    }  # fmt: skip
    with rasterio.open(draft, "w", **options) as file:
        for number, name in enumerate(bands):
            file.set_band_description(number + 1, name)
            for window in grid.blocks(_WINDOW):
                file.write(read(number, window), number + 1, window=_place(window, grid))


def _check_written(path: Path, grid: Grid, bands: int, read: Callable[[int, Grid], NDArray[Any]]) -> None:
    """Read the file back and compare its pixels; of overviews it is seen that they can be decoded."""
    with rasterio.open(path) as file:
        for number, window in itertools.product(range(bands), grid.blocks(_WINDOW)):
            found, meant = file.read(number + 1, window=_place(window, grid)), read(number, window)
            if not np.array_equal(found, meant, equal_nan=found.dtype.kind == "f"):
                raise OSError(errno.EIO, "the disk did not keep what was written to it", path.name)
        levels = len(file.overviews(1))
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as file:
            for _, place in file.block_windows(1):
                file.read(window=place)


def _place(window: Grid, grid: Grid) -> RasterWindow:
    rows, cols = window.slices_in(grid)
    return RasterWindow(cols.start, rows.start, window.width, window.height)
