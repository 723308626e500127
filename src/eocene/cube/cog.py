"""Write a cloud-optimised GeoTIFF from anything that can be read window by window."""

from __future__ import annotations

import errno
import itertools
import math
import os
from typing import TYPE_CHECKING, Any
from xml.sax.saxutils import escape

import numpy as np
import rasterio
import rasterio.shutil
from rasterio._err import CPLE_BaseError
from rasterio.errors import RasterioError
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
_HEAD_BYTES = 256
"""Of a COG before its first directory at most: it begins at byte 192, in BigTIFF some later."""
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
    draft = path.with_name(f".{path.stem}.draft.vrt")
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
    except (RasterioError, CPLE_BaseError) as error:
        raise _not_written(path, error) from error
    finally:
        draft.unlink(missing_ok=True)
        draft.with_suffix(".raw").unlink(missing_ok=True)


def _write_draft(
    draft: Path,
    grid: Grid,
    form: StoredForm,
    bands: Sequence[str],
    read: Callable[[int, Grid], NDArray[Any]],
) -> None:
    """Write the plain pixels that GDAL makes a COG from, a band after the other, and what says how they lie.

    GDAL does not write them itself: where the disk is full, libtiff may search for the end of a file that it
    could not write for ever, and lets no other thread of the process go on.
    """
    size = grid.width * form.dtype.itemsize
    with draft.with_suffix(".raw").open("wb") as file:
        for number, window in itertools.product(range(len(bands)), grid.blocks(_WINDOW)):
            rows, cols = window.slices_in(grid)
            values = read(number, window).astype(form.dtype.newbyteorder("<"))
            lines = values.reshape(1, -1) if window.width == grid.width else values
            for row, line in enumerate(lines, number * grid.height + rows.start):
                file.seek(row * size + cols.start * form.dtype.itemsize)
                file.write(line.tobytes())
    draft.write_text(_describe_draft(draft, grid, form, bands), encoding="utf-8")


def _describe_draft(draft: Path, grid: Grid, form: StoredForm, bands: Sequence[str]) -> str:
    """Return the pixels of a draft as a virtual raster (source: GDAL, "VRT descriptions for raw files")."""
    names = {"uint8": "Byte"}
    name = names.get(form.dtype.name, form.dtype.name.capitalize().replace("Ui", "UI"))
    item, raw = form.dtype.itemsize, escape(draft.with_suffix(".raw").name)
    layers = "".join(
        f'<VRTRasterBand dataType="{name}" band="{number + 1}" subClass="VRTRawRasterBand">'
        f"<Description>{escape(band)}</Description><NoDataValue>{float(form.nodata)!r}</NoDataValue>"
        f'<SourceFilename relativeToVRT="1">{raw}</SourceFilename><ByteOrder>LSB</ByteOrder>'
        f"<ImageOffset>{number * grid.height * grid.width * item}</ImageOffset>"
        f"<PixelOffset>{item}</PixelOffset><LineOffset>{grid.width * item}</LineOffset></VRTRasterBand>"
        for number, band in enumerate(bands)
    )
    a, b, c, d, e, f = map(float, grid.transform)
    return (
        f'<VRTDataset rasterXSize="{grid.width}" rasterYSize="{grid.height}"><SRS>EPSG:{grid.epsg}</SRS>'
        f"<GeoTransform>{c!r}, {a!r}, {b!r}, {f!r}, {d!r}, {e!r}</GeoTransform>{layers}</VRTDataset>"
    )


def _check_written(path: Path, grid: Grid, bands: int, read: Callable[[int, Grid], NDArray[Any]]) -> None:
    """Read the file back and compare its pixels, and each overview with the level that it was made from."""
    with rasterio.open(path) as file:
        if not _has_layout(file):
            raise _not_kept(path)
        for number, window in itertools.product(range(bands), grid.blocks(_WINDOW)):
            found, meant = file.read(number + 1, window=_place(window, grid)), read(number, window)
            if not np.array_equal(found, meant, equal_nan=found.dtype.kind == "f"):
                raise _not_kept(path)
        levels = len(file.overviews(1))
    for level in range(levels):
        with (
            rasterio.open(path, **_at_level(level - 1)) as fine,
            rasterio.open(path, overview_level=level) as file,
        ):
            for number, (_, place) in itertools.product(range(1, bands + 1), file.block_windows(1)):
                if not _is_drawn_from(file.read(number, window=place), fine, number, place):
                    raise _not_kept(path)


def _has_layout(file: Any) -> bool:
    """Tell whether the directories lie where they do in any COG that was written without a fault.

    That is: before the pixels, the first one right behind what GDAL says of the layout. Where libtiff cannot
    write a directory into its place it writes another one at the end of the file, and tells nobody but the
    terminal.
    """
    levels = (None, *range(len(file.overviews(1))))
    directories = [int(file.get_tag_item("IFD_OFFSET", "TIFF", 1, level)) for level in levels]
    blocks = [file.get_tag_item("BLOCK_OFFSET_0_0", "TIFF", 1, level) for level in levels]
    pixels = min((int(place) for place in blocks if place), default=math.inf)
    return directories[0] <= _HEAD_BYTES and max(directories) < pixels


def _at_level(level: int) -> dict[str, int]:
    return {"overview_level": level} if level >= 0 else {}


def _is_drawn_from(found: NDArray[Any], fine: Any, band: int, place: RasterWindow) -> bool:
    """Tell whether each pixel of an overview is one of those under it, twice as fine, or their neighbours.

    Which of them GDAL takes differs with the version; what the disk has lost is none of them.
    """
    top, left = 2 * place.row_off - 1, 2 * place.col_off - 1
    rows, cols = (
        np.clip(first + np.arange(2 * length + 2), 0, most - 1)
        for first, length, most in zip((top, left), found.shape, fine.shape, strict=True)
    )
    near = RasterWindow.from_slices((int(rows[0]), int(rows[-1]) + 1), (int(cols[0]), int(cols[-1]) + 1))
    source = fine.read(band, window=near)[np.ix_(rows - rows[0], cols - cols[0])]
    left_out = np.ones(found.shape, bool)
    for down, right in itertools.product(range(4), range(4)):
        one = source[down : down + 2 * found.shape[0] : 2, right : right + 2 * found.shape[1] : 2]
        left_out &= (found != one) & ((found == found) | (one == one))  # noqa: PLR0124 (NaN is not itself)
    return not left_out.any()


def _not_written(path: Path, error: BaseException) -> OSError:
    """Return what GDAL said of the disk as the error of the system that it was, by its text alone."""
    said, known = str(error), errno.EIO
    while error.__cause__ or error.__context__:
        error = error.__cause__ or error.__context__ or error
        said += str(error)
    if os.strerror(errno.ENOSPC) in said:
        known = errno.ENOSPC
    return OSError(known, os.strerror(known), path.name)


def _not_kept(path: Path) -> OSError:
    return OSError(errno.EIO, "the disk did not keep what was written to it", path.name)


def _place(window: Grid, grid: Grid) -> RasterWindow:
    rows, cols = window.slices_in(grid)
    return RasterWindow(cols.start, rows.start, window.width, window.height)
