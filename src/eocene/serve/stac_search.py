"""STAC API: search over items, by GET and POST, page by page."""

from __future__ import annotations

import json
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query
from pydantic import BaseModel, ConfigDict, Field

from eocene.archive import Search
from eocene.model import InputError, TimeSpan
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.rooms import AddressOf, RoomsOf, join_path, link
from eocene.serve.stac import GEOJSON, GeoJsonResponse, find_page

router = APIRouter(prefix="/stac", tags=["STAC"])

_DEFAULT_LIMIT, _LARGEST_LIMIT, _LAST_TOKEN = 100, 1000, 2**31
_EXAMPLE = {"collections": ["sentinel-2-l2a"], "bbox": [9.0, 48.0, 9.1, 48.1], "limit": 10}


class ItemParameters(BaseModel):
    """Query parameters of a list of items; lists are separated by commas."""

    model_config = ConfigDict(extra="ignore")

    bbox: str | None = None
    datetime: str | None = None
    filter: str | None = None
    sortby: str | None = None
    limit: int = Field(_DEFAULT_LIMIT, ge=1, le=_LARGEST_LIMIT)
    token: int = Field(0, ge=0, le=_LAST_TOKEN)


class SearchParameters(ItemParameters):
    """Query parameters of a search."""

    collections: str | None = None
    ids: str | None = None
    intersects: str | None = None


@router.get("/collections/{collection_id}/items")
def list_items(
    collection_id: str, parameters: Annotated[ItemParameters, Query()], rooms: RoomsOf, address: AddressOf
) -> GeoJsonResponse:
    """List the items of a collection."""
    rooms.archive.catalogue.collection(collection_id)
    query = read_query({"collections": [collection_id]} | _split_texts(parameters))
    page, following = find_page(rooms, query, address)
    home = address(f"/stac{join_path(['collections', collection_id, 'items'])}")
    page["links"] = [link("self", home, GEOJSON), *_link_next(home, parameters, following)]
    return GeoJsonResponse(page)


@router.get("/search")
def search_by_get(
    parameters: Annotated[SearchParameters, Query()], rooms: RoomsOf, address: AddressOf
) -> GeoJsonResponse:
    """Search items."""
    page, following = find_page(rooms, read_query(_split_texts(parameters)), address)
    home = address("/stac/search")
    page["links"] = [link("self", home, GEOJSON), *_link_next(home, parameters, following)]
    return GeoJsonResponse(page)


@router.post("/search", openapi_extra=describe_body(_EXAMPLE))
def search_by_post(body: JsonObject, rooms: RoomsOf, address: AddressOf) -> GeoJsonResponse:
    """Search items."""
    page, following = find_page(rooms, read_query(body), address)
    home = address("/stac/search")
    page["links"] = [link("self", home, GEOJSON)]
    if following is not None:
        body = body | {"token": str(following)}
        page["links"].append(link("next", home, GEOJSON, method="POST", body=body))
    return GeoJsonResponse(page)


def read_query(given: dict[str, Any]) -> Search:
    """Return the search that a JSON body describes; raises InputError naming the field at fault."""
    sortby = given.get("sortby") or ()
    if isinstance(sortby, list):
        sortby = tuple(_read_sort(entry) for entry in sortby)
    return Search(
        collections=_read_names(given, "collections"),
        ids=_read_names(given, "ids"),
        bbox=_read_bbox(given.get("bbox")),
        intersects=_read_kind(given, "intersects", dict),
        span=TimeSpan.from_stac(_read_kind(given, "datetime", str)),
        filter=_read_kind(given, "filter", (str, dict)),
        sortby=sortby,
        limit=_read_number(given.get("limit"), "limit", _DEFAULT_LIMIT, 1, _LARGEST_LIMIT),
        offset=_read_number(given.get("token"), "token", 0, 0, _LAST_TOKEN),
    )


def _split_texts(parameters: ItemParameters) -> dict[str, Any]:
    """Return query parameters as a POST body would hold them."""
    body = parameters.model_dump(exclude_none=True)
    for name in ("collections", "ids", "sortby"):
        if name in body:
            body[name] = [part for part in body[name].split(",") if part]
    if "bbox" in body:
        body["bbox"] = [_read_float(part) for part in body["bbox"].split(",")]
    if "intersects" in body:
        try:
            body["intersects"] = json.loads(body["intersects"])
        except (ValueError, RecursionError) as error:
            raise _wrong("intersects", "is not GeoJSON") from error
    return body


def _link_next(home: str, parameters: ItemParameters, following: int | None) -> list[dict[str, Any]]:
    if following is None:
        return []
    kept = parameters.model_dump(exclude_none=True) | {"token": following}
    return [link("next", f"{home}?{urlencode(kept)}", GEOJSON, method="GET")]


def _read_sort(entry: Any) -> str:
    if isinstance(entry, str):
        return entry.removeprefix("+").strip()
    if isinstance(entry, dict) and isinstance(entry.get("field"), str):
        return f"{'-' if entry.get('direction') == 'desc' else ''}{entry['field']}"
    raise _wrong("sortby", 'is not a list such as [{"field": "datetime", "direction": "desc"}]')


def _read_names(given: dict[str, Any], name: str) -> tuple[str, ...]:
    names = given.get(name) or []
    if not isinstance(names, list) or not all(isinstance(entry, str) for entry in names):
        raise _wrong(name, "is not a list of names")
    return tuple(names)


def _read_kind(given: dict[str, Any], name: str, kind: type | tuple[type, ...]) -> Any:
    value = given.get(name)
    if value is not None and not isinstance(value, kind):
        raise _wrong(name, "has a wrong type")
    return value


def _read_bbox(value: Any) -> tuple[float, float, float, float] | None:
    if value is None:
        return None
    numbers = isinstance(value, list) and all(isinstance(v, int | float) for v in value)
    if not numbers or len(value) not in (4, 6):
        raise _wrong("bbox", "is not west, south, east, north")
    west, south, *rest = value if len(value) == 4 else (value[0], value[1], value[3], value[4])
    return float(west), float(south), float(rest[0]), float(rest[1])


def _read_float(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise _wrong("bbox", "is not west, south, east, north") from error


def _read_number(value: Any, name: str, default: int, least: int, most: int) -> int:
    if value is None:
        return default
    text = str(value)
    if (
        isinstance(value, bool)
        or not text.isascii()
        or not text.isdigit()
        or not least <= int(text[:12]) <= most
    ):
        raise _wrong(name, f"is not a whole number from {least} to {most}")
    return int(text)


def _wrong(name: str, fault: str) -> InputError:
    return InputError(
        f"The parameter {name!r} {fault}.", "See /docs for its form.", code="InvalidParameterValue"
    )
