"""The catalogue's file: its tables, and how it is made and opened without harm to other files."""

from __future__ import annotations

import os
import secrets
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

from eocene.archive.tree import TABLE
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    RegionTest = Callable[[bytes | None, float, float, float, float], bool]

APPLICATION_ID = 0x454F4341  # "EOCA"
VERSION = 2
_HEADER_BYTES = 100
_PAGE_BYTES = 8192  # three documents of a usual length

COLLECTIONS = """
CREATE TABLE collections (
    id TEXT PRIMARY KEY,
    document TEXT NOT NULL,
    items INTEGER NOT NULL DEFAULT 0,               -- how many
    west REAL, south REAL, east REAL, north REAL,   -- of its items
    first INTEGER, last INTEGER,                    -- microseconds since 1970, of its items
    longest INTEGER NOT NULL DEFAULT 0,             -- no item lasts more microseconds
    summaries TEXT NOT NULL DEFAULT '{}'
) WITHOUT ROWID;
"""
ITEMS = f"""
CREATE TABLE items (
    key INTEGER PRIMARY KEY,
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    moment INTEGER,              -- properties.datetime, null for an interval
    first INTEGER NOT NULL,      -- start_datetime or datetime
    last INTEGER NOT NULL,       -- end_datetime or datetime
    cloud_cover REAL,
    west REAL, south REAL, east REAL, north REAL    -- null without geometry
);
-- Few and narrow: each entry goes to a random page, which is what taking in items mostly costs.
CREATE UNIQUE INDEX items_by_name ON items (collection, id);
CREATE INDEX items_by_time ON items (first DESC);
-- Apart from what is searched, so that those tables stay small.
CREATE TABLE documents (
    key INTEGER PRIMARY KEY,
    shape BLOB,                  -- WKB of the geometry, null where that is its own box
    document TEXT NOT NULL
);
CREATE TABLE cells (cell TEXT, item INTEGER, PRIMARY KEY (cell, item)) WITHOUT ROWID;
CREATE INDEX cells_by_item ON cells (item);
{TABLE};
"""
ROOTS = "CREATE TABLE roots (path TEXT PRIMARY KEY) WITHOUT ROWID;"


class Connection(sqlite3.Connection):
    """A connection with the area that SQL asks for as ``meets_region(shape, west, south, east, north)``."""

    region: RegionTest | None = None

    def meets_region(self, *place: Any) -> bool:
        """Tell whether an item touches the area."""
        return self.region is not None and self.region(*place)


def open_catalogue(path: Path) -> None:
    """Make the catalogue if there is none, else check that the file is one.

    Raises
    ------
    InputError
        If the file is something else, or of a newer version; it is not touched.
    """
    if not path.exists():
        _create(path)
    if _check(path) < VERSION:
        from eocene.archive.catalogue.migration import migrate

        with closing(connect(path)) as connection:
            migrate(connection)


def connect(path: Path) -> Connection:
    """Open a connection; it may be closed from another thread but is used by one."""
    connection = sqlite3.connect(
        path, timeout=30.0, isolation_level=None, check_same_thread=False, factory=Connection
    )
    connection.create_function("meets_region", 5, connection.meets_region)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA cache_size = -32768")
    connection.execute("PRAGMA mmap_size = 8589934592")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA trusted_schema = OFF")
    return connection


def _create(path: Path) -> None:
    """Make the file beside its place and link it in, so that a race or a kill leaves a whole one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with closing(sqlite3.connect(temporary, isolation_level=None)) as connection:
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")
            connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.executescript(f"BEGIN;{COLLECTIONS}{ITEMS}{ROOTS}COMMIT;")
        try:
            os.link(temporary, path)
        except FileExistsError:
            return  # another process was faster
    finally:
        temporary.unlink(missing_ok=True)


def _check(path: Path) -> int:
    """Return the version of the catalogue."""
    # Read as bytes: opening it with SQLite could write beside a file that isn't ours.
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEADER_BYTES)
    except OSError as error:
        raise DamageError(
            f"The catalogue {str(path)!r} cannot be read: {error.strerror}.",
            "Check the path and its permissions.",
        ) from error
    is_ours = head[:16] == b"SQLite format 3\x00" and head[68:72] == APPLICATION_ID.to_bytes(4, "big")
    if not is_ours:
        raise InputError(
            f"The file {str(path)!r} is not an Eocene catalogue; it was left as it is.",
            "Name another folder, or move the file away.",
        )
    version = int.from_bytes(head[60:64], "big")
    if version > VERSION:
        raise InputError(
            f"The catalogue {str(path)!r} has version {version}; this software reads up to {VERSION}.",
            "Install a newer version of Eocene.",
        )
    return version
