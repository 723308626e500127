"""What a source has: items of a collection, an area and a time, from a STAC API or a static catalogue.

Sources: STAC API 1.0.0, item search and its paging; STAC 1.1, catalogues and their links.
"""

from __future__ import annotations

import json
import tempfile
from collections import deque
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import cql2
import numpy as np

from eocene.archive.catalogue.search import Search
from eocene.archive.catalogue.sqlite import SqliteCatalogue
from eocene.archive.mirror.sync_documents import find_links, join_url
from eocene.model.errors import DamageError, EoceneError, InputError, NotFoundError
from eocene.model.timespan import TimeSpan

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from eocene.archive.mirror.sync_documents import Documents
    from eocene.model.grid import BBox

_PAGE = 100
_MOST_PAGES = 1_000_000
_BATCH = 200


@dataclass(frozen=True)
class Wanted:
    """Which items.

    Attributes
    ----------
    collection : str
        Its id at the source.
    bbox : tuple of float, optional
        West, south, east, north in degrees.
    datetime : str, optional
        As in a STAC search.
    filter : str or dict, optional
        CQL2 text or JSON.
    """

    collection: str
    bbox: BBox | None = None
    datetime: str | None = None
    filter: str | dict[str, Any] | None = None

    def as_search(self, ids: Sequence[str]) -> Search:
        """Return the same question to a catalogue of ours."""
        return Search(
            (self.collection,), tuple(ids), self.bbox, span=TimeSpan.from_stac(self.datetime),
            filter=self.filter,
        )  # fmt: skip

    def interval(self) -> str:
        """Return the time as both ends of a closed interval, RFC 3339."""
        span, second = TimeSpan.from_stac(self.datetime), np.timedelta64(1, "s")
        ends = (span.start, span.end - second)
        open_ends = (TimeSpan().start, TimeSpan().end - second)
        return "/".join(".." if end == none else f"{end}Z" for end, none in zip(ends, open_ends, strict=True))


@dataclass(frozen=True)
class Source:
    """A collection at its source.

    Attributes
    ----------
    collection : dict or None
        As the source describes it.
    items : iterator of (item, URL)
        Each item with the URL that its relative links start from; some may come twice.
    """

    collection: dict[str, Any] | None
    items: Iterator[tuple[dict[str, Any], str]]


def open_source(documents: Documents, url: str, wanted: Wanted) -> Source:
    """Return what a source has of what is wanted.

    Parameters
    ----------
    documents : Documents
        Reads from it.
    url : str
        The landing page of an API, a static catalogue, or a collection of either.
    wanted : Wanted
        Which items.

    Raises
    ------
    InputError
        If the URL is not allowed, or leads to no STAC.
    NotFoundError
        If an API does not have the collection.
    DamageError
        If it cannot be read.
    """
    entry = documents.read(url)
    search = _choose_search(entry, url)
    if search is None:
        found = _walk(documents, entry, url, wanted.collection)
        first = next(found, None)
        collection = first[0] if first and first[0].get("type") == "Collection" else None
        rest = found if collection or first is None else _chain(first, found)
        return Source(collection, _select(rest, wanted))
    home = f"{_find_root(entry, url).rstrip('/')}/collections/{wanted.collection}"
    try:
        collection = documents.read(home)
    except DamageError as error:
        raise NotFoundError(
            f"The source has no collection {wanted.collection!r} that can be read: {error.message}",
            "Look up its name there.", code="CollectionNotFound",
        ) from error  # fmt: skip
    pages = _read_pages(documents, search, wanted)
    is_filtered = wanted.filter is None or any("filter" in str(c) for c in entry.get("conformsTo") or ())
    return Source(collection, pages if is_filtered else _select(pages, wanted))


def _choose_search(entry: dict[str, Any], url: str) -> tuple[str, str] | None:
    """Return method and URL of the search of an API; None of a static catalogue."""
    links = list(find_links(entry, url, "search"))
    methods = {str(link.get("method", "GET")).upper(): link["href"] for link in links}
    for method in ("POST", "GET"):
        if method in methods:
            return method, methods[method]
    has_search = any("item-search" in str(name) for name in entry.get("conformsTo") or ())
    return ("POST", f"{url.rstrip('/')}/search") if has_search else None


def _find_root(entry: dict[str, Any], url: str) -> str:
    return next((link["href"] for link in find_links(entry, url, "root")), url)


# -- an API ------------------------------------------------------------------------------------


def _read_pages(
    documents: Documents, search: tuple[str, str], wanted: Wanted
) -> Iterator[tuple[dict[str, Any], str]]:
    request: tuple[str, str, Any] | None = _ask_first(*search, wanted)
    asked: set[str] = set()
    while request is not None:
        method, url, body = request
        key = json.dumps(request, sort_keys=True)
        if key in asked or len(asked) >= _MOST_PAGES:
            raise DamageError("The pages of the source lead in a circle.", "Report it there.")
        asked.add(key)
        page = documents.read(url, method, body)
        features = page.get("features")
        if not isinstance(features, list):
            raise DamageError("The source answers a search with no items.", "Check its URL.")
        yield from ((_check_item(feature), url) for feature in features)
        request = _ask_next(page, url, body) if features else None


