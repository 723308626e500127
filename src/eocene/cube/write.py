"""A cube on disk: sharded Zarr v3, written block by block from any number of threads and processes."""

from __future__ import annotations

import itertools
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import xarray as xr

from eocene.cube.edge import edge_dtype, make_coordinates
from eocene.model.files import sync_file, sync_folder

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.cube.block import Block
    from eocene.model import Grid

_CHUNK = 256
_SHARD_BYTES = 8 * 2**20
"""Of how many bytes a shard is at most, uncompressed, as long as it holds more than one date."""


class CubeStore:
    """A cube in the array ``data`` of a Zarr group, floats with NaN for no-data, as xarray reads it.

    Make one with :meth:`create`, or open one that was created. A block is one shard, or one for every
    few labels along t, or along the first dimension where there is no t. A shard is replaced whole:
    writers do not meet, and a block may be written twice. Within a shard each date and band has
    chunks of its own, so that one of them can be read alone.

    Parameters
    ----------
    path : Path
        The folder of the group.
    grid : Grid
        The extent.
    durable : bool
        Whether what was written is on the disk, also if the power fails, before ``write`` returns.
    """

    def __init__(self, path: Path, grid: Grid, *, durable: bool = False) -> None:
        self.path = path
        self.grid = grid
        self._durable = durable
        import zarr  # takes half a second, and most plans write nothing

        self._array: Any = zarr.open_array(path / "data", mode="r+")

    @classmethod
    def create(
        cls,
        path: Path,
        dims: tuple[str, ...],
        labels: Mapping[str, tuple[Any, ...]],
        grid: Grid,
        dtype: np.dtype[Any],
        *,
        block: int,
        step: int | None = None,
    ) -> CubeStore:
        """Make an empty cube: no-data everywhere.

        Parameters
        ----------
        path : Path
            The folder of the group.
        dims, labels
            Of the cube, y and x last.
        grid : Grid
            The extent.
        dtype : dtype
            Of the values.
        block : int
            Edge of the blocks that will be written.
        step : int, optional
            How many labels along t will be written at a time; all by default.
        """
        lead = tuple(len(labels[d]) for d in dims[:-2])
        chunk = max(size for size in range(1, min(_CHUNK, block) + 1) if block % size == 0)
        coordinates = make_coordinates({d: labels[d] for d in dims[:-2]}, grid)
        import zarr
        from zarr.codecs import BloscCodec

        xr.Dataset(coords=coordinates).to_zarr(path, mode="w", zarr_format=3, consolidated=False)
        zarr.open_group(path, mode="a").create_array(
            "data",
            shape=(*lead, *grid.shape),
            chunks=(*(1 for _ in lead), chunk, chunk),
            shards=(*_shard_lead(dims, lead, block * block * edge_dtype(dtype).itemsize, step), block, block),
            dtype=edge_dtype(dtype),
            fill_value=float("nan"),
            compressors=BloscCodec(cname="zstd", clevel=5, shuffle="bitshuffle"),
            dimension_names=dims,
            attributes={"grid_mapping": "spatial_ref", "crs": f"EPSG:{grid.epsg}"},
        )
        return cls(path, grid)

    def write(self, block: Block, first: int = 0) -> None:
        """Write a block where its grid says; its edges are those of a shard.

        Parameters
        ----------
        block : Block
            All labels of the cube, or along t those of one step, or of some that follow each other.
        first : int
            The position along t of its first label.
        """
        if block.grid is None:
            raise ValueError("a block without a grid has no place in a cube")
        place = block.grid.slices_in(self.grid)
        axis = _cut_axis(block.dims)
        if axis is None:
            self._put(place, block)
            return
        length, step = block.values.shape[axis], self._array.shards[axis]
        for start in range(0, length, step):
            stop = min(start + step, length)
            before = (slice(None),) * axis
            self._put(
                (*before, slice(first + start, first + stop), ..., *place),
                block.take(block.dims[axis], range(start, stop)),
            )

    def _put(self, place: tuple[Any, ...], block: Block) -> None:
        self._array[place] = block.filled().astype(self._array.dtype, copy=False)
        if self._durable:
            self._sync(place)

    def _sync(self, place: tuple[Any, ...]) -> None:
        """Bring the shards of a place to the disk; one that is empty has no file."""
        array = self._array
        missing = (slice(None),) * (array.ndim - len(place) + (... in place))
        cut = place.index(...) if ... in place else 0
        full = (*place[:cut], *missing, *place[cut + (... in place) :])
        ranges = [
            range((s.start or 0) // shard, -(-(size if s.stop is None else s.stop) // shard))
            for s, size, shard in zip(full, array.shape, array.shards, strict=True)
        ]
        for position in itertools.product(*ranges):
            file = self.path / "data" / array.metadata.encode_chunk_key(position)
            with suppress(FileNotFoundError):
                sync_file(file)
                sync_folder(file.parent)

    def read(self, window: Grid, layer: Sequence[int] = ()) -> NDArray[Any]:
        """Read a window, of one layer if its positions along the leading dimensions are given."""
        found: NDArray[Any] = self._array[(*layer, ..., *window.slices_in(self.grid))]
        return found

    def sweep(self) -> None:
        """Remove the half-written shards that a process which died has left."""
        for leftover in self.path.rglob("*.partial"):
            leftover.unlink(missing_ok=True)


def _cut_axis(dims: Sequence[str]) -> int | None:
    """Return along which leading dimension shards are cut: t, or the first."""
    lead = dims[:-2]
    return (lead.index("t") if "t" in lead else 0) if lead else None


def _shard_lead(
    dims: tuple[str, ...], lead: tuple[int, ...], layer: int, step: int | None
) -> tuple[int, ...]:
    """Return how much of the leading dimensions, of layers of so many bytes, a shard holds.

    Of what is written in steps, each is a whole number of shards.
    """
    axis = _cut_axis(dims)
    if axis is None:
        return ()
    most = max(1, _SHARD_BYTES // max(1, layer * math.prod(lead[:axis] + lead[axis + 1 :])))
    length = max(1, lead[axis])
    if dims[axis] != "t" or step is None or step >= length:
        count = min(length, most)
    else:
        count = max(n for n in range(1, step + 1) if step % n == 0 and n <= most)
    return (*lead[:axis], count, *lead[axis + 1 :])
