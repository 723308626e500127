"""STAC API: items, one by one, of a collection, and searched for by GET and POST, page by page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Query

from eocene.archive.fields import pick_fields
from eocene.model import TimeSpan
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, link
from eocene.serve.stac_documents import (
    GEOJSON,
    STAC,
    GeoJson,
    link_item,
    list_links,
    locate_collection,
)
from eocene.serve.stac_parameters import (
    ItemParameters,
    SearchParameters,
    read_parameters,
    read_question,
)

if TYPE_CHECKING:
    from eocene.archive import Search
    from eocene.serve.stac_parameters import Question

router = APIRouter(prefix=STAC, tags=["STAC"])

_COUNTED_LIMIT = 10
_EXAMPLE = {"collections": ["sentinel-2-l2a"], "bbox": [9.0, 48.0, 9.1, 48.1], "limit": 10}


@router.get("/collections/{collection_id}/items/{item_id}", response_class=GeoJson)
def describe_item(collection_id: str, item_id: str, rooms: RoomsOf, address: AddressOf) -> GeoJson:
    """Return one item."""
    return GeoJson(link_item(rooms.archive.catalogue.item(collection_id, item_id), address))


@router.get("/collections/{collection_id}/items", response_class=GeoJson)
def list_items(
    collection_id: str, parameters: Annotated[ItemParameters, Query()], rooms: RoomsOf, address: AddressOf
) -> GeoJson:
    """List the items of a collection."""
    rooms.archive.catalogue.collection(collection_id)
    question = read_question(read_parameters(parameters) | {"collections": [collection_id]})
    page, token = find_page(rooms, question, address)
    home = address(f"{locate_collection(collection_id)}/items")
    page["links"] = list_links(address, home, _lead_on(home, parameters, token))
    return GeoJson(page)


@router.get("/search", response_class=GeoJson)
def search_by_get(
    parameters: Annotated[SearchParameters, Query()], rooms: RoomsOf, address: AddressOf
) -> GeoJson:
    """Search items."""
    page, token = find_page(rooms, read_question(read_parameters(parameters)), address)
    home = address(f"{STAC}/search")
    page["links"] = list_links(address, home, _lead_on(home, parameters, token))
    return GeoJson(page)


@router.post("/search", response_class=GeoJson, openapi_extra=describe_body(_EXAMPLE))
def search_by_post(body: JsonObject, rooms: RoomsOf, address: AddressOf) -> GeoJson:
    """Search items."""
    page, token = find_page(rooms, read_question(body), address)
    home = address(f"{STAC}/search")
    following = [link("next", home, GEOJSON, method="POST", body=body | {"token": token})] if token else []
    page["links"] = list_links(address, home, following)
    return GeoJson(page)


def find_page(rooms: Rooms, question: Question, address: Address) -> tuple[dict[str, Any], str | None]:
    """Return a feature collection of one page, and the token of the next or None at the end."""
    counted = question.token is None and _is_counted(question.search)
    found = rooms.archive.catalogue.page(question.search, question.token, counted=counted)
    items = [pick_fields(link_item(item, address), question.fields) for item in found.items]
    page: dict[str, Any] = {"type": "FeatureCollection", "features": items, "numberReturned": len(items)}
    is_whole = question.token is None and found.next is None
    if found.matched is not None or is_whole:
        page["numberMatched"] = len(items) if is_whole else found.matched
    return page, found.next


def _is_counted(search: Search) -> bool:
    """Tell whether all matching items are counted besides, which may take longer than the page itself.

    Clients that want the number ask for few items (pystac-client for one); without any place or time a filter
    would have to look at every item.
    """
    has_bounds = search.bbox or search.intersects or search.ids or search.cells or search.span != TimeSpan()
    return (search.limit or 0) <= _COUNTED_LIMIT and (search.filter is None or bool(has_bounds))


def _lead_on(home: str, parameters: ItemParameters, token: str | None) -> list[dict[str, Any]]:
    """Return the link to the next page, if there is one."""
    if token is None:
        return []
    kept = parameters.model_dump(exclude_none=True, by_alias=True) | {"token": token}
    return [link("next", f"{home}?{urlencode(kept)}", GEOJSON, method="GET")]
