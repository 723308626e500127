"""STAC API: landing page, collections, items and the files of their assets."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse, JSONResponse

from eocene.archive import Search
from eocene.model import NotFoundError
from eocene.serve.auth import Reader
from eocene.serve.collections import complete_collection, describe_queryables
from eocene.serve.rooms import Address, AddressOf, RoomsOf, join_path, link
from eocene.serve.settings import STAC_VERSION

router = APIRouter(prefix="/stac", tags=["STAC"])

GEOJSON = "application/geo+json"
_SCHEMA = "application/schema+json"
_QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"
CONFORMANCE = (
    "https://api.stacspec.org/v1.0.0/core",
    "https://api.stacspec.org/v1.0.0/collections",
    "https://api.stacspec.org/v1.0.0/ogcapi-features",
    "https://api.stacspec.org/v1.0.0/item-search",
    "https://api.stacspec.org/v1.0.0/item-search#sort",
    "https://api.stacspec.org/v1.0.0-rc.2/item-search#filter",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/geojson",
    "http://www.opengis.net/spec/ogcapi-features-3/1.0/conf/filter",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-text",
    "http://www.opengis.net/spec/cql2/1.0/conf/cql2-json",
    "http://www.opengis.net/spec/cql2/1.0/conf/basic-cql2",
)


class GeoJsonResponse(JSONResponse):
    """JSON with the media type of GeoJSON."""

    media_type = GEOJSON


@router.get("/")
@router.get("", include_in_schema=False)
def describe_catalogue(rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return the landing page."""
    home = address("/stac")
    children = [
        link("child", f"{home}{join_path(['collections', c['id']])}", title=c.get("title", c["id"]))
        for c in rooms.archive.catalogue.collections()
    ]
    return {
        "type": "Catalog",
        "id": "eocene",
        "title": "Eocene",
        "description": "Collections and items of an Eocene workspace.",
        "stac_version": STAC_VERSION,
        "conformsTo": list(CONFORMANCE),
        "links": [
            link("self", f"{home}/"),
            link("root", f"{home}/"),
            link("conformance", f"{home}/conformance"),
            link("data", f"{home}/collections"),
            link("search", f"{home}/search", GEOJSON, method="GET"),
            link("search", f"{home}/search", GEOJSON, method="POST"),
            link(_QUERYABLES, f"{home}/queryables", _SCHEMA),
            link("service-desc", address("/openapi.json"), "application/vnd.oai.openapi+json;version=3.1"),
            link("service-doc", address("/docs"), "text/html"),
            *children,
        ],
    }


@router.get("/conformance")
def list_conformance() -> dict[str, Any]:
    """List the conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


@router.get("/queryables")
def list_queryables(rooms: RoomsOf, address: AddressOf) -> JSONResponse:
    """Return, as JSON Schema, the properties by which items of any collection can be filtered."""
    summaries: dict[str, Any] = {}
    for collection in rooms.archive.catalogue.collections():
        summaries |= {name: {} for name in collection.get("summaries", {})}
    return JSONResponse(describe_queryables(address("/stac/queryables"), summaries), media_type=_SCHEMA)


@router.get("/collections")
def list_collections(rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """List the collections."""
    found = rooms.archive.catalogue.collections()
    links = [link("self", address("/stac/collections")), link("root", address("/stac/"))]
    return {"collections": [_link_collection(c, address) for c in found], "links": links}


@router.get("/collections/{collection_id}")
def describe_collection(collection_id: str, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return one collection."""
    return _link_collection(rooms.archive.catalogue.collection(collection_id), address)


@router.get("/collections/{collection_id}/queryables")
def list_collection_queryables(collection_id: str, rooms: RoomsOf, address: AddressOf) -> JSONResponse:
    """Return, as JSON Schema, the properties by which the collection's items can be filtered."""
    collection = rooms.archive.catalogue.collection(collection_id)
    href = address(f"/stac{join_path(['collections', collection_id, 'queryables'])}")
    return JSONResponse(describe_queryables(href, collection.get("summaries", {})), media_type=_SCHEMA)


@router.get("/collections/{collection_id}/items/{item_id}")
def describe_item(collection_id: str, item_id: str, rooms: RoomsOf, address: AddressOf) -> GeoJsonResponse:
    """Return one item."""
    return GeoJsonResponse(link_item(rooms.archive.catalogue.item(collection_id, item_id), address))


@router.get("/collections/{collection_id}/items/{item_id}/assets/{key}")
def download_asset(
    collection_id: str, item_id: str, key: str, rooms: RoomsOf, _reader: Reader
) -> FileResponse:
    """Send the file of an asset; a range of it if one is asked for."""
    assets = rooms.archive.catalogue.item(collection_id, item_id)["assets"]
    if key not in assets:
        raise NotFoundError(
            f"The item {item_id!r} has no asset {key!r}.", f"It has {', '.join(assets)}.", code="FileNotFound"
        )
    path = rooms.archive.door().resolve(assets[key]["href"])
    return FileResponse(path, media_type=assets[key].get("type", "application/octet-stream"))


def _link_collection(document: dict[str, Any], address: Address) -> dict[str, Any]:
    complete = complete_collection(document)
    home = address(f"/stac{join_path(['collections', document['id']])}")
    kept = [entry for entry in document.get("links", ()) if entry["rel"] in ("license", "about", "cite-as")]
    links = [
        link("self", home),
        link("parent", address("/stac/")),
        link("root", address("/stac/")),
        link("items", f"{home}/items", GEOJSON),
        link(_QUERYABLES, f"{home}/queryables", _SCHEMA),
    ]
    return complete | {"links": [*kept, *links]}


def link_item(item: dict[str, Any], address: Address) -> dict[str, Any]:
    """Return the item with addresses of this server in place of the paths of its files."""
    collection = address(f"/stac{join_path(['collections', item['collection']])}")
    home = f"{collection}{join_path(['items', item['id']])}"
    assets = {
        key: asset | {"href": f"{home}{join_path(['assets', key])}"} for key, asset in item["assets"].items()
    }
    kept = [entry for entry in item.get("links", ()) if entry["rel"] in ("derived_from", "license", "via")]
    links = [
        link("self", home, GEOJSON),
        link("parent", collection),
        link("collection", collection),
        link("root", address("/stac/")),
    ]
    return item | {"assets": assets, "links": [*kept, *links]}


def find_page(rooms: RoomsOf, query: Search, address: Address) -> tuple[dict[str, Any], int | None]:
    """Return a feature collection of one page, and the offset of the next or None at the end."""
    limit = query.limit or 0
    matched = rooms.archive.catalogue.count(query)
    items = rooms.archive.catalogue.search(query)
    following = query.offset + len(items)
    page = {
        "type": "FeatureCollection",
        "features": [link_item(item, address) for item in items],
        "numberMatched": matched,
        "numberReturned": len(items),
    }
    return page, following if limit and following < matched else None
