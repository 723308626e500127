"""STAC API: users who may edit add, replace, change and delete items and collections.

Source: STAC API, extensions transaction and collection transaction 1.0.0; JSON merge patch, RFC 7396.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated

from fastapi import APIRouter, Depends
from starlette.responses import Response

from eocene.archive.catalogue.interface import merge_patch, no_item
from eocene.jobs.accounts.identity import EDITOR
from eocene.model import ConflictError, ForbiddenError, InputError, NotFoundError
from eocene.serve.auth import Caring
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.rooms import AddressOf, RoomsOf
from eocene.serve.stac_documents import (
    STAC,
    GeoJson,
    Json,
    link_collection,
    link_item,
    locate_collection,
    locate_item,
)
from eocene.serve.stac_posted import check_collection, check_item, settle_patch

if TYPE_CHECKING:
    from collections.abc import Iterator

router = APIRouter(prefix=STAC, tags=["STAC"])

_ITEMS = "/collections/{collection_id}/items"
_COLLECTION = "/collections/{collection_id}"
_BODY = describe_body({"type": "Feature", "id": "a", "properties": {"datetime": "2024-05-01T10:00:00Z"}})
_PATCH = describe_body({"properties": {"eo:cloud_cover": 12.5}})
_WHOLE = describe_body({"type": "Collection", "id": "a-collection", "license": "other"})


def find_editor(who: Caring, rooms: RoomsOf) -> str:
    """Return the name of the caller, who may change the catalogue.

    Raises
    ------
    ForbiddenError
        403, if the operator has not said so.
    """
    settings = rooms.settings
    if EDITOR not in who.roles and who.account not in (settings.editors or (settings.user,)):
        raise ForbiddenError(
            f"The user {who.account!r} may not change the catalogue.",
            "Ask the operator for the role of an editor.",
            code="PermissionsInsufficient",
        )
    return who.account


Editor = Annotated[str, Depends(find_editor)]


@router.post(_ITEMS, status_code=201, response_class=GeoJson, openapi_extra=_BODY)
def add_items(
    collection_id: str, _editor: Editor, body: JsonObject, rooms: RoomsOf, address: AddressOf
) -> Response:
    """Add an item, or all items of a feature collection, or none if one of them is wrong or there."""
    is_list = body.get("type") == "FeatureCollection"
    given = body.get("features") if is_list else [body]
    if not isinstance(given, list) or not given or not all(isinstance(item, dict) for item in given):
        raise InputError(
            "The feature collection has no items, or what are none.",
            "Send its items as 'features'.",
            code="InvalidParameterValue",
        )
    items = [check_item(item, collection_id) for item in given]
    with _answering():
        rooms.archive.catalogue.put_items(items, mode="create")
    if is_list:
        return Response(status_code=201)
    headers = {"Location": address(locate_item(collection_id, items[0]["id"]))}
    return GeoJson(link_item(items[0], address), 201, headers)


@router.put(_ITEMS + "/{item_id}", status_code=204, response_class=Response, openapi_extra=_BODY)
def replace_item(
    collection_id: str, item_id: str, _editor: Editor, body: JsonObject, rooms: RoomsOf
) -> Response:
    """Replace an item; assets that are given by their address on this server keep their files."""
    catalogue = rooms.archive.catalogue
    item = check_item(body, collection_id, catalogue.item(collection_id, item_id))
    with _answering():
        catalogue.put_items([item], mode="update")
    return Response(status_code=204)


@router.patch(_ITEMS + "/{item_id}", status_code=204, response_class=Response, openapi_extra=_PATCH)
def change_item(
    collection_id: str, item_id: str, _editor: Editor, body: JsonObject, rooms: RoomsOf
) -> Response:
    """Change fields of an item by a JSON merge patch."""
    catalogue = rooms.archive.catalogue
    stored = catalogue.item(collection_id, item_id)
    with _answering():
        item = check_item(merge_patch(stored, body), collection_id, stored)
        catalogue.patch_item(collection_id, item_id, settle_patch(body, item))
    return Response(status_code=204)


@router.delete(_ITEMS + "/{item_id}", status_code=204, response_class=Response)
def delete_item(collection_id: str, item_id: str, _editor: Editor, rooms: RoomsOf) -> Response:
    """Delete an item from the catalogue; its files stay where they are."""
    rooms.archive.catalogue.collection(collection_id)
    if not rooms.archive.catalogue.delete_items(collection_id, [item_id]):
        raise no_item(collection_id, item_id)
    return Response(status_code=204)


@router.post("/collections", status_code=201, response_class=Json, openapi_extra=_WHOLE)
def add_collection(_editor: Editor, body: JsonObject, rooms: RoomsOf, address: AddressOf) -> Json:
    """Add a collection."""
    collection = check_collection(body)
    name = collection["id"]
    try:
        rooms.archive.catalogue.collection(name)
    except NotFoundError:
        rooms.archive.catalogue.put_collection(collection)
        headers = {"Location": address(locate_collection(name))}
        return Json(link_collection(collection, address), 201, headers)
    raise ConflictError(f"There is a collection {name!r} already.", "Replace it, or choose another id.")


@router.put(_COLLECTION, status_code=204, response_class=Response, openapi_extra=_WHOLE)
def replace_collection(collection_id: str, _editor: Editor, body: JsonObject, rooms: RoomsOf) -> Response:
    """Replace the description of a collection; its items stay."""
    rooms.archive.catalogue.collection(collection_id)
    rooms.archive.catalogue.put_collection(check_collection(body, collection_id))
    return Response(status_code=204)


@router.patch(_COLLECTION, status_code=204, response_class=Response, openapi_extra=_PATCH)
def change_collection(collection_id: str, _editor: Editor, body: JsonObject, rooms: RoomsOf) -> Response:
    """Change fields of a collection's description by a JSON merge patch."""
    stored = rooms.archive.catalogue.collection(collection_id)
    # A collection is patched as an item of itself, which keeps its name.
    with _answering():
        patched = merge_patch(stored | {"collection": collection_id}, body)
    del patched["collection"]
    rooms.archive.catalogue.put_collection(check_collection(patched, collection_id))
    return Response(status_code=204)


@router.delete(_COLLECTION, status_code=204, response_class=Response)
def delete_collection(collection_id: str, _editor: Editor, rooms: RoomsOf) -> Response:
    """Delete a collection and its items from the catalogue; their files stay where they are."""
    rooms.archive.catalogue.delete_collection(collection_id)
    return Response(status_code=204)


@contextmanager
def _answering() -> Iterator[None]:
    """Answer 409 where what is added is there already, and for a wrong item as for a wrong parameter.

    The catalogue knows of no requests, and so of no code that fits them.
    """
    try:
        yield
    except InputError as error:
        if error.code == "ItemExists":
            raise ConflictError(error.message, error.remedy) from error
        if error.code == InputError.code:
            raise InputError(error.message, error.remedy, code="InvalidParameterValue") from error
        raise
