"""The catalogue: collections and items in one SQLite file with an R*Tree over space and time."""

from __future__ import annotations

import json
import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eocene.archive.extents import Extent, describe_extent
from eocene.archive.rows import check_collection, make_row
from eocene.archive.schema import connect, open_catalogue
from eocene.archive.search import Search, compile_search, dump
from eocene.archive.writing import delete_boxes, no_collection, recompute_extent, write_rows
from eocene.model.errors import DamageError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from eocene.archive.search import Selection

__all__ = ["Catalogue", "Search"]


class Catalogue:
    """Collections and items of a workspace; every method may be called from any thread.

    Parameters
    ----------
    path : Path
        The SQLite file; it is made if it does not exist.

    Raises
    ------
    InputError
        If the file is something else; it is left untouched.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        open_catalogue(path)
        self._local = threading.local()
        self._connections: dict[threading.Thread, sqlite3.Connection] = {}
        self._lock = threading.Lock()

    def close(self) -> None:
        """Close the connections of all threads."""
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    # -- collections ---------------------------------------------------------------------------

    def put_collection(self, collection: dict[str, Any]) -> None:
        """Add a STAC collection or replace the one with its id; its items stay.

        Raises
        ------
        InputError
            If it has no id or is not JSON.
        """
        self.put_items([], collections=[collection])

    def collections(self) -> list[dict[str, Any]]:
        """Return all collections, by id, with the extents and summaries of their items."""
        with self._reading() as connection:
            rows = connection.execute(_COLLECTIONS + "ORDER BY id").fetchall()
        return [_read_collection(row) for row in rows]

    def collection(self, id: str) -> dict[str, Any]:  # noqa: A002
        """Return one collection.

        Raises
        ------
        NotFoundError
            CollectionNotFound, with the names that come near.
        """
        with self._reading() as connection:
            row = connection.execute(_COLLECTIONS + "WHERE id = ?", (id,)).fetchone()
            if row is None:
                names = [name for (name,) in connection.execute("SELECT id FROM collections ORDER BY id")]
                raise no_collection(id, names)
        return _read_collection(row)

    # -- items ---------------------------------------------------------------------------------

    def put_items(
        self,
        items: Iterable[dict[str, Any]],
        *,
        collections: Iterable[dict[str, Any]] = (),
        roots: Iterable[Path] = (),
    ) -> int:
        """Add items, or replace those with the same collection and id, in one transaction.

        Parameters
        ----------
        items : iterable of dict
            STAC items with ``collection``.
        collections : iterable of dict
            Collections to put in the same transaction, before the items.
        roots : iterable of Path
            Folders or files that assets may lie in from now on.

        Returns
        -------
        int
            How many items were put.

        Raises
        ------
        InputError
            If an item is not valid: it and the field are named, and nothing is written.
        NotFoundError
            If an item's collection does not exist.
        """
        documents = [(check_collection(collection), dump(collection)) for collection in collections]
        rows = [make_row(item) for item in items]
        with self._writing() as connection:
            connection.executemany(
                "INSERT INTO collections (id, document) VALUES (?, ?) "
                "ON CONFLICT (id) DO UPDATE SET document = excluded.document",
                documents,
            )
            connection.executemany(
                "INSERT OR IGNORE INTO roots VALUES (?)", [(str(root.resolve()),) for root in roots]
            )
            for name in dict.fromkeys(row.collection for row in rows):
                write_rows(connection, name, [row for row in rows if row.collection == name])
        return len(rows)

    def delete_items(self, collection: str, ids: Iterable[str]) -> int:
        """Delete items of a collection and return how many there were."""
        with self._writing() as connection:
            count = 0
            for name in ids:
                found = connection.execute(
                    "DELETE FROM items WHERE collection = ? AND id = ? RETURNING key", (collection, name)
                ).fetchall()
                delete_boxes(connection, [key for (key,) in found])
                count += len(found)
            if count:
                recompute_extent(connection, collection)
        return count

    def item(self, collection: str, id: str) -> dict[str, Any]:  # noqa: A002
        """Return one item.

        Raises
        ------
        NotFoundError
            If there is no such collection (CollectionNotFound) or item (ItemNotFound).
        """
        with self._reading() as connection:
            query = "SELECT document FROM items WHERE collection = ? AND id = ?"
            row = connection.execute(query, (collection, id)).fetchone()
        if row is None:
            self.collection(collection)
            raise NotFoundError(
                f"The collection {collection!r} has no item {id!r}.",
                "Search the collection for its items.",
                code="ItemNotFound",
            )
        document: dict[str, Any] = json.loads(row[0])
        return document

    def search(self, query: Search) -> list[dict[str, Any]]:
        """Return the items that match, newest first unless ``sortby`` says otherwise.

        Raises
        ------
        InputError
            If the search is wrong: bbox, geometry, filter or sort field.
        """
        selection = compile_search(query)
        with self._reading() as connection:
            return list(_select(connection, selection, query.limit, query.offset))

    def count(self, query: Search) -> int:
        """Return how many items match, whatever ``limit`` and ``offset`` say."""
        selection = compile_search(query)
        with self._reading() as connection:
            if selection.filter is not None:
                return sum(1 for _ in _select(connection, selection, None, 0))
            _use_region(connection, selection)
            text = f"SELECT count(*) FROM items WHERE {selection.where.text}"  # noqa: S608  (values are bound)
            count: int = connection.execute(text, selection.where.parameters).fetchone()[0]
            return count

    # -- roots ---------------------------------------------------------------------------------

    def roots(self) -> list[str]:
        """Return the folders and files, outside the workspace, that assets may lie in."""
        with self._reading() as connection:
            return [path for (path,) in connection.execute("SELECT path FROM roots ORDER BY path")]

    # -- connections ---------------------------------------------------------------------------

    def _connection(self) -> sqlite3.Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = connect(self.path)
            with self._lock:
                self._forget_ended_threads()
                self._connections[threading.current_thread()] = self._local.connection
        connection: sqlite3.Connection = self._local.connection
        return connection

    def _forget_ended_threads(self) -> None:
        for thread in [thread for thread in self._connections if not thread.is_alive()]:
            self._connections.pop(thread).close()

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._connection()
            connection.execute(begin)
            try:
                yield connection
            except BaseException:
                if connection.in_transaction:  # SQLite itself rolls back when the disk is full
                    connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise DamageError(
                f"The catalogue {str(self.path)!r} cannot be used: {error}.",
                "Check that the disk is not full and that the file is intact, or restore a copy.",
            ) from error


_COLLECTIONS = "SELECT document, west, south, east, north, first, last, summaries FROM collections "


def _read_collection(row: tuple[Any, ...]) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(row[0])
    extent = Extent.from_columns(row[1:7])
    return describe_extent(document, extent, json.loads(row[7])) if extent else document


def _use_region(connection: sqlite3.Connection, selection: Selection) -> None:
    if selection.region is not None:
        connection.create_function("meets_region", 5, selection.region)


def _select(
    connection: sqlite3.Connection, selection: Selection, limit: int | None, offset: int
) -> Iterator[dict[str, Any]]:
    """Yield the items: first their keys in order, then document by document (sorting would move those)."""
    _use_region(connection, selection)
    where, order = selection.where, selection.order
    text = f"SELECT key FROM items WHERE {where.text} ORDER BY {order.text}"  # noqa: S608  (values are bound)
    parameters = [*where.parameters, *order.parameters]
    if selection.filter is None:
        text += " LIMIT ? OFFSET ?"
        parameters += [-1 if limit is None else limit, offset]
    found, wanted_to = 0, None if limit is None else offset + limit
    for (key,) in connection.execute(text, parameters).fetchall():
        query = "SELECT document FROM items WHERE key = ?"
        item = json.loads(connection.execute(query, (key,)).fetchone()[0])
        if selection.filter is None:
            yield item
        elif wanted_to is not None and found >= wanted_to:
            return
        elif selection.filter.matches(item):
            found += 1
            if found > offset:
                yield item
