"""What surrounds every request: CORS as openEO asks, a net under unexpected errors, metrics."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from eocene.serve.errors import respond, respond_internal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from eocene.serve.metrics import Metrics
    from eocene.serve.settings import ServeSettings

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
DATA = ("/tiles/", "/series/", "/layers", "/sparql", "/models")
"""Where data is read that may be open on the own machine."""

SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class Surroundings:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, metrics: Metrics, settings: ServeSettings) -> None:
        self._app, self._metrics, self._settings = app, metrics, settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer preflights, pass everything else on and watch what becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        watch = _Watch(send, self._list_headers(scope))
        if not self._is_called_rightly(scope):
            refusal = respond(
                400, "HostUnknown", "The server is not called by this name. Use its own address."
            )
            await refusal(scope, receive, watch)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, watch)
            return
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

    def _list_headers(self, scope: Scope) -> dict[str, str]:
        """Return the headers of every response to this request."""
        settings = self._settings
        # A token is never sent by the browser itself, so what needs one is safe from other pages.
        open_to_pages = settings.share_data or not settings.public_data
        is_data = scope["path"].startswith(DATA) or "/assets/" in scope["path"]
        return SAFETY | (CORS if open_to_pages or not is_data else {})

    def _is_called_rightly(self, scope: Scope) -> bool:
        if not self._settings.hosts:
            return True
        host = Headers(scope=scope).get("host", "")
        return (urlsplit(f"//{host}").hostname or "") in self._settings.hosts


class _Watch:
    """Sends on, adding headers and remembering the status."""

    def __init__(self, send: Send, headers: dict[str, str]) -> None:
        self._send, self._headers = send, headers
        self.status: int | None = None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers[name] = value
        await self._send(message)


def _name_route(scope: dict[str, Any] | Any) -> str:
    # The template, not the path: ids would make a series of metrics each.
    return str(getattr(scope.get("route"), "path", "unmatched"))
