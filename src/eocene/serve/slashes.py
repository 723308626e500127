"""Addresses with a slash too many: clients make them who join a base with a slash and a path with one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_MANY = re.compile("/{2,}")


class MergedSlashes:
    """ASGI middleware that reads several slashes behind the base of the openEO API as one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, its path mended."""
        if scope["type"] == "http" and scope["path"].startswith(f"{OPENEO}//"):
            path = OPENEO + _MANY.sub("/", scope["path"].removeprefix(OPENEO), count=1)
            scope["path"] = path
        await self._app(scope, receive, send)