def _ask_first(method: str, url: str, wanted: Wanted) -> tuple[str, str, Any]:
    body: dict[str, Any] = {"collections": [wanted.collection], "limit": _PAGE}
    if wanted.bbox is not None:
        body["bbox"] = list(wanted.bbox)
    if wanted.datetime is not None:
        body["datetime"] = wanted.interval()
    if wanted.filter is not None:
        body |= {"filter": _as_json(wanted.filter), "filter-lang": "cql2-json"}
    if method == "POST":
        return "POST", url, body
    texts = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value for name, value in body.items()
    }
    if wanted.filter is not None:
        texts |= {"filter": cql2.parse_json(json.dumps(body["filter"])).to_text(), "filter-lang": "cql2-text"}
    return "GET", f"{url}{'&' if '?' in url else '?'}{urlencode(texts)}", None


def _as_json(expression: str | dict[str, Any]) -> Any:
    try:
        parsed = cql2.parse_text(expression) if isinstance(expression, str) else None
        return expression if parsed is None else parsed.to_json()
    except Exception as error:
        raise InputError(
            f"The filter {str(expression)[:200]!r} is not CQL2.", "Write such as eo:cloud_cover < 40."
        ) from error


def _ask_next(page: dict[str, Any], url: str, body: Any) -> tuple[str, str, Any] | None:
    for link in find_links(page, url, "next"):
        if str(link.get("method", "GET")).upper() != "POST":
            return "GET", link["href"], None
        more = link.get("body") or {}
        return "POST", link["href"], {**(body or {}), **more} if link.get("merge") else more
    return None


def _check_item(item: Any) -> dict[str, Any]:
    named = isinstance(item, dict) and isinstance(item.get("id"), str) and item["id"]
    if not named or not isinstance(item.get("assets"), dict) or not isinstance(item.get("properties"), dict):
        raise DamageError("The source has an item without id, properties or assets.", "Report it there.")
    checked: dict[str, Any] = item
    return checked


# -- a static catalogue ------------------------------------------------------------------------


def _walk(
    documents: Documents, entry: dict[str, Any], url: str, collection: str
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the collection, if there is a document of it, and its items; others are not entered."""
    queue: deque[tuple[dict[str, Any] | None, str, str]] = deque([(entry, url, "")])
    seen: set[str] = set()
    while queue:
        document, place, owner = queue.popleft()
        if place in seen:
            continue
        seen.add(place)
        if len(seen) > _MOST_PAGES:
            raise InputError("The catalogue has too many documents.", "Mirror its collections one by one.")
        document = documents.read(place) if document is None else document
        kind = document.get("type")
        if kind == "Collection":
            owner = str(document.get("id"))
            if owner != collection:
                continue
            yield document, place
        elif kind in ("Feature", "FeatureCollection"):
            yield from _find_items(document, place, owner, collection)
        elif kind != "Catalog":
            raise InputError(f"{place!r} is no STAC: its type is {kind!r}.", "Check the URL.")
        children = find_links(document, place, "child", "item")
        queue.extend((None, link["href"], owner) for link in children)


def _find_items(
    document: dict[str, Any], place: str, owner: str, collection: str
) -> Iterator[tuple[dict[str, Any], str]]:
    features = document.get("features") if document.get("type") == "FeatureCollection" else [document]
    for feature in features if isinstance(features, list) else []:
        item = _check_item(feature)
        if (item.get("collection") or owner) == collection:
            yield item | {"collection": collection}, place


def _chain(
    first: tuple[dict[str, Any], str], rest: Iterator[tuple[dict[str, Any], str]]
) -> Iterator[tuple[dict[str, Any], str]]:
    yield first
    yield from rest


def _select(
    pairs: Iterable[tuple[dict[str, Any], str]], wanted: Wanted
) -> Iterator[tuple[dict[str, Any], str]]:
    """Yield the items that match, as a catalogue of ours finds them."""
    iterator = iter(pairs)
    with tempfile.TemporaryDirectory() as folder:
        catalogue = SqliteCatalogue(Path(folder) / "listed.sqlite")
        try:
            catalogue.put_collection({"type": "Collection", "id": wanted.collection})
            while batch := list(islice(iterator, _BATCH)):
                catalogue.put_items([item | {"collection": wanted.collection} for item, _ in batch])
                query = wanted.as_search([item["id"] for item, _ in batch])
                matching = {item["id"] for item in catalogue.search(query)}
                yield from (pair for pair in batch if pair[0]["id"] in matching)
        finally:
            catalogue.close()


def absolute_assets(item: dict[str, Any], url: str) -> dict[str, dict[str, Any]]:
    """Return the assets of an item that have hrefs, these as absolute URLs."""
    own = next((link["href"] for link in find_links(item, url, "self")), url)
    assets = {}
    for name, asset in item["assets"].items():
        if isinstance(asset, dict) and isinstance(asset.get("href"), str):
            try:
                assets[name] = asset | {"href": join_url(own, asset["href"])}
            except EoceneError:
                continue
    return assets
