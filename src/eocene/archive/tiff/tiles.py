"""How many bytes of a file lie behind a window of its raster: known from the header, nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tiff.geotiff import GeotiffRaster

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from eocene.archive.raster import Raster
    from eocene.archive.tiff.tile_reader import TileFile


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
        Bytes of a tile when it is decoded, with all the bands that are stored in it.
    opening : int
        What is read of the file before its first tile: the directories of its images.
    bands : int
        How many are stored in a tile.
    """

    tile: tuple[int, int]
    counts: NDArray[np.float64]
    decoded: int
    opening: int = 0
    bands: int = 1

    def is_whole(self, rows: slice, cols: slice, shape: tuple[int, int]) -> bool:
        """Tell whether a window of an image of that shape meets none of the tiles in part."""
        return all(
            wanted.start % length == 0 and (wanted.stop % length == 0 or wanted.stop == most)
            for wanted, length, most in zip((rows, cols), self.tile, shape, strict=True)
        )

    def is_full(self, row: int, col: int, shape: tuple[int, int]) -> bool:
        """Tell whether a tile lies in an image of that shape with all of its pixels."""
        return all(
            (n + 1) * length <= most for n, length, most in zip((row, col), self.tile, shape, strict=True)
        )

    def under(self, rows: slice, cols: slice) -> Iterator[tuple[int, int]]:
        """Yield row and column of each tile that a window meets."""
        (height, width) = self.tile
        return product(
            range(rows.start // height, ceil(rows.stop / height)),
            range(cols.start // width, ceil(cols.stop / width)),
        )


@lru_cache(maxsize=4096)
def _count_tiles(file: TileFile, itemsize: int) -> tuple[TileBytes, ...]:
    """Return the tiles of each level of a GeoTIFF, its first band's where bands are stored apart."""
    found = []
    for image in file.images:
        height, width = image.form.tile
        stored = image.form.stored
        bands = stored.get(277, (1,))[0] if stored.get(284, (1,)) == (1,) else 1
        shape = ceil(image.height / height), ceil(image.width / width)
        lengths = image.lengths[: shape[0] * shape[1]].astype(np.float64)
        decoded = height * width * itemsize * bands
        found.append(TileBytes(image.form.tile, lengths.reshape(shape), decoded, file.opening, bands))
    return tuple(found)


def tiles_of(raster: Raster, level: int) -> TileBytes:
    """Return the tiles of a level; a format without such a directory has one tile, of a file's whole size."""
    if isinstance(raster, GeotiffRaster):
        return _count_tiles(raster.file, raster.dtype.itemsize)[level]
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
