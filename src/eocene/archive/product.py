"""What a reader makes of files: collections and items, as plain STAC dictionaries."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.catalogue.extents import format_time
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from eocene.archive.store.bucket import Bucket
    from eocene.model.grid import BBox, Grid

Product = tuple[dict[str, Any], list[dict[str, Any]]]
"""A collection and its items."""

STAC_VERSION = "1.1.0"
INSTANT = "eocene:instant"
"""The property of an item that is a field at an instant, not a part of what was seen on a day."""
EXTENSIONS = {
    "proj:": "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "raster:": "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "eo:": "https://stac-extensions.github.io/eo/v2.0.0/schema.json",
    "sar:": "https://stac-extensions.github.io/sar/v1.0.0/schema.json",
    "sat:": "https://stac-extensions.github.io/sat/v1.0.0/schema.json",
    "view:": "https://stac-extensions.github.io/view/v1.0.0/schema.json",
    "classification:": "https://stac-extensions.github.io/classification/v2.0.0/schema.json",
    "table:": "https://stac-extensions.github.io/table/v1.2.0/schema.json",
    "cube:": "https://stac-extensions.github.io/datacube/v2.2.0/schema.json",
    "file:": "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "processing:": "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
    "grid:": "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "mgrs:": "https://stac-extensions.github.io/mgrs/v1.0.0/schema.json",
    "s2:": "https://stac-extensions.github.io/sentinel-2/v1.0.0/schema.json",
    "landsat:": "https://stac-extensions.github.io/landsat/v2.0.0/schema.json",
}
_NAME = re.compile(r"[^/\\\x00-\x1f\x7f]{1,200}")
_DATE = re.compile(
    r"(?<!\d)((?:19|20)\d{2})[-_]?(0[1-9]|1[0-2])[-_]?(0[1-9]|[12]\d|3[01])(?:[T_-]?([0-2]\d)[:-]?([0-5]\d)[:-]?([0-5]\d))?(?!\d)"
)


@dataclass(frozen=True)
class IngestOptions:
    """What the user says about files that do not say it themselves.

    Parameters
    ----------
    collection : str, optional
        The collection that items go to.
    datetime : str, optional
        The time of the data, an RFC 3339 instant or date, or ``start/end``.
    assets : Path, optional
        Where files go that have to be converted; without it such products are refused.
    written : list of Path
        Files that a reader has written there, so that they can be taken back.
    checksums : Path, optional
        Where lists of the files in folders are kept; without it no checksums are made.
    bucket : Bucket, optional
        The object store that files are sent to.

    Raises
    ------
    InputError
        If the collection cannot be called so.
    """

    collection: str | None = None
    datetime: str | None = None
    assets: Path | None = None
    written: list[Path] = field(default_factory=list)
    checksums: Path | None = None
    bucket: Bucket | None = None

    def __post_init__(self) -> None:
        name = self.collection
        if name is not None and not (isinstance(name, str) and _NAME.fullmatch(name)):
            raise InputError(
                f"The collection's name {name!r} cannot stand in an address.",
                "Give a text of 1 to 200 characters without slashes and control characters.",
                code="InvalidParameterValue",
            )

    def folder_for(self, path: Path) -> Path:
        """Return where a file that has to be converted goes; raises InputError if no folder is given."""
        if self.assets is None:
            raise InputError(
                f"The file {str(path)!r} has to be converted, and there is no folder for it.",
                "Give IngestOptions a folder as assets, or ingest into a workspace.",
            )
        return self.assets


@dataclass(frozen=True)
class Reader:
    """One format of products, the contract of a plug-in.

    ``recognise`` tells cheaply, by names and first bytes, whether a path is of this format;
    ``read_product`` makes collections and items of it, with absolute hrefs; ``find_roots`` names the
    folders and files that these may lie in.
    """

    name: str
    formats: str
    recognise: Callable[[Path], bool]
    read_product: Callable[[Path, IngestOptions], Iterable[Product]]
    find_roots: Callable[[Path], tuple[Path, ...]] = lambda path: (path,)


def make_item(
    collection: str, name: str, bbox: BBox | None, properties: dict[str, Any], assets: dict[str, Any]
) -> dict[str, Any]:
    """Return a STAC item; ``bbox`` is in degrees, west > east crosses the antimeridian."""
    item = {
        "type": "Feature",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": name,
        "collection": collection,
        "geometry": None if bbox is None else draw_bbox(bbox),
        "bbox": None if bbox is None else list(bbox),
        "properties": properties,
        "links": [],
        "assets": assets,
    }
    if bbox is None:
        del item["bbox"]
    return item | {"stac_extensions": name_extensions(item)}


def make_collection(name: str, title: str, description: str, **fields: Any) -> dict[str, Any]:
    """Return a STAC collection; its extent is filled from its items."""
    return {
        "type": "Collection",
        "stac_version": STAC_VERSION,
        "stac_extensions": [],
        "id": name,
        "title": title,
        "description": description,
        "license": "other",
        "extent": {
            "spatial": {"bbox": [[-180.0, -90.0, 180.0, 90.0]]},
            "temporal": {"interval": [[None, None]]},
        },
        "links": [],
        **fields,
    }


def name_extensions(item: dict[str, Any]) -> list[str]:
    """Return the schemas of the extensions whose fields an item uses."""
    keys = set(item.get("properties", {}))
    for asset in item.get("assets", {}).values():
        keys.update(asset)
        keys.update(key for band in asset.get("bands", []) for key in band)
    return [url for prefix, url in EXTENSIONS.items() if any(key.startswith(prefix) for key in keys)]


def grid_fields(grid: Grid) -> dict[str, Any]:
    """Return the projection extension's fields of a grid."""
    return {
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
    }


