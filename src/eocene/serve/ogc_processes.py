"""OGC API – Processes: the applications and the processes that users define, described and executed.

An execution is a batch job like any other: of one store and one queue, with the same rights and quotas.
A synchronous one is a job whose end is awaited. Source: OGC 18-062r2.
"""

from __future__ import annotations

import asyncio
import re
import time
from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Response
from starlette.concurrency import run_in_threadpool

from eocene.jobs.applications import find_application, list_applications
from eocene.jobs.job import ACTIVE, give_arguments
from eocene.jobs.submission import submit_job
from eocene.serve.auth import Caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import plan_for
from eocene.serve.ogc_documents import (
    EXECUTION,
    OGC,
    RELATIONS,
    describe_job,
    describe_process,
    locate,
    summarise_process,
)
from eocene.serve.ogc_inputs import Execution, read_inputs
from eocene.serve.ogc_jobs import respond_results
from eocene.serve.paging import Limit, Offset, cut_page
from eocene.serve.rooms import AddressOf, Rooms, RoomsOf, link
from eocene.serve.stac_documents import Json
from eocene.serve.validation import Anyone

if TYPE_CHECKING:
    from eocene.jobs import Job

router = APIRouter(prefix=OGC, tags=["OGC API – Processes"])

_PROCESSES = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
CONFORMANCE = (
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/core",
    "http://www.opengis.net/spec/ogcapi-common-1/1.0/conf/json",
    *(f"{_PROCESSES}/{name}" for name in ("core", "ogc-process-description", "json", "job-list", "dismiss")),
)
LONGEST_WAIT_S = 50.0
"""A synchronous execution that takes longer goes on as an asynchronous one: proxies wait for a minute."""
_LOOK_S = 0.1
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,6})")


@router.get("/")
@router.get("", include_in_schema=False)
def describe_api(address: AddressOf) -> dict[str, Any]:
    """Return the landing page."""
    return {
        "title": "Eocene",
        "description": "Applications on satellite archives, and processes that users define.",
        "links": [
            link("self", address(f"{OGC}/"), title="This page"),
            link(f"{RELATIONS}/conformance", address(f"{OGC}/conformance"), title="What this conforms to"),
            link(f"{RELATIONS}/processes", address(f"{OGC}/processes"), title="The processes"),
            link(f"{RELATIONS}/job-list", address(f"{OGC}/jobs"), title="Your jobs"),
            link("service-desc", address("/openapi.json"), "application/vnd.oai.openapi+json;version=3.1"),
            link("service-doc", address("/docs"), "text/html"),
        ],
    }


@router.get("/conformance")
def list_conformance() -> dict[str, Any]:
    """List the conformance classes."""
    return {"conformsTo": list(CONFORMANCE)}


@router.get("/processes")
def list_processes(
    caller: Anyone, rooms: RoomsOf, address: AddressOf, limit: Limit = None, offset: Offset = 0
) -> dict[str, Any]:
    """List the applications and, for who is logged in, the processes that others share and the own ones."""
    found = list(_list_processes(rooms, caller).items())
    page, links = cut_page(found, address(f"{OGC}/processes"), limit, offset)
    return {"processes": [summarise_process(*one, address) for one in page], "links": links}


@router.get("/processes/{process_id}")
def describe_one_process(
    process_id: str, caller: Anyone, rooms: RoomsOf, address: AddressOf
) -> dict[str, Any]:
    """Return a process with its inputs and outputs as JSON Schema."""
    return describe_process(process_id, find_process(rooms, caller, process_id), address)


@router.post(
    "/processes/{process_id}/execution",
    status_code=201,
    openapi_extra=describe_body({"inputs": {"span": ["2024-03-01", "2024-06-01"]}, "response": "document"}),
    response_class=Response,
    responses={200: {"description": "The results."}, 204: {"description": "Links to the results."}},
)
async def execute_process(
    process_id: str,
    caller: Caller,
    body: JsonObject,
    rooms: RoomsOf,
    address: AddressOf,
    prefer: Annotated[str, Header()] = "",
) -> Response:
    """Run a process: its results, or with `Prefer: respond-async` the job that makes them."""
    job = await run_in_threadpool(_start_job, rooms, caller, process_id, body)
    is_sync = "respond-async" not in prefer
    if is_sync:
        job = await _await_end(rooms, job, _read_wait(prefer))
    if job.status in ACTIVE:
        headers = {"Location": address(locate("jobs", job.id))}
        headers |= {} if is_sync else {"Preference-Applied": "respond-async"}
        return Json(describe_job(job, address), 201, headers)
    response = await run_in_threadpool(respond_results, rooms, job, address)
    response.headers.append("Link", f'<{address(locate("jobs", job.id))}>; rel="monitor"')
    return response


def find_process(rooms: Rooms, account: str | None, name: str) -> dict[str, Any]:
    """Return a process by its id: the account's own, `owner:name` of one that is shared, or an application.

    Raises
    ------
    NotFoundError
        If there is none, or it is another's.
    """
    if account is None:
        return find_application(name)
    own = rooms.own_processes.of(account)
    owner, colon, shared = name.rpartition(":")
    if colon:
        return rooms.own_processes.find_shared(owner, shared)
    return own[name] if name in own else find_application(name)


def _list_processes(rooms: Rooms, account: str | None) -> dict[str, dict[str, Any]]:
    if account is None:
        return list_applications()
    shared = {
        f"{owner}:{name}": process
        for (owner, name), process in rooms.own_processes.shared().items()
        if owner != account
    }
    return list_applications() | shared | rooms.own_processes.of(account)


def _start_job(rooms: Rooms, account: str, name: str, body: dict[str, Any]) -> Job:
    """Queue the job of a request; one that cannot run, or is not admitted, leaves nothing behind."""
    process = find_process(rooms, account, name)
    execution = Execution.of_request(name, body)
    archive = rooms.archive.of(account, rooms.store.ownership(account))
    filled = give_arguments(process, read_inputs(process, body.get("inputs"), archive))
    plan_for(rooms, account, filled)  # what is wrong is told now
    rooms.accounts.check_storage(account)
    title = str(process.get("summary") or name)
    return submit_job(rooms.store, filled | {EXECUTION: execution.to_dict()}, account, title)


async def _await_end(rooms: Rooms, job: Job, seconds: float) -> Job:
    """Return the job when it has ended, or as it stands when the time is over."""
    deadline = time.monotonic() + seconds
    while job.status in ACTIVE and time.monotonic() < deadline:
        await asyncio.sleep(_LOOK_S)
        job = await run_in_threadpool(rooms.store.get, job.id, job.owner)
    return job


def _read_wait(prefer: str) -> float:
    asked = _WAIT.search(prefer)
    return min(float(asked[1]), LONGEST_WAIT_S) if asked else LONGEST_WAIT_S
