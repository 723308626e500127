"""From what a load process asks for to a CubeSource: search, group by day, choose the pixel grid."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.archive import Search
from eocene.archive.product import INSTANT
from eocene.cube.block import Block
from eocene.cube.geojson import read_features
from eocene.cube.masked import MaskedSource
from eocene.cube.source import CubeSource
from eocene.model import Band, Grid, InputError, Lattice, TimeSpan, transform_bbox
from eocene.model.grid import is_geographic
from eocene.process.loads.conditions import Conditions, meets, push_conditions, read_conditions
from eocene.process.loads.extent import parse_bbox
from eocene.process.loads.static_stac import bands_of, read_static_items
from eocene.process.methods.dimensions import no_band

if TYPE_CHECKING:
    from eocene.archive import Archive
    from eocene.cube.feature import Feature
    from eocene.model import BBox

Item = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What of a collection is asked for.

    Parameters
    ----------
    name : str
        The collection.
    bbox : tuple of float, optional
        A box in EPSG:4326.
    box : tuple of float and int, optional
        The same box as it was given, and its EPSG code: turned to degrees and back it would grow.
    within : tuple of Feature
        Geometries outside of which there is to be no data; none for the whole box.
    span : TimeSpan
        When.
    bands : tuple of str
        Names or common names; none for all.
    conditions : mapping
        What must be true of the items' properties.
    """

    name: str
    bbox: BBox | None
    within: tuple[Feature, ...]
    span: TimeSpan
    bands: tuple[str, ...]
    conditions: Conditions
    box: tuple[BBox, int] | None = None

    @classmethod
    def all_of(cls, name: str) -> Request:
        """Return the request for everything."""
        return cls(name, None, (), TimeSpan(), (), {})

    @classmethod
    def of(cls, name: str, arguments: Mapping[str, Any]) -> Request:
        """Return what a load process asks for by its arguments."""
        extent = arguments["spatial_extent"]
        box = None if extent is None else parse_bbox(extent)
        is_shape = isinstance(extent, Block) or (isinstance(extent, dict) and "type" in extent)
        return cls(
            name,
            None if box is None else transform_bbox(*box, 4326),
            read_features(extent) if is_shape else (),
            TimeSpan.from_openeo(arguments["temporal_extent"]),
            tuple(arguments["bands"] or ()),
            read_conditions(arguments["properties"]),
            box,
        )


Find = Callable[["BBox | None", TimeSpan, Conditions], list[Item]]
"""Returns the items in a box and a span that meet conditions."""


def find_collection_cube(
    archive: Archive, collection: str, arguments: Mapping[str, Any], lattice: Lattice | None
) -> CubeSource:
    """Return the cube of a collection of the catalogue, scaled."""
    archive.catalogue.collection(collection)  # an unknown one is named here

    def find(bbox: BBox | None, span: TimeSpan, conditions: Conditions) -> list[Item]:
        cql2, left = push_conditions(conditions)
        found = archive.catalogue.search(Search((collection,), bbox=bbox, span=span, filter=cql2))
        return [item for item in found if meets(item, left)]

    request = Request.of(collection, arguments)
    return make_source(archive, request, find, archive.bands(collection), lattice, scaled=True)


def find_stac_cube(
    archive: Archive, url: str, arguments: Mapping[str, Any], lattice: Lattice | None
) -> CubeSource:
    """Return the cube of static STAC; scale and offset are not applied."""
    items = read_static_items(archive, url)

    def find(bbox: BBox | None, span: TimeSpan, conditions: Conditions) -> list[Item]:
        near = [i for i in items if span.contains(_instant(i)) and _touches(i["bbox"], bbox)]
        return [item for item in near if meets(item, conditions)]

    return make_source(archive, Request.of(url, arguments), find, bands_of(items), lattice, scaled=False)


def _touches(a: Sequence[float], b: BBox | None) -> bool:
    return b is None or (a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3])


def make_source(
    archive: Archive,
    request: Request,
    find: Find,
    known: Sequence[Band],
    lattice: Lattice | None,
    *,
    scaled: bool,
) -> CubeSource:
    """Return the cube of the items that are found, of those bands and that place that are asked for."""
    bands = choose_bands(request, known)
    found = find(request.bbox, request.span, request.conditions)
    items = [i for i in found if any(b.name in i["assets"] for b in bands)]
    if not items:
        raise _explain_nothing(request, find)
    chosen = lattice or choose_lattice(items, bands, request.bbox or _union([i["bbox"] for i in items]))
    grid = cover_items(items, bands, chosen)
    if request.box is not None:
        # A box that only touches the rounded footprint of an item still gets its own pixels.
        asked = chosen.grid_over(*request.box)
        grid = asked.intersect(grid) or asked
    source = CubeSource(archive, group_by_solar_day(items), tuple(bands), grid, scaled)
    return _mask_source(source, request.within) if request.within else source


def _mask_source(source: CubeSource, features: Sequence[Feature]) -> MaskedSource:
    """Return the source without the pixels outside of all geometries."""
    shapes = [f.to_epsg(source.grid.epsg).geometry for f in features]
    given = {f.name: getattr(source, f.name) for f in fields(source) if f.init}
    return MaskedSource(**given, within=shapely.union_all([s for s in shapes if not s.is_empty]))


