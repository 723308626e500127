"""Whether the server is well, and what it does all day."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse

from eocene._version import __version__
from eocene.serve.rooms import RoomsOf

router = APIRouter(tags=["operation"])


@router.get("/health")
def check_health(request: Request, rooms: RoomsOf) -> dict[str, Any]:
    """Look into the stores and say that they answer, and how many workers live."""
    return {
        "status": "ok",
        "version": __version__,
        "collections": len(rooms.archive.catalogue.collections()),
        "jobs": rooms.store.count(),
        "workers": sum(worker.is_alive() for worker in request.app.state.workers),
    }


@router.get("/metrics", response_class=PlainTextResponse)
def show_metrics(rooms: RoomsOf) -> PlainTextResponse:
    """Return counts of requests and jobs in the text format of Prometheus."""
    media_type = "text/plain; version=0.0.4; charset=utf-8"
    return PlainTextResponse(rooms.metrics.render(rooms.store.count()), media_type=media_type)
