"""Whole cubes that a stage has computed, kept for windows to be read from: in memory, or in a Zarr."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.cube.block import Block
    from eocene.model import Grid


@dataclass(frozen=True, eq=False)
class Store:
    """Values and mask of a cube, as arrays that take and give slices; numpy's or Zarr's.

    Parameters
    ----------
    form : Block
        One pixel of the cube: dimensions, labels, dtype.
    grid : Grid
        The extent.
    values, valid : array
        Of the whole cube.
    places : tuple of int or None
        Positions along t that are read; None for all.
    """

    form: Block
    grid: Grid
    values: Any
    valid: Any
    places: tuple[int, ...] | None = None
    items: tuple[Any, ...] = field(default=())

    def write(self, block: Block, times: tuple[Any, ...] | None = None) -> None:
        """Put a window of the cube in, all labels along t or some that stand side by side."""
        if block.grid is None:
            raise ValueError("a block without a place cannot be stored")
        where: list[Any] = [slice(None)] * (len(block.dims) - 2)
        if times is not None and "t" in self.form.dims:
            first = self.form.labels["t"].index(times[0])
            where[self.form.index("t")] = slice(first, first + len(times))
        place = (*where, *block.grid.slices_in(self.grid))
        self.values[place] = block.values
        self.valid[place] = True if block.valid is None else block.valid

    def probe(self) -> Block:
        """Return one pixel of the right form."""
        return self._pick(self.form)

    def at_dates(self, labels: tuple[Any, ...] | None) -> Store:
        """Return the store with some of its labels along t only."""
        if labels is None or "t" not in self.form.dims:
            return self
        return replace(self, places=tuple(self.form.labels["t"].index(label) for label in labels))

    def read(self, window: Grid) -> Block:
        """Return the values of a window inside the extent."""
        place = window.slices_in(self.grid)
        if self.places is None or len(self.places) > 1:
            return self._pick(self._block((..., *place), window, dict(self.form.labels)))
        position = self.places[0]  # one date: the others are not read
        lead = [slice(position, position + 1) if d == "t" else slice(None) for d in self.form.dims[:-2]]
        labels = {**self.form.labels, "t": (self.form.labels["t"][position],)}
        return self._block((*lead, *place), window, labels)

    def _block(self, place: Any, window: Grid, labels: dict[str, Any]) -> Block:
        values, valid = np.asarray(self.values[place]), np.asarray(self.valid[place])
        return self.form.with_(
            values=values, valid=None if valid.all() else valid, grid=window, labels=labels
        )

    def _pick(self, block: Block) -> Block:
        return block if self.places is None else block.take("t", self.places)

    def decode(self, leaf: Block, window: Grid) -> Block:
        """Return the values of a window that lies in what was read."""
        return leaf.crop(window)

    def bytes_per_pixel(self) -> int:
        """Return the memory that a pixel takes."""
        return int(np.prod(self.form.values.shape[:-2])) * (self.form.values.dtype.itemsize + 1)


def keep_in_memory(form: Block, grid: Grid) -> Store:
    """Return an empty store in memory."""
    shape = (*form.values.shape[:-2], *grid.shape)
    return Store(form, grid, np.zeros(shape, form.values.dtype), np.zeros(shape, bool))


def keep_on_disk(path: Path, form: Block, grid: Grid, *, block: int) -> Store:
    """Return an empty store in a new Zarr group; windows of ``block`` pixels can be written side by side."""
    import zarr

    shape = (*form.values.shape[:-2], *grid.shape)
    chunks = tuple(1 if d == "t" else n for d, n in zip(form.dims[:-2], shape[:-2], strict=True))
    group = zarr.open_group(path, mode="w")

    def create(name: str, dtype: np.dtype[Any]) -> Any:
        return group.create_array(name, shape=shape, chunks=(*chunks, block, block), dtype=dtype)

    return Store(form, grid, create("values", form.values.dtype), create("valid", np.dtype(bool)))
