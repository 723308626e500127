"""Whether the server lives, whether it is ready, what is wrong if not, and what it does all day."""

from __future__ import annotations

import logging
import shutil
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.exc import SQLAlchemyError

from eocene._version import __version__
from eocene.model import EoceneError
from eocene.serve.metrics import RoomsNow
from eocene.serve.rooms import RoomsOf

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eocene.jobs.crew import Member
    from eocene.serve.rooms import Rooms

router = APIRouter(tags=["operation"])

ROOM_BYTES = 256 << 20
"""With less room on the disk than this a server is not ready for work."""

_log = logging.getLogger(__name__)


@router.get("/health/live")
async def tell_life() -> dict[str, str]:
    """Answer, whatever else is wrong: a process that does not is to be started again."""
    return {"status": "ok"}


@router.get("/health", responses={503: {"description": "Something is wrong; it is named."}})
def check_health(request: Request, rooms: RoomsOf) -> JSONResponse:
    """Look into the stores, at the disk and after the workers; 503 and what is wrong if not ready."""
    workers: Sequence[Member] = request.app.state.workers
    checks: dict[str, Callable[[], Any]] = {
        "catalogue": lambda: len(rooms.archive.catalogue.collections()),
        "state": rooms.store.count,
        "disk": lambda: _check_disk(rooms),
        "workers": lambda: _check_workers(workers),
    }
    if rooms.archive.bucket is not None:
        checks["store"] = rooms.archive.bucket.check
    found, faults = {}, {}
    for name, check in checks.items():
        try:
            found[name] = check()
        except (EoceneError, SQLAlchemyError, OSError) as error:
            _log.error("health: %s: %s", name, error)
            faults[name] = _describe(error, rooms)
    body = {
        "status": "failing" if faults else "ok",
        "version": __version__,
        "collections": found.get("catalogue"),
        "jobs": found.get("state"),
        "workers": sum(worker.is_alive() for worker in workers),
        "faults": faults,
    }
    return JSONResponse(body, 503 if faults else 200)


@router.get("/metrics", response_class=Response)
def show_metrics(request: Request, rooms: RoomsOf) -> Response:
    """Return counts and measures in the text format of Prometheus."""
    now = RoomsNow(rooms, request.app.state.workers, request.app.state.queues)
    media_type = "text/plain; version=0.0.4; charset=utf-8"
    return Response(rooms.metrics.render(now), media_type=media_type)


def _check_disk(rooms: Rooms) -> int:
    free = shutil.disk_usage(rooms.layout.root).free
    if free < ROOM_BYTES:
        raise OSError(f"only {free >> 20} MiB are free")
    return free


def _check_workers(workers: Sequence[Member]) -> int:
    alive = sum(worker.is_alive() for worker in workers)
    if workers and not alive:
        raise OSError(f"none of {len(workers)} worker processes lives")
    return alive


def _describe(error: Exception, rooms: Rooms) -> str:
    # Where the workspace and its databases lie is told in the log only.
    if isinstance(error, SQLAlchemyError):
        return "the database does not answer"
    return str(error).replace(str(rooms.layout.root), "<workspace>")
