"""Synchronous processing: small results, in the response."""

from __future__ import annotations

import secrets
import shutil
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from eocene.jobs.job import check_level, check_process, credits_of, format_instant
from eocene.process.output.results import save_file, write_results
from eocene.process.output.stac import ResultInfo
from eocene.process.structure import check_description
from eocene.serve.auth import Caller
from eocene.serve.billing import check_budget
from eocene.serve.bodies import JsonObject, describe_body
from eocene.serve.engine import plan_for, refuse_heavy
from eocene.serve.jobs import read_fields
from eocene.serve.processes import EXAMPLE
from eocene.serve.rooms import RoomsOf
from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from eocene.process import Plan

router = APIRouter(prefix=OPENEO, tags=["synchronous processing"])

TAR = "application/x-tar"


@router.post("/result", openapi_extra=describe_body({"process": EXAMPLE}))
def compute_result(caller: Caller, body: JsonObject, rooms: RoomsOf, request: Request) -> Response:
    """Run a process and return its result in the format of its ``save_result``; it costs what a job does.

    Who accepts ``application/x-tar``, or wants Zarr, which is many files, gets what a batch job writes, as
    one archive: the files with the STAC that describes them.
    """
    fields = read_fields(body)
    check_level(fields.get("log_level", "info"))
    process = check_process(body.get("process"))
    check_description(process)
    plan = plan_for(rooms, caller, process)
    refuse_heavy(plan, rooms.settings.sync_limit)
    name = f"r-{secrets.token_hex(8)}"
    is_archive = TAR in request.headers.get("accept", "") or (plan.save or {}).get("format") == "Zarr"
    folder = Path(tempfile.mkdtemp(prefix="eocene-"))
    try:
        cpu_s = float(plan.estimate().cpu_seconds)
        check_budget(fields.get("budget"), credits_of(cpu_s))
        with rooms.accounts.booking(caller, cpu_s) as spent:
            path, media_type = _save_archive(plan, folder, name) if is_archive else save_file(plan, folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    task = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    costs = f"{credits_of(spent.seconds):.4f}"
    headers = {"OpenEO-Identifier": name, "OpenEO-Costs": costs}
    return FileResponse(path, 200, headers, media_type=media_type, filename=path.name, background=task)


def _save_archive(plan: Plan, folder: Path, name: str) -> tuple[Path, str]:
    """Write what a batch job would, and pack it; return the archive and its media type."""
    write_results(plan, folder / name, ResultInfo(name, "", format_instant(time.time()), {}))
    path = folder / f"{name}.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(folder / name, arcname=name)
    return path, TAR
