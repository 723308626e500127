"""The catalogue of a workspace on one machine: one SQLite file with an R*Tree over space and time."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from eocene.archive.catalogue.extents import Extent, describe_extent
from eocene.archive.catalogue.interface import (
    Catalogue,
    Mode,
    check_group,
    in_batches,
    merge_patch,
    no_item,
    root_text,
)
from eocene.archive.catalogue.item_checks import check_collection, dump
from eocene.archive.catalogue.reading import count_items, find_items, group_items, sort_values
from eocene.archive.catalogue.rows import make_rows
from eocene.archive.catalogue.schema import Connection, connect, open_catalogue
from eocene.archive.catalogue.search import Page, Search, make_token, read_token, sort_orders
from eocene.archive.catalogue.search_sql import compile_search
from eocene.archive.catalogue.writing import collection_names, delete_rows, no_collection, write_rows
from eocene.archive.fields import pick_fields
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


_BATCH = 5_000


class SqliteCatalogue(Catalogue):
    """Collections and items in an SQLite file.

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
        self._connections: dict[threading.Thread, Connection] = {}
        self._lock = threading.Lock()

    def close(self) -> None:  # noqa: D102
        with self._lock:
            for connection in self._connections.values():
                connection.close()
            self._connections.clear()
            self._local = threading.local()

    # -- collections ---------------------------------------------------------------------------

    def collections(self) -> list[dict[str, Any]]:  # noqa: D102
        with self._reading() as connection:
            rows = connection.execute(_COLLECTIONS + "ORDER BY id").fetchall()
        return [_read_collection(row) for row in rows]

    def collection(self, id: str) -> dict[str, Any]:  # noqa: A002, D102
        with self._reading() as connection:
            row = connection.execute(_COLLECTIONS + "WHERE id = ?", (id,)).fetchone()
            if row is None:
                raise no_collection(id, collection_names(connection))
        return _read_collection(row)

    def delete_collection(self, id: str) -> int:  # noqa: A002, D102
        with self._writing() as connection:
            found = connection.execute("SELECT id FROM items WHERE collection = ?", (id,)).fetchall()
            count = delete_rows(connection, id, [name for (name,) in found])
            if not connection.execute("DELETE FROM collections WHERE id = ?", (id,)).rowcount:
                raise no_collection(id, collection_names(connection))
        return count

    # -- items ---------------------------------------------------------------------------------

    def put_items(  # noqa: D102
        self,
        items: Iterable[dict[str, Any]],
        *,
        collections: Iterable[dict[str, Any]] = (),
        roots: Iterable[Path | str] = (),
        mode: Mode = "upsert",
    ) -> int:
        documents = [(check_collection(collection), dump(collection)) for collection in collections]
        total = 0
        with self._writing() as connection:
            connection.executemany(_PUT_COLLECTION, documents)
            connection.executemany(
                "INSERT OR IGNORE INTO roots VALUES (?)", [(root_text(root),) for root in roots]
            )
            for batch in in_batches(items, _BATCH):
                rows = make_rows(batch)
                for name, group in rows.by_collection():
                    write_rows(connection, name, group, mode)
                total += len(rows)
        return total

    def patch_item(self, collection: str, id: str, patch: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, D102
        with self._writing() as connection:
            item = merge_patch(self._read_item(connection, collection, id), patch)
            write_rows(connection, collection, make_rows([item]), "update")
        return item

    def delete_items(self, collection: str, ids: Iterable[str]) -> int:  # noqa: D102
        with self._writing() as connection:
            return delete_rows(connection, collection, list(ids))

    def item(self, collection: str, id: str) -> dict[str, Any]:  # noqa: A002, D102
        with self._reading() as connection:
            return self._read_item(connection, collection, id)

    @staticmethod
    def _read_item(connection: Connection, collection: str, name: str) -> dict[str, Any]:
        row = connection.execute(_ITEM, (name, collection)).fetchone()
        if row is not None:
            item: dict[str, Any] = orjson.loads(row[0])
            return item
        if connection.execute("SELECT 1 FROM collections WHERE id = ?", (collection,)).fetchone():
            raise no_item(collection, name)
        raise no_collection(collection, collection_names(connection))

    # -- search --------------------------------------------------------------------------------

    def search(self, query: Search) -> list[dict[str, Any]]:  # noqa: D102
        selection = compile_search(query)
        with self._reading() as connection:
            found = find_items(connection, query, selection, query.limit, query.offset)
            return [pick_fields(item, query.fields) for _, item in found]

    def page(self, query: Search, token: str | None = None, *, counted: bool = False) -> Page:  # noqa: D102
        limit = 10 if query.limit is None else query.limit
        after = None if token is None else read_token(query, token, len(sort_orders(query.sortby)))
        selection = compile_search(query, after)
        with self._reading() as connection:
            offset = query.offset if token is None else 0
            pairs = find_items(connection, query, selection, limit + 1, offset)
            found = list(islice(pairs, limit))
            following = None
            if found and next(pairs, None) is not None:
                following = make_token(query, sort_values(connection, selection, found[-1][0]))
            matched = count_items(connection, query, compile_search(query)) if counted else None
        return Page([pick_fields(item, query.fields) for _, item in found], following, matched)

    def count(self, query: Search) -> int:  # noqa: D102
        selection = compile_search(query)
        with self._reading() as connection:
            return count_items(connection, query, selection)

    def aggregate(self, query: Search, by: str) -> dict[str, int]:  # noqa: D102
        check_group(by)
        selection = compile_search(query)
        with self._reading() as connection:
            return group_items(connection, query, selection, by)

    # -- roots ---------------------------------------------------------------------------------

    def stamp(self) -> tuple[int, ...]:  # noqa: D102
        files = (self.path, self.path.with_name(self.path.name + "-wal"))
        return tuple(file.stat().st_mtime_ns for file in files if file.exists())

    def roots(self) -> list[str]:  # noqa: D102
        with self._reading() as connection:
            return [path for (path,) in connection.execute("SELECT path FROM roots ORDER BY path")]

    # -- connections ---------------------------------------------------------------------------

    def _connection(self) -> Connection:
        if not hasattr(self._local, "connection"):
            self._local.connection = connect(self.path)
            with self._lock:
                self._forget_ended_threads()
                self._connections[threading.current_thread()] = self._local.connection
        connection: Connection = self._local.connection
        return connection

    def _forget_ended_threads(self) -> None:
        for thread in [thread for thread in self._connections if not thread.is_alive()]:
            self._connections.pop(thread).close()

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        busy: Connection | None = getattr(self._local, "connection", None)
        if busy is not None and busy.in_transaction:  # what is being put comes from a generator that reads
            yield busy
            return
        with self._transaction("BEGIN") as connection:
            yield connection

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._transaction("BEGIN IMMEDIATE") as connection:
            connection.execute("PRAGMA cache_size = -262144")  # so that pages are written once
            try:
                yield connection
            finally:
                connection.execute("PRAGMA cache_size = -32768")

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[Connection]:
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
_PUT_COLLECTION = (
    "INSERT INTO collections (id, document) VALUES (?, ?) "
    "ON CONFLICT (id) DO UPDATE SET document = excluded.document"
)
_ITEM = "SELECT document FROM items JOIN documents USING (key) WHERE id = ? AND collection = ?"


def _read_collection(row: tuple[Any, ...]) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(row[0])
    extent = Extent.from_columns(row[1:7])
    return describe_extent(document, extent, orjson.loads(row[7])) if extent else document
