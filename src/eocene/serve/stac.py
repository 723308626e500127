"""STAC API: landing page, conformance, OpenAPI, collections with their search, queryables."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from eocene.archive.catalogue.collection_search import CollectionSearch
from eocene.serve.collections import describe_queryables
from eocene.serve.rooms import AddressOf, RoomsOf, link
from eocene.serve.settings import STAC_VERSION
from eocene.serve.stac_documents import (
    GEOJSON,
    QUERYABLES,
    SCHEMA,
    STAC,
    Json,
    Schema,
    link_collection,
    locate_collection,
)
from eocene.serve.stac_parameters import LARGEST_LIMIT, read_bbox, read_numbers, read_span

router = APIRouter(prefix=STAC, tags=["STAC"])

_OPENAPI = "application/vnd.oai.openapi+json;version=3.1"
_API = "https://api.stacspec.org/v1.0.0"
_OGC = "http://www.opengis.net/spec"
CONFORMANCE = (
    f"{_API}/core",
    f"{_API}/collections",
    f"{_API}/ogcapi-features",
    f"{_API}/item-search",
    *(f"{_API}/{part}#{extension}" for part in ("item-search", "ogcapi-features")
      for extension in ("sort", "fields", "filter", "query")),
    f"{_API}/ogcapi-features/extensions/transaction",
    f"{_API}/collections/extensions/transaction",
    f"{_API}-rc.1/collection-search",
    f"{_API}-rc.1/collection-search#free-text",
    "https://api.stacspec.org/v0.3.0/aggregation",
    f"{_OGC}/ogcapi-common-2/1.0/conf/simple-query",
    f"{_OGC}/ogcapi-features-1/1.0/conf/core",
    f"{_OGC}/ogcapi-features-1/1.0/conf/geojson",
    f"{_OGC}/ogcapi-features-3/1.0/conf/filter",
    f"{_OGC}/ogcapi-features-3/1.0/conf/features-filter",
    f"{_OGC}/ogcapi-features-4/1.0/conf/simpletx",
    f"{_OGC}/cql2/1.0/conf/cql2-text",
    f"{_OGC}/cql2/1.0/conf/cql2-json",
    f"{_OGC}/cql2/1.0/conf/basic-cql2",
    f"{_OGC}/cql2/1.0/conf/advanced-comparison-operators",
    f"{_OGC}/cql2/1.0/conf/basic-spatial-functions",
    f"{_OGC}/cql2/1.0/conf/basic-spatial-operators",
    f"{_OGC}/cql2/1.0/conf/temporal-functions",
    f"{_OGC}/cql2/1.0/conf/array-functions",
)  # fmt: skip


class CollectionParameters(BaseModel):
    """Query parameters of a search for collections."""

    model_config = ConfigDict(extra="ignore")

    q: str | None = Field(None, description="Words, one of which a collection names; with commas between.")
    bbox: str | None = Field(None, json_schema_extra={"format": "stac-bbox"})
    datetime: str | None = Field(None, json_schema_extra={"format": "stac-interval"})
    limit: int = Field(LARGEST_LIMIT, ge=1)
    token: int = Field(0, ge=0, le=2**31, description="Of the page that a link 'next' leads to.")


@router.get("/")
@router.get("", include_in_schema=False)
def describe_catalogue(rooms: RoomsOf, address: AddressOf) -> Json:
    """Return the landing page."""
    home = address(STAC)
    found = rooms.archive.catalogue.collections()
    return Json(
        {
            "type": "Catalog",
            "id": "eocene",
            "title": "Eocene",
            "description": "Collections and items of an Eocene workspace.",
            "stac_version": STAC_VERSION,
            "conformsTo": list(CONFORMANCE),
            "links": [
                link("self", f"{home}/", title="This page"),
                link("root", f"{home}/", title="This page"),
                link("conformance", f"{home}/conformance", title="What this server conforms to"),
                link("data", f"{home}/collections", title="The collections"),
                link("search", f"{home}/search", GEOJSON, method="GET", title="Search"),
                link("search", f"{home}/search", GEOJSON, method="POST", title="Search"),
                link(QUERYABLES, f"{home}/queryables", SCHEMA, title="What items are filtered by"),
                link("aggregations", f"{home}/aggregations", title="What can be counted"),
                link("aggregate", f"{home}/aggregate", title="Counts of items"),
                link("service-desc", f"{home}/api", _OPENAPI, title="OpenAPI"),
                link("service-doc", address("/docs"), "text/html", title="The API for people"),
                link("health", address("/health"), title="Whether the server is well"),
                *(_describe_child(collection, home) for collection in found),
            ],
        }
    )


def _describe_child(collection: dict[str, Any], home: str) -> dict[str, Any]:
    href = home + locate_collection(collection["id"]).removeprefix(STAC)
    return link("child", href, title=collection.get("title") or collection["id"])


@router.get("/conformance")
def list_conformance() -> dict[str, Any]:
    """List the conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


@router.get("/api", include_in_schema=False)
def describe_service(request: Request) -> Response:
    """Return the part of the server's OpenAPI document that is the STAC API."""
    whole = request.app.openapi()
    paths = {path: entry for path, entry in whole["paths"].items() if path.startswith(f"{STAC}/")}
    return Response(Json(whole | {"paths": paths}).body, media_type=_OPENAPI)


@router.get("/queryables", response_class=Schema)
def list_queryables(rooms: RoomsOf, address: AddressOf) -> Schema:
    """Return, as JSON Schema, the properties by which items of any collection can be filtered."""
    summaries: dict[str, Any] = {}
    for collection in rooms.archive.catalogue.collections():
        summaries |= {name: {} for name in collection.get("summaries") or {}}
    return Schema(describe_queryables(address(f"{STAC}/queryables"), summaries))


@router.get("/collections")
def list_collections(
    parameters: Annotated[CollectionParameters, Query()], rooms: RoomsOf, address: AddressOf
) -> Json:
    """List the collections, or those that a search finds."""
    query = CollectionSearch(
        q=tuple(word.strip() for word in (parameters.q or "").split(",") if word.strip()),
        bbox=None if parameters.bbox is None else read_bbox(read_numbers(parameters.bbox)),
        span=read_span(parameters.datetime),
    )
    found = rooms.archive.catalogue.collections_found(query)
    end = parameters.token + min(parameters.limit, LARGEST_LIMIT)
    shown = [link_collection(document, address) for document in found[parameters.token : end]]
    home = address(f"{STAC}/collections")
    links = [link("self", home), link("root", address(f"{STAC}/"))]
    if end < len(found):
        kept = parameters.model_dump(exclude_none=True) | {"token": end}
        links.append(link("next", f"{home}?{urlencode(kept)}", method="GET"))
    return Json(
        {"collections": shown, "links": links, "numberMatched": len(found), "numberReturned": len(shown)}
    )


@router.get("/collections/{collection_id}")
def describe_collection(collection_id: str, rooms: RoomsOf, address: AddressOf) -> Json:
    """Return one collection."""
    return Json(link_collection(rooms.archive.catalogue.collection(collection_id), address))


@router.get("/collections/{collection_id}/queryables", response_class=Schema)
def list_collection_queryables(collection_id: str, rooms: RoomsOf, address: AddressOf) -> Schema:
    """Return, as JSON Schema, the properties by which the collection's items can be filtered."""
    collection = rooms.archive.catalogue.collection(collection_id)
    href = address(f"{locate_collection(collection_id)}/queryables")
    return Schema(describe_queryables(href, collection.get("summaries") or {}))
