"""What a result says of itself in STAC: where, when, from which items, by which graph."""

from __future__ import annotations

import hashlib
import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene._version import __version__
from eocene.cube.edge import parse_label

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eocene.cube.stored import StoredForm
    from eocene.process.run import Plan

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
_VERSION = "1.1.0"
_LONGEST_NAME = 80
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
    text = str(label).removesuffix("T00:00:00")[:_LONGEST_NAME]
    return "".join(c if c.isalnum() or c in "-." else "-" for c in text) or default


def name_files(labels: Sequence[Any], default: str) -> list[str]:
    """Return the names of labels, equal ones for equal labels only, also where upper and lower case are one.

    A label whose name an earlier one has taken gets a number.
    """
    names: dict[Any, str] = {}
    taken: set[str] = set()
    for label in labels:
        if label not in names:
            plain = name_file(label, default)
            numbered = (f"{plain}-{number}" for number in itertools.count(2))
            names[label] = next(n for n in itertools.chain([plain], numbered) if n.casefold() not in taken)
            taken.add(names[label].casefold())
    return [names[label] for label in labels]


def describe_file(path: Path) -> dict[str, Any]:
    """Return size and checksum (multihash, SHA-256) as the STAC file extension writes them."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"file:size": path.stat().st_size, "file:checksum": f"1220{digest}"}


def make_item(
    plan: Plan, name: str, time: Any, info: ResultInfo, form: StoredForm, files: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Return the STAC item of one date of a result.

    Parameters
    ----------
    plan : Plan
        Of the result.
    name : str
        Of the date, within the result.
    time : label
        The date; None for a result without dates.
    info : ResultInfo
        About the result.
    form : StoredForm
        How its COGs are stored.
    files : dict
        Band → members of its asset: href, size and checksum.
    """
    grid = plan.grid
    west, south, east, north = grid.bounds_in(4326)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    members = {
        "type": COG,
        "roles": ["data"],
        "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": list(grid.shape),
        "proj:transform": list(grid.transform),
        "data_type": str(form.dtype),
        "nodata": "nan" if np.isnan(form.nodata) else form.nodata,
    }
    return {
        "type": "Feature",
        "stac_version": _VERSION,
        "stac_extensions": _EXTENSIONS,
        "id": f"{info.id}_{name}",
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
        "assets": {band: {**members, "bands": [{"name": band}], **file} for band, file in files.items()},
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


def _bbox(plan: Plan) -> list[float]:
    """Return the box around the items of a plan; the world if there are none, or they cross its edge."""
    boxes = np.array([[*b[:2], *b[len(b) // 2 :][:2]] for b in (item["bbox"] for item in plan.items)])
    if not len(boxes) or (boxes[:, 0] > boxes[:, 2]).any():
        return [-180.0, -90.0, 180.0, 90.0]
    return [*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist()]


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
    bbox = list(plan.grid.bounds_in(4326)) if plan.is_cube else _bbox(plan)
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
