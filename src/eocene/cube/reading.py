"""A window of a cube read from files: images of a date are laid on each other, the first with data on top."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tiff.ahead import Ahead, requests_pool
from eocene.cube.layer import Layer, choose_level, decode_numbers, is_data
from eocene.cube.warp import Footprint, find_footprint, pick_pixels
from eocene.model import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.archive.arriving import StoredTile
    from eocene.cube.source import CubeSource
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]
    Numbers = NDArray[Any]
    Mask = NDArray[np.bool_]
    Fetched = Mapping[int, StoredTile] | None


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

    def fetch(self, needed: Grid) -> Mapping[int, StoredTile]:
        """Return the stored tiles of some of what is needed."""
        found: Mapping[int, StoredTile] = self.raster.fetch(needed, self.level)  # type: ignore[attr-defined]
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


@dataclass(eq=False)
class Plane:
    """A date of a band while it is filled.

    Parameters
    ----------
    values, mask : ndarray
        (height, width) of the window: stored numbers, and where they are data.
    parts : sequence of Part
        The topmost first.
    is_bare : bool
        Whether the one image was read straight to its place: its own no-data tells what is data.
    """

    values: Numbers
    mask: Mask
    parts: Sequence[Part]
    left: int
    is_bare: bool = False

    def hull(self, part: Part) -> tuple[slice, slice] | None:
        """Return what of the window an image is still wanted for, None for nothing."""
        if self.left == self.mask.size:
            return slice(None), slice(None)
        wanted = part.found.inside & ~self.mask
        rows, cols = (np.flatnonzero(wanted.any(axis)) for axis in (1, 0))
        return (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)) if rows.size else None


def read_layers(source: CubeSource, dates: Sequence[Sequence[Item]], window: Grid) -> tuple[Layer, ...]:
    """Return the stored numbers of a window: a layer for each band.

    The topmost images of all dates and bands are laid first, then of those below what is still wanted.

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
    bands: list[tuple[Numbers, Mask, list[Plane]]] = []
    for band in source.bands:
        dtype = source.dtype if band.name in source.mixed else np.dtype(band.dtype)
        stack = np.zeros((len(dates), *window.shape), dtype)
        valid = np.zeros(stack.shape, bool)
        parts = [_find_parts(source, items, band, window) for items in dates]
        places = zip(stack, valid, parts, strict=True)
        bands.append((stack, valid, [Plane(*place, valid[0].size) for place in places]))
    planes = [plane for *_, found in bands for plane in found]
    for depth in range(max((len(plane.parts) for plane in planes), default=0)):
        _lay_images(source, [p for p in planes if p.left and not p.is_bare and len(p.parts) > depth], depth)
    return tuple(_make_layer(*band) for band in bands)


def _lay_images(source: CubeSource, planes: Sequence[Plane], depth: int) -> None:
    """Lay the images at a depth below the topmost ones."""
    wanted = [(plane, plane.parts[depth], plane.hull(plane.parts[depth])) for plane in planes]
    found = [(plane, part, place, part.found.crop(place)[0]) for plane, part, place in wanted if place]
    remote = [(part, needed) for _, part, _, needed in found if part.is_remote]
    ahead = Ahead((_size(*one), partial(_fetch, source, *one)) for one in remote)
    try:
        for plane, part, place, _ in found:
            fetched = ahead.take() if part.is_remote else None
            if fetched is None and part.is_remote:
                continue  # it could not be fetched and is skipped
            work = partial(_lay, source, plane, part, place, fetched)
            plane.left -= source.faults.attempt(part.item, part.band.name, source.on_error, work) or 0
    finally:
        ahead.close()


def _fetch(source: CubeSource, part: Part, needed: Grid) -> Fetched:
    work = partial(part.fetch, needed)
    return source.faults.attempt(part.item, part.band.name, source.on_error, work)


def _size(part: Part, needed: Grid) -> int:
    """Return about how many bytes are fetched."""
    return needed.width * needed.height * part.raster.dtype.itemsize


def _make_layer(stack: Numbers, valid: Mask, planes: Sequence[Plane]) -> Layer:
    numbers = {plane.parts[0].nodata for plane in planes if plane.is_bare}
    if len(numbers) == 1 and all(plane.is_bare for plane in planes):
        return Layer(stack, nodata=numbers.pop())
    for plane in planes:
        if plane.is_bare:
            plane.mask[...] = is_data(plane.values, plane.parts[0].nodata)
    return Layer(stack, valid)


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


def _lay(source: CubeSource, plane: Plane, part: Part, place: tuple[slice, slice], fetched: Fetched) -> int:
    """Fill what is still empty in a plane from an image, and return how many pixels were."""
    mixed = part.band.name in source.mixed
    alone = len(plane.parts) == 1 and part.found.where is None and part.raster.dtype == plane.values.dtype
    if alone and not part.has_mask and not mixed:
        try:
            part.read(part.found.needed, fetched, plane.values)
        except DamageError:
            plane.values[...] = 0  # of what is skipped nothing stays
            raise
        plane.is_bare = True
        return plane.left
    needed, where = part.found.crop(place)
    pixels, usable = part.read(needed, fetched), part.usable(needed)
    if usable is not None:
        usable = pick_pixels(usable, where)
    if plane.left == plane.mask.size and pixels.dtype == plane.values.dtype and not mixed:
        return _lay_first(plane, part, pixels, usable)
    picked = pick_pixels(pixels, where)
    fresh = is_data(picked, part.nodata) & part.found.inside[place] & ~plane.mask[place]
    if usable is not None:
        fresh &= usable
    if mixed and source.scaled:
        picked = decode_numbers(picked, part.band.stored_in(part.item["assets"][part.band.name]))
    np.copyto(plane.values[place], picked, where=fresh, casting="unsafe")
    plane.mask[place] |= fresh
    return int(np.count_nonzero(fresh))


def _lay_first(plane: Plane, part: Part, pixels: Numbers, usable: Mask | None) -> int:
    """Fill a plane that is empty, straight in its place: most images are laid on nothing."""
    values, mask = plane.values, plane.mask
    pick_pixels(pixels, part.found.where, values)
    mask[...] = is_data(values, part.nodata)
    if not part.found.is_covering:
        mask &= part.found.inside
    if usable is not None:
        mask &= usable
    filled = int(np.count_nonzero(mask))
    if filled < mask.size:
        np.copyto(values, 0, where=~mask)  # what is no data never shows what was read there
    return filled
