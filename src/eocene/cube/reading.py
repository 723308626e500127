"""A window of a cube read from files: what lies on servers is asked for before it is wanted."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from itertools import chain, count
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import is_remote
from eocene.archive.tiff.ahead import Ahead
from eocene.cube.layer import Layer, choose_level
from eocene.cube.opening import open_side_by_side
from eocene.cube.plane import Part, Plane, tells_itself
from eocene.cube.warp import find_footprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.cube.plane import Fetched
    from eocene.cube.source import CubeSource
    from eocene.cube.warp import Footprint
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]
    Numbers = NDArray[Any]
    Mask = NDArray[np.bool_]
    Piece = tuple[tuple[Plane, Part, Footprint], int, Callable[[], Fetched] | None]


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
    bands = [_Stack.of(source, band, dates, window) for band in source.bands]
    _lay_images(source, [plane for band in bands for plane in band.planes])
    return tuple(band.layer() for band in bands)


@dataclass(frozen=True, eq=False)
class _Stack:
    """The dates of a band (dates, height, width): numbers, and where they are data unless they tell that."""

    values: Numbers
    mask: Mask | None
    nodata: float | None
    planes: list[Plane]

    @classmethod
    def of(cls, source: CubeSource, band: Band, dates: Sequence[Sequence[Item]], window: Grid) -> _Stack:
        dtype = source.dtype if band.name in source.mixed else np.dtype(band.dtype)
        shape = (len(dates), *window.shape)
        parts = [_find_parts(source, items, band, window) for items in dates]
        every = list(chain(*parts))
        if tells_itself(dtype, every):
            nodata, values, mask = every[0].nodata, np.empty(shape, dtype), None
        else:
            nodata, values, mask = None, np.zeros(shape, dtype), np.zeros(shape, bool)
        planes = [
            Plane(values[n], None if mask is None else mask[n], nodata, some, values[n].size)
            for n, some in enumerate(parts)
        ]
        return cls(values, mask, nodata, planes)

    def layer(self) -> Layer:
        """Return what was laid."""
        for plane in self.planes:
            plane.finish()
        if self.mask is None and self.nodata is None and self.values.dtype.kind != "f":
            # There is no number for dates of which nothing could be read.
            filled = [not plane.is_empty for plane in self.planes]
            if not all(filled):
                valid = np.broadcast_to(np.array(filled)[:, None, None], self.values.shape)
                return Layer(self.values, valid)
        return Layer(self.values, self.mask, self.nodata)


def _lay_images(source: CubeSource, planes: Sequence[Plane]) -> None:
    for (plane, part, found), fetched in Ahead(_find_pieces(planes)):
        work = partial(plane.lay, part, found, fetched)
        source.faults.attempt(part.item, part.band.name, source.on_error, work)
        plane.laid += 1


def _find_pieces(planes: Sequence[Plane]) -> Iterator[Piece | None]:
    """Yield plane, image and what of it is to be laid; None while it depends on what is laid before."""
    for depth in count():
        planes = [plane for plane in planes if len(plane.parts) > depth]
        if not planes:
            return
        for plane in planes:
            while plane.laid < depth and not plane.is_done:
                yield None
            part = plane.parts[depth]
            found = None if plane.is_done else plane.find_wanted(part)
            part.pass_by(found)
            if found is not None:
                yield (plane, part, found), *_fetching(part, found)
            else:
                plane.laid += 1


def _fetching(part: Part, found: Footprint) -> tuple[int, Callable[[], Fetched] | None]:
    """Return how many bytes are fetched for what is wanted of an image, and what asks for them."""
    if part.tiff is None or not part.is_remote:
        return 0, None
    missing = part.tiff.missing(found.needed, part.level)
    size = sum(length for _, length in missing.values())
    return size, partial(part.tiff.fetch, missing)


def _open_remote(source: CubeSource, dates: Sequence[Sequence[Item]]) -> None:
    """Open what lies on servers."""
    claimed = [
        (asset, partial(source.rasters.open, asset, partial(_open, source, item, band, asset)))
        for items in dates
        for item in items
        for band in source.bands
        if (asset := item["assets"].get(band.name)) is not None
        and is_remote(str(asset.get("href", "")))
        and source.rasters.claim(asset)
    ]
    try:
        if claimed:
            open_side_by_side(source.archive, [([asset], work) for asset, work in claimed])
    finally:
        for asset, _ in claimed:
            source.rasters.give_up(asset)


def _open(source: CubeSource, item: Item, band: Band, asset: Mapping[str, Any]) -> Raster | None:
    return source.faults.attempt(item, band.name, source.on_error, lambda: source.archive.open_raster(asset))


def _find_parts(source: CubeSource, items: Sequence[Item], band: Band, window: Grid) -> list[Part]:
    """Return what of the images of a date lies under a window."""
    parts: list[Part] = []
    for item in items:
        asset = item["assets"].get(band.name)
        if asset is None:
            continue
        raster = source.rasters.get(asset, partial(_open, source, item, band, asset))
        if raster is not None:
            level = choose_level(raster, window)
            found = find_footprint(window, raster.levels[level])
            if found is not None:
                mixed = band.name in source.mixed
                place = (window, source.visits, not parts)
                parts.append(Part(item, band, raster, level, found, mixed, source.scaled, *place))
    return parts
