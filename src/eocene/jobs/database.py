"""The database that holds the state: SQLite in the workspace, or PostgreSQL by its URL."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, insert, make_url, select
from sqlalchemy.exc import DatabaseError, OperationalError

from eocene.jobs.tables import SCHEMA_VERSION, metadata, settings
from eocene.model import DamageError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from eocene.model import Layout

_BUSY_MS = 20_000


class Database:
    """Short transactions on one database.

    Parameters
    ----------
    url : str
        An SQLAlchemy URL; ``sqlite:///path`` gets write-ahead logging and waits for other writers.

    Raises
    ------
    DamageError
        If the file is not a database that can be read.
    UnavailableError
        If the driver is not installed, or a newer Eocene wrote the tables.
    """

    def __init__(self, url: str) -> None:
        self.url = make_url(url)
        self._engine = _make_engine(url)
        self._prepare()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Open a transaction that reads; readers never wait for writers."""
        with self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it happens, or nothing."""
        # SQLite is asked for its write lock at once: a reader that turns writer may be refused.
        with self._engine.connect().execution_options(eocene_write=True) as connection, connection.begin():
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    def _prepare(self) -> None:
        try:
            with self.write() as connection:
                metadata.create_all(connection)
                found = connection.scalar(select(settings.c.value).where(settings.c.name == "schema"))
                if found is None:
                    connection.execute(insert(settings).values(name="schema", value=SCHEMA_VERSION))
        except OperationalError as error:
            self.close()
            raise DamageError(
                f"The state database {self.url.render_as_string()} cannot be opened: {error.orig}.",
                "Check that its folder exists, is writable and is not full.",
            ) from error
        except DatabaseError as error:
            self.close()
            raise DamageError(
                f"The state database {self.url.render_as_string()} is damaged: {error.orig}.",
                "Restore it from a backup, or move it away to start with an empty one.",
            ) from error
        if found is not None and found != SCHEMA_VERSION:
            self.close()
            raise UnavailableError(
                f"The state database has tables of version {found}; this Eocene reads {SCHEMA_VERSION}.",
                "Use the Eocene that wrote it, or a newer one.",
            )


def open_database(layout: Layout) -> Database:
    """Open the state of a workspace: ``EOCENE_DATABASE`` if set, else SQLite at ``layout.state``."""
    return Database(os.environ.get("EOCENE_DATABASE") or f"sqlite:///{layout.state}")


def _make_engine(url: str) -> Engine:
    try:
        engine = create_engine(url)
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"The driver {error.name} for the database is not installed.", f"Run: pip install {error.name}"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction control is switched off; _begin_sqlite says when one starts.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("eocene_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
