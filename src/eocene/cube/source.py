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
    from eocene.cube.warp import Footprint
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]


_UNKNOWN = np.dtype("V")


@dataclass(frozen=True)
class Layer:
    """Stored numbers of one band (dates, height, width), and where they are data.

    ``valid`` is None where the numbers themselves say it: all but ``nodata`` and NaN are data.
    """

    numbers: NDArray[Any]
    valid: NDArray[np.bool_] | None = None
    nodata: float | None = None

    def cut(self, place: tuple[slice, ...]) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
        """Return the numbers at a place and where they are data, None for everywhere."""
        numbers = self.numbers[place]
        valid = is_data(numbers, self.nodata) if self.valid is None else self.valid[place]
        return numbers, None if valid.all() else valid


@dataclass(frozen=True)
class Leaf:
    """What was read of a window: a layer for each band."""

    grid: Grid
    layers: tuple[Layer, ...]


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
    rasters : dict
        Those that were opened, by the identity of the asset; shared by sources made of this one's dates.
    """

    archive: Archive
    dates: tuple[tuple[np.datetime64, tuple[Item, ...]], ...]
    bands: tuple[Band, ...]
    grid: Grid
    scaled: bool = True
    dtype: np.dtype[Any] = field(default=_UNKNOWN)
    mixed: frozenset[str] = frozenset()
    rasters: dict[int, Raster] = field(default_factory=dict, repr=False, compare=False)

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
        return Leaf(window, tuple(self._read_band(band, dates, window) for band in self.bands))

    def _read_band(self, band: Band, dates: list[list[Item]], window: Grid) -> Layer:
        dtype = self.dtype if band.name in self.mixed else np.dtype(band.dtype)
        stack = np.zeros((len(dates), *window.shape), dtype)
        planes = [self._read_plane(items, band, window, stack[i]) for i, items in enumerate(dates)]
        numbers = {p for p in planes if not isinstance(p, np.ndarray)}
        if len(numbers) == 1 and not any(isinstance(p, np.ndarray) for p in planes):
            return Layer(stack, nodata=numbers.pop())
        valid = np.empty(stack.shape, bool)
        for here, values, plane in zip(valid, stack, planes, strict=True):
            here[...] = plane if isinstance(plane, np.ndarray) else is_data(values, plane)
        return Layer(stack, valid)

    def _read_plane(
        self, items: list[Item], band: Band, window: Grid, values: NDArray[Any]
    ) -> NDArray[np.bool_] | float | None:
        """Fill ``values`` with a date; return where it is data, or which number says that there is none."""
        if len(items) == 1 and band.name not in self.mixed:
            raster, level, found = self._locate(items[0], band, window)
            if raster and found and found.rows is None and raster.dtype == values.dtype:
                raster.read(found.needed, level, values)
                return self._nodata(raster, band)
        mask = np.zeros(window.shape, bool)
        for item in items:
            if not mask.all():
                self._lay(item, band, window, values, mask)
        return mask

    def _locate(self, item: Item, band: Band, window: Grid) -> tuple[Raster | None, int, Footprint | None]:
        """Return the raster of a band, the level to read and what of it lies under the window."""
        asset = item["assets"].get(band.name)
        if asset is None:
            return None, 0, None
        raster = self.rasters.get(id(asset))
        if raster is None:
            raster = self.rasters[id(asset)] = self.archive.open_raster(asset)
        level = choose_level(raster, window)
        return raster, level, find_footprint(window, raster.levels[level])

    @staticmethod
    def _nodata(raster: Raster, band: Band) -> float | None:
        """Return the stored number that means no data; NaN does in any case."""
        number = band.nodata if raster.nodata is None else raster.nodata
        return None if number is None or math.isnan(number) else number

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
        raster, level, found = self._locate(item, band, window)
        if raster is None or found is None:
            return
        picked = found.pick(raster.read(found.needed, level))
        fresh = is_data(picked, self._nodata(raster, band)) & found.inside & ~mask
        if self.scaled and band.name in self.mixed:
            picked = decode_numbers(picked, band.stored_in(item["assets"][band.name]))
        np.copyto(values, picked, where=fresh, casting="unsafe")
        mask |= fresh

    def decode(self, leaf: Leaf, window: Grid) -> Block:
        """Return the values of a window that lies in the leaf: (t, bands, y, x)."""
        place = (slice(None), *window.slices_in(leaf.grid))
        values = np.empty((len(self.dates), len(self.bands), *window.shape), self.dtype)
        masks = []
        for position, (band, layer) in enumerate(zip(self.bands, leaf.layers, strict=True)):
            numbers, mask = layer.cut(place)
            if self.scaled and band.name not in self.mixed:
                numbers = decode_numbers(numbers, band)
            values[:, position] = numbers
            masks.append(mask)
        if all(mask is None for mask in masks):
            return self._block(values, None, window)
        valid = np.empty(values.shape, bool)
        for position, mask in enumerate(masks):
            valid[:, position] = True if mask is None else mask
        return self._block(values, valid, window)

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
        micrometres = {b.name: b.wavelength for b in self.bands if b.wavelength}
        dims = ("t", "bands", "y", "x")
        return Block(values, dims, labels, valid, window, common_names=names, wavelengths=micrometres)


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
    """Tell where stored numbers are data; NaN is not."""
    if numbers.dtype.kind == "f":
        present = ~np.isnan(numbers)
        return np.asarray(present if nodata is None else present & (numbers != nodata))
    return (
        np.ones(numbers.shape, bool) if nodata is None or np.isnan(nodata) else np.asarray(numbers != nodata)
    )
