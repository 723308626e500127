"""User-defined processes: stored under a name, used like any other."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from eocene.model import InputError
from eocene.process import registry
from eocene.process.structure import NAME, check_description
from eocene.serve.auth import Caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.paging import Limit, Offset, cut_page
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import AddressOf, RoomsOf
from eocene.serve.settings import OPENEO
from eocene.serve.validation import check_whole

router = APIRouter(prefix=OPENEO, tags=["user-defined processes"])

_LISTED = ("summary", "description", "categories", "parameters", "returns", "deprecated", "experimental")


@router.get("/process_graphs")
def list_own_processes(
    caller: Caller, rooms: RoomsOf, address: AddressOf, limit: Limit = None, offset: Offset = 0
) -> dict[str, Any]:
    """List the caller's processes by name, without their graphs; without ``limit`` all of them."""
    found = [
        {"id": name} | {key: process[key] for key in _LISTED if process.get(key) is not None}
        for name, process in rooms.own_processes.of(caller).items()
    ]
    listed, links = cut_page(found, address(f"{OPENEO}/process_graphs"), limit, offset)
    return {"processes": listed, "links": links}


@router.put("/process_graphs/{process_graph_id}", openapi_extra=describe_body(EXAMPLE))
def store_own_process(process_graph_id: str, caller: Caller, body: JsonObject, rooms: RoomsOf) -> Response:
    """Check a process and store it; one of the same name is replaced whole."""
    name = process_graph_id
    if not NAME.fullmatch(name):
        raise InputError(
            f"The name {name[:64]!r} of the process is not allowed.",
            "Use letters, digits and _.",
            code="ProcessInvalid",
        )
    if name in {spec["id"] for spec in registry.specs()}:
        raise InputError(
            f"There is a predefined process {name!r}.", "Choose another name.", code="PredefinedProcessExists"
        )
    check_description(body)
    process = body | {"id": name}
    # As it would stand among the others: a process that calls itself is found out.
    check_whole(rooms, caller, process, stored_as=name)
    rooms.own_processes.put(caller, name, process)
    return Response(status_code=200)


@router.get("/process_graphs/{process_graph_id}")
def describe_own_process(process_graph_id: str, caller: Caller, rooms: RoomsOf) -> dict[str, Any]:
    """Return a process of the caller with its graph."""
    return rooms.own_processes.get(caller, process_graph_id)


@router.delete("/process_graphs/{process_graph_id}", status_code=204)
def delete_own_process(process_graph_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Delete a process of the caller; jobs and services that call it stay."""
    rooms.own_processes.delete(caller, process_graph_id)
    return Response(status_code=204)
