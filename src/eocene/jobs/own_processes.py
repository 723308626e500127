"""Processes that users have defined by graphs, kept for each account by name."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import JSON, Column, Float, String, Table, delete, insert, select

from eocene.jobs.database import open_database
from eocene.jobs.tables import metadata
from eocene.model import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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

shared_processes = Table(
    "shared_processes",
    metadata,
    Column("owner", String(255), primary_key=True),
    Column("id", String(250), primary_key=True),
)
"""Which of them their owners let everybody run, by ``"public": true``, as openEO clients send it."""


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
            _remove(connection, owner, name)
            connection.execute(insert(own_processes).values(values))
            if process.get("public") is True:
                connection.execute(insert(shared_processes).values(owner=owner, id=name))

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
            if not _remove(connection, owner, name):
                raise _unknown(name)

    def shared(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the processes that everybody may run, by owner and name."""
        here = (shared_processes.c.owner == own_processes.c.owner) & (
            shared_processes.c.id == own_processes.c.id
        )
        query = select(own_processes).select_from(own_processes.join(shared_processes, here))
        query = query.order_by(own_processes.c.owner, own_processes.c.id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
        return {(row["owner"], row["id"]): row["process"] for row in rows}

    def find_shared(self, owner: str, name: str) -> dict[str, Any]:
        """Return a process that everybody may run, with those of its owner that it calls as ``processes``.

        Raises
        ------
        NotFoundError
            If there is none, or its owner keeps it.
        """
        is_shared = (shared_processes.c.owner == owner) & (shared_processes.c.id == name)
        with self._database.read() as connection:
            if connection.scalar(select(shared_processes.c.id).where(is_shared)) is None:
                raise _unknown(name)
            known = read_processes(connection, owner)
        called = find_called(known[name]["process_graph"], known)
        return known[name] | ({"processes": called} if called else {})


def read_processes(connection: Connection, owner: str) -> dict[str, dict[str, Any]]:
    """Return all processes of an account by name."""
    query = (
        select(own_processes.c.id, own_processes.c.process)
        .where(own_processes.c.owner == owner)
        .order_by(own_processes.c.id)
    )
    return {str(name): process for name, process in connection.execute(query)}


def find_called(graph: Any, processes: Mapping[str, Any]) -> dict[str, Any]:
    """Return those of the processes that a graph calls, directly or through others."""
    called: dict[str, Any] = {}
    pending = [graph]
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            name = current.get("process_id")
            if isinstance(name, str) and name in processes and name not in called:
                called[name] = processes[name]
                pending.append(processes[name])
            pending += current.values()
        elif isinstance(current, list):
            pending += current
    return called


def list_carried(process: Mapping[str, Any]) -> dict[str, Any]:
    """Return the user-defined processes that a process brings along; they go before those of its owner."""
    carried = process.get("processes")
    return dict(carried) if isinstance(carried, dict) else {}


def _remove(connection: Connection, owner: str, name: str) -> bool:
    is_shared = (shared_processes.c.owner == owner) & (shared_processes.c.id == name)
    connection.execute(delete(shared_processes).where(is_shared))
    return bool(connection.execute(delete(own_processes).where(_is(owner, name))).rowcount)


def _is(owner: str, name: str) -> Any:
    return (own_processes.c.owner == owner) & (own_processes.c.id == name)


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(
        f"The user-defined process {name[:64]!r} does not exist.",
        "List yours at /process_graphs.",
        code="ProcessGraphNotFound",
    )
