"""What surrounds every request: CORS as openEO asks, a net under unexpected errors, metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from eocene.serve.errors import respond_internal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from eocene.serve.metrics import Metrics

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Link, Location, OpenEO-Costs, OpenEO-Identifier, ETag",
}
PREFLIGHT = CORS | {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Range, If-None-Match",
    "Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE",
    "Access-Control-Max-Age": "600",
    "Content-Type": "application/json",
}
SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class Surroundings:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, pass everything else on and watch what becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, send)
            return
        watch = _Watch(send)
        started = time.perf_counter()
        try:
            await self._app(scope, receive, watch)
        except Exception as error:  # noqa: BLE001  the net under everything; the log gets it whole
            response = respond_internal(error)
            if watch.status is None:
                await response(scope, receive, watch)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe(scope["method"], _name_route(scope), watch.status or 500, seconds)


class _Watch:
    """Sends on, adding headers and remembering the status."""

    def __init__(self, send: Send) -> None:
        self._send = send
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in (CORS | SAFETY).items():
                headers[name] = value
        await self._send(message)


def _name_route(scope: dict[str, Any] | Any) -> str:
    # The template, not the path: ids would make a series of metrics each.
    return str(getattr(scope.get("route"), "path", "unmatched"))
