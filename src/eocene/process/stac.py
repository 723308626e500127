"""What a result says of itself in STAC: where, when, from which items, by which graph."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene._version import __version__
from eocene.cube.edge import parse_label
from eocene.cube.write import stored_form

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.process.run import Plan

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_VERSION = "1.1.0"
_EXTENSIONS = [
    "https://stac-extensions.github.io/projection/v2.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v2.0.0/schema.json",
    "https://stac-extensions.github.io/file/v2.1.0/schema.json",
    "https://stac-extensions.github.io/processing/v1.2.0/schema.json",
]


@dataclass(frozen=True)
class ResultInfo:
    """What the STAC documents of a result say about it."""

    id: str
    title: str
    created: str
    parameters: dict[str, Any]


def name_file(label: Any, default: str) -> str:
    """Return a label as part of a file name: letters, digits, dots and hyphens; midnights as dates."""
    if label is None:
        return default
    text = str(label).removesuffix("T00:00:00")
    return "".join(c if c.isalnum() or c in "-." else "-" for c in text)


def describe_file(path: Path) -> dict[str, Any]:
    """Return size and checksum (multihash, SHA-256) as the STAC file extension writes them."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file:size": path.stat().st_size, "file:checksum": f"1220{digest}"}


def make_item(plan: Plan, info: ResultInfo, time: Any, files: dict[str, Path]) -> dict[str, Any]:
    """Return the STAC item of one date of a result; ``files`` maps band to COG."""
    grid = plan.schema.grid
    west, south, east, north = grid.bounds_in(4326)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    dtype, nodata = stored_form(plan.schema.dtype)
    form = {
        "type": COG,
        "roles": ["data"],
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
        "data_type": str(dtype),
        "nodata": "nan" if np.isnan(nodata) else nodata,
    }
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": _EXTENSIONS,
        "id": f"{info.id}_{name_file(time, 'all')}",
        "collection": info.id,
        "bbox": [west, south, east, north],
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            **_time_properties(plan, time),
            "created": info.created,
            "proj:code": f"EPSG:{grid.epsg}",
            "processing:software": {"eocene": __version__},
        },
        "links": [{"rel": "collection", "href": "./collection.json", "type": "application/json"}],
        "assets": {
            band: {"href": f"./{path.name}", **form, "bands": [{"name": band}], **describe_file(path)}
            for band, path in files.items()
        },
    }


def _time_properties(plan: Plan, time: Any) -> dict[str, Any]:
    """Return the instant of a date, or the span of a period, or of all items."""
    try:
        if isinstance(time, np.datetime64):
            return {"datetime": _iso(time)}
        if isinstance(time, str):
            start = np.array(parse_label(time))
            end = np.datetime64((start + 1).item(), "s") - np.timedelta64(1, "s")
            return {"datetime": None, "start_datetime": _iso(start), "end_datetime": _iso(end)}
    except ValueError:
        pass  # a period such as 2024-jja has no datetime64 form
    first, last = _span(plan)
    return {"datetime": None, "start_datetime": first, "end_datetime": last}


def _iso(time: Any) -> str:
    return f"{np.datetime64(time.item() if isinstance(time, np.ndarray) else time, 's')}Z"


def _span(plan: Plan) -> tuple[str, str]:
    times = sorted(i["properties"].get("datetime") or i["properties"]["start_datetime"] for i in plan.items)
    return times[0], times[-1]


def make_collection(
    plan: Plan, info: ResultInfo, items: list[dict[str, Any]], assets: dict[str, Any]
) -> dict[str, Any]:
    """Return the STAC collection of a result, with its lineage: items, graph, software, parameters."""
    links = [
        {"rel": "item", "href": f"./{item['id']}.json", "type": "application/geo+json"} for item in items
    ]
    links += [
        {
            "rel": "derived_from",
            "href": f"/stac/collections/{i.get('collection')}/items/{i['id']}",
            "type": "application/geo+json",
        }
        for i in plan.items
    ]
    has_pixels = plan.is_cube or plan.is_table
    bbox = list(plan.schema.grid.bounds_in(4326)) if has_pixels else [-180.0, -90.0, 180.0, 90.0]
    start, end = _span(plan) if plan.items else (info.created, info.created)
    return {
        "type": "Collection",
        "stac_version": _VERSION,
        "stac_extensions": _EXTENSIONS,
        "id": info.id,
        "title": info.title or info.id,
        "description": info.title or f"Job {info.id}",
        "license": "other",
        "created": info.created,
        "extent": {"spatial": {"bbox": [bbox]}, "temporal": {"interval": [[start, end]]}},
        "summaries": {"processing:software": [{"eocene": __version__}]},
        "processing:lineage": f"openEO process graph run by Eocene {__version__} on {len(plan.items)} items.",
        "processing:expression": {"format": "openeo", "expression": plan.graph.source},
        "eocene:parameters": json.loads(json.dumps(info.parameters, default=str)),
        "links": links,
        "assets": assets,
    }
