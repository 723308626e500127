"""What is written into the audit log: each request of a user that changes something, each login."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError
from starlette.concurrency import run_in_threadpool

from eocene.model import EoceneError
from eocene.serve.auth import only_reads
from eocene.serve.settings import OPENEO

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from eocene.jobs.accounts.audit import AuditLog
    from eocene.jobs.accounts.identity import Identity

_log = logging.getLogger(__name__)
_LOGIN = f"{OPENEO}/credentials/basic"
_FORBIDDEN, _TOO_MANY = 403, 429


class Auditing:
    """ASGI middleware that notes what was done, by whom, and how it ended.

    The note is written before the answer begins, so that who has the answer finds it in the log.

    Parameters
    ----------
    app : ASGIApp
        The application.
    audit : AuditLog
        Where notes go.
    """

    def __init__(self, app: ASGIApp, audit: AuditLog) -> None:
        self._app, self._audit = app, audit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and note it when its answer starts."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def note(message: Message) -> None:
            if message["type"] == "http.response.start" and _is_noted(scope, message["status"]):
                await run_in_threadpool(self._note, scope, message["status"])
            await send(message)

        await self._app(scope, receive, note)

    def _note(self, scope: Scope, status: int) -> None:
        identity: Identity | None = scope.get("state", {}).get("identity")
        client = scope.get("client")
        try:
            self._audit.add(
                f"{scope['method']} {getattr(scope.get('route'), 'path', 'unmatched')}",
                actor=identity and identity.actor,
                account=identity and identity.account,
                target=scope["path"],
                status=status,
                address=client and client[0],
            )
        except (SQLAlchemyError, EoceneError):
            _log.exception("the audit log could not be written")


def _is_noted(scope: Scope, status: int) -> bool:
    """Tell whether an answer is noted: logins always, strangers' attempts never.

    What strangers may make the server write without end would fill its disk.
    """
    if scope["path"].rstrip("/") == _LOGIN:
        return status != _TOO_MANY
    if scope.get("state", {}).get("identity") is None:
        return False
    return status == _FORBIDDEN or not only_reads(scope["method"], scope["path"])
