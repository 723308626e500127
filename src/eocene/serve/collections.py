"""The collections as openEO describes them: STAC, with the dimensions of the cube that they make."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from eocene.serve.paging import Limit, Offset, cut_page
from eocene.serve.rooms import Address, AddressOf, RoomsOf, join_path, link
from eocene.serve.settings import OPENEO, STAC_VERSION

router = APIRouter(prefix=OPENEO, tags=["collections"])

_CUBE = "https://stac-extensions.github.io/datacube/v2.2.0/schema.json"
_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"


@router.get("/collections")
def list_collections(
    rooms: RoomsOf, address: AddressOf, limit: Limit = None, offset: Offset = 0
) -> dict[str, Any]:
    """List the collections; without ``limit`` all of them."""
    found = rooms.archive.catalogue.collections()
    page, links = cut_page(found, address(f"{OPENEO}/collections"), limit, offset)
    listed = [link_collection(complete_collection(document), address) for document in page]
    return {"collections": listed, "links": links}


@router.get("/collections/{collection_id}")
def describe_collection(collection_id: str, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return one collection with its cube."""
    return link_collection(complete_collection(rooms.archive.catalogue.collection(collection_id)), address)


@router.get("/collections/{collection_id}/queryables")
def list_queryables(collection_id: str, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return, as JSON Schema, the properties by which items can be filtered."""
    collection = complete_collection(rooms.archive.catalogue.collection(collection_id))
    href = address(f"{OPENEO}{join_path(['collections', collection_id, 'queryables'])}")
    return describe_queryables(href, collection["summaries"])


def describe_queryables(href: str, summaries: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of the properties that items are filtered by, from what is known of them."""
    properties = {
        "id": {"title": "Id", "type": "string"},
        "datetime": {"title": "Time", "type": "string", "format": "date-time"},
    }
    properties |= {name: _describe_summary(summary) for name, summary in summaries.items()}
    return {
        "$schema": "https://json-schema.org/draft/2019-09/schema",
        "$id": href,
        "type": "object",
        "title": "Queryables",
        "properties": properties,
        "additionalProperties": True,
    }


def _describe_summary(summary: Any) -> dict[str, Any]:
    if isinstance(summary, dict) and "minimum" in summary:
        kind = "string" if isinstance(summary["minimum"], str) else "number"
        return {"type": kind} | ({} if kind == "string" else {k: summary[k] for k in ("minimum", "maximum")})
    if isinstance(summary, list) and all(isinstance(value, str) for value in summary):
        return {"type": "string", "enum": summary}
    return {}


def complete_collection(document: dict[str, Any]) -> dict[str, Any]:
    """Return the collection with every field that STAC and openEO demand; nothing is set to null."""
    document = {key: value for key, value in document.items() if value is not None}
    interval = document["extent"]["temporal"]["interval"][0]
    bbox = document["extent"]["spatial"]["bbox"][0]
    defaults = {
        "stac_version": STAC_VERSION,
        "type": "Collection",
        "title": document["id"],
        "description": document["id"],
        "license": "other",
        "keywords": [],
        "providers": [],
        "summaries": {},
        "cube:dimensions": describe_dimensions(bbox, interval, list(document.get("item_assets", {}))),
    }
    complete = defaults | document
    complete["stac_extensions"] = sorted({*complete.get("stac_extensions", ()), _CUBE})
    return complete


def describe_dimensions(bbox: list[float], interval: list[Any], bands: list[str]) -> dict[str, Any]:
    """Return ``cube:dimensions`` of a collection that says none itself."""
    axes = {"x": [bbox[0], bbox[2]], "y": [bbox[1], bbox[3]]}
    dimensions: dict[str, Any] = {
        axis: {"type": "spatial", "axis": axis, "extent": extent, "reference_system": 4326}
        for axis, extent in axes.items()
    }
    dimensions["t"] = {"type": "temporal", "extent": interval}
    return dimensions | ({"bands": {"type": "bands", "values": bands}} if bands else {})


def link_collection(document: dict[str, Any], address: Address) -> dict[str, Any]:
    """Return the collection with the links of the openEO API in place of those of its files."""
    home = address(f"{OPENEO}{join_path(['collections', document['id']])}")
    kept = [entry for entry in document.get("links", ()) if entry["rel"] in ("license", "about", "cite-as")]
    links = [
        link("self", home),
        link("parent", address(f"{OPENEO}/collections")),
        link("root", address(f"{OPENEO}/")),
        link("alternate", address(f"/stac{join_path(['collections', document['id']])}")),
        link(_QUERYABLES, f"{home}/queryables", "application/schema+json"),
    ]
    return document | {"links": [*kept, *links]}
