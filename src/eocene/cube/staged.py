"""Whole cubes that a stage has computed, kept for windows to be read from: in memory, or in a Zarr."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
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
    stored : Grid
        What the arrays cover; the extent or more.
    values, valid : array
        Of the whole cube; without a mask, floats are NaN where there is no data.
    kept : mapping
        Dimension → the positions along it that are left; all where it is not there.
    items : tuple
        The items that the cube was made from.
    """

    form: Block
    grid: Grid
    stored: Grid
    values: Any
    valid: Any
    kept: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    items: tuple[Any, ...] = ()

    def write(self, block: Block, times: tuple[Any, ...] | None = None) -> None:
        """Put a window of the cube in, all labels along t or some that stand side by side."""
        if block.grid is None:
            raise ValueError("a block without a place cannot be stored")
        where: list[Any] = [slice(None)] * (len(block.dims) - 2)
        if times is not None and "t" in self.form.dims:
            first = self.form.labels["t"].index(times[0])
            where[self.form.index("t")] = slice(first, first + len(times))
        place = (*where, *block.grid.slices_in(self.stored))
        self.values[place] = block.values
        if self.valid is not None:
            self.valid[place] = True if block.valid is None else block.valid
        elif block.valid is not None:
            np.copyto(self.values[place], np.nan, where=~block.valid)

    @cached_property
    def labels(self) -> dict[str, tuple[Any, ...]]:
        """Return the labels that are left."""
        return {d: tuple(known[p] for p in self._left(d)) for d, known in self.form.labels.items()}

    def _left(self, dim: str) -> Sequence[int]:
        return self.kept.get(dim, range(len(self.form.labels[dim])))

    def probe(self) -> Block:
        """Return one pixel of the right form."""
        probe = self.form
        for dim, positions in self.kept.items():
            probe = probe.take(dim, positions)
        return probe

    def keep(self, dim: str, positions: Sequence[int]) -> Store:
        """Return the store with some of what is left along a dimension only."""
        left = self._left(dim)
        return replace(self, kept={**self.kept, dim: tuple(left[p] for p in positions)})

    def at_dates(self, labels: tuple[Any, ...] | None) -> Store:
        """Return the store with some of its labels along t only."""
        if labels is None or "t" not in self.form.dims:
            return self
        return self.keep("t", [self.labels["t"].index(label) for label in labels])

    def read(self, window: Grid) -> Block:
        """Return the values of a window inside the extent."""
        lead = self.form.dims[:-2]
        spans = [_span(self._left(d)) for d in lead]
        # The extent may have been cut to a part of what is stored; one without pixels has no place in itself.
        pixels = (slice(None), slice(None)) if window == self.stored else window.slices_in(self.stored)
        place = (*spans, *pixels)
        values = np.asarray(self.values[place])
        valid = None if self.valid is None else np.asarray(self.valid[place])
        known = {d: self.form.labels[d][span] for d, span in zip(lead, spans, strict=True)}
        block = self.form.with_(
            values=values,
            valid=None if valid is None or valid.all() else valid,
            grid=window,
            labels=known,
        )
        for dim, span in zip(lead, spans, strict=True):
            if dim in self.kept:
                block = block.take(dim, [p - span.start for p in self.kept[dim]])
        return block

    def decode(self, leaf: Block, window: Grid) -> Block:
        """Return the values of a window that lies in what was read."""
        return leaf.crop(window)

    def bytes_per_pixel(self) -> int:
        """Return the memory that a pixel takes."""
        return math.prod(len(v) for v in self.labels.values()) * (self.form.values.dtype.itemsize + 1)


def _span(positions: Sequence[int]) -> slice:
    """Return the smallest slice around positions."""
    return slice(min(positions), max(positions) + 1) if len(positions) else slice(0, 0)


def keep_in_memory(form: Block, grid: Grid, *, masked: bool = True) -> Store:
    """Return a store in memory, to be filled whole; without a mask it takes floats only."""
    shape = (*form.values.shape[:-2], *grid.shape)
    valid = np.empty(shape, bool) if masked else None
    return Store(form, grid, grid, np.empty(shape, form.values.dtype), valid)


def keep_on_disk(path: Path, form: Block, grid: Grid, *, block: int) -> Store:
    """Return an empty store in a new Zarr group; windows of ``block`` pixels can be written side by side."""
    import zarr

    shape = (*form.values.shape[:-2], *grid.shape)
    chunks = tuple(1 if d == "t" else n for d, n in zip(form.dims[:-2], shape[:-2], strict=True))
    group = zarr.open_group(path, mode="w")

    def create(name: str, dtype: np.dtype[Any]) -> Any:
        return group.create_array(name, shape=shape, chunks=(*chunks, block, block), dtype=dtype)

    return Store(form, grid, grid, create("values", form.values.dtype), create("valid", np.dtype(bool)))