@lru_cache(maxsize=1024)
def bounds_degrees(grid: Grid) -> BBox:
    """Return the box around a grid in degrees: the footprint of its items, never too small."""
    return grid.bounds_in(4326)


def draw_bbox(bbox: BBox) -> dict[str, Any]:
    """Return the GeoJSON of a box in degrees; two polygons where it crosses the antimeridian."""
    west, south, east, north = bbox
    if west <= east:
        return {"type": "Polygon", "coordinates": _draw_ring(bbox)}
    halves = (west, south, 180.0, north), (-180.0, south, east, north)
    return {"type": "MultiPolygon", "coordinates": [_draw_ring(half) for half in halves]}


def union_bbox(boxes: Iterable[BBox]) -> BBox:
    """Return the box around boxes of one product (all of them on one side of the antimeridian)."""
    west, south, east, north = zip(*boxes, strict=True)
    return min(west), min(south), max(east), max(north)


def _draw_ring(bbox: BBox) -> list[list[list[float]]]:
    west, south, east, north = bbox
    return [[[west, south], [east, south], [east, north], [west, north], [west, south]]]


def name_collection(text: str) -> str:
    """Return a collection id made of a folder's or file's name."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-.") or "collection"


def find_date(text: str) -> str | None:
    """Return the first real date, with a time if there is one, that stands in a name; RFC 3339, UTC."""
    for match in _DATE.finditer(text):
        year, month, day, hour, minute, second = match.groups()
        written = f"{year}-{month}-{day}T{hour or '00'}:{minute or '00'}:{second or '00'}"
        try:
            return f"{np.datetime64(written, 's')}Z"
        except ValueError:
            continue
    return None


def read_times(text: str) -> dict[str, str]:
    """Return the time properties that a user's ``--datetime`` spells: an instant, or ``start/end``.

    Raises
    ------
    InputError
        If it is not a time.
    """
    from eocene.model.timespan import parse_instant

    start, slash, end = text.partition("/")
    first = f"{parse_instant(start)}Z"
    if not slash:
        return {"datetime": first}
    return {"datetime": first, "start_datetime": first, "end_datetime": f"{parse_instant(end)}Z"}


def find_times(path: Path, options: IngestOptions) -> dict[str, str]:
    """Return the times of a file that does not say them: the user's, or the date in its name.

    Raises
    ------
    InputError
        If there is neither.
    """
    if options.datetime:
        return read_times(options.datetime)
    moment = find_date(path.stem)
    if moment is None:
        raise missing_time(path)
    return {"datetime": moment}


def tell_instants(steps: Sequence[np.datetime64]) -> dict[str, Any]:
    """Return the property that keeps the steps of a file apart where a day has several of them."""
    days = {step.astype("datetime64[D]") for step in steps}
    return {INSTANT: True} if len(days) < len(set(steps)) else {}


def missing_time(path: Path) -> InputError:
    """Return the error of a file whose time is unknown."""
    return InputError(
        f"The file {str(path)!r} does not say when its data were taken.",
        "Give --datetime 2024-05-01 (in Python datetime=…), or put the date into the file's name.",
        code="TemporalExtentEmpty",
    )


def format_instant(moment: np.datetime64) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return format_time(int(moment.astype("datetime64[us]").astype(int)))


def number_json(value: float, kind: str) -> float | int | str:
    """Return a no-data number as STAC writes it: whole for integers, a text for NaN and infinity."""
    if kind in "iu" and value == int(value):
        return int(value)
    return value if abs(value) < float("inf") else str(value)
