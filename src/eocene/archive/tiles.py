"""How many bytes of a file lie behind a window of its raster: known from the header, nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import describe_file
from eocene.archive.geotiff import GeotiffRaster
from eocene.archive.tiff import read_images

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from eocene.archive.raster import Raster

OPENING_BYTES = 16 * 1024
"""What is read of a file before its first tile."""
KEPT_BYTES = 64 * 2**20
"""Decoded tiles that the readers keep, since the next window may want another part of them."""


@dataclass(frozen=True, eq=False)
class TileBytes:
    """The stored sizes of the tiles of an image.

    Parameters
    ----------
    tile : tuple of int
        Height and width in pixels.
    counts : ndarray
        Bytes of each tile, by row and column.
    decoded : int
        Bytes of a tile when it is decoded.
    """

    tile: tuple[int, int]
    counts: NDArray[np.float64]
    decoded: int

    def under(self, rows: slice, cols: slice) -> Iterator[tuple[int, int, bool]]:
        """Yield row and column of each tile that a window meets, and whether it is wholly inside."""
        height, width = self.tile
        for row in range(rows.start // height, ceil(rows.stop / height)):
            is_tall = rows.start <= row * height and (row + 1) * height <= rows.stop
            for col in range(cols.start // width, ceil(cols.stop / width)):
                yield row, col, is_tall and cols.start <= col * width and (col + 1) * width <= cols.stop


@lru_cache(maxsize=4096)
def _read_tiles(identity: tuple[str, int, int], itemsize: int) -> tuple[TileBytes, ...]:
    """Return the tiles of each level of a GeoTIFF, its first band's where bands are stored apart."""
    images = read_images(Path(identity[0]), with_extents=True)
    found = []
    for image in [images[0], *(i for i in images[1:] if i.is_overview)]:
        height, width = image.tile
        shape = ceil(image.height / height), ceil(image.width / width)
        lengths = np.array([length for _, length in image.extents[: shape[0] * shape[1]]], np.float64)
        found.append(TileBytes(image.tile, lengths.reshape(shape), height * width * itemsize))
    return tuple(found)


def tiles_of(raster: Raster, level: int) -> TileBytes:
    """Return the tiles of a level; a format without such a directory has one tile, of a file's whole size."""
    if isinstance(raster, GeotiffRaster):
        return _read_tiles(describe_file(raster.path), raster.dtype.itemsize)[level]
    grid, path = raster.levels[level], getattr(raster, "path", None)
    decoded = grid.width * grid.height * raster.dtype.itemsize
    size: Any = path.stat().st_size if path else decoded
    return TileBytes(grid.shape, np.array([[size]], np.float64), decoded)


def mean_tiles(rasters: Sequence[Raster], level: int) -> TileBytes:
    """Return the tiles of images that stand on one grid, with the mean of their stored sizes.

    Those that are tiled in another way than the first are left out.
    """
    found = [tiles_of(raster, level) for raster in rasters]
    alike = [t.counts for t in found if t.tile == found[0].tile and t.counts.shape == found[0].counts.shape]
    return replace(found[0], counts=np.mean(alike, axis=0))
