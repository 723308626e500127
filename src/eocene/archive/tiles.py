"""How many bytes of a file lie behind a window of its raster: known from the header, nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import describe_file
from eocene.archive.geotiff import GeotiffRaster
from eocene.archive.tiff import read_images

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.archive.raster import Raster
    from eocene.model import Grid

_OPENING = 16 * 1024
"""What is read of a file before its first tile."""


@dataclass(frozen=True, eq=False)
class TileBytes:
    """The stored sizes of the tiles of one image: ``counts`` by row and column, ``tile`` height and width."""

    tile: tuple[int, int]
    counts: NDArray[np.int64]

    def under(self, window: Grid, level: Grid) -> tuple[slice, slice]:
        """Return the rows and columns of the tiles that a window of the image meets."""
        rows, cols = window.slices_in(level)
        (height, width) = self.tile
        return (
            slice(rows.start // height, ceil(rows.stop / height)),
            slice(cols.start // width, ceil(cols.stop / width)),
        )


@lru_cache(maxsize=4096)
def _read_tiles(identity: tuple[str, int, int]) -> tuple[TileBytes, ...]:
    """Return the tiles of each level of a GeoTIFF, its first band's where bands are stored apart."""
    images = read_images(Path(identity[0]), with_extents=True)
    found = []
    for image in [images[0], *(i for i in images[1:] if i.is_overview)]:
        shape = ceil(image.height / image.tile[0]), ceil(image.width / image.tile[1])
        lengths = np.array([length for _, length in image.extents[: shape[0] * shape[1]]], np.int64)
        found.append(TileBytes(image.tile, lengths.reshape(shape)))
    return tuple(found)


def tiles_of(raster: Raster, level: int) -> TileBytes:
    """Return the tiles of a level; a format without such a directory has one tile, of a file's whole size."""
    if isinstance(raster, GeotiffRaster):
        return _read_tiles(describe_file(raster.path))[level]
    grid, path = raster.levels[level], getattr(raster, "path", None)
    size: Any = path.stat().st_size if path else grid.width * grid.height * raster.dtype.itemsize
    return TileBytes(grid.shape, np.array([[size]], np.int64))


def count_bytes(raster: Raster, level: int, windows: Sequence[Grid], threads: int | None = None) -> int:
    """Return the stored bytes behind windows of a level, and what opening the file takes.

    Parameters
    ----------
    raster, level
        What is read.
    windows : sequence of Grid
        Inside ``raster.levels[level]``, each read by itself.
    threads : int, optional
        How many threads share the windows, each of which keeps what it has decoded; without it a tile is
        read for every window that meets it.
    """
    tiles, grid = tiles_of(raster, level), raster.levels[level]
    times = np.zeros(tiles.counts.shape)
    for window in windows:
        times[tiles.under(window, grid)] += 1
    if threads is not None:  # how many of the threads meet a tile, if each window falls to any of them
        times = threads * (1 - (1 - 1 / threads) ** times)
    openings = min(len(windows), threads or len(windows))
    return int((tiles.counts * times).sum()) + openings * _OPENING
