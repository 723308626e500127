"""The registered models: their STAC items, reports and files, and what they answer."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

from eocene.archive.store.published import PublishedFolder
from eocene.model import InputError, NotFoundError, UnavailableError
from eocene.serve.auth import Caller, Reader
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.byte_ranges import RangedFile
from eocene.serve.engine import plan_for
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, join_path, link

router = APIRouter(tags=["models"])

_VARY = {"Vary": "Accept"}
_HARMLESS = {
    "Content-Security-Policy": "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:"
}
"""A browser that opens a page or picture of a model runs nothing in it and loads nothing for it."""

_EXAMPLE = {"geometry": {"type": "Point", "coordinates": [9.0, 48.0]}}


@router.get("/models")
def list_models(rooms: RoomsOf, address: AddressOf, reader: Reader) -> dict[str, Any]:
    """List the models as STAC items with the MLM extension: those of the workspace, and one's own."""
    items = [_link_model(item, address) for item in open_registry(rooms, reader).list()]
    return {"models": items, "links": [link("self", address("/models"))]}


@router.get("/models/{model_id}")
def describe_model(model_id: str, rooms: RoomsOf, address: AddressOf, reader: Reader) -> dict[str, Any]:
    """Return the STAC item of a model."""
    return _link_model(open_registry(rooms, reader).item(model_id), address)


@router.get("/models/{model_id}/report", response_class=JSONResponse)
def show_report(model_id: str, rooms: RoomsOf, reader: Reader, request: Request) -> Response:
    """Return the scores of a model by split: as JSON, or as a page to who asks for text/html first."""
    report: dict[str, Any] = open_registry(rooms, reader).report(model_id)
    if not request.headers.get("accept", "").startswith("text/html"):
        return JSONResponse(report, headers=_VARY)
    from eocene.learn.evaluation.page import write_page

    return HTMLResponse(write_page(report), headers=_VARY | _HARMLESS)


@router.get("/models/{model_id}/files/{name}")
def download_model_file(model_id: str, name: str, rooms: RoomsOf, reader: Reader) -> RangedFile:
    """Send a file of a model."""
    if model_id not in {item["id"] for item in open_registry(rooms, reader).list()}:
        raise NotFoundError(f"The model {model_id[:80]!r} does not exist.", "List them at /models.")
    return RangedFile(PublishedFolder(rooms.layout.models / model_id).locate(name), headers=_HARMLESS)


@router.post("/models/{model_id}/predict", openapi_extra=describe_body(_EXAMPLE))
def predict(model_id: str, caller: Caller, body: JsonObject, rooms: RoomsOf) -> dict[str, Any]:
    """Answer for rows of features, or for places: it costs what computing their features does.

    ``rows`` are lists of numbers in the order of the model's features, or objects by their names, null where
    a value is missing. ``geometry`` is GeoJSON in EPSG:4326, whose features are computed by the graph in the
    model's lineage, at another ``time`` if one is given. A point gets the answer of the pixel under it, an
    area its pixels counted by class; null stands for no data.
    """
    if ("rows" in body) == ("geometry" in body) or set(body) - {"rows", "geometry", "time"}:
        raise InputError(
            "The body must have either rows or geometry.",
            'Send {"rows": [[…]]}, or {"geometry": {…}, "time": ["2024-04-01", "2024-10-01"]}.',
            code="InvalidParameterValue",
        )
    registry = open_registry(rooms, caller)
    from eocene.learn.answering import answer_rows, plan_places
    from eocene.learn.processes.storing import load_kept

    predictor = load_kept(registry, model_id)
    if "rows" in body:
        with rooms.accounts.booking(caller, 0.0):
            answers = answer_rows(predictor, body["rows"])
    else:
        places = plan_places(
            predictor, body["geometry"], body.get("time"), lambda made: _plan(rooms, caller, made)
        )
        with rooms.accounts.booking(caller, places.expected_s):
            answers = places.answer()
    return {"model": model_id, "predictions": answers}


def _plan(rooms: Rooms, caller: str, graph: dict[str, Any]) -> Any:
    return plan_for(rooms, caller, {"process_graph": graph})


def open_registry(rooms: Rooms, account: str | None) -> Any:
    """Return the models that an account sees; raises UnavailableError if the extra is not installed."""
    try:
        from eocene.learn import ModelRegistry
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"Models need {error.name}, which is not installed.", "Run: pip install 'eocene[learn]'"
        ) from error
    return ModelRegistry(rooms.archive.of(account or "").layout)


def _link_model(item: dict[str, Any], address: Address) -> dict[str, Any]:
    home = address(f"/models{join_path([item['id']])}")
    assets = {
        key: asset | {"href": f"{home}{join_path(['files', asset['href'].removeprefix('./')])}"}
        for key, asset in item.get("assets", {}).items()
    }
    links = [link("self", home, "application/geo+json"), link("parent", address("/models"))]
    return item | {"assets": assets, "links": [*links, link("related", f"{home}/report", title="Report")]}
