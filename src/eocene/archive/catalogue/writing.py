"""How items come into the SQLite catalogue's tables, and how extents follow."""

from __future__ import annotations

import difflib
import json
from itertools import count
from typing import TYPE_CHECKING, Any

from eocene.archive.catalogue.extents import Extent, extent_of, summarise
from eocene.archive.catalogue.interface import Mode, item_exists, no_item
from eocene.archive.catalogue.rows import CELLS, dump
from eocene.archive.tree import make_boxes
from eocene.model.errors import NotFoundError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from eocene.archive.catalogue.rows import Row

_SUMMARISED = 10_000
_ITEM = "INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DOCUMENT = "INSERT INTO documents VALUES (?, ?, ?)"
_BOX = "INSERT INTO boxes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_DELETE = (
    "DELETE FROM documents WHERE key = ?",
    "DELETE FROM cells WHERE item = ?",
    "DELETE FROM items WHERE key = ?",
)
_KNOWN = "SELECT id, key FROM items WHERE collection = ? AND id IN (SELECT value FROM json_each(?))"
_COLUMNS = "SELECT west, south, east, north, first, last, summaries FROM collections WHERE id = ?"


def write_rows(
    connection: sqlite3.Connection, collection: str, rows: Sequence[Row], mode: Mode = "upsert"
) -> None:
    """Add or replace the rows of one collection, and widen its extent; in the caller's transaction.

    Raises
    ------
    NotFoundError
        If the collection does not exist, or an item that is to be updated.
    InputError
        If an item exists that is to be created.
    """
    known = connection.execute(_COLUMNS, (collection,)).fetchone()
    if known is None:
        raise no_collection(collection, collection_names(connection))
    rows = list({row.id: row for row in rows}.values())
    old = dict(connection.execute(_KNOWN, (collection, json.dumps([row.id for row in rows]))).fetchall())
    _check_mode(mode, collection, rows, old)
    keyed = _give_keys(connection, rows, old)  # before old items go, whose keys stay theirs
    _delete(connection, list(old.values()))
    _insert(connection, keyed)
    extent = extent_of(rows).union(Extent.from_columns(known[:6]))
    summaries = summarise(json.loads(known[6]), [row.properties for row in rows])
    longest = max(row.last - row.first for row in rows)
    connection.execute(
        "UPDATE collections SET items = items + ?, longest = max(longest, ?) WHERE id = ?",
        (len(rows) - len(old), longest, collection),
    )
    _write_extent(connection, collection, extent, summaries)


def _check_mode(mode: Mode, collection: str, rows: Sequence[Row], old: dict[str, int]) -> None:
    if mode == "create" and old:
        raise item_exists(collection, min(old))
    for row in rows:
        if mode == "update" and row.id not in old:
            raise no_item(collection, row.id)


def _give_keys(
    connection: sqlite3.Connection, rows: Sequence[Row], old: dict[str, int]
) -> list[tuple[int, Row]]:
    (last,) = connection.execute("SELECT coalesce(max(key), 0) FROM items").fetchone()
    new = count(last + 1)
    return [(old[row.id] if row.id in old else next(new), row) for row in rows]


def _insert(connection: sqlite3.Connection, keyed: Sequence[tuple[int, Row]]) -> None:
    # Generators: lists of so many tuples would set off Python's garbage collection.
    nowhere = (None, None, None, None)
    connection.executemany(_ITEM, ((key, *row[:6], *(row.bbox or nowhere)) for key, row in keyed))
    connection.executemany(_DOCUMENT, ((key, row.shape, row.document) for key, row in keyed))
    located = [(key, row.bbox, row.first, row.last, row.cloud_cover) for key, row in keyed if row.bbox]
    if located:
        connection.executemany(_BOX, make_boxes(*zip(*located, strict=True)))
    cells = ((cell, key) for key, row in keyed if CELLS in row.properties for cell in row.cells)
    connection.executemany("INSERT INTO cells VALUES (?, ?)", cells)


def _delete(connection: sqlite3.Connection, keys: Sequence[int]) -> None:
    """Delete items by their keys, with all that belongs to them: at most two boxes each, documents, cells."""
    connection.executemany(
        "DELETE FROM boxes WHERE box = ?", ((2 * key + half,) for key in keys for half in (0, 1))
    )
    for statement in _DELETE:
        connection.executemany(statement, ((key,) for key in keys))


def delete_rows(connection: sqlite3.Connection, collection: str, ids: Sequence[str]) -> int:
    """Delete items of a collection with all that belongs to them, and return how many there were."""
    keys = [key for _, key in connection.execute(_KNOWN, (collection, json.dumps(ids))).fetchall()]
    if keys:
        _delete(connection, keys)
        connection.execute("UPDATE collections SET items = items - ? WHERE id = ?", (len(keys), collection))
        recompute_extent(connection, collection)
    return len(keys)


def _write_extent(
    connection: sqlite3.Connection, collection: str, extent: Extent | None, summaries: dict[str, Any]
) -> None:
    columns = extent.columns if extent else (None,) * 6
    connection.execute(
        "UPDATE collections SET west = ?, south = ?, east = ?, north = ?, first = ?, last = ?, summaries = ? "
        "WHERE id = ?",
        (*columns, dump(summaries), collection),
    )


_EXTENT = """
SELECT min(west), min(south), max(east), max(north), min(first), max(last) FROM items
WHERE collection = ? AND (west IS NULL OR (west > east) = ?)
"""
_PROPERTIES = """
SELECT json_extract(document, '$.properties') FROM items JOIN documents USING (key) WHERE collection = ?
"""


def recompute_extent(connection: sqlite3.Connection, collection: str) -> None:
    """Set a collection's extent anew from all its items, and its summaries unless these are very many.

    Summaries of more than 10,000 items stay as wide as they are.
    """
    halves = [connection.execute(_EXTENT, (collection, crossing)).fetchone() for crossing in (0, 1)]
    extent = None
    for half in (Extent.from_columns(half) for half in halves):
        extent = extent if half is None else half.union(extent)
    (total,) = connection.execute("SELECT items FROM collections WHERE id = ?", (collection,)).fetchone()
    if total <= _SUMMARISED:
        found = connection.execute(_PROPERTIES, (collection,))
        summaries = summarise({}, [json.loads(properties) for (properties,) in found])
    else:
        summaries = json.loads(connection.execute(_COLUMNS, (collection,)).fetchone()[6])
    _write_extent(connection, collection, extent, summaries)


def collection_names(connection: sqlite3.Connection) -> list[str]:
    """Return the ids of all collections."""
    return [name for (name,) in connection.execute("SELECT id FROM collections ORDER BY id")]


def no_collection(name: str, names: list[str]) -> NotFoundError:
    """Return the error of a collection that does not exist, with the names that come near."""
    near = difflib.get_close_matches(name, names, n=3) or names[:5]
    return NotFoundError(
        f"The collection {name!r} does not exist.",
        f"Did you mean {', '.join(near)}?" if near else "The catalogue is empty; ingest a product first.",
        code="CollectionNotFound",
    )
