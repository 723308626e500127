"""Areas that are kept hot: from what is asked for to an area, and to the same area when items have come."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eocene.archive.hot.area import HotArea, name_area
from eocene.cube.hot import reading_options
from eocene.cube.hot_writing import Materialised, write_area
from eocene.model import EoceneError, InputError, TimeSpan
from eocene.process.loads.catalogue import find_collection_cube

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from eocene.archive import Archive
    from eocene.cube.source import CubeSource
    from eocene.model import BBox, Lattice

    Progress = Callable[[int, int], None]

_LOG = logging.getLogger(__name__)


def materialise(
    archive: Archive,
    collection: str,
    bbox: BBox,
    datetime: str | None = None,
    bands: Sequence[str] | None = None,
    *,
    lattice: Lattice | None = None,
    progress: Progress | None = None,
) -> Materialised:
    """Keep an area of a collection in a form from which series are read fast; what was kept of it stays.

    Parameters
    ----------
    archive : Archive
        Where the collection is.
    collection : str
        Its id.
    bbox : tuple of float
        West, south, east, north in degrees.
    datetime : str, optional
        As in a search: an instant, a date, a month or ``start/end``, open with ``..``.
    bands : sequence of str, optional
        Names or common names; all by default.
    lattice : Lattice, optional
        The pixel grid; the one on which the collection is loaded there by default.
    progress : callable, optional
        Called with (written, all) pieces.

    Raises
    ------
    NotFoundError
        If there is no such collection.
    InputError
        If nothing is there, or StorageExceeded if it does not fit.
    """
    source = _find(archive, collection, bbox, datetime, bands, lattice)
    stored = {band.name: band.dtype for band in source.bands}
    grid = source.grid.lattice.grid_over(bbox)
    asked = HotArea("", collection, grid, bbox, datetime, stored, reading_options(source))
    area = replace(asked, name=name_area(asked))
    with archive.hot.writing():
        known = next((a for a in archive.hot if a.name == area.name), area)
        return write_area(source, known, progress)


def update_areas(
    archive: Archive, collections: Collection[str] | None = None, *, wait: bool = True
) -> Iterator[Materialised]:
    """Bring the areas of some collections, all by default, up to the catalogue, and yield each.

    With ``wait`` False nothing is done while another process writes. An area that cannot be brought up to
    date is logged and stays as it is: what it lacks is read from the files.
    """
    with archive.hot.writing(wait=wait) as held:
        for area in list(archive.hot) if held else ():
            if collections is None or area.collection in collections:
                try:
                    yield _update(archive, area)
                except EoceneError as error:
                    _LOG.warning("The materialised area %s stays as it was: %s", area.name, error)


def _update(archive: Archive, area: HotArea) -> Materialised:
    try:
        source = _find(
            archive, area.collection, area.bbox, area.datetime, list(area.bands), area.grid.lattice
        )
    except InputError as error:
        if error.code != "NoDataAvailable":
            raise
        empty = replace(area, dates=(), parts=())
        archive.hot.put(empty)
        return Materialised(empty, 0, {})
    return write_area(source, area)


def _find(
    archive: Archive,
    collection: str,
    bbox: BBox,
    datetime: str | None,
    bands: Sequence[str] | None,
    lattice: Lattice | None,
) -> CubeSource:
    """Return the source that loads what is asked for."""
    span = TimeSpan.from_stac(datetime)
    arguments: dict[str, Any] = {
        "spatial_extent": dict(zip(("west", "south", "east", "north"), bbox, strict=True)),
        "temporal_extent": None if datetime is None else [f"{span.start}Z", f"{span.end}Z"],
        "bands": list(bands) if bands else None,
        "properties": None,
    }
    return find_collection_cube(archive, collection, arguments, lattice)