def cover_items(items: Sequence[Item], bands: Sequence[Band], lattice: Lattice) -> Grid:
    """Return the smallest grid on the lattice around the images of the bands."""
    grids = {asset_grid(i["assets"][b.name]) for i in items for b in bands if b.name in i["assets"]}
    return lattice.grid_over(_union([g.bounds_in(lattice.epsg) for g in grids]), lattice.epsg)


def choose_bands(request: Request, known: Sequence[Band]) -> list[Band]:
    """Return the bands asked for by name or common name, all that there are by default."""
    if not known:
        raise InputError(
            f"{request.name!r} has no raster band.",
            "It may be a table: read it with Workspace.table.",
            code="ProcessParameterInvalid",
        )
    by_name = {b.common_name: b for b in reversed(known) if b.common_name} | {b.name: b for b in known}
    for name in request.bands:
        if name not in by_name:
            raise no_band(name, [b.name for b in known], f"The collection {request.name!r}", by_name)
    return [by_name[name] for name in request.bands] or list(known)


def _explain_nothing(request: Request, find: Find) -> InputError:
    """Say which of the conditions leaves nothing."""
    everything = find(None, TimeSpan(), {})
    in_box = find(request.bbox, TimeSpan(), {}) if request.bbox else everything
    if not everything:
        problem, remedy = f"The collection {request.name!r} is empty.", "Ingest products first."
    elif request.bbox and not in_box:
        problem = f"No item of {request.name!r} touches the box {_short(request.bbox)}."
        covered = _union([i["bbox"] for i in everything])
        remedy = f"The collection covers {_short(covered)} (west, south, east, north in degrees)."
    elif find(request.bbox, request.span, {}) and request.conditions:
        problem = (
            f"No item of {request.name!r} there and then meets the conditions on "
            f"{', '.join(request.conditions)}."
        )
        remedy = "Loosen the conditions in 'properties'."
    else:
        problem = f"No item of {request.name!r} lies between {request.span.start} and {request.span.end}."
        times = sorted(_instant(i) for i in in_box)
        remedy = f"There are items from {times[0]} to {times[-1]}."
    return InputError(problem, remedy, code="NoDataAvailable")


def _short(bbox: BBox) -> str:
    return "(" + ", ".join(f"{v:.5g}" for v in bbox) + ")"


def _union(boxes: Sequence[Sequence[float]]) -> BBox:
    west, south, east, north = zip(*(b[:4] for b in boxes), strict=True)
    return min(west), min(south), max(east), max(north)


def _instant(item: Item) -> np.datetime64:
    properties = item["properties"]
    text = properties.get("datetime") or properties["start_datetime"]
    return np.datetime64(text.removesuffix("Z"), "s")


def solar_day(item: Item) -> np.datetime64:
    """Return the calendar day at the item's own longitude, as datetime64 in seconds at midnight.

    Images of one orbit thus fall on one day also near the date line. What is of an instant, as a field of a
    weather model is, has that instant instead.
    """
    if item["properties"].get(INSTANT) is True:
        return _instant(item)
    west, _, east, _ = item["bbox"][:4]
    shift = np.timedelta64(round((west + east) / 2 / 15 * 3600), "s")
    day = np.array([_instant(item) + shift], dtype="datetime64[D]")
    return np.datetime64(day.astype("datetime64[s]")[0])


def group_by_solar_day(
    items: Sequence[Item],
) -> tuple[tuple[np.datetime64, tuple[Item, ...]], ...]:
    """Return the items by day; within a day by time, then id: the first lies on top."""
    ordered = sorted(items, key=lambda i: (solar_day(i), _instant(i), i["id"]))
    return tuple((day, tuple(group)) for day, group in groupby(ordered, key=solar_day))


def choose_lattice(items: Sequence[Item], bands: Sequence[Band], extent: BBox) -> Lattice:
    """Return the pixel grid, finest among the bands, of the CRS whose items cover most of the extent."""
    area: dict[int, float] = defaultdict(float)
    finest: dict[int, Lattice] = {}
    for item in items:
        for band in bands:
            asset = item["assets"].get(band.name)
            if asset is None:
                continue
            grid = asset_grid(asset)
            best = finest.get(grid.epsg)
            if best is None or grid.lattice.resolution[0] < best.resolution[0]:
                finest[grid.epsg] = grid.lattice
            if band is bands[0]:
                area[grid.epsg] += _overlap(item["bbox"], extent)
    return finest[min(finest, key=lambda epsg: (-round(area[epsg], 9), is_geographic(epsg), epsg))]


def asset_grid(asset: dict[str, Any]) -> Grid:
    """Return the pixel grid that the asset's projection fields state."""
    rows, cols = asset["proj:shape"]
    epsg = int(str(asset["proj:code"]).removeprefix("EPSG:"))
    return Grid.from_transform(epsg, asset["proj:transform"], cols, rows)


def _overlap(a: Sequence[float], b: BBox) -> float:
    return max(0.0, min(a[2], b[2]) - max(a[0], b[0])) * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
