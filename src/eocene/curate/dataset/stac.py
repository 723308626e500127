"""A data set as a static STAC catalogue: a collection and the item of its files, version 1.1.0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shapely

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.curate.dataset.store import Dataset

VERSION = "1.1.0"
UNKNOWN_TIME = "1970-01-01T00:00:00Z"
"""An item must have a time; samples without one say so in their description."""
_TABLE = "https://stac-extensions.github.io/table/v1.2.0/schema.json"
_PROJECTION = "https://stac-extensions.github.io/projection/v2.0.0/schema.json"
_DATACUBE = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json"


def describe_collection(
    dataset: Dataset, card: Mapping[str, Any], extent: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the STAC collection of a data set."""
    classes = [{"value": c["value"], "name": c["name"], "count": c["samples"]} for c in card["classes"]]
    return {
        "type": "Collection",
        "stac_version": VERSION,
        "stac_extensions": [],
        "id": dataset.id,
        "title": dataset.id,
        "description": _describe(dataset, extent),
        "license": card["licence"],
        "extent": {
            "spatial": {"bbox": [extent["bbox"]]},
            "temporal": {"interval": [extent["interval"]]},
        },
        "summaries": {"classes": classes},
        "links": [
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            {"rel": "self", "href": "./collection.json", "type": "application/json"},
            {"rel": "item", "href": "./item.json", "type": "application/geo+json"},
        ],
    }


def describe_item(dataset: Dataset, card: Mapping[str, Any], extent: Mapping[str, Any]) -> dict[str, Any]:
    """Return the STAC item of a data set's files."""
    first, last = extent["interval"]
    when: dict[str, Any] = {"datetime": UNKNOWN_TIME}
    if first is not None:
        when = {"datetime": first, "start_datetime": first, "end_datetime": last}
    return {
        "type": "Feature",
        "stac_version": VERSION,
        "stac_extensions": [_PROJECTION, _TABLE, _DATACUBE],
        "id": dataset.id,
        "collection": dataset.id,
        "bbox": extent["bbox"],
        "geometry": _draw(extent["bbox"]),
        "properties": {
            **when,
            "description": _describe(dataset, extent),
            "license": card["licence"],
            "proj:code": f"EPSG:{dataset.epsg}",
            "table:row_count": len(dataset),
            "table:columns": [
                {"name": field.name, "type": str(field.type)} for field in dataset.table.schema
            ],
            **_describe_cube(dataset),
        },
        "links": [
            {"rel": "root", "href": "./collection.json", "type": "application/json"},
            {"rel": "parent", "href": "./collection.json", "type": "application/json"},
            {"rel": "collection", "href": "./collection.json", "type": "application/json"},
        ],
        "assets": _list_assets(),
    }


def _describe(dataset: Dataset, extent: Mapping[str, Any]) -> str:
    classes = ", ".join(dataset.class_names.values())
    untimed = "" if extent["interval"][0] else " The samples tell no time."
    return f"{len(dataset)} labelled samples of {len(dataset.class_names)} classes: {classes}.{untimed}"


def _draw(bbox: list[float]) -> dict[str, Any]:
    """Return a box as GeoJSON; one without an area is grown by about a metre, since a polygon needs one."""
    west, south, east, north = bbox
    shape: dict[str, Any] = shapely.geometry.mapping(shapely.box(west, south, east, north))
    if west == east or south == north:
        shape = shapely.geometry.mapping(shapely.box(west - 1e-5, south - 1e-5, east + 1e-5, north + 1e-5))
    return shape


def _describe_cube(dataset: Dataset) -> dict[str, Any]:
    """Return dimensions and variables: one for each layer, whose dimensions are named after it."""
    sample = {"type": "sample", "extent": [0, len(dataset) - 1], "description": "A row of the table."}
    dimensions: dict[str, Any] = {"sample": sample}
    variables = {}
    for name, layer in dataset.layers.items():
        for dim, values in layer.axes.items():
            dimensions[f"{name}:{dim}"] = {"type": "axis", "values": list(values)}
        own = ["sample", *(f"{name}:{dim}" for dim in layer.axes)]
        variables[name] = {"dimensions": own, "type": "data"}
    return {"cube:dimensions": dimensions, "cube:variables": variables}


def _list_assets() -> dict[str, Any]:
    kinds = {
        "table": ("samples.parquet", "application/vnd.apache.parquet", ["data", "labels"]),
        "pixels": ("pixels.zarr", "application/vnd+zarr; version=3", ["data"]),
        "identity": ("dataset.json", "application/json", ["metadata"]),
        "card": ("card.md", "text/markdown", ["overview"]),
        "card-json": ("card.json", "application/json", ["metadata"]),
        "trainingdml": ("trainingdml.json", "application/json", ["metadata"]),
    }
    return {
        key: {"href": f"./{href}", "type": kind, "roles": roles} for key, (href, kind, roles) in kinds.items()
    }
