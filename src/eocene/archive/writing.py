"""How items come into the catalogue's tables, and how extents follow."""

from __future__ import annotations

import difflib
import json
from typing import TYPE_CHECKING, Any

from eocene.archive.extents import Extent, summarise
from eocene.archive.rows import make_row
from eocene.archive.search import dump
from eocene.model.errors import NotFoundError

if TYPE_CHECKING:
    import sqlite3

    from eocene.archive.rows import Row

_UPSERT = """
INSERT INTO items (collection, id, moment, first, last, cloud_cover, shape, document)
VALUES (?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (collection, id) DO UPDATE SET moment = excluded.moment, first = excluded.first,
    last = excluded.last, cloud_cover = excluded.cloud_cover, shape = excluded.shape,
    document = excluded.document
RETURNING key
"""
_BOX = "INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"


def write_rows(connection: sqlite3.Connection, collection: str, rows: list[Row]) -> None:
    """Add or replace the rows of one collection, and widen its extent; in the caller's transaction.

    Raises
    ------
    NotFoundError
        If the collection does not exist.
    """
    query = "SELECT west, south, east, north, first, last, summaries FROM collections WHERE id = ?"
    known = connection.execute(query, (collection,)).fetchone()
    if known is None:
        names = [name for (name,) in connection.execute("SELECT id FROM collections ORDER BY id")]
        raise no_collection(collection, names)
    extent, summaries = Extent.from_columns(known[:6]), json.loads(known[6])
    for row in rows:
        (key,) = connection.execute(_UPSERT, row.columns).fetchone()
        delete_boxes(connection, [key])
        for part, (w, s, e, n) in enumerate(row.boxes):
            first, last = row.first / 1e6, row.last / 1e6
            connection.execute(_BOX, (2 * key + part, w, e, s, n, first, last, key, w, e, s, n))
        extent = row.extent.union(extent)
        summaries = summarise(summaries, row.properties)
    _write_extent(connection, collection, extent, summaries)


def delete_boxes(connection: sqlite3.Connection, keys: list[int]) -> None:
    """Delete the boxes of items, at most two each, by the items' keys."""
    for key in keys:
        connection.execute("DELETE FROM boxes WHERE box IN (?, ?)", (2 * key, 2 * key + 1))


def _write_extent(
    connection: sqlite3.Connection, collection: str, extent: Extent | None, summaries: dict[str, Any]
) -> None:
    columns = extent.columns if extent else (None,) * 6
    connection.execute(
        "UPDATE collections SET west = ?, south = ?, east = ?, north = ?, first = ?, last = ?, summaries = ? "
        "WHERE id = ?",
        (*columns, dump(summaries), collection),
    )


def recompute_extent(connection: sqlite3.Connection, collection: str) -> None:
    """Set a collection's extent and summaries anew from all its items."""
    extent, summaries = None, dict[str, Any]()
    for (document,) in connection.execute("SELECT document FROM items WHERE collection = ?", (collection,)):
        row = make_row(json.loads(document))
        extent = row.extent.union(extent)
        summaries = summarise(summaries, row.properties)
    _write_extent(connection, collection, extent, summaries)


def no_collection(name: str, names: list[str]) -> NotFoundError:
    """Return the error of a collection that does not exist, with the names that come near."""
    near = difflib.get_close_matches(name, names, n=3) or names[:5]
    return NotFoundError(
        f"The collection {name!r} does not exist.",
        f"Did you mean {', '.join(near)}?" if near else "The catalogue is empty; ingest a product first.",
        code="CollectionNotFound",
    )
