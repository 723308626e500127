"""How a PostgreSQL database becomes a catalogue: pgstac's schema, and ours beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eocene.archive.catalogue.item_checks import CELLS
from eocene.model.errors import DamageError, InputError, UnavailableError

if TYPE_CHECKING:
    from psycopg import Connection
    from psycopg_pool import ConnectionPool

_VERSION = 1
_LOCK = 0x454F4341  # of all processes that open the catalogue, while one migrates
_OURS = f"""
CREATE SCHEMA IF NOT EXISTS eocene;
CREATE TABLE eocene.version (version int NOT NULL);
INSERT INTO eocene.version VALUES ({_VERSION});
CREATE TABLE eocene.collections (
    id text PRIMARY KEY REFERENCES pgstac.collections (id) ON DELETE CASCADE,
    items bigint NOT NULL DEFAULT 0,
    west float8, south float8, east float8, north float8,   -- of its items
    first bigint, last bigint,                              -- microseconds since 1970, of its items
    summaries text NOT NULL DEFAULT '{{}}'
);
CREATE TABLE eocene.roots (path text PRIMARY KEY);
CREATE INDEX eocene_cells ON pgstac.items USING gin ((content -> 'properties' -> '{CELLS}'));
"""  # noqa: S608  (our own words)


def open_pool(url: str) -> ConnectionPool[Connection[Any]]:
    """Return a pool of connections to a database whose schemas are those of today.

    Raises
    ------
    UnavailableError
        If psycopg or pypgstac is not installed.
    InputError
        If our schema in the database is of a newer version.
    DamageError
        If the database cannot be reached or changed.
    """
    try:
        import psycopg
        from psycopg_pool import ConnectionPool, PoolTimeout
    except ImportError as error:
        raise _no_extra() from error
    options = {"options": "-c search_path=pgstac,public -c timezone=UTC"}
    pool: ConnectionPool[Connection[Any]] = ConnectionPool(
        url, min_size=1, max_size=16, timeout=30.0, kwargs=options, open=False
    )
    try:
        with psycopg.connect(url, autocommit=True) as guard:
            guard.execute("SELECT pg_advisory_lock(%s)", (_LOCK,))
            _migrate_pgstac(url)
            pool.open(wait=True, timeout=30.0)
            with pool.connection() as connection:
                _make_ours(connection, url)
    except (psycopg.Error, PoolTimeout) as error:
        pool.close()
        raise database_error(url, error) from error
    except BaseException:
        pool.close()
        raise
    return pool


def database_error(url: str, error: Exception) -> DamageError:
    """Return the error of a database that does not do what it should; without the password."""
    parts = urlsplit(url)
    place = f"{parts.hostname or 'localhost'}{parts.path}"
    return DamageError(
        f"The catalogue in PostgreSQL ({place}) cannot be used: {str(error).strip().splitlines()[0]}",
        "Check that the server runs, that PostGIS is installed there, and the rights of the user.",
    )


def _migrate_pgstac(url: str) -> None:
    try:
        from psycopg_pool import ConnectionPool
        from pypgstac.db import PgstacDB
        from pypgstac.migrate import Migrate
    except ImportError as error:
        raise _no_extra() from error
    with ConnectionPool(url, min_size=1, max_size=1, open=True) as pool:
        database = PgstacDB(pool=pool)
        try:
            Migrate(database).run_migration()
        finally:
            database.disconnect()


def _make_ours(connection: Connection[Any], url: str) -> None:
    (found,) = connection.execute("SELECT to_regclass('eocene.version')").fetchone() or (None,)
    if found is None:
        connection.execute(_OURS)
        return
    (version,) = connection.execute("SELECT version FROM eocene.version").fetchone() or (0,)
    if version > _VERSION:
        raise InputError(
            f"The catalogue in {urlsplit(url).path[1:]!r} has version {version}; "
            f"this software reads up to {_VERSION}.",
            "Install a newer version of Eocene.",
        )


def _no_extra() -> UnavailableError:
    return UnavailableError(
        "The packages for a catalogue in PostgreSQL are not installed.",
        "Run: pip install 'eocene[postgres]'.",
    )
