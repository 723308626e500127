"""A date of a band in a window: images are laid on each other, the first with data on top."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tiff.geotiff import GeotiffRaster
from eocene.cube.layer import decode_numbers, is_data
from eocene.cube.warp import find_beneath, pick_pixels

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.archive.arriving import StoredTile
    from eocene.archive.tiff.tile_reader import Again
    from eocene.cube.visits import Visits
    from eocene.cube.warp import Footprint
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
    mixed, scaled : bool
        Whether the images of the band are stored in different ways, so that each is decoded as it is laid;
        whether scale and offset are applied then.
    window : Grid
        What is filled.
    visits : Visits
        The windows that are read.
    is_top : bool
        Whether no other image lies above it, so that all of it is wanted.
    """

    item: Item
    band: Band
    raster: Raster
    level: int
    found: Footprint
    mixed: bool
    scaled: bool
    window: Grid
    visits: Visits
    is_top: bool

    @property
    def nodata(self) -> float | None:
        """The stored number that means no data; NaN does in any case."""
        number = self.band.nodata if self.raster.nodata is None else self.raster.nodata
        return None if number is None or math.isnan(number) else number

    @property
    def grid(self) -> Grid:
        """The pixels of the overview that is read."""
        return self.raster.levels[self.level]

    @property
    def tiff(self) -> GeotiffRaster | None:
        """The raster if its tiles are read here: only these are fetched ahead, and may have masks."""
        return self.raster if isinstance(self.raster, GeotiffRaster) else None

    @property
    def is_remote(self) -> bool:
        """Whether its tiles are fetched before it is read."""
        return self.tiff is not None and self.tiff.is_remote

    def read(self, needed: Grid, fetched: Fetched, out: Numbers | None = None) -> Numbers:
        """Return stored numbers of some of what is needed."""
        if self.tiff is None:
            return self.raster.read(needed, self.level, out)
        return self.tiff.read(needed, self.level, out, fetched, self._again(self.tiff))

    def _again(self, tiff: GeotiffRaster) -> Again | None:
        """Return what counts the visit of the window to tiles of the image, if visits are foreseen."""
        file = tiff.identity, self.level
        return self.visits.counter(file, self.grid, tiff.tile(self.level), self.window, is_sure=self.is_top)

    def pass_by(self, but: Footprint | None) -> None:
        """Tell that the window is read without the image, ``but`` for some of what it needs."""
        again = self._again(self.tiff) if self.tiff and but is not self.found else None
        if self.tiff and again:
            read = None if but is None else but.needed
            self.tiff.pass_by(self.found.needed, read, self.level, again)

    def usable(self, needed: Grid) -> Mask | None:
        """Return which of the pixels the file's own mask calls valid, None for all."""
        if self.tiff is None or not self.tiff.has_mask:
            return None
        return self.tiff.read_mask(needed, self.level)

    def decode(self, numbers: Numbers) -> Numbers:
        """Return what is laid of stored numbers."""
        if not (self.mixed and self.scaled):
            return numbers
        return decode_numbers(numbers, self.band.stored_in(self.item["assets"][self.band.name]))


