"""The check of a process before it is run or stored."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from eocene.jobs.job import check_process
from eocene.model import EoceneError
from eocene.process.structure import check_calls, check_description, find_open_parameters
from eocene.serve.auth import find_caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import own_processes, plan_for
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import Rooms, RoomsOf
from eocene.serve.schemes import ANYONE
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["processes"])


def find_anyone(
    request: Request, rooms: RoomsOf, _noted: Annotated[None, Depends(ANYONE)] = None
) -> str | None:
    """Return who calls, or None if nobody says so."""
    return find_caller(request, rooms) if request.headers.get("authorization") else None


Anyone = Annotated[str | None, Depends(find_anyone)]


@router.post("/validation", openapi_extra=describe_body(EXAMPLE))
def validate_process(caller: Anyone, body: JsonObject, rooms: RoomsOf) -> dict[str, Any]:
    """Return what is wrong with a process: an empty list if it could be run."""
    try:
        check_whole(rooms, caller, body)
    except EoceneError as error:
        return {"errors": [{"code": error.code, "message": str(error)}]}
    return {"errors": []}


def check_whole(
    rooms: Rooms, account: str | None, process: dict[str, Any], *, stored_as: str | None = None
) -> None:
    """Check a process as far as it can be told now: with all parameters known, all that planning finds.

    Parameters
    ----------
    rooms : Rooms
        The server's.
    account : str or None
        Whose processes and files the graph means.
    process : dict
        The graph with what is said of it.
    stored_as : str, optional
        The name under which the process will stand among the account's own.

    Raises
    ------
    EoceneError
        The first fault.
    """
    process = check_process(process)
    check_description(process)
    own = own_processes(rooms, account) | ({stored_as: process} if stored_as else {})
    check_calls(process, own)
    if not find_open_parameters(process):
        plan_for(rooms, account, process)
