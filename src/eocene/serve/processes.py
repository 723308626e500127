"""The processes that graphs are made of, and the check of a graph before it is run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from eocene.jobs.job import check_process
from eocene.model import EoceneError
from eocene.process import registry
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import make_plan
from eocene.serve.rooms import AddressOf, RoomsOf, link
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["processes"])

EXAMPLE = {"process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}


@router.get("/processes")
def list_processes(address: AddressOf) -> dict[str, Any]:
    """List the processes."""
    return {"processes": registry.specs(), "links": [link("self", address(f"{OPENEO}/processes"))]}


@router.post("/validation", openapi_extra=describe_body(EXAMPLE))
def validate_process(body: JsonObject, rooms: RoomsOf) -> dict[str, Any]:
    """Return what is wrong with a process: an empty list if it could be run."""
    process = check_process(body)
    try:
        make_plan(rooms.archive, process)
    except EoceneError as error:
        return {"errors": [{"code": error.code, "message": str(error)}]}
    return {"errors": []}
