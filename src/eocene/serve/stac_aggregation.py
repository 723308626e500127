"""STAC API: counts of the items that a search finds.

Source: STAC API, extension aggregation 0.3.0.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field

from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, link
from eocene.serve.stac_documents import STAC, Json, locate_collection
from eocene.serve.stac_parameters import SearchParameters, read_parameters, read_question, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive import Search
    from eocene.archive.catalogue.interface import Catalogue

router = APIRouter(prefix=STAC, tags=["STAC"])

_GROUPS = {
    "collection_frequency": "collection",
    "datetime_frequency": "month",
    "cloud_cover_frequency": "cloud_cover",
    "grid_code_frequency": "cell",
}
_KINDS = {"datetime_frequency": "datetime", "cloud_cover_frequency": "numeric"}
_EXAMPLE = {"aggregations": ["total_count", "datetime_frequency"], "collections": ["sentinel-2-l2a"]}


class AggregationParameters(SearchParameters):
    """Query parameters of an aggregation."""

    aggregations: str | None = Field(None, json_schema_extra={"format": "stac-aggregations"})


@router.get("/aggregations")
def list_aggregations(address: AddressOf) -> Json:
    """List what can be counted."""
    return _list(address, STAC)


@router.get("/collections/{collection_id}/aggregations")
def list_collection_aggregations(collection_id: str, rooms: RoomsOf, address: AddressOf) -> Json:
    """List what can be counted of a collection."""
    rooms.archive.catalogue.collection(collection_id)
    return _list(address, locate_collection(collection_id))


@router.get("/aggregate")
def aggregate_by_get(
    parameters: Annotated[AggregationParameters, Query()], rooms: RoomsOf, address: AddressOf
) -> Json:
    """Count the items of a search."""
    return _aggregate(rooms, _read(parameters), address, STAC)


@router.post("/aggregate", openapi_extra=describe_body(_EXAMPLE))
def aggregate_by_post(body: JsonObject, rooms: RoomsOf, address: AddressOf) -> Json:
    """Count the items of a search."""
    return _aggregate(rooms, body, address, STAC)


@router.get("/collections/{collection_id}/aggregate")
def aggregate_collection(
    collection_id: str,
    parameters: Annotated[AggregationParameters, Query()],
    rooms: RoomsOf,
    address: AddressOf,
) -> Json:
    """Count the items of a collection that a search finds."""
    rooms.archive.catalogue.collection(collection_id)
    body = _read(parameters) | {"collections": [collection_id]}
    return _aggregate(rooms, body, address, locate_collection(collection_id))


def _read(parameters: AggregationParameters) -> dict[str, Any]:
    body = read_parameters(parameters)
    if "aggregations" in body:
        body["aggregations"] = [name.strip() for name in body["aggregations"].split(",") if name.strip()]
    return body


def _list(address: Address, place: str) -> Json:
    described = [{"name": name, "data_type": _data_type(name)} for name in (*_SINGLE, *_GROUPS)]
    return Json({"aggregations": described, "links": _links(address, place, "aggregations")})


def _aggregate(rooms: Rooms, body: dict[str, Any], address: Address, place: str) -> Json:
    names = body.get("aggregations") or []
    known = (*_SINGLE, *_GROUPS)
    if not isinstance(names, list) or not names or not all(name in known for name in names):
        raise wrong("aggregations", f"is not a list of some of {', '.join(known)}")
    search, catalogue = read_question(body).search, rooms.archive.catalogue
    found = [_count(catalogue, search, name) for name in dict.fromkeys(names)]
    return Json({"aggregations": found, "links": _links(address, place, "aggregate")})


def _links(address: Address, place: str, name: str) -> list[dict[str, Any]]:
    return [link("self", address(f"{place}/{name}")), link("root", address(f"{STAC}/"))]


def _count(catalogue: Catalogue, search: Search, name: str) -> dict[str, Any]:
    described = {"name": name, "data_type": _data_type(name)}
    if name in _SINGLE:
        return described | {"value": _SINGLE[name](catalogue, search)}
    counts = catalogue.aggregate(search, _GROUPS[name])
    buckets = [_describe_bucket(name, key, frequency) for key, frequency in counts.items()]
    return described | {"buckets": buckets, "overflow": 0}


def _describe_bucket(name: str, key: str, frequency: int) -> dict[str, Any]:
    bucket = {"key": key, "data_type": _KINDS.get(name, "string"), "frequency": frequency}
    if name == "datetime_frequency":
        return bucket | {"key": f"{key}-01T00:00:00Z"}
    if name == "cloud_cover_frequency":
        return bucket | {"from": float(key), "to": float(key) + 10.0}
    return bucket


def _data_type(name: str) -> str:
    singles = {"total_count": "integer", "datetime_min": "datetime", "datetime_max": "datetime"}
    return singles.get(name, "frequency_distribution")


def _read_end(catalogue: Catalogue, search: Search, sign: str) -> str | None:
    """Return the time of the first or last item."""
    found = catalogue.search(replace(search, sortby=(f"{sign}datetime",), limit=1))
    if not found:
        return None
    properties = found[0]["properties"]
    time: str | None = properties.get("datetime") or properties.get("start_datetime")
    return time


_SINGLE: dict[str, Callable[[Catalogue, Search], Any]] = {
    "total_count": lambda catalogue, search: catalogue.count(search),
    "datetime_min": lambda catalogue, search: _read_end(catalogue, search, ""),
    "datetime_max": lambda catalogue, search: _read_end(catalogue, search, "-"),
}
