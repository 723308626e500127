"""How items come into the SQLite catalogue's tables, and how extents follow."""

from __future__ import annotations

import difflib
import json
from itertools import count
from operator import sub
from typing import TYPE_CHECKING, Any

from eocene.archive.catalogue.extents import Extent, extent_of, summarise
from eocene.archive.catalogue.interface import Mode, item_exists, no_item
from eocene.archive.catalogue.item_checks import CELLS, dump
from eocene.archive.tree import make_boxes
from eocene.model.errors import NotFoundError

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from eocene.archive.catalogue.rows import Rows

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


def write_rows(connection: sqlite3.Connection, collection: str, rows: Rows, mode: Mode = "upsert") -> None:
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
    rows = rows.last_of_each()
    old = dict(connection.execute(_KNOWN, (collection, json.dumps(rows.ids))).fetchall())
    _check_mode(mode, collection, rows.ids, old)
    keys = _give_keys(connection, rows.ids, old)  # before old items go, whose keys stay theirs
    _delete(connection, list(old.values()))
    _insert(connection, keys, rows)
    extent = extent_of(rows).union(Extent.from_columns(known[:6]))
    summaries = summarise(json.loads(known[6]), rows.properties)
    longest = max(map(sub, rows.lasts, rows.firsts))
    connection.execute(
        "UPDATE collections SET items = items + ?, longest = max(longest, ?) WHERE id = ?",
        (len(rows) - len(old), longest, collection),
    )
    _write_extent(connection, collection, extent, summaries)


def _check_mode(mode: Mode, collection: str, ids: Sequence[str], old: dict[str, int]) -> None:
    if mode == "create" and old:
        raise item_exists(collection, min(old))
    for name in ids:
        if mode == "update" and name not in old:
            raise no_item(collection, name)


def _give_keys(connection: sqlite3.Connection, ids: Sequence[str], old: dict[str, int]) -> list[int]:
    (last,) = connection.execute("SELECT coalesce(max(key), 0) FROM items").fetchone()
    new = count(last + 1)
    return [old[name] if name in old else next(new) for name in ids]


def _insert(connection: sqlite3.Connection, keys: Sequence[int], rows: Rows) -> None:
    names = keys, rows.collections, rows.ids
    times = rows.moments, rows.firsts, rows.lasts
    place = rows.boxes.T.tolist()  # SQLite takes NaN for null
    connection.executemany(_ITEM, zip(*names, *times, rows.covers, *place, strict=True))
    connection.executemany(_DOCUMENT, zip(keys, rows.shapes, rows.documents, strict=True))
    connection.executemany(_BOX, make_boxes(keys, rows.boxes, rows.firsts, rows.lasts, rows.covers))
    cells = (
        (cell, key)
        for key, properties in zip(keys, rows.properties, strict=True)
        if CELLS in properties
        for cell in dict.fromkeys(properties[CELLS])
    )
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
