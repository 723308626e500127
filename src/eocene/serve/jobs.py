"""Batch jobs: create, look, change, start, stop, delete, and their logs."""

from __future__ import annotations

import math
from typing import Any

from fastapi import APIRouter, Response

from eocene.jobs import Job
from eocene.jobs.job import ACTIVE, check_level, check_process, credits_of
from eocene.jobs.limits import JobLimits
from eocene.model import EoceneError, InputError
from eocene.process.structure import check_calls, check_description
from eocene.serve.auth import Caller
from eocene.serve.billing import PLAN, read_billing
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import own_processes, plan_for
from eocene.serve.paging import Level, Limit, Mark, Offset, link_page
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import Address, AddressOf, Rooms, RoomsOf, join_path, link
from eocene.serve.settings import OPENEO
from eocene.serve.styles import read_field

router = APIRouter(prefix=OPENEO, tags=["batch jobs"])

_FIELDS: dict[str, tuple[type, ...]] = {
    "title": (str,),
    "description": (str,),
    "process": (dict,),
    "plan": (str,),
    "budget": (int, float),
    "log_level": (str,),
}


@router.get("/jobs")
def list_jobs(
    caller: Caller, rooms: RoomsOf, address: AddressOf, limit: Limit = None, offset: Offset = 0
) -> dict[str, Any]:
    """List the caller's jobs, the newest first; without ``limit`` all of them."""
    jobs = rooms.store.list(caller, limit=limit and limit + 1, offset=offset)
    home = address(f"{OPENEO}/jobs")
    links = link_page(home, limit, offset, len(jobs) > limit) if limit else [link("self", home)]
    return {"jobs": [job.to_openeo(full=False) for job in jobs[:limit]], "links": links}


@router.post("/jobs", status_code=201, openapi_extra=describe_body({"title": "Sum", "process": EXAMPLE}))
def create_job(caller: Caller, body: JsonObject, rooms: RoomsOf, address: AddressOf) -> Response:
    """Store a job; it does not start yet."""
    fields = {"plan": PLAN} | read_fields(body)
    process = _check_calls(rooms, caller, fields.pop("process", None))
    job = rooms.store.create(process, owner=caller, **fields)
    headers = {"Location": address(f"{OPENEO}/jobs/{job.id}"), "OpenEO-Identifier": job.id}
    return Response(status_code=201, headers=headers)


@router.get("/jobs/{job_id}")
def describe_job(job_id: str, caller: Caller, rooms: RoomsOf, address: AddressOf) -> dict[str, Any]:
    """Return a job with its process."""
    job = rooms.store.get(job_id, caller)
    return job.to_openeo() | {"links": _link_job(job, address)}


@router.patch("/jobs/{job_id}", status_code=204, openapi_extra=describe_body({"title": "Other"}))
def update_job(job_id: str, caller: Caller, body: JsonObject, rooms: RoomsOf) -> Response:
    """Change a job that is neither queued nor running; an empty object changes nothing."""
    rooms.store.get(job_id, caller)
    fields = read_fields(body, nullable=True)
    if not body:
        return Response(status_code=204)
    if "process" in fields:
        _check_calls(rooms, caller, fields["process"])
    rooms.store.update(job_id, caller, **fields)
    return Response(status_code=204)


@router.delete("/jobs/{job_id}", status_code=204)
def delete_job(job_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Delete a job, its log and its results."""
    rooms.store.delete(job_id, caller)
    return Response(status_code=204)


@router.post("/jobs/{job_id}/results", status_code=202)
def start_job(job_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Queue a job, unless it is estimated to cost more than its budget; earlier results are discarded."""
    job = rooms.store.get(job_id, caller)
    if job.budget is not None and job.status not in ACTIVE:
        JobLimits.of_environment().check_estimate(job, plan_for(rooms, job.owner, job.process))
    rooms.accounts.check_storage(caller)
    rooms.store.queue(job_id, caller)
    return Response(status_code=202)


@router.delete("/jobs/{job_id}/results", status_code=204)
def cancel_job(job_id: str, caller: Caller, rooms: RoomsOf) -> Response:
    """Stop a job that is queued or running."""
    rooms.store.cancel(job_id, caller)
    return Response(status_code=204)


@router.get("/jobs/{job_id}/logs")
def list_logs(
    job_id: str,
    caller: Caller,
    rooms: RoomsOf,
    offset: Mark = None,
    level: Level = "debug",
    limit: Limit = None,
) -> dict[str, Any]:
    """Return the log, from the line after ``offset`` on."""
    lines = rooms.store.logs(job_id, caller, offset=offset, level=check_level(level), limit=limit)
    return {"level": level, "logs": list(lines), "links": []}


@router.get("/jobs/{job_id}/estimate")
def estimate_job(job_id: str, caller: Caller, rooms: RoomsOf) -> dict[str, Any]:
    """Return what the job will cost: bytes of its result before compression, processor time, credits."""
    job = rooms.store.get(job_id, caller)
    try:
        estimate = plan_for(rooms, job.owner, job.process).estimate()
    except EoceneError as error:
        if error.status < 500:
            raise
        raise EoceneError(str(error), code="EstimateComplexity") from error
    seconds = estimate.cpu_seconds / max(estimate.workers, 1)
    return {
        "size": estimate.result_bytes,
        "duration": f"PT{max(math.ceil(seconds), 1)}S",
        "costs": round(credits_of(estimate.cpu_seconds), 4),
    }


def _check_calls(rooms: Rooms, account: str, process: Any) -> dict[str, Any]:
    """Refuse what can never run; whether it fits the data is found out, and told, when the job runs."""
    checked = check_process(process)
    check_description(checked)
    check_calls(checked, own_processes(rooms, account))
    return checked


def read_fields(body: dict[str, Any], *, nullable: bool = False) -> dict[str, Any]:
    """Return the fields of a job that the body sets; raises InputError if one is wrong."""
    fields: dict[str, Any] = {}
    for name, kinds in _FIELDS.items():
        if name not in body or (body[name] is None and name != "process" and not nullable):
            continue
        if name == "process" and not isinstance(body[name], dict | None):
            raise InputError(
                "The property 'process' has a wrong type.", "Give an object.", code="ProcessInvalid"
            )
        fields[name] = body[name] if name == "process" else read_field(body, name, kinds)
    fields |= read_billing(fields)
    if "log_level" in fields and fields["log_level"] is None:
        fields["log_level"] = "info"
    if nullable and (fixed := set(body) & {"id", "status", "progress", "created", "updated"}):
        fields |= {name: body[name] for name in fixed}
    return fields


def _link_job(job: Job, address: Address) -> list[dict[str, Any]]:
    home = address(f"{OPENEO}{join_path(['jobs', job.id])}")
    links = [link("self", home), link("monitor", f"{home}/logs", title="Log")]
    if job.status in ("finished", "canceled"):
        links.append(link("result", f"{home}/results", title="Results"))
    return links
