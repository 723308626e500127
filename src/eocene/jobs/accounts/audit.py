"""The audit log: who did what, when, from where and with what outcome. It only grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from eocene.jobs.accounts.tables import audit
from eocene.jobs.job import format_instant

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eocene.jobs.database import Database

_PAGE = 1000
_LONGEST = {"target": 512}


class AuditLog:
    """Rows that are added and read, never changed.

    Parameters
    ----------
    database : Database
        The state.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def add(self, action: str, **known: Any) -> None:
        """Note an action.

        Parameters
        ----------
        action : str
            Method and route, or the command of the operator.
        **known
            Some of ``actor`` (the person), ``account`` (whose things), ``target`` (path),
            ``status`` (of the answer), ``address`` (of the client).
        """
        cut = {
            key: value[: _LONGEST.get(key, 64)] if isinstance(value, str) else value
            for key, value in known.items()
        }
        with self._database.write() as connection:
            connection.execute(insert(audit).values(time=self._clock(), action=action[:128], **cut))

    def read(
        self, *, actor: str | None = None, since: float | None = None, limit: int | None = None
    ) -> Iterator[dict[str, Any]]:
        """Yield entries, the newest first.

        Parameters
        ----------
        actor : str, optional
            Only what this person did.
        since : float, optional
            Only what happened after, in seconds since 1970.
        limit : int, optional
            At most so many.
        """
        query = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if actor is not None:
            query = query.where(audit.c.actor == actor)
        if since is not None:
            query = query.where(audit.c.time >= since)
        with self._database.read() as connection:
            for row in connection.execute(query.execution_options(yield_per=_PAGE)).mappings():
                entry = {key: value for key, value in row.items() if value is not None}
                yield entry | {"time": format_instant(row["time"])}
