"""Stored collections and items as the STAC API shows them: with addresses of this server."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from starlette.responses import Response

from eocene.archive.store import is_stored
from eocene.serve.collections import complete_collection
from eocene.serve.rooms import join_path, link

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eocene.serve.rooms import Address

STAC = "/stac"
GEOJSON = "application/geo+json"
SCHEMA = "application/schema+json"
QUERYABLES = "http://www.opengis.net/def/rel/ogc/1.0/queryables"

_STRUCTURE = {
    "self", "root", "parent", "child", "item", "items", "collection", "prev", "next", "data", "search",
    QUERYABLES, "aggregate", "aggregations",
}  # fmt: skip
_WEB = ("https://", "http://")
_REMOTE = (*_WEB, "s3://")


class Json(Response):
    """JSON written by orjson: a hundred items take it under a millisecond."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Return the body."""
        return orjson.dumps(content)


class GeoJson(Json):
    """The same with the media type of GeoJSON."""

    media_type = GEOJSON


class Schema(Json):
    """The same with the media type of JSON Schema."""

    media_type = SCHEMA


def locate_collection(collection: str) -> str:
    """Return the path of a collection on this server."""
    return f"{STAC}/collections/{_quote(collection)}"


def locate_item(collection: str, item: str) -> str:
    """Return the path of an item on this server."""
    return f"{locate_collection(collection)}/items/{_quote(item)}"


def locate_asset(collection: str, item: str, key: str) -> str:
    """Return the path of an item's asset on this server."""
    return f"{locate_item(collection, item)}/assets/{_quote(key)}"


def is_elsewhere(href: object) -> bool:
    """Tell whether an href leads to another machine, so that clients get it as it is."""
    if not isinstance(href, str) or href.startswith("/") or is_stored(href):
        return False
    return href.lower().startswith(_REMOTE)


def is_structure(rel: object) -> bool:
    """Tell whether a link of this kind is made by the server, and not kept with the document."""
    return rel in _STRUCTURE


def link_item(item: dict[str, Any], address: Address) -> dict[str, Any]:
    """Return the item with addresses of this server in place of the paths of its files."""
    collection = address(locate_collection(item["collection"]))
    home = f"{collection}/items/{_quote(item['id'])}"
    assets = {
        key: asset if is_elsewhere(asset.get("href")) else asset | {"href": f"{home}/assets/{_quote(key)}"}
        for key, asset in item["assets"].items()
    }
    links = [
        link("self", home, GEOJSON),
        link("parent", collection),
        link("collection", collection),
        link("root", address(f"{STAC}/")),
    ]
    return item | {"assets": assets, "links": [*keep_links(item, address), *links]}


def link_collection(document: dict[str, Any], address: Address) -> dict[str, Any]:
    """Return the collection, complete, with the links of the STAC API."""
    complete = complete_collection(document)
    home = address(locate_collection(document["id"]))
    links = [
        link("self", home, title="This collection"),
        link("parent", address(f"{STAC}/"), title="The catalogue"),
        link("root", address(f"{STAC}/"), title="The catalogue"),
        link("items", f"{home}/items", GEOJSON, title="Its items"),
        link(QUERYABLES, f"{home}/queryables", SCHEMA, title="What its items are filtered by"),
        link("aggregations", f"{home}/aggregations", title="What can be counted of its items"),
        link("aggregate", f"{home}/aggregate", title="Counts of its items"),
    ]
    # OGC API – Features lets it out; some of its clients look for it all the same.
    return complete | {"itemType": "feature", "links": [*keep_links(document, address), *links]}


def keep_links(document: dict[str, Any], address: Address) -> list[dict[str, Any]]:
    """Return the links that a document brought itself, as far as they lead somewhere on the web."""
    kept = []
    for entry in document.get("links") or ():
        href = entry.get("href")
        if is_structure(entry.get("rel")) or not isinstance(href, str):
            continue
        if href.startswith(_WEB):
            kept.append(entry)
        elif href.startswith(f"{STAC}/"):
            kept.append(entry | {"href": address(href)})
    return kept


def list_links(address: Address, home: str, more: Iterable[dict[str, Any]] = ()) -> list[dict[str, Any]]:
    """Return the links of a list: itself, the root, and what else is given."""
    return [link("self", home, GEOJSON), link("root", address(f"{STAC}/")), *more]


@lru_cache(maxsize=4096)
def _quote(part: str) -> str:
    return join_path([part])[1:]
