"""How catalogues of older versions become those of today, in one transaction each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from eocene.archive.catalogue.rows import make_rows
from eocene.archive.catalogue.schema import COLLECTIONS, ITEMS, VERSION
from eocene.archive.catalogue.writing import write_rows

if TYPE_CHECKING:
    from eocene.archive.catalogue.schema import Connection

_BATCH = 5_000
_OLD = "SELECT rowid, document FROM old_items WHERE collection = ? AND rowid > ? ORDER BY rowid LIMIT ?"


def migrate(connection: Connection) -> None:
    """Bring a catalogue of version 1 to that of today: all of it, or nothing where something goes wrong.

    Items are read from their documents, as if they were ingested again; the space of the old tables is used
    for new ones. Another process that does the same at the same moment waits and then finds nothing to do.
    """
    connection.execute("PRAGMA foreign_keys = OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        if connection.execute("PRAGMA user_version").fetchone()[0] == 1:
            _rebuild(connection)
            connection.execute(f"PRAGMA user_version = {VERSION}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _rebuild(connection: Connection) -> None:
    connection.execute("DROP TABLE boxes")
    for index in ("items_by_time", "items_by_time_alone", "items_by_id", "items_by_cloud_cover"):
        connection.execute(f"DROP INDEX {index}")
    for table in ("collections", "items"):
        connection.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    for statement in (COLLECTIONS + ITEMS).split(";\n"):  # executescript would commit
        connection.execute(statement)
    connection.execute("INSERT INTO collections (id, document) SELECT id, document FROM old_collections")
    for (name,) in connection.execute("SELECT id FROM collections").fetchall():
        last = 0
        while rows := connection.execute(_OLD, (name, last, _BATCH)).fetchall():
            last = rows[-1][0]
            write_rows(connection, name, make_rows([orjson.loads(document) for _, document in rows]))
    connection.execute("DROP TABLE old_items")
    connection.execute("DROP TABLE old_collections")
