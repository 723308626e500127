"""From what a load process asks for to a CubeSource: search, group by day, choose the pixel grid."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive import Search
from eocene.cube.source import CubeSource
from eocene.model import Band, Grid, InputError, Lattice, TimeSpan, transform_bbox
from eocene.model.grid import is_geographic
from eocene.process.extent import parse_bbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eocene.archive import Archive
    from eocene.model import BBox

    Item = dict[str, Any]


@dataclass(frozen=True)
class Request:
    """What of a collection is asked for: a box in EPSG:4326, a time span and band names."""

    name: str
    bbox: BBox | None
    span: TimeSpan
    bands: tuple[str, ...]


def find_collection_cube(
    archive: Archive, collection: str, extent: Any, interval: Any, bands: Any, lattice: Lattice | None
) -> CubeSource:
    """Return the cube of a collection of the catalogue, scaled."""
    archive.catalogue.collection(collection)  # an unknown one is named here
    request = Request(collection, _parse_extent(extent), TimeSpan.from_openeo(interval), tuple(bands or ()))

    def search(bbox: BBox | None, span: TimeSpan, limit: int | None = None) -> list[Item]:
        return archive.catalogue.search(Search((collection,), bbox=bbox, span=span, limit=limit))

    return _make_source(archive, request, search, archive.bands(collection), lattice, scaled=True)


def find_stac_cube(
    archive: Archive, url: str, extent: Any, interval: Any, bands: Any, lattice: Lattice | None
) -> CubeSource:
    """Return the cube of a static STAC collection in the workspace; scale and offset are not applied."""
    items = read_static_items(archive, url)
    request = Request(url, _parse_extent(extent), TimeSpan.from_openeo(interval), tuple(bands or ()))

    def search(bbox: BBox | None, span: TimeSpan, limit: int | None = None) -> list[Item]:
        found = [i for i in items if span.contains(_instant(i)) and _touches(i["bbox"], bbox)]
        return found[:limit]

    known: dict[str, Band] = {}
    for item in items:
        for key, asset in item["assets"].items():
            if "proj:transform" in asset:
                nodata = asset.get("nodata")
                known.setdefault(
                    key, Band(key, asset["data_type"], None if nodata is None else float(nodata))
                )
    return _make_source(archive, request, search, tuple(known.values()), lattice, scaled=False)


def read_static_items(archive: Archive, url: str) -> list[Item]:
    """Return the items that a collection.json in the workspace links to, hrefs made absolute.

    Raises
    ------
    InputError
        If the file is outside the workspace, missing or not a STAC collection.
    """
    door = archive.door()
    path = door.resolve(url, archive.layout.root)
    try:
        collection = json.loads(path.read_text(encoding="utf-8"))
        links = [link["href"] for link in collection["links"] if link["rel"] == "item"]
        paths = [door.resolve(href, path.parent) for href in links]
        items = [json.loads(p.read_text(encoding="utf-8")) for p in paths]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{url!r} is not a static STAC collection: {error}.",
            "Give the path of a collection.json inside the workspace.",
            code="ProcessParameterInvalid",
        ) from error
    for item, place in zip(items, paths, strict=True):
        for asset in item["assets"].values():
            asset["href"] = str(place.parent / asset["href"])
    return items


def _parse_extent(extent: Any) -> BBox | None:
    if extent is None:
        return None
    bbox, epsg = parse_bbox(extent)
    return transform_bbox(bbox, epsg, 4326)


def _touches(a: Sequence[float], b: BBox | None) -> bool:
    return b is None or (a[0] <= b[2] and b[0] <= a[2] and a[1] <= b[3] and b[1] <= a[3])


def _make_source(
    archive: Archive,
    request: Request,
    search: Callable[..., list[Item]],
    known: Sequence[Band],
    lattice: Lattice | None,
    *,
    scaled: bool,
) -> CubeSource:
    bands = choose_bands(request, known)
    found = search(request.bbox, request.span)
    items = [i for i in found if any(b.name in i["assets"] for b in bands)]
    if not items:
        raise _explain_nothing(request, search)
    chosen = lattice or choose_lattice(items, bands, request.bbox or _union([i["bbox"] for i in items]))
    grid = cover_items(items, bands, chosen)
    if request.bbox is not None:
        # A box that only touches the rounded footprint of an item still gets its own pixels.
        asked = chosen.grid_over(request.bbox)
        grid = asked.intersect(grid) or asked
    return CubeSource(archive, group_by_solar_day(items), tuple(bands), grid, scaled)


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
            near = get_close_matches(str(name), [str(n) for n in by_name], n=1)
            raise InputError(
                f"The collection {request.name!r} has no band {name!r}.",
                (f"Did you mean {near[0]}? " if near else "")
                + f"Its bands are {', '.join(b.name for b in known)}.",
                code="BandNotAvailable",
            )
    return [by_name[name] for name in request.bands] or list(known)


def _explain_nothing(request: Request, search: Callable[..., list[Item]]) -> InputError:
    """Say which of the conditions leaves nothing."""
    if not search(None, TimeSpan(), limit=1):
        problem, remedy = f"The collection {request.name!r} is empty.", "Ingest products first."
    elif request.bbox and not search(request.bbox, TimeSpan(), limit=1):
        problem = f"No item of {request.name!r} touches the box {_short(request.bbox)}."
        covered = _union([i["bbox"] for i in search(None, TimeSpan())])
        remedy = f"The collection covers {_short(covered)} (west, south, east, north in degrees)."
    else:
        problem = f"No item of {request.name!r} lies between {request.span.start} and {request.span.end}."
        times = sorted(_instant(i) for i in search(request.bbox, TimeSpan()))
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

    Images of one orbit thus fall on one day also near the date line.
    """
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
