"""How the state of an older Eocene becomes that of this one: one step for each version.

A step changes what ``create_all`` does not: columns of tables that are already there, and rows. New
tables need none. All steps that are due happen in one transaction, or nothing does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import insert, inspect, select, text, update

from eocene.jobs.tables import SCHEMA_VERSION, jobs, metadata, settings
from eocene.model import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection, Table


def migrate(connection: Connection) -> None:
    """Make missing tables and take the steps from the version that is found to this one's.

    Raises
    ------
    UnavailableError
        If a newer Eocene wrote the state; nothing is changed then.
    """
    _wait_for_others(connection)
    found = _find_version(connection)
    if found is not None and found not in (SCHEMA_VERSION, *STEPS):
        raise UnavailableError(
            f"The state database has tables of version {found}; this Eocene reads {SCHEMA_VERSION}.",
            "Use the Eocene that wrote it, or a newer one.",
        )
    metadata.create_all(connection)
    if found is None:
        connection.execute(insert(settings).values(name="schema", value=SCHEMA_VERSION))
    while found is not None and found != SCHEMA_VERSION:
        found = STEPS[found](connection)
        connection.execute(update(settings).where(settings.c.name == "schema").values(value=found))


def add_columns(connection: Connection, table: Table, *names: str) -> None:
    """Add columns of the table's definition that the database does not have yet; they are nullable."""
    there = {column["name"] for column in inspect(connection).get_columns(table.name)}
    quote = connection.dialect.identifier_preparer.quote
    for name in names:
        if name not in there:
            kind = table.c[name].type.compile(connection.dialect)
            connection.execute(text(f"ALTER TABLE {quote(table.name)} ADD COLUMN {quote(name)} {kind}"))


def _add_runs(connection: Connection) -> str:
    """1 → 2: jobs know their run, what it used, when it began and ended, and how long results are kept."""
    add_columns(
        connection, jobs, "run", "started", "ended", "cpu_s", "wall_s", "memory_bytes", "expires"
    )  # fmt: skip
    waiting = jobs.c.status.in_(("queued", "running")) & jobs.c.run.is_(None)
    connection.execute(update(jobs).where(waiting).values(run=jobs.c.id))
    return "2"


STEPS: dict[str, Callable[[Connection], str]] = {"1": _add_runs}
"""What leads on from each older version; each returns the version that it leads to."""


def _find_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(settings.name):
        return None
    found: str | None = connection.scalar(select(settings.c.value).where(settings.c.name == "schema"))
    return found


def _wait_for_others(connection: Connection) -> None:
    """Let one process at a time make tables; SQLite's writers wait for each other anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(20240501)"))
