"""A cube in the archive: items grouped by date, read window by window onto one lattice."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.warp import find_footprint

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.archive import Archive, Raster
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]


_UNKNOWN = np.dtype("V")


@dataclass(frozen=True)
class Leaf:
    """Stored numbers of a window: for each band (dates, height, width) and where they are data."""

    grid: Grid
    numbers: tuple[NDArray[Any], ...]
    valid: tuple[NDArray[np.bool_], ...]


@dataclass(frozen=True)
class CubeSource:
    """What a load process reads.

    Parameters
    ----------
    archive : Archive
        Opens the assets.
    dates : tuple of (label, items)
        Label along t (datetime64), and the items of that date in the order in which they are laid:
        the first that has data at a pixel gives its value.
    bands : tuple of Band
        The asset of a band is the one of its name.
    grid : Grid
        The output extent.
    scaled : bool
        Whether scale and offset are applied.
    dtype : dtype
        Of the values; found from how the bands are stored, and kept when dates or bands are left out.
    mixed : set of str
        Bands whose images are stored in different ways; found likewise.
    """

    archive: Archive
    dates: tuple[tuple[np.datetime64, tuple[Item, ...]], ...]
    bands: tuple[Band, ...]
    grid: Grid
    scaled: bool = True
    dtype: np.dtype[Any] = field(default=_UNKNOWN)
    mixed: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if self.dtype != _UNKNOWN:
            return
        encodings = {b.name: self._find_encodings(b) for b in self.bands}
        object.__setattr__(self, "dtype", self._common_dtype(encodings))
        # Of these bands each image is decoded as it is laid, since its neighbours are stored otherwise.
        object.__setattr__(self, "mixed", frozenset(n for n, found in encodings.items() if len(found) > 1))

    def _find_encodings(self, band: Band) -> set[Band]:
        """Return how the band is stored in its items; a collection can span processing baselines."""
        assets = (item["assets"].get(band.name) for item in self.items)
        return {band} | {band.stored_in(asset) for asset in assets if asset is not None}

    @property
    def items(self) -> tuple[Item, ...]:
        """Every item that may be read."""
        return tuple(item for _, items in self.dates for item in items)

    def _common_dtype(self, encodings: Mapping[str, set[Band]]) -> np.dtype[Any]:
        """Return the dtype of the values: stored integers stay when nothing is scaled and all agree."""
        every = [e for found in encodings.values() for e in found]
        stored = {np.dtype(e.dtype) for e in every}
        scaled = self.scaled and any(e.is_scaled for e in every)
        if len(stored) == 1 and not scaled:
            return next(iter(stored))
        wide = any(d.itemsize > (4 if d.kind == "f" else 2) for d in stored)
        return np.dtype(np.float64 if wide else np.float32)

    def at_dates(self, labels: tuple[np.datetime64, ...] | None) -> CubeSource:
        """Return the source with some of its dates only."""
        if labels is None or len(labels) == len(self.dates):
            return self
        wanted = set(labels)
        return replace(self, dates=tuple(d for d in self.dates if d[0] in wanted))

    def of_bands(self, names: tuple[str, ...]) -> CubeSource:
        """Return the source with some of its bands only, their values as they were among all of them."""
        return replace(self, bands=tuple(b for b in self.bands if b.name in names))

    def read(self, window: Grid) -> Leaf:
        """Read the stored numbers of a window, mosaicked by date; nothing is decoded yet."""
        dates = self._near(window)
        numbers, valid = [], []
        for band in self.bands:
            dtype = self.dtype if band.name in self.mixed else np.dtype(band.dtype)
            stack = np.zeros((len(self.dates), *window.shape), dtype)
            mask = np.zeros(stack.shape, bool)
            for position, items in enumerate(dates):
                for item in items:
                    if mask[position].all():
                        break
                    self._lay(item, band, window, stack[position], mask[position])
            numbers.append(stack)
            valid.append(mask)
        return Leaf(window, tuple(numbers), tuple(valid))

    def _near(self, window: Grid) -> list[list[Item]]:
        """Return the items of each date whose footprint may meet the window, so that no other is opened."""
        if 0 in window.shape:
            return [[] for _ in self.dates]
        west, south, east, north = window.pad(1).bounds_in(4326)
        if not all(map(math.isfinite, (west, south, east, north))) or west > east:
            return [list(items) for _, items in self.dates]

        def meets(item: Item) -> bool:
            box = item["bbox"]
            left, bottom = box[:2]
            right, top = box[len(box) // 2 :][:2]
            if left > right:  # across the antimeridian
                return bool(bottom <= north and south <= top)
            return bool(left <= east and west <= right and bottom <= north and south <= top)

        return [[item for item in items if meets(item)] for _, items in self.dates]

    def _lay(
        self, item: Item, band: Band, window: Grid, values: NDArray[Any], mask: NDArray[np.bool_]
    ) -> None:
        """Fill what is still empty in ``values`` from one item."""
        asset = item["assets"].get(band.name)
        if asset is None:
            return
        raster = self.archive.open_raster(asset)
        level = choose_level(raster, window)
        found = find_footprint(window, raster.levels[level])
        if found is None:
            return
        picked = found.pick(raster.read(found.needed, level))
        nodata = band.nodata if raster.nodata is None else raster.nodata
        present = is_data(picked, nodata) & found.inside
        if self.scaled and band.name in self.mixed:
            picked = decode_numbers(picked, band.stored_in(asset))
        if mask.any():
            fresh = present & ~mask
            np.copyto(values, picked, where=fresh, casting="unsafe")
            mask |= fresh
        else:  # nothing lies there yet: no need to choose
            np.copyto(values, np.where(present, picked, picked.dtype.type(0)), casting="unsafe")
            mask[...] = present

    def decode(self, leaf: Leaf, window: Grid) -> Block:
        """Return the values of a window that lies in the leaf: (t, bands, y, x)."""
        cut = (slice(None), *window.slices_in(leaf.grid))
        values = np.empty((len(self.dates), len(self.bands), *window.shape), self.dtype)
        valid = np.empty(values.shape, bool)
        for position, band in enumerate(self.bands):
            numbers = leaf.numbers[position][cut]
            if self.scaled and band.name not in self.mixed:
                numbers = decode_numbers(numbers, band)
            values[:, position] = numbers
            valid[:, position] = leaf.valid[position][cut]
        return self._block(values, None if valid.all() else valid, window)

    def bytes_per_pixel(self) -> int:
        """Return the memory that a pixel of what is read takes: numbers and mask of all dates and bands."""
        return len(self.dates) * sum(np.dtype(b.dtype).itemsize + 1 for b in self.bands)

    def probe(self) -> Block:
        """Return one pixel of the right shape and dtype without reading anything."""
        window = self.grid.__class__(self.grid.lattice, self.grid.left, self.grid.top, 1, 1)
        shape = (len(self.dates), len(self.bands), 1, 1)
        return self._block(np.ones(shape, self.dtype), np.zeros(shape, bool), window)

    def _block(self, values: NDArray[Any], valid: NDArray[np.bool_] | None, window: Grid) -> Block:
        labels = {"t": tuple(t for t, _ in self.dates), "bands": tuple(b.name for b in self.bands)}
        names = {b.name: b.common_name for b in self.bands if b.common_name}
        return Block(values, ("t", "bands", "y", "x"), labels, valid, window, common_names=names)


def decode_numbers(numbers: NDArray[Any], band: Band) -> NDArray[Any]:
    """Return values; in float64 where there is a scale, so that the one rounding is the later cast."""
    return numbers * np.float64(band.scale) + np.float64(band.offset) if band.is_scaled else numbers


def choose_level(raster: Raster, window: Grid) -> int:
    """Return the coarsest overview that is not coarser than the window's pixels."""
    wanted = window.lattice.resolution_m * (1 + 1e-6)
    level = 0
    for number, grid in enumerate(raster.levels):
        if grid.lattice.resolution_m <= wanted:
            level = number
    return level


def is_data(numbers: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Tell where stored numbers are data."""
    if numbers.dtype.kind == "f":
        present = ~np.isnan(numbers)
        return np.asarray(present if nodata is None or np.isnan(nodata) else present & (numbers != nodata))
    if nodata is None or np.isnan(nodata):
        return np.ones(numbers.shape, bool)
    return np.asarray(numbers != nodata)
