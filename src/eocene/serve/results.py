"""Synchronous processing: small results, in the response."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path

from fastapi import APIRouter, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from eocene.jobs.job import check_level, check_process, credits_of
from eocene.process.output.results import save_file
from eocene.process.structure import check_description
from eocene.serve.auth import Caller
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import plan_for, refuse_heavy
from eocene.serve.jobs import read_fields
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import RoomsOf
from eocene.serve.settings import OPENEO

router = APIRouter(prefix=OPENEO, tags=["synchronous processing"])


@router.post("/result", openapi_extra=describe_body({"process": EXAMPLE}))
def compute_result(caller: Caller, body: JsonObject, rooms: RoomsOf) -> Response:
    """Run a process and return its result in the format of its ``save_result``; it costs what a job does."""
    fields = read_fields(body)
    check_level(fields.get("log_level", "info"))
    process = check_process(body.get("process"))
    check_description(process)
    plan = plan_for(rooms, caller, process)
    refuse_heavy(plan, rooms.settings.sync_limit)
    folder = Path(tempfile.mkdtemp(prefix="eocene-"))
    try:
        with rooms.accounts.booking(caller, float(plan.estimate().cpu_seconds)) as spent:
            path, media_type = save_file(plan, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    task = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    costs = f"{credits_of(spent.seconds):.4f}"
    headers = {"OpenEO-Identifier": f"r-{secrets.token_hex(8)}", "OpenEO-Costs": costs}
    return FileResponse(path, 200, headers, media_type=media_type, filename=path.name, background=task)
