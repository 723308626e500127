"""What surrounds every request: id, CORS as openEO asks, its turn, a net under errors, metrics, log."""

from __future__ import annotations

import hashlib
import re
import secrets
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response

from eocene.serve.errors import respond, respond_internal
from eocene.serve.limits import TooManyRequestsError
from eocene.serve.logging import log_request, request_id
from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from eocene.serve.fair import FairQueue
    from eocene.serve.metrics import Metrics
    from eocene.serve.settings import ServeSettings

CORS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Link, Location, OpenEO-Costs, OpenEO-Identifier, ETag, Content-Range",
}
PREFLIGHT = CORS | {
    "Access-Control-Allow-Headers": "Authorization, Content-Type, Prefer, Range, If-None-Match",
    "Access-Control-Allow-Methods": "OPTIONS, GET, HEAD, POST, PATCH, PUT, DELETE",
    "Access-Control-Max-Age": "600",
    "Content-Type": "application/json",
}
DATA = ("/tiles/", "/wmts", "/series/", "/layers", "/sparql", "/models")
"""Where data is read that may be open on the own machine."""

EXPENSIVE = (
    ("results", "POST", f"{OPENEO}/result", ""),
    ("results", "POST", "/models/", "/explain"),
    ("tiles", "GET", "/tiles/", ""),
    ("tiles", "GET", "/wmts", ""),
    ("points", "GET", "/series/", ""),
    ("points", "POST", "/series/", ""),
)
"""Queue, method, beginning and end of the paths of what takes much work."""

SAFETY = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"}


class Surroundings:
    """ASGI middleware around the whole application."""

    def __init__(
        self, app: ASGIApp, metrics: Metrics, settings: ServeSettings, queues: Mapping[str, FairQueue]
    ) -> None:
        self._app, self._metrics, self._settings, self._queues = app, metrics, settings, queues

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Give the request an id, pass it on and watch what becomes of it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        number = _choose_id(scope)
        request_id.set(number)
        watch = _Watch(send, self._list_headers(scope) | {"X-Request-ID": number})
        started = time.perf_counter()
        with self._metrics.in_progress.track_inprogress():
            try:
                await self._answer(scope, receive, watch)
            except Exception as error:  # noqa: BLE001  the net under everything; the log gets it whole
                response = respond_internal(error)
                if watch.status is None:
                    await response(scope, receive, watch)
        seconds, route, status = time.perf_counter() - started, _name_route(scope), watch.status or 500
        self._metrics.observe(scope["method"], route, status, seconds)
        log_request(scope["method"], route, status, seconds, scope.get("state", {}))

    async def _answer(self, scope: Scope, receive: Receive, watch: _Watch) -> None:
        if not self._is_called_rightly(scope):
            refusal = respond(
                400, "HostUnknown", "The server is not called by this name. Use its own address."
            )
            await refusal(scope, receive, watch)
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=PREFLIGHT)(scope, receive, watch)
            return
        async with AsyncExitStack() as stack:
            queue = self._find_queue(scope)
            if queue is not None:
                try:
                    watch.give_back = await stack.enter_async_context(queue.turn(_name_user(scope)))
                except TooManyRequestsError as error:
                    await respond(429, error.code, str(error), error.headers)(scope, receive, watch)
                    return
            await self._app(scope, receive, watch)

    def _find_queue(self, scope: Scope) -> FairQueue | None:
        for name, method, begin, end in EXPENSIVE:
            path = scope["path"]
            if scope["method"] == method and path.startswith(begin) and path.endswith(end):
                return self._queues.get(name)
        return None

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
        self.give_back: Callable[[], None] = lambda: None

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.give_back()  # the work is done; a client that reads slowly holds nobody up
            headers = MutableHeaders(scope=message)
            for name, value in self._headers.items():
                headers[name] = value
        await self._send(message)


def _name_route(scope: dict[str, Any] | Any) -> str:
    # The template, not the path: ids would make a series of metrics each.
    return str(getattr(scope.get("route"), "path", "unmatched"))


def _choose_id(scope: Scope) -> str:
    """Return the id that a client or proxy gave the request, if it is a plain one, else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    return given if _ID.fullmatch(given) else secrets.token_hex(8)


def _name_user(scope: Scope) -> str:
    """Return who asks, for fairness alone: by the token, or by the address of who has none."""
    token = Headers(scope=scope).get("authorization", "")
    if token:
        return hashlib.sha256(token.encode()).hexdigest()
    return str((scope.get("client") or ("",))[0])


_ID = re.compile(r"[A-Za-z0-9_-]{8,64}")
