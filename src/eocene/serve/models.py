"""The registered models: their STAC items, reports and files."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.responses import FileResponse

from eocene.archive.store.published import PublishedFolder
from eocene.model import NotFoundError, UnavailableError
from eocene.serve.auth import Reader
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, join_path, link

router = APIRouter(tags=["models"])


@router.get("/models")
def list_models(rooms: RoomsOf, address: AddressOf, _reader: Reader) -> dict[str, Any]:
    """List the models as STAC items with the MLM extension."""
    items = [_link_model(item, address) for item in _open_registry(rooms).list()]
    return {"models": items, "links": [link("self", address("/models"))]}


@router.get("/models/{model_id}")
def describe_model(model_id: str, rooms: RoomsOf, address: AddressOf, _reader: Reader) -> dict[str, Any]:
    """Return the STAC item of a model."""
    return _link_model(_open_registry(rooms).item(model_id), address)


@router.get("/models/{model_id}/report")
def show_report(model_id: str, rooms: RoomsOf, _reader: Reader) -> dict[str, Any]:
    """Return the scores of a model by split."""
    report: dict[str, Any] = _open_registry(rooms).report(model_id)
    return report


@router.get("/models/{model_id}/files/{name}")
def download_model_file(model_id: str, name: str, rooms: RoomsOf, _reader: Reader) -> FileResponse:
    """Send a file of a model."""
    if model_id not in {item["id"] for item in _open_registry(rooms).list()}:
        raise NotFoundError(f"The model {model_id[:80]!r} does not exist.", "List them at /models.")
    return FileResponse(PublishedFolder(rooms.layout.models / model_id).locate(name))


def _open_registry(rooms: Rooms) -> Any:
    try:
        from eocene.learn import ModelRegistry
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"Models need {error.name}, which is not installed.", "Run: pip install 'eocene[learn]'"
        ) from error
    return ModelRegistry(rooms.layout)


def _link_model(item: dict[str, Any], address: Address) -> dict[str, Any]:
    home = address(f"/models{join_path([item['id']])}")
    assets = {
        key: asset | {"href": f"{home}{join_path(['files', asset['href'].removeprefix('./')])}"}
        for key, asset in item.get("assets", {}).items()
    }
    links = [link("self", home, "application/geo+json"), link("parent", address("/models"))]
    return item | {"assets": assets, "links": [*links, link("related", f"{home}/report", title="Report")]}
