"""The check of a process before it is run or stored."""

from __future__ import annotations

from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request

from eocene.jobs.job import check_process
from eocene.jobs.own_processes import list_carried
from eocene.model import EoceneError
from eocene.process.structure import check_description, find_call_faults, find_open_parameters
from eocene.serve.auth import find_caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import faults_for, own_processes
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import Rooms, RoomsOf
from eocene.serve.schemes import ANYONE
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["processes"])

MOST = 100
"""Faults that are listed at most."""


def find_anyone(
    request: Request, rooms: RoomsOf, _noted: Annotated[None, Depends(ANYONE)] = None
) -> str | None:
    """Return who calls, or None if nobody says so."""
    return find_caller(request, rooms) if request.headers.get("authorization") else None


Anyone = Annotated[str | None, Depends(find_anyone)]


@router.post("/validation", openapi_extra=describe_body(EXAMPLE))
def validate_process(caller: Anyone, body: JsonObject, rooms: RoomsOf) -> dict[str, Any]:
    """Return all that is wrong with a process: an empty list if it could be run."""
    faults = find_faults(rooms, caller, body)
    listed = dict.fromkeys((fault.code, str(fault)) for fault in faults)
    return {"errors": [{"code": code, "message": message} for code, message in islice(listed, MOST)]}


def find_faults(
    rooms: Rooms, account: str | None, process: dict[str, Any], *, stored_as: str | None = None
) -> list[EoceneError]:
    """Return the faults of a process; with all of its parameters known, those that planning finds, too.

    Of a process without the form of one, and of a graph without the form of one, there is one fault. Some
    come twice.

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
    """
    try:
        process = check_process(process)
        check_description(process)
        known = own_processes(rooms, account) | list_carried(process)
        known |= {stored_as: process} if stored_as else {}
        faults = list(find_call_faults(process, known))
        is_open = bool(find_open_parameters(process))
    except EoceneError as error:
        return [error]
    return faults if is_open else faults + faults_for(rooms, account, process, known)


def check_whole(
    rooms: Rooms, account: str | None, process: dict[str, Any], *, stored_as: str | None = None
) -> None:
    """Raise the first fault of a process, if it has any; see :func:`find_faults`."""
    for fault in find_faults(rooms, account, process, stored_as=stored_as):
        raise fault
