"""The STAC documents beside the results of a job: what came out, and from what it was made."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, Protocol

from eocene._version import __version__
from eocene.jobs.job import format_instant
from eocene.model import transform_bbox
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eocene.jobs.job import Job
    from eocene.model import Grid
    from eocene.model.grid import BBox

EXTENSIONS = (
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
)
_CHUNK = 1 << 20
_WORLD = (-180.0, -90.0, 180.0, 90.0)


class Schema(Protocol):
    """The part of a plan's schema that lineage tells."""

    @property
    def grid(self) -> Grid | None:
        """The pixel grid, or None if the result has no x and y."""

    @property
    def times(self) -> Sequence[Any]:
        """Labels of the time dimension, datetime64."""


class Lineage(Protocol):
    """The part of a plan that lineage tells."""

    @property
    def schema(self) -> Schema:
        """What the result looks like."""

    @property
    def items(self) -> Sequence[Mapping[str, Any]]:
        """The STAC items that are read."""


def describe_results(
    job: Job, plan: Lineage, assets: Sequence[Mapping[str, Any]], folder: Path, now: float
) -> None:
    """Write ``item.json`` and ``collection.json`` into the folder of results.

    Parameters
    ----------
    job : Job
        What was asked.
    plan : Lineage
        What was computed, with the items that were read.
    assets : sequence of mappings
        STAC assets with ``href`` relative to the folder; they get their size and checksum here.
    folder : Path
        Where the files lie.
    now : float
        Seconds since 1970.
    """
    named = {_key(asset): sign_asset(asset, folder) for asset in assets}
    item = _make_item(job, plan, named, now)
    write_json(folder / "item.json", item)
    write_json(folder / "collection.json", _make_collection(job, plan, item))


def sign_asset(asset: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the asset with ``file:size`` and, for a file, ``file:checksum`` (multihash, SHA-256).

    A Zarr store is a folder; its checksum stands under ``eocene:tree_checksum`` and is taken over
    the sorted lines "digest path", since the file extension speaks of single files only.
    """
    path = folder / asset["href"]
    signed = {key: value for key, value in asset.items() if key != "key"}
    if path.is_file():
        return signed | {"file:size": path.stat().st_size, "file:checksum": multihash(hash_file(path))}
    files = sorted(p for p in path.rglob("*") if p.is_file())
    listing = "".join(f"{hash_file(p)} {p.relative_to(path).as_posix()}\n" for p in files)
    digest = hashlib.sha256(listing.encode()).hexdigest()
    size = sum(p.stat().st_size for p in files)
    return signed | {"file:size": size, "eocene:tree_checksum": multihash(digest)}


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def multihash(digest: str) -> str:
    """Return a SHA-256 as multihash: code 0x12, length 0x20, digest."""
    return f"1220{digest}"


def _key(asset: Mapping[str, Any]) -> str:
    return str(asset.get("key") or asset["href"])


def _make_item(job: Job, plan: Lineage, assets: dict[str, dict[str, Any]], now: float) -> dict[str, Any]:
    bbox = _find_bbox(plan)
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": job.id,
        "collection": job.id,
        "bbox": list(bbox),
        "geometry": _box_polygon(bbox),
        "properties": _describe_time(plan, now) | _describe_processing(job, plan, now),
        "assets": assets,
        "links": [
            {"rel": "collection", "href": "./collection.json", "type": "application/json"},
            {"rel": "parent", "href": "./collection.json", "type": "application/json"},
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            *(_link_source(item) for item in plan.items),
        ],
    }


def _make_collection(job: Job, plan: Lineage, item: dict[str, Any]) -> dict[str, Any]:
    properties = item["properties"]
    interval = [properties["start_datetime"], properties["end_datetime"]]
    return {
        "type": "Collection",
        "stac_version": "1.1.0",
        "stac_extensions": list(EXTENSIONS),
        "id": job.id,
        "title": job.title or f"Results of job {job.id}",
        "description": job.description or f"Computed by Eocene {__version__} from {_count_sources(plan)}.",
        "license": "other",
        "extent": {"spatial": {"bbox": [item["bbox"]]}, "temporal": {"interval": [interval]}},
        "summaries": {},
        "assets": item["assets"],
        "links": [
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            {"rel": "item", "href": "./item.json", "type": "application/geo+json"},
            *(link for link in item["links"] if link["rel"] == "derived_from"),
        ],
    }


def _describe_processing(job: Job, plan: Lineage, now: float) -> dict[str, Any]:
    described: dict[str, Any] = {
        "title": job.title or f"Results of job {job.id}",
        "created": format_instant(now),
        "updated": format_instant(now),
        "processing:lineage": f"An openEO process graph, run on {_count_sources(plan)}.",
        "processing:software": {"eocene": __version__},
        "processing:datetime": format_instant(now),
        "processing:expression": {"format": "openeo", "expression": job.process},
        "eocene:parameters": job.parameters,
    }
    if plan.schema.grid is not None:
        described["proj:code"] = f"EPSG:{plan.schema.grid.epsg}"
    return json.loads(json.dumps(described, default=str))  # type: ignore[no-any-return]


def _describe_time(plan: Lineage, now: float) -> dict[str, Any]:
    moments = [f"{t.astype('datetime64[s]')}Z" for t in plan.schema.times or ()]
    if not moments:
        found = (i.get("properties", {}) for i in plan.items)
        moments = sorted(str(p.get("datetime") or p.get("start_datetime")) for p in found if p)
    first, last = (moments[0], moments[-1]) if moments else (format_instant(now),) * 2
    single = first if first == last else None
    return {"datetime": single, "start_datetime": first, "end_datetime": last}


def _find_bbox(plan: Lineage) -> BBox:
    """Return west, south, east, north in degrees: the grid's, else all sources', else the world."""
    grid = plan.schema.grid
    if grid is not None:
        west, south, east, north = transform_bbox(grid.bounds, grid.epsg, 4326)
        return round(west, 7), round(south, 7), round(east, 7), round(north, 7)
    boxes = [item["bbox"] for item in plan.items if item.get("bbox")]
    if not boxes:
        return _WORLD
    wests, souths, easts, norths = zip(*boxes, strict=True)
    return min(wests), min(souths), max(easts), max(norths)


def _box_polygon(bbox: BBox) -> dict[str, Any]:
    w, s, e, n = bbox
    return {"type": "Polygon", "coordinates": [[[w, s], [e, s], [e, n], [w, n], [w, s]]]}


def _link_source(item: Mapping[str, Any]) -> dict[str, Any]:
    # The address in the STAC API of the workspace; a server puts its own before it.
    return {
        "rel": "derived_from",
        "href": f"/stac/collections/{item['collection']}/items/{item['id']}",
        "type": "application/geo+json",
        "title": str(item["id"]),
    }


def _count_sources(plan: Lineage) -> str:
    collections = sorted({str(item["collection"]) for item in plan.items})
    return f"{len(plan.items)} items of {', '.join(collections) or 'no collection'}"
