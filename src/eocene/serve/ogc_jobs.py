"""OGC API – Processes: the jobs, which are those of openEO, and their results."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import urlencode

import numpy as np
from fastapi import APIRouter, Depends, Query, Request, Response

from eocene.model import EoceneError, InputError, NotFoundError
from eocene.serve.auth import Caller
from eocene.serve.downloads import describe_results, find_failure
from eocene.serve.ogc_documents import (
    OGC,
    RESULTS,
    STATES,
    describe_job,
    find_execution,
)
from eocene.serve.ogc_inputs import Execution
from eocene.serve.paging import Offset
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, link
from eocene.serve.stac_documents import Json
from eocene.serve.stac_parameters import read_span

if TYPE_CHECKING:
    from eocene.jobs import Job

router = APIRouter(prefix=OGC, tags=["OGC API – Processes"])

_WAITING = ("accepted", "running")
_OURS = ("Internal", "StorageFailure")
"""Codes of failures that no other request would have avoided."""


class FailedJobError(EoceneError):
    """The process ended with an error that is not the caller's."""

    status = 500


class JobFilter:
    """The query parameters by which a list of jobs is narrowed."""

    def __init__(
        self,
        kind: Annotated[list[Literal["process"]] | None, Query(alias="type")] = None,
        process: Annotated[list[str] | None, Query(alias="processID")] = None,
        status: Annotated[
            list[Literal["accepted", "running", "successful", "failed", "dismissed"]] | None, Query()
        ] = None,
        datetime: Annotated[
            str | None, Query(description="Of their creation.", json_schema_extra={"format": "stac-interval"})
        ] = None,
        shortest: Annotated[int | None, Query(alias="minDuration", ge=0, description="Seconds.")] = None,
        longest: Annotated[int | None, Query(alias="maxDuration", ge=0, description="Seconds.")] = None,
    ) -> None:
        self.kind, self.process, self.status = kind, process, status
        self.span = None if datetime is None else read_span(datetime)
        self.shortest, self.longest = shortest, longest

    def admits(self, job: Job) -> bool:
        """Tell whether a job is asked for."""
        created = np.datetime64(int(job.created), "s")
        is_in = self.span is None or bool(self.span.start <= created < self.span.end)
        seconds = None if job.started is None else (job.ended or time.time()) - job.started
        return (
            (self.process is None or find_execution(job).get("process") in self.process)
            and (self.status is None or STATES[job.status] in self.status)
            and is_in
            and (self.shortest is None or (seconds is not None and seconds >= self.shortest))
            and (self.longest is None or (seconds is not None and seconds <= self.longest))
        )


@router.get("/jobs")
def list_jobs(
    caller: Caller,
    rooms: RoomsOf,
    address: AddressOf,
    request: Request,
    wanted: Annotated[JobFilter, Depends()],
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    offset: Offset = 0,
) -> dict[str, Any]:
    """List the caller's jobs, the newest first: also those that were made through openEO."""
    found = [job for job in rooms.store.list(caller) if wanted.admits(job)]
    page, home = found[offset : offset + limit], address(f"{OGC}/jobs")
    links = [link("self", home)]
    if offset + limit < len(found):
        kept = [pair for pair in request.query_params.multi_items() if pair[0] not in ("limit", "offset")]
        query = urlencode([*kept, ("limit", limit), ("offset", offset + limit)])
        links.append(link("next", f"{home}?{query}"))
    return {"jobs": [describe_job(job, address) for job in page], "links": links}


@router.get("/jobs/{job_id}")
def show_job(job_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return the status of a job."""
    return describe_job(rooms.store.get(job_id, caller), address)


@router.delete("/jobs/{job_id}")
def dismiss_job(job_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Stop a job and remove it with its log and results."""
    job = rooms.store.get(job_id, caller)
    rooms.store.delete(job_id, caller)
    told = describe_job(job, address) | {"status": "dismissed", "message": "The job was removed."}
    return told | {"links": [link("up", address(f"{OGC}/jobs"), title="Your jobs")]}


@router.get(
    "/jobs/{job_id}/results",
    response_class=Response,
    responses={
        200: {"content": {"application/json": {"schema": {"type": "object"}}}},
        204: {"description": "Links to the results."},
    },
)
def show_results(job_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> Response:
    """Return the results of a job in the way in which it was asked for them."""
    return respond_results(rooms, rooms.store.get(job_id, caller), address)


def respond_results(rooms: Rooms, job: Job, address: Address) -> Response:
    """Return the results of a job as a response: the STAC collection of its files, or a link to it.

    Raises
    ------
    NotFoundError
        If the job has none yet, or no more.
    InputError, FailedJobError
        If it has failed: by the caller's fault, or another.
    """
    if job.status == "error":
        line = find_failure(rooms, job)
        kind = FailedJobError if line["code"] in _OURS else InputError
        raise kind(line["message"], code=line["code"])
    if job.status != "finished":
        state = STATES[job.status]
        raise NotFoundError(
            f"The job {job.id!r} has no results: it is {state}.",
            "Ask for its status until it is successful." if state in _WAITING else "Execute it again.",
            code="JobNotFinished",
        )
    execution = Execution.of_job(find_execution(job))
    collection = describe_results(rooms, address, job.id)
    href = next(entry["href"] for entry in collection["links"] if entry["rel"] == "canonical")
    if execution.response == "raw" and execution.transmission == "reference":
        return Response(status_code=204, headers={"Link": f'<{href}>; rel="{RESULTS}"'})
    if execution.response == "raw":
        return Json(collection)
    value = {"value": collection, "mediaType": "application/json"}
    reference = {"href": href, "type": "application/json", "title": "Results"}
    return Json({RESULTS: reference if execution.transmission == "reference" else value})