@dataclass(eq=False)
class Plane:
    """A date of a band while it is filled.

    Parameters
    ----------
    values : ndarray
        (height, width) of the window: stored numbers; whatever it may be while nothing is laid.
    mask : ndarray of bool or None
        Where they are data; None where the numbers themselves tell.
    nodata : float or None
        The number that tells it.
    parts : sequence of Part
        The topmost first.
    left : int
        Pixels that are still empty.
    laid : int
        How many of the parts have been dealt with.
    above : tuple of Grid or None
        Images that were laid if all of their pixels under the window are data, so that what is left does not
        depend on these; None if that is not so.
    """

    values: Numbers
    mask: Mask | None
    nodata: float | None
    parts: Sequence[Part]
    left: int
    laid: int = 0
    above: tuple[Grid, ...] | None = ()

    @property
    def is_done(self) -> bool:
        """Whether no image is wanted any more."""
        return not self.left or self.laid == len(self.parts)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has been laid yet."""
        return self.left == self.values.size

    def find_wanted(self, part: Part) -> Footprint | None:
        """Return what an image is still wanted for, None for nothing."""
        if self.is_empty:
            return part.found
        if self.above is not None:  # the same for all dates and bands
            return find_beneath(part.window, part.grid, self.above)
        filled = is_data(self.values, self.nodata) if self.mask is None else self.mask
        return part.found.within(~filled)

    def lay(self, part: Part, found: Footprint, fetched: Fetched) -> None:
        """Fill what is still empty from an image.

        Raises
        ------
        DamageError
            If it cannot be read; nothing of it stays.
        """
        if self.is_empty and part.raster.dtype == self.values.dtype and not part.mixed:
            left = self._lay_first(part, fetched)
        else:
            self.finish()
            left = self._lay_below(part, found, fetched)
        is_full = self.above is not None and left == self.left - found.count
        self.left, self.above = left, (*(self.above or ()), part.grid) if is_full else None

    def _lay_below(self, part: Part, found: Footprint, fetched: Fetched) -> int:
        """Fill what is wanted of an image that is not the first; return how many pixels are left."""
        picked, values = pick_pixels(part.read(found.needed, fetched), found.where), self.values[found.place]
        if self.mask is None:
            np.copyto(values, picked, where=found.inside)
            return self._count_left()
        fresh = is_data(picked, part.nodata) & found.inside
        usable = part.usable(found.needed)
        if usable is not None:
            fresh &= pick_pixels(usable, found.where)
        np.copyto(values, part.decode(picked), where=fresh, casting="unsafe")
        self.mask[found.place] |= fresh
        return self.left - int(np.count_nonzero(fresh))

    def _lay_first(self, part: Part, fetched: Fetched) -> int:
        """Fill a plane that is empty, straight in its place: most images are laid on nothing."""
        values, found = self.values, part.found
        pixels = part.read(found.needed, fetched, values if found.where is None else None)
        usable = part.usable(found.needed)
        if found.where is not None:
            pick_pixels(pixels, found.where, values)
        if self.mask is not None:
            return self._mask_filled(
                part, self.mask, None if usable is None else pick_pixels(usable, found.where)
            )
        if not found.is_covering:
            np.copyto(values, empty_number(values.dtype, self.nodata), where=found.outside)
        return self._count_left()

    def _count_left(self) -> int:
        """Return how many pixels are empty where the numbers tell it; 0 if no image is there to fill them."""
        if self.laid + 1 == len(self.parts):
            return 0
        if self.nodata == 0 and self.values.dtype.kind != "f":
            return self.values.size - int(np.count_nonzero(self.values))
        return self.values.size - int(np.count_nonzero(is_data(self.values, self.nodata)))

    def finish(self) -> None:
        """Put the number for no-data into a plane that is empty: there may be parts of what was not read."""
        if self.is_empty:
            self.values[...] = 0 if self.mask is not None else empty_number(self.values.dtype, self.nodata)

    def _mask_filled(self, part: Part, mask: Mask, usable: Mask | None) -> int:
        """Note what of an image that was laid is data; return how many pixels are left."""
        is_data(self.values, part.nodata, mask)
        if not part.found.is_covering:
            mask &= part.found.inside
        if usable is not None:
            mask &= usable
        filled = int(np.count_nonzero(mask))
        if filled < mask.size:
            np.copyto(self.values, 0, where=~mask)  # what is no data never shows what was read there
        return mask.size - filled


def empty_number(dtype: np.dtype[Any], nodata: float | None) -> float:
    """Return what a plane holds where nothing is laid: the number or NaN of no-data if it has one, else 0."""
    if dtype.kind == "f":
        return np.nan if nodata is None else nodata
    return int(nodata) if nodata is not None and _is_stored(dtype, nodata) else 0


def _is_stored(dtype: np.dtype[Any], number: float) -> bool:
    limits = np.iinfo(dtype)
    return float(number).is_integer() and limits.min <= number <= limits.max


def tells_itself(dtype: np.dtype[Any], parts: Sequence[Part]) -> bool:
    """Whether the numbers of a band tell themselves where they are data, once all images are laid.

    That is so where all have one number for no-data, which pixels without an image are given too, or where
    there is no such number and each image covers the window.
    """
    alike = all(p.raster.dtype == dtype and not p.mixed and not (p.tiff and p.tiff.has_mask) for p in parts)
    numbers = {part.nodata for part in parts}
    if not alike or len(numbers) != 1 or dtype.kind not in "uif":
        return False
    number = numbers.pop()
    if dtype.kind == "f" or (number is not None and _is_stored(dtype, number)):
        return True
    return all(part.found.is_covering for part in parts)
