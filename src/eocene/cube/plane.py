"""A date of a band in a window: images are laid on each other, the first with data on top."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tiff.geotiff import GeotiffRaster
from eocene.cube.layer import decode_numbers, is_data
from eocene.cube.warp import pick_pixels
from eocene.model import DamageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.archive.arriving import StoredTile
    from eocene.cube.warp import Footprint
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]
    Numbers = NDArray[Any]
    Mask = NDArray[np.bool_]
    Fetched = Mapping[int, StoredTile] | None
    Place = tuple[slice, slice]

_WHOLE = slice(None), slice(None)


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
    """

    item: Item
    band: Band
    raster: Raster
    level: int
    found: Footprint
    mixed: bool
    scaled: bool

    @property
    def nodata(self) -> float | None:
        """The stored number that means no data; NaN does in any case."""
        number = self.band.nodata if self.raster.nodata is None else self.raster.nodata
        return None if number is None or math.isnan(number) else number

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
        return self.tiff.read(needed, self.level, out, fetched)

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
    values, mask : ndarray
        (height, width) of the window: stored numbers, and where they are data.
    parts : sequence of Part
        The topmost first.
    left : int
        Pixels that are still empty.
    laid : int
        How many of the parts have been dealt with.
    is_bare : bool
        Whether the one image was read straight to its place: its own no-data tells what is data.
    """

    values: Numbers
    mask: Mask
    parts: Sequence[Part]
    left: int
    laid: int = 0
    is_bare: bool = False

    @property
    def is_done(self) -> bool:
        """Whether no image is wanted any more."""
        return not self.left or self.is_bare or self.laid == len(self.parts)

    def hull(self, part: Part) -> Place | None:
        """Return what of the window an image is still wanted for, None for nothing."""
        if self.left == self.mask.size:
            return _WHOLE
        wanted = part.found.inside & ~self.mask
        rows, cols = (np.flatnonzero(wanted.any(axis)) for axis in (1, 0))
        return (slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)) if rows.size else None

    def lay(self, part: Part, place: Place, fetched: Fetched) -> None:
        """Fill what is still empty in a place from an image.

        Raises
        ------
        DamageError
            If it cannot be read; nothing of it stays.
        """
        values = self.values
        alone = len(self.parts) == 1 and part.found.where is None and part.raster.dtype == values.dtype
        if alone and not (part.tiff and part.tiff.has_mask) and not part.mixed:
            self._read_straight(part, fetched)
            return
        needed, where = part.found.crop(place)
        pixels, usable = part.read(needed, fetched), part.usable(needed)
        if usable is not None:
            usable = pick_pixels(usable, where)
        if self.left == self.mask.size and pixels.dtype == values.dtype and not part.mixed:
            self._lay_first(part, pixels, usable)
            return
        picked = pick_pixels(pixels, where)
        fresh = is_data(picked, part.nodata) & part.found.inside[place] & ~self.mask[place]
        if usable is not None:
            fresh &= usable
        np.copyto(values[place], part.decode(picked), where=fresh, casting="unsafe")
        self.mask[place] |= fresh
        self.left -= int(np.count_nonzero(fresh))

    def _read_straight(self, part: Part, fetched: Fetched) -> None:
        try:
            part.read(part.found.needed, fetched, self.values)
        except DamageError:
            self.values[...] = 0  # of what is skipped nothing stays
            raise
        self.is_bare = True

    def _lay_first(self, part: Part, pixels: Numbers, usable: Mask | None) -> None:
        """Fill a plane that is empty, straight in its place: most images are laid on nothing."""
        values, mask = self.values, self.mask
        pick_pixels(pixels, part.found.where, values)
        mask[...] = is_data(values, part.nodata)
        if not part.found.is_covering:
            mask &= part.found.inside
        if usable is not None:
            mask &= usable
        filled = int(np.count_nonzero(mask))
        if filled < mask.size:
            np.copyto(values, 0, where=~mask)  # what is no data never shows what was read there
        self.left -= filled
