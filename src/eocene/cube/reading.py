"""A window of a cube read from files: images of a date are laid on each other, the first with data on top."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.ahead import Ahead, requests_pool
from eocene.cube.layer import Layer, choose_level, decode_numbers, is_data
from eocene.cube.warp import Footprint, find_footprint, pick_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.cube.source import CubeSource
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]
    Numbers = NDArray[Any]
    Mask = NDArray[np.bool_]
    Fetched = Mapping[int, bytes] | None


@dataclass(frozen=True)
class Part:
    """What a window needs of one image.

    Parameters
    ----------
    item, band
        Whose image it is.
    raster, level
        What is read, and which overview of it.
    found : Footprint
        Which pixels of it lie under the window.
    """

    item: Item
    band: Band
    raster: Raster
    level: int
    found: Footprint

    @property
    def nodata(self) -> float | None:
        """The stored number that means no data; NaN does in any case."""
        number = self.band.nodata if self.raster.nodata is None else self.raster.nodata
        return None if number is None or math.isnan(number) else number

    @property
    def is_remote(self) -> bool:
        """Whether reading it takes requests."""
        return bool(getattr(self.raster, "is_remote", False))

    @property
    def has_mask(self) -> bool:
        """Whether the file says by a mask which pixels are data."""
        return bool(getattr(self.raster, "has_mask", False))

    def fetch(self) -> Mapping[int, bytes]:
        """Return the stored bytes of what is needed."""
        found: Mapping[int, bytes] = self.raster.fetch(self.found.needed, self.level)  # type: ignore[attr-defined]
        return found

    def read(self, needed: Grid, fetched: Fetched, out: Numbers | None = None) -> Numbers:
        """Return stored numbers of some of what is needed."""
        if fetched is None:
            return self.raster.read(needed, self.level, out)
        pixels: Numbers = self.raster.read(needed, self.level, out, fetched)  # type: ignore[call-arg]
        return pixels

    def usable(self, needed: Grid) -> Mask | None:
        """Return which of the pixels the file's own mask calls valid, None for all."""
        if not self.has_mask:
            return None
        mask: Mask = self.raster.read_mask(needed, self.level)  # type: ignore[attr-defined]
        return mask


def read_layers(source: CubeSource, dates: Sequence[Sequence[Item]], window: Grid) -> tuple[Layer, ...]:
    """Return the stored numbers of a window: a layer for each band.

    Parameters
    ----------
    source : CubeSource
        Which bands, and what is done about broken files.
    dates : sequence of sequence of items
        Of each date those that may meet the window, the topmost first.
    window : Grid
        What is wanted.
    """
    _open_remote(source, dates)
    planes = [[_find_parts(source, items, band, window) for items in dates] for band in source.bands]
    remote = [part for plane in planes for parts in plane for part in parts if part.is_remote]
    ahead = Ahead((_size(part), _fetching(source, part)) for part in remote)
    try:
        return tuple(
            _read_band(source, band, window, plane, ahead)
            for band, plane in zip(source.bands, planes, strict=True)
        )
    finally:
        ahead.close()


def _open_remote(source: CubeSource, dates: Sequence[Sequence[Item]]) -> None:
    """Open what lies on servers, many files at a time."""
    wanted = [
        (item, band)
        for items in dates
        for item in items
        for band in source.bands
        if id(item["assets"].get(band.name)) not in source.rasters
        and "://" in str(item["assets"].get(band.name, {}).get("href", ""))
    ]
    list(requests_pool().map(lambda pair: _open(source, *pair), wanted)) if wanted else []


def _open(source: CubeSource, item: Item, band: Band) -> Raster | None:
    asset = item["assets"].get(band.name)
    if asset is None:
        return None
    raster = source.rasters.get(id(asset))
    if raster is None:
        raster = source.faults.attempt(
            item, band.name, source.on_error, lambda: source.archive.open_raster(asset)
        )
        if raster is not None:
            source.rasters[id(asset)] = raster
    return raster


