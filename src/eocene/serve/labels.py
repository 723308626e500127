"""Labelling by people: the next samples that a model asks for, what was said of them, and the page for it."""

from __future__ import annotations

import mimetypes
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query
from starlette.exceptions import HTTPException

from eocene.model import InputError, NotFoundError, UnavailableError
from eocene.serve.auth import Caller, Caring
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.byte_ranges import RangedFile
from eocene.serve.page import HEADERS
from eocene.serve.rooms import AddressOf, Rooms, RoomsOf, join_path, link

router = APIRouter(tags=["labels"])
page = APIRouter(include_in_schema=False)

FOLDER = Path(__file__).with_name("labelling")
_FILES = frozenset(path.name for path in FOLDER.iterdir())
_INDEX = "label.html"


@router.get("/labels")
def list_labellings(rooms: RoomsOf, caller: Caller, address: AddressOf) -> dict[str, Any]:
    """List what is being labelled, with the address of its page."""
    from eocene.learn.active.book import LabelBook

    found = [
        {"id": name, "links": [link("alternate", address(f"/label{join_path([name])}"), "text/html")]}
        for name in LabelBook(rooms.layout.labels).names()
    ]
    return {"labellings": found, "links": [link("self", address("/labels"))]}


@router.get("/labels/{labelling_id}")
def show_state(labelling_id: str, rooms: RoomsOf, caller: Caller) -> dict[str, Any]:
    """Tell how far a labelling is: labels by class and author, the round, the curve."""
    state: dict[str, Any] = _open(rooms, labelling_id).state()
    return state


@router.get("/labels/{labelling_id}/next")
def ask_next(
    labelling_id: str, rooms: RoomsOf, who: Caring, count: Annotated[int, Query(ge=1, le=20)] = 3
) -> dict[str, Any]:
    """Return the next samples for the caller: what the model doubts most and nobody else is shown."""
    return {"samples": _open(rooms, labelling_id).ask(who.actor, count)}


@router.post("/labels/{labelling_id}", openapi_extra=describe_body({"sample": 7, "class": 2}))
def add_label(labelling_id: str, rooms: RoomsOf, who: Caring, body: JsonObject) -> dict[str, Any]:
    """Keep the class of a sample, or null for one that cannot be told, and return the state.

    What was answered is on the disk.
    """
    sample, value = _read_whole(body.get("sample")), _read_whole(body.get("class"))
    if set(body) != {"sample", "class"} or sample is None or (value is None and body["class"] is not None):
        raise InputError(
            "The body does not name a sample and its class.",
            'Send {"sample": 7, "class": 2}, or null for a class that nobody can tell.',
            code="InvalidParameterValue",
        )
    state: dict[str, Any] = _open(rooms, labelling_id).answer(sample, value, who.actor)
    return state


@router.delete("/labels/{labelling_id}")
def undo_label(labelling_id: str, rooms: RoomsOf, who: Caring) -> dict[str, Any]:
    """Take back the caller's last answer and return its sample, to be asked again; null if there is none."""
    labelling = _open(rooms, labelling_id)
    return {"sample": labelling.undo(who.actor), "state": labelling.state()}


@router.get("/labels/{labelling_id}/places")
def show_places(labelling_id: str, rooms: RoomsOf, caller: Caller) -> dict[str, Any]:
    """Return where the samples lie, what the model answers there, and the labels."""
    from eocene.learn.active import draw_map

    return draw_map(_open(rooms, labelling_id))


@router.get("/labels/{labelling_id}/export")
def export_labels(labelling_id: str, rooms: RoomsOf, caller: Caller) -> dict[str, Any]:
    """Return the labels as GeoJSON, each with class, author and time."""
    from eocene.learn.active import write_geojson

    return write_geojson(_open(rooms, labelling_id).kept)


@page.get("/label/{labelling_id}")
def show_page(labelling_id: str) -> RangedFile:
    """Return the page on which a person labels; it asks for a login by itself."""
    return RangedFile(FOLDER / _INDEX, headers=HEADERS | {"Cache-Control": "no-cache"})


@page.get("/label/files/{name}")
def send_file(name: str) -> RangedFile:
    """Return a script or the style of the page."""
    if name not in _FILES:
        raise HTTPException(404)
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    return RangedFile(FOLDER / name, media_type=kind, headers=HEADERS | {"Cache-Control": "no-cache"})


def _open(rooms: Rooms, labelling_id: str) -> Any:
    """Return the labelling, kept open while it is used; raises NotFoundError for an unknown id."""
    try:
        from eocene.learn.active import LabelBook, open_labelling
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"Models need {error.name}, which is not installed.", "Run: pip install 'eocene[learn]'"
        ) from error
    if labelling_id not in LabelBook(rooms.layout.labels).names():
        raise NotFoundError(
            f"There is no labelling {labelling_id[:80]!r}.", "List them at /labels.", code="LabellingNotFound"
        )
    return rooms.opened.find(("labels", labelling_id), lambda: open_labelling(rooms.layout, labelling_id))


def _read_whole(value: Any) -> int | None:
    """Return a whole number, which JSON may write as 7.0; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
