"""Collections and items that clients send: checked before they are stored.

What is posted is read later by this server with its own rights. So an asset may lie on the web, where the
door asks the operator before anything is fetched, or be what the item already has; never a path of ours.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from eocene.archive.catalogue.search import check_bbox
from eocene.archive.fetch.urls import parse_url
from eocene.archive.majortom import CELLS, DISTANCE, name_cells
from eocene.archive.store import is_stored
from eocene.model import InputError
from eocene.model.timespan import parse_instant
from eocene.serve.stac_documents import is_structure, locate_asset
from eocene.serve.stac_parameters import is_instant, read_bbox


def _check_name(name: str) -> str:
    if name in (".", ".."):  # clients take it for a folder: who deletes such an item deletes its collection
        raise ValueError("it cannot stand in an address")
    return name


_Name = Annotated[str, Field(pattern=r"^[^/\\\x00-\x1f\x7f]{1,200}$"), AfterValidator(_check_name)]


def _check_box(box: list[float]) -> list[float]:
    west_to_north = read_bbox(box)
    if west_to_north is not None:
        check_bbox(west_to_north)
    return box


def _check_instant(text: str) -> str:
    if not is_instant(text):
        raise ValueError("it is not an RFC 3339 instant")
    try:
        parse_instant(text)
    except InputError as error:
        raise ValueError("it is not in the years 1 to 9999") from error
    return text


_Box = Annotated[list[float], AfterValidator(_check_box)]
_Instant = Annotated[str, AfterValidator(_check_instant)]
_Interval = Annotated[list[_Instant | None], Field(min_length=2, max_length=2)]


class _Posted(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)


class _Link(_Posted):
    rel: str
    href: str


class _Asset(_Posted):
    href: str
    type: str | None = None
    title: str | None = None
    roles: list[str] | None = None


class _Item(_Posted):
    type: Literal["Feature"]
    stac_version: str
    id: _Name
    geometry: dict[str, Any] | None
    bbox: _Box | None = None
    properties: dict[str, Any]
    assets: dict[_Name, _Asset]
    links: list[_Link] = []
    stac_extensions: list[str] = []


class _Spatial(_Posted):
    bbox: Annotated[list[_Box], Field(min_length=1)]


class _Temporal(_Posted):
    interval: Annotated[list[_Interval], Field(min_length=1)]


class _Extent(_Posted):
    spatial: _Spatial
    temporal: _Temporal


class _Collection(_Posted):
    type: Literal["Collection"]
    stac_version: str
    id: _Name
    title: str | None = None
    description: str
    license: str
    extent: _Extent
    links: list[_Link] = []
    keywords: list[str] = []
    providers: list[dict[str, Any]] = []
    summaries: dict[str, Any] = {}
    assets: dict[_Name, _Asset] = {}
    item_assets: dict[str, dict[str, Any]] = {}
    dimensions: dict[str, dict[str, Any]] = Field({}, alias="cube:dimensions")
    stac_extensions: list[str] = []


def check_item(item: dict[str, Any], collection: str, stored: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return an item as it is stored: of the collection, its assets where they may lie.

    Parameters
    ----------
    item : dict
        What was sent.
    collection : str
        The collection it was sent to.
    stored : dict, optional
        The item as it is now, whose files it may keep.

    Raises
    ------
    InputError
        If it is no item, of another collection, or has an asset where none may lie.
    """
    _check(_Item, item, "item")
    _check_times(item["properties"])
    if item.setdefault("collection", collection) != collection:
        raise _wrong("item", f"collection: it is sent to {collection!r}")
    if stored is not None and item["id"] != stored["id"]:
        raise _wrong("item", f"id: it is sent to {stored['id']!r}")
    known = stored["assets"] if stored else {}
    assets = {}
    for key, asset in item["assets"].items():
        own = locate_asset(collection, item["id"], key)
        assets[key] = asset | {"href": _place(asset["href"], own, known.get(key))}
    return name_cells(item | {"assets": assets, "links": _outer_links(item)})


def settle_patch(patch: dict[str, Any], item: dict[str, Any]) -> dict[str, Any]:
    """Return a patch with its assets, links and cells as they are in the checked item that it makes."""
    settled = dict(patch)
    if "geometry" in patch:
        cells = {name: item["properties"].get(name) for name in (CELLS, DISTANCE)}
        settled["properties"] = (patch.get("properties") or {}) | cells
    if isinstance(patch.get("assets"), dict):
        settled["assets"] = {
            key: asset if asset is None else asset | {"href": item["assets"][key]["href"]}
            for key, asset in patch["assets"].items()
        }
    if "links" in patch:
        settled["links"] = item["links"]
    return settled


def check_collection(collection: dict[str, Any], name: str | None = None) -> dict[str, Any]:
    """Return a collection as it is stored.

    Raises
    ------
    InputError
        If it is none, not the one of that name, or has an asset where none may lie.
    """
    _check(_Collection, collection, "collection")
    if name is not None and collection["id"] != name:
        raise _wrong("collection", f"id: it is sent to {name!r}")
    for asset in collection.get("assets", {}).values():
        parse_url(asset["href"])
    return collection | {"links": _outer_links(collection)}


def _place(href: str, own: str, known: dict[str, Any] | None) -> str:
    """Return where an asset lies, given by its address on this server or by one elsewhere."""
    if known is not None and (href == known.get("href") or _path(href).endswith(own)):
        stored: str = known["href"]
        return stored
    parse_url(href)
    if is_stored(href):
        raise _wrong("item", f"assets: {href!r} lies in the store of this server, which ingest alone fills")
    return href


def _path(href: str) -> str:
    try:
        return urlsplit(href).path
    except ValueError:
        return ""


def _outer_links(document: dict[str, Any]) -> list[dict[str, Any]]:
    links = [entry for entry in document.get("links", []) if not is_structure(entry["rel"])]
    for entry in links:
        parse_url(entry["href"])
    return links


def _check_times(properties: dict[str, Any]) -> None:
    """Refuse instants that are in the year 0 or 10000 once they are in UTC: no calendar here has these."""
    for name in ("datetime", "start_datetime", "end_datetime"):
        text = properties.get(name)
        try:
            if text is not None:
                parse_instant(text)
        except InputError as error:
            raise _wrong("item", f"properties.{name} is {text!r}, not an RFC 3339 time") from error


def _check(model: type[BaseModel], document: dict[str, Any], what: str) -> None:
    try:
        model.model_validate(document)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]]
        raise _wrong(what, "; ".join(faults)) from error
    try:
        orjson.loads(json.dumps(document))
    except orjson.JSONDecodeError as error:
        raise _wrong(what, f"it could not be read again, {str(error).partition(':')[0]}") from error


def _wrong(what: str, why: str) -> InputError:
    return InputError(
        f"The {what} is not valid: {why}.",
        "Correct it by the STAC specification; nothing was written.",
        code="InvalidParameterValue",
    )