def _find_parts(source: CubeSource, items: Sequence[Item], band: Band, window: Grid) -> list[Part]:
    """Return what of the images of a date lies under a window."""
    parts = []
    for item in items:
        raster = _open(source, item, band)
        if raster is not None:
            level = choose_level(raster, window)
            found = find_footprint(window, raster.levels[level])
            if found is not None:
                parts.append(Part(item, band, raster, level, found))
    return parts


def _size(part: Part) -> int:
    """Return about how many bytes are fetched for a part."""
    return part.found.needed.width * part.found.needed.height * part.raster.dtype.itemsize


def _fetching(source: CubeSource, part: Part) -> Any:
    return lambda: source.faults.attempt(part.item, part.band.name, source.on_error, part.fetch)


def _read_band(
    source: CubeSource, band: Band, window: Grid, plane: Sequence[Sequence[Part]], ahead: Ahead[Fetched]
) -> Layer:
    dtype = source.dtype if band.name in source.mixed else np.dtype(band.dtype)
    stack = np.zeros((len(plane), *window.shape), dtype)
    told = [_read_plane(source, parts, stack[i], ahead) for i, parts in enumerate(plane)]
    numbers = {p for p in told if not isinstance(p, np.ndarray)}
    if len(numbers) == 1 and not any(isinstance(p, np.ndarray) for p in told):
        return Layer(stack, nodata=numbers.pop())
    valid = np.empty(stack.shape, bool)
    for here, values, what in zip(valid, stack, told, strict=True):
        here[...] = what if isinstance(what, np.ndarray) else is_data(values, what)
    return Layer(stack, valid)


def _read_plane(
    source: CubeSource, parts: Sequence[Part], values: Numbers, ahead: Ahead[Fetched]
) -> Mask | float | None:
    """Fill ``values`` with a date; return where it is data, or which number says that there is none."""
    mask = np.zeros(values.shape, bool)
    left = values.size
    for part in parts:
        fetched = ahead.take() if part.is_remote else None
        if not left or (part.is_remote and fetched is None):
            continue
        alone = len(parts) == 1 and part.found.rows is None and part.raster.dtype == values.dtype
        if alone and not part.has_mask and part.band.name not in source.mixed:

            def read(part: Part = part, fetched: Fetched = fetched) -> Numbers:
                return part.read(part.found.needed, fetched, values)

            if source.faults.attempt(part.item, part.band.name, source.on_error, read) is not None:
                return part.nodata
            values[...] = 0
            continue

        def lay(part: Part = part, fetched: Fetched = fetched) -> int:
            decoded = source.scaled and part.band.name in source.mixed
            return lay_part(part, fetched, values, mask, decoded=decoded)

        left -= source.faults.attempt(part.item, part.band.name, source.on_error, lay) or 0
    return mask


def lay_part(part: Part, fetched: Fetched, values: Numbers, mask: Mask, *, decoded: bool) -> int:
    """Fill what is still empty in ``values`` and ``mask`` from an image, and return how many pixels were.

    Where others lie on top, no more is read than what they leave empty.
    """
    place = _hull(part.found.inside & ~mask) if mask.any() else (slice(None), slice(None))
    if place is None:
        return 0
    needed, rows, cols = part.found.crop(place)
    pixels, usable = part.read(needed, fetched), part.usable(needed)
    picked = pick_pixels(pixels, rows, cols)
    fresh = is_data(picked, part.nodata) & part.found.inside[place] & ~mask[place]
    if usable is not None:
        fresh &= pick_pixels(usable, rows, cols)
    if decoded:
        picked = decode_numbers(picked, part.band.stored_in(part.item["assets"][part.band.name]))
    np.copyto(values[place], picked, where=fresh, casting="unsafe")
    mask[place] |= fresh
    return int(np.count_nonzero(fresh))


def _hull(wanted: Mask) -> tuple[slice, slice] | None:
    """Return the rows and columns around what is wanted, None if nothing is."""
    rows, cols = (np.flatnonzero(wanted.any(axis)) for axis in (1, 0))
    return (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)) if rows.size else None
