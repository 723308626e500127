"""A window of a cube read from files: what lies on servers is asked for before it is wanted."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.fetch import is_remote
from eocene.archive.tiff.ahead import Ahead
from eocene.cube.layer import Layer, choose_level, is_data
from eocene.cube.opening import open_side_by_side
from eocene.cube.plane import Part, Plane
from eocene.cube.warp import find_footprint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.archive import Raster
    from eocene.cube.plane import Fetched, Place
    from eocene.cube.source import CubeSource
    from eocene.model import Band, Grid

    Item = Mapping[str, Any]
    Numbers = NDArray[Any]
    Mask = NDArray[np.bool_]
    Piece = tuple[tuple[Plane, Part, Place], int, Callable[[], Fetched] | None]


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
    _lay_images(source, [plane for *_, planes in bands for plane in planes])
    return tuple(_make_layer(*band) for band in bands)


def _lay_images(source: CubeSource, planes: Sequence[Plane]) -> None:
    for (plane, part, place), fetched in Ahead(_find_pieces(source, planes)):
        work = partial(plane.lay, part, place, fetched)
        source.faults.attempt(part.item, part.band.name, source.on_error, work)
        plane.laid += 1


def _find_pieces(source: CubeSource, planes: Sequence[Plane]) -> Iterator[Piece | None]:
    """Yield plane, image and place of what is to be laid; None while it depends on what is laid before."""
    for depth in count():
        planes = [plane for plane in planes if len(plane.parts) > depth]
        if not planes:
            return
        for plane in planes:
            while plane.laid < depth and not plane.is_done:
                yield None
            place = None if plane.is_done else plane.hull(plane.parts[depth])
            if place is not None:
                yield (plane, plane.parts[depth], place), *_fetching(source, plane.parts[depth], place)
            else:
                plane.laid += 1


def _fetching(source: CubeSource, part: Part, place: Place) -> tuple[int, Callable[[], Fetched] | None]:
    """Return how many bytes are fetched for a place of an image, and what asks for them."""
    if part.tiff is None or not part.is_remote:
        return 0, None
    missing = part.tiff.missing(part.found.crop(place)[0], part.level)
    size = sum(length for _, length in missing.values())
    return size, partial(part.tiff.fetch, missing)


def _make_layer(values: Numbers, valid: Mask, planes: Sequence[Plane]) -> Layer:
    numbers = {plane.parts[0].nodata for plane in planes if plane.is_bare}
    if len(numbers) == 1 and all(plane.is_bare for plane in planes):
        return Layer(values, nodata=numbers.pop())
    for plane in planes:
        if plane.is_bare:
            plane.mask[...] = is_data(plane.values, plane.parts[0].nodata)
    return Layer(values, valid)


def _open_remote(source: CubeSource, dates: Sequence[Sequence[Item]]) -> None:
    """Open what lies on servers."""
    wanted = [
        ([asset], partial(_open, source, item, band))
        for items in dates
        for item in items
        for band in source.bands
        if (asset := item["assets"].get(band.name)) is not None
        and id(asset) not in source.rasters
        and is_remote(str(asset.get("href", "")))
    ]
    if wanted:
        open_side_by_side(source.archive, wanted)


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
                mixed = band.name in source.mixed
                parts.append(Part(item, band, raster, level, found, mixed, source.scaled))
    return parts
