"""JPEG 2000 images on a server: of a window only the tiles that it lies in are fetched.

Where the tiles lie is read from the headers of their parts, once for each file. GDAL then opens what looks
like the whole file: the tiles of the window are there, all others are empty and never asked for.

Source: ISO/IEC 15444-1, annex A.
"""

from __future__ import annotations

import threading
from bisect import bisect_right
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cached
from rasterio.errors import RasterioError
from rasterio.windows import Window

from eocene.archive.fetch import JP2_DRIVER, check_decoded, open_dataset
from eocene.archive.raster import check_window, parse_nodata
from eocene.archive.rasters.jp2_codestream import (
    END_OF_CODESTREAM,
    ImageSize,
    TilePart,
    find_first_part,
    list_parts,
    read_image_size,
)
from eocene.archive.tiff.geotiff import damaged, read_grid
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive.fetch import Content, Identity
    from eocene.model.grid import Grid

_START_OF_DATA = b"\xff\x93"


class RemoteJp2Raster:
    """One band of an image on a server, without overviews.

    Parameters
    ----------
    content : Content
        As a door has opened it.
    asset : mapping
        ``eocene:band`` (from 1) and ``nodata``.
    """

    def __init__(self, content: Content, asset: Mapping[str, Any]) -> None:
        self._content = content
        self._size, grid, self.dtype, nodata, count = _read_header(content)
        self._band = int(asset.get("eocene:band", 1))
        if not 1 <= self._band <= count:
            raise InputError(
                f"The file {content.name!r} has {count} bands, band {self._band} was asked for.",
                "Correct eocene:band of the asset.",
            )
        declared = parse_nodata(asset.get("nodata"))
        self.nodata: float | None = nodata if declared is None else declared
        self.levels: tuple[Grid, ...] = (grid,)

    def read(self, window: Grid, level: int = 0, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return the stored numbers (height, width) of a window of ``levels[level]``, in ``out`` if given."""
        rows, columns = check_window(window, self.levels[level], self._content.name)
        pixels = np.empty(window.shape, self.dtype) if out is None else out
        if 0 in window.shape:
            return pixels
        parts = _list_parts(self._content)
        whole = _TilesContent(self._content, parts, _find_tiles(self._size, rows, columns))
        try:
            with open_dataset(whole.name, JP2_DRIVER, content=whole) as dataset:
                dataset.read(self._band, window=Window.from_slices(rows, columns), out=pixels)
        except (RasterioError, ValueError) as error:
            raise damaged(self._content.name, str(error)) from error
        return pixels

    def close(self) -> None:
        """Nothing to let go of: the image is opened for each window."""


class _TilesContent:
    """Looks like an image of which only some tiles have data."""

    def __init__(self, content: Content, parts: Sequence[TilePart], tiles: set[int]) -> None:
        self.name, self.identity, self.size = content.name, content.identity, content.size
        first, last = parts[0].offset, parts[-1].offset + parts[-1].length
        wanted = [part for part in parts if part.tile in tiles]
        check_decoded(self.name, "what a window needs of it", (first + sum(p.length for p in wanted),))
        ranges = [(0, first), *((part.offset, part.length) for part in wanted)]
        known: dict[int, bytes | memoryview] = {p.offset: p.head + _START_OF_DATA for p in parts}
        known |= dict(zip((start for start, _ in ranges), content.read_many(ranges), strict=True))
        known[last] = END_OF_CODESTREAM
        self._starts, self._data = sorted(known), known

    def read(self, offset: int, length: int) -> bytes:
        """Return a range; zeros where nothing was fetched."""
        stop = min(offset + length, self.size)
        found = bytearray(max(0, stop - offset))
        number = max(0, bisect_right(self._starts, offset) - 1)
        while number < len(self._starts) and self._starts[number] < stop:
            start = self._starts[number]
            data = self._data[start]
            first, last = max(start, offset), min(start + len(data), stop)
            if first < last:
                found[first - offset : last - offset] = data[first - start : last - start]
            number += 1
        return bytes(found)

    def read_many(self, ranges: Sequence[tuple[int, int]]) -> list[bytes]:
        """Return several ranges."""
        return [self.read(offset, length) for offset, length in ranges]


def _find_tiles(size: ImageSize, rows: slice, columns: slice) -> set[int]:
    """Return the numbers of the tiles that a window lies in."""
    across = -(-size.width // size.tile_width)
    down = range(rows.start // size.tile_height, (rows.stop - 1) // size.tile_height + 1)
    along = range(columns.start // size.tile_width, (columns.stop - 1) // size.tile_width + 1)
    return {row * across + column for row in down for column in along}


def _identify(content: Content) -> Identity:
    return content.identity


@cached(LRUCache(1024), key=_identify, lock=threading.Lock())
def _list_parts(content: Content) -> list[TilePart]:
    return list_parts(content)


@cached(LRUCache(1024), key=_identify, lock=threading.Lock())
def _read_header(content: Content) -> tuple[ImageSize, Grid, np.dtype[Any], float | None, int]:
    """Return what the main header says: sizes, grid, dtype, no-data and the number of bands."""
    size = read_image_size(content)
    first = find_first_part(content, size)
    parts = [TilePart(0, first, content.size - first - 2, content.read(first, 12))]
    try:
        with open_dataset(content.name, JP2_DRIVER, content=_TilesContent(content, parts, set())) as dataset:
            grid = read_grid(dataset, content.name)
            return size, grid, np.dtype(dataset.dtypes[0]), dataset.nodata, dataset.count
    except RasterioError as error:
        raise damaged(content.name, str(error)) from error
