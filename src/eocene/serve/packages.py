"""Application packages of jobs, of applications and of the processes that users have defined."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Response

from eocene.jobs.applications import find_application
from eocene.jobs.packaging import MEDIA_TYPE, make_package, write_package
from eocene.serve.auth import Caller
from eocene.serve.engine import own_processes
from eocene.serve.rooms import RoomsOf

if TYPE_CHECKING:
    from eocene.serve.rooms import Rooms

router = APIRouter(prefix="/packages", tags=["packages"])

_CWL: dict[int | str, dict[str, Any]] = {200: {"content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}}


@router.get("/jobs/{job_id}", response_class=Response, responses=_CWL)
def package_job(job_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Return the process of a job as a CWL document whose command is `eocene run`."""
    return _respond(rooms, caller, rooms.store.get(job_id, caller).process, job_id)


@router.get("/applications/{application_id}", response_class=Response, responses=_CWL)
def package_application(application_id: str, rooms: RoomsOf, caller: Caller) -> Response:
    """Return an application as a CWL document whose command is `eocene run`."""
    return _respond(rooms, caller, find_application(application_id), application_id)


@router.get("/process_graphs/{process_graph_id}", response_class=Response, responses=_CWL)
def package_own_process(process_graph_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Return a process that the caller has defined as a CWL document whose command is `eocene run`."""
    return _respond(rooms, caller, rooms.own_processes.get(caller, process_graph_id), process_graph_id)


def _respond(rooms: Rooms, account: str, process: dict[str, Any], name: str) -> Response:
    package = make_package(process, name, own_processes(rooms, account))
    headers = {"Content-Disposition": f'attachment; filename="{name}.cwl"'}
    return Response(write_package(package), media_type=MEDIA_TYPE, headers=headers)
