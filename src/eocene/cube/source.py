"""A cube in the archive: items grouped by date, read window by window onto one lattice."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.faults import Faults
from eocene.cube.hot_items import Described
from eocene.cube.layer import Layer, choose_level, decode_numbers, is_data
from eocene.cube.opening import Rasters
from eocene.cube.reading import read_layers
from eocene.cube.visits import Visits
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Archive
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]

__all__ = ["CubeSource", "Layer", "Leaf", "choose_level", "decode_numbers", "is_data"]

UNKNOWN = np.dtype("V")


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
    rasters : Rasters
        Those that were opened; shared by sources made of this one's dates.
    on_error : str
        Whether a file that is missing or broken raises DamageError ("raise") or is left out ("skip").
    faults : Faults
        What was left out; shared likewise.
    described : Described
        What the items are told from those by that materialised areas were made of; shared likewise.
    visits : Visits
        The windows that are going to be read, if that is known; shared likewise.
    """

    archive: Archive
    dates: tuple[tuple[np.datetime64, tuple[Item, ...]], ...]
    bands: tuple[Band, ...]
    grid: Grid
    scaled: bool = True
    dtype: np.dtype[Any] = field(default=UNKNOWN)
    mixed: frozenset[str] = frozenset()
    rasters: Rasters = field(default_factory=Rasters, repr=False, compare=False)
    on_error: str = "raise"
    faults: Faults = field(default_factory=Faults, repr=False, compare=False)
    described: Described = field(default_factory=Described, repr=False, compare=False)
    visits: Visits = field(default_factory=Visits, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.dtype != UNKNOWN:
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
        """Return the dtype of the values: stored integers stay if nothing is scaled and 16 bits hold all."""
        every = [e for found in encodings.values() for e in found]
        stored = {np.dtype(e.dtype) for e in every}
        scaled = self.scaled and any(e.is_scaled for e in every)
        joint = np.result_type(*stored)
        if not scaled and (len(stored) == 1 or (joint.kind in "iu" and joint.itemsize <= 2)):
            return joint
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
        """Read the stored numbers of a window, mosaicked by date; nothing is decoded yet.

        They come from materialised areas where these hold them, else from the files.
        """
        from eocene.cube.hot import read_hot

        return read_hot(self, window) or self.read_files(window)

    def read_files(self, window: Grid) -> Leaf:
        """Read the stored numbers of a window from the files of the items."""
        dates = self._near(window)
        return Leaf(window, read_layers(self, dates, window))

    def _near(self, window: Grid) -> list[list[Item]]:
        """Return the items of each date whose footprint may meet the window, so that no other is opened."""
        meets = box_test(window)
        return [[item for item in items if meets(item["bbox"])] for _, items in self.dates]

    def decode(self, leaf: Leaf, window: Grid) -> Block:
        """Return the values of a window that lies in the leaf: (t, bands, y, x)."""
        place = (slice(None), *window.slices_in(leaf.grid))
        values = np.empty((len(self.dates), len(self.bands), *window.shape), self.dtype)
        valid = None
        for position, (band, layer) in enumerate(zip(self.bands, leaf.layers, strict=True)):
            if valid is None and not layer.lacks_nothing(place):
                valid = np.empty(values.shape, bool)
                valid[:, :position] = True
            numbers = layer.numbers[place]
            if valid is not None:
                layer.cut(place, valid[:, position])
            if self.scaled and band.name not in self.mixed:
                numbers = decode_numbers(numbers, band)
            values[:, position] = numbers
        return self._block(values, None if valid is None or valid.all() else valid, window)

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


def box_test(window: Grid) -> Callable[[Sequence[float]], bool]:
    """Return a function that tells whether a box in degrees may meet a window."""
    if 0 in window.shape:
        return lambda box: False
    try:
        west, south, east, north = window.pad(1).bounds_in(4326)
    except InputError:  # with a pixel more it reaches beyond a pole
        return lambda box: True
    if not all(map(math.isfinite, (west, south, east, north))) or west > east:
        return lambda box: True

    def meets(box: Sequence[float]) -> bool:
        left, bottom = box[:2]
        right, top = box[len(box) // 2 :][:2]
        if left > right:  # across the antimeridian
            return bool(bottom <= north and south <= top)
        return bool(left <= east and west <= right and bottom <= north and south <= top)

    return meets
