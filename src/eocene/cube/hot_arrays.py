"""The pixels of a materialised area: stored numbers and masks in sharded Zarr v3, time within each chunk.

A part holds up to a hundred dates. Of band n it has the arrays ``n/numbers`` and ``n/valid`` (t, y, x); their
rows and columns are counted from a whole multiple of the shard's edge on the lattice, so that chunks of all
areas on one lattice have the same edges. Chunks without any data are not written.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from cachetools import LRUCache, cached

from eocene.archive.hot.area import HotPart
from eocene.model.errors import DamageError
from eocene.model.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.model.grid import Grid

CHUNK_DATES, CHUNK = 25, 64
SHARD_DATES, SHARD = 100, 512
_KEPT_BYTES = 32 * 2**20
"""What is kept of small windows, so that a series that is computed in passes reads each chunk once."""


@dataclass(frozen=True, eq=False)
class PartArrays:
    """The arrays of a part, each opened when it is used.

    Parameters
    ----------
    folder : Path
        Where they lie.
    grid : Grid
        What row 0 and column 0 are, and how many there are.
    mode : str
        Whether they are read (r) or written (r+).
    """

    folder: Path
    grid: Grid
    mode: Any
    _opened: dict[int, tuple[Any, ...]] = field(default_factory=dict)

    def _arrays(self, band: int) -> tuple[Any, ...]:
        """Return numbers and mask of a band, by its number among the area's bands."""
        if band not in self._opened:
            import zarr  # takes half a second, and most workspaces have nothing materialised

            paths = (self.folder / str(band) / name for name in ("numbers", "valid"))
            self._opened[band] = tuple(zarr.open_array(path, mode=self.mode) for path in paths)
        return self._opened[band]

    def read(self, band: int, slots: Sequence[int], window: Grid) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return numbers and mask (slots, height, width) of a window inside the grid."""
        first, last = min(slots), max(slots) + 1
        if window.width * window.height <= CHUNK * CHUNK:
            # The dates of a small window are asked for by and by, but lie in a few chunks together.
            numbers, valid = (values[first:last] for values in _read_small(self, band, window))
        else:
            numbers, valid = self._read_dates(band, slice(first, last), window)
        if list(slots) == list(range(first, last)):
            return numbers, valid
        chosen = [slot - first for slot in slots]
        return numbers[chosen], valid[chosen]

    def _read_dates(self, band: int, dates: slice, window: Grid) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        place = (dates, *window.slices_in(self.grid))
        numbers, valid = (np.asarray(array[place]) for array in self._arrays(band))
        return numbers, valid

    def write(
        self, band: int, first: int, window: Grid, numbers: NDArray[Any], valid: NDArray[np.bool_]
    ) -> None:
        """Write dates from a slot on; the window is whole shards, or ends with the area."""
        place = (slice(first, first + len(numbers)), *window.slices_in(self.grid))
        for array, values in zip(self._arrays(band), (np.where(valid, numbers, 0), valid), strict=True):
            array[place] = values.astype(array.dtype, copy=False)


def _count_bytes(kept: tuple[NDArray[Any], NDArray[np.bool_]]) -> int:
    return kept[0].nbytes + kept[1].nbytes


@cached(LRUCache(_KEPT_BYTES, _count_bytes), lock=threading.Lock())
def _read_small(arrays: PartArrays, band: int, window: Grid) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return numbers and mask of all dates of a part in a small window; parts never change."""
    return arrays._read_dates(band, slice(None), window)


def create_part(folder: Path, grid: Grid, dtypes: Sequence[str], dates: int, edge: int) -> PartArrays:
    """Make the arrays of a part: no data anywhere; ``edge`` is that of its shards in pixels."""
    import zarr
    from zarr.codecs import BloscCodec, Crc32cCodec

    whole = _anchor(grid, edge)
    chunk_dates = min(CHUNK_DATES, dates)
    group = zarr.open_group(folder, mode="w", zarr_format=3)
    for number, dtype in enumerate(dtypes):
        for name, stored in (("numbers", dtype), ("valid", "bool")):
            group.create_array(
                f"{number}/{name}",
                shape=(dates, *whole.shape),
                chunks=(chunk_dates, CHUNK, CHUNK),
                shards=(-(-dates // chunk_dates) * chunk_dates, edge, edge),
                dtype=stored,
                fill_value=0,
                # A checksum of each chunk: what a disk has changed is read from the files instead.
                compressors=[BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"), Crc32cCodec()],
                dimension_names=("t", "y", "x"),
            )
    return PartArrays(folder, whole, "r+")


def shards_of(grid: Grid, edge: int) -> Iterator[Grid]:
    """Yield what of each shard lies in the grid, row by row."""
    for block in _anchor(grid, edge).blocks(edge):
        inside = block.intersect(grid)
        if inside is not None:
            yield inside


def _anchor(grid: Grid, edge: int) -> Grid:
    """Return the grid begun at a whole multiple of an edge."""
    left, top = grid.left // edge * edge, grid.top // edge * edge
    width, height = grid.left + grid.width - left, grid.top + grid.height - top
    return replace(grid, left=left, top=top, width=width, height=height)


def describe_part(folder: Path, edge: int) -> HotPart:
    """Return how much a part that was written takes, once it is on the disk."""
    for path in [folder, *folder.rglob("*")]:
        sync_folder(path)  # or a file
    return HotPart(folder.name, edge, *measure_folder(folder))


def measure_folder(folder: Path | str) -> tuple[int, int]:
    """Return how many files lie below a folder, and their bytes."""
    count = size = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            below = measure_folder(entry.path) if entry.is_dir() else (1, entry.stat().st_size)
            count, size = count + below[0], size + below[1]
    return count, size


@lru_cache(maxsize=256)
def open_part(folder: Path, part: HotPart, grid: Grid) -> PartArrays:
    """Open a part of an area of that grid.

    Raises
    ------
    DamageError
        If a file is missing or too long or short: Zarr would take a missing shard for one without data.
    """
    if measure_folder(folder) != (part.files, part.bytes):
        raise DamageError(f"The materialised part {folder} is not complete.", "Materialise the area again.")
    return PartArrays(folder, _anchor(grid, part.edge), "r")
