"""Processes that users have defined by graphs, kept for each account by name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, Float, String, Table, delete, insert, select

from eocene.jobs.database import open_database
from eocene.jobs.tables import metadata
from eocene.model import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from eocene.model import Layout

own_processes = Table(
    "own_processes",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("id", String(250), primary_key=True),
    Column("process", JSON, nullable=False),
    Column("updated", Float, nullable=False),
)


class OwnProcesses:
    """The user-defined processes of a workspace; who stores one has checked it.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(self, layout: Layout, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._database = open_database(layout)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def put(self, owner: str, name: str, process: dict[str, Any]) -> None:
        """Store a process; one of the same name is replaced whole."""
        values = {"owner": owner, "id": name, "process": process, "updated": self._clock()}
        with self._database.write() as connection:
            connection.execute(delete(own_processes).where(_is(owner, name)))
            connection.execute(insert(own_processes).values(values))

    def get(self, owner: str, name: str) -> dict[str, Any]:
        """Return a process; raises NotFoundError ProcessGraphNotFound."""
        with self._database.read() as connection:
            found: dict[str, Any] | None = connection.scalar(
                select(own_processes.c.process).where(_is(owner, name))
            )
        if found is None:
            raise _unknown(name)
        return found

    def of(self, owner: str) -> dict[str, dict[str, Any]]:
        """Return all processes of an account by name, as plans want them."""
        with self._database.read() as connection:
            return read_processes(connection, owner)

    def delete(self, owner: str, name: str) -> None:
        """Remove a process; raises NotFoundError ProcessGraphNotFound."""
        with self._database.write() as connection:
            if not connection.execute(delete(own_processes).where(_is(owner, name))).rowcount:
                raise _unknown(name)


def read_processes(connection: Connection, owner: str) -> dict[str, dict[str, Any]]:
    """Return all processes of an account by name."""
    query = (
        select(own_processes.c.id, own_processes.c.process)
        .where(own_processes.c.owner == owner)
        .order_by(own_processes.c.id)
    )
    return {str(name): process for name, process in connection.execute(query)}


def _is(owner: str, name: str) -> Any:
    return (own_processes.c.owner == owner) & (own_processes.c.id == name)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"The user-defined process {name[:64]!r} does not exist.",
        "List yours at /process_graphs.",
        code="ProcessGraphNotFound",
    )
