"""The database that holds the state: SQLite in the workspace, or PostgreSQL by its URL."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.exc import DatabaseError, InternalError, OperationalError

from eocene.jobs.migration import migrate
from eocene.model import DamageError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy.engine import Engine

    from eocene.model import Layout

_BUSY_MS = 20_000
_CHECK = "Check that it runs or its folder exists, is writable and is not full; nothing was changed."
_CORRUPTED = ("XX001", "XX002")
"""What PostgreSQL calls data and indexes that are damaged (its documentation, appendix A)."""


class StateUnavailableError(DamageError):
    """The state cannot be read or written now: a full disk, a lost connection. Nothing was changed."""


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
    StateUnavailableError
        If it cannot be reached or written, now and in every transaction.
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
        with self._name_faults(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Open a transaction that writes: all of it happens, or nothing."""
        # SQLite is asked for its write lock at once: a reader that turns writer may be refused.
        engine = self._engine.execution_options(eocene_write=True)
        with self._name_faults(), engine.begin() as connection:
            yield connection

    def close(self) -> None:
        """Give the connections back."""
        self._engine.dispose()

    @contextmanager
    def _name_faults(self) -> Iterator[None]:
        """Turn what the database says about its disk or connection into an error that can be acted upon."""
        try:
            yield
        except DatabaseError as error:
            name = f"The state database {self.url.render_as_string()}"
            if _tells_damage(error):
                raise DamageError(
                    f"{name} is damaged: {error.orig}.",
                    "Restore it from a backup, or move it away to start with an empty one.",
                ) from error
            if isinstance(error, (OperationalError, InternalError)):
                raise StateUnavailableError(f"{name} cannot be used: {error.orig}.", _CHECK) from error
            raise  # a statement that was refused

    def _prepare(self) -> None:
        try:
            with self.write() as connection:
                migrate(connection)
        except BaseException:
            self.close()
            raise


def open_database(layout: Layout) -> Database:
    """Open the state of a workspace: ``EOCENE_DATABASE`` if set, else SQLite at ``layout.state``."""
    return Database(os.environ.get("EOCENE_DATABASE") or f"sqlite:///{layout.state}")


def _tells_damage(error: DatabaseError) -> bool:
    """Tell whether the database found its own data wrong: no file of SQLite, a broken page or index."""
    return type(error) is DatabaseError or getattr(error.orig, "sqlstate", "") in _CORRUPTED


def _make_engine(url: str) -> Engine:
    if url.startswith("postgresql://"):
        url = url.replace("://", "+psycopg://", 1)
    try:
        # A server that was restarted is noticed before a transaction, not in it.
        engine = create_engine(url, pool_pre_ping=not url.startswith("sqlite"))
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"The driver {error.name} for the database is not installed.", f"Run: pip install {error.name}"
        ) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    if engine.dialect.name == "postgresql":
        event.listen(engine, "connect", _configure_postgres)
    return engine


def _configure_sqlite(connection: Any, _record: Any) -> None:
    # The driver's own transaction control is switched off; _begin_sqlite says when one starts.
    connection.isolation_level = None
    for pragma in (
        f"busy_timeout={_BUSY_MS}",
        "journal_mode=WAL",
        "synchronous=FULL",  # what was acknowledged survives a power cut, too
        "foreign_keys=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _configure_postgres(connection: Any, _record: Any) -> None:
    # What was acknowledged survives the server, also one that may forget its last transactions by default.
    if connection.execute("SHOW synchronous_commit").fetchone() == ("off",):
        connection.execute("SET synchronous_commit = on")
    connection.commit()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("eocene_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
