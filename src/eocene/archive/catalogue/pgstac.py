"""The catalogue of many machines: pgstac's tables in PostgreSQL, where other STAC software finds them too."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from eocene.archive.catalogue.cql2_sql import Sql
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
from eocene.archive.catalogue.pgstac_reading import (
    DOCUMENT,
    count_pgstac,
    find_pgstac,
    group_pgstac,
    page_values,
)
from eocene.archive.catalogue.pgstac_schema import database_error, open_pool
from eocene.archive.catalogue.pgstac_search import bind, compile_pgstac, pgstac_orders
from eocene.archive.catalogue.pgstac_writing import (
    delete_pgstac,
    lock_collection,
    put_collections,
    write_pgstac,
)
from eocene.archive.catalogue.rows import make_rows
from eocene.archive.catalogue.search import Page, Search, make_token, read_token
from eocene.archive.catalogue.writing import no_collection
from eocene.archive.fields import pick_fields

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from psycopg import Connection


_BATCH = 5_000
_COLLECTIONS = """
SELECT c.content::text, o.west, o.south, o.east, o.north, o.first, o.last, o.summaries
FROM pgstac.collections AS c LEFT JOIN eocene.collections AS o ON o.id = c.id
"""
# Every change of items changes the row of their collection, and every change of a row its transaction.
_STAMP = """
SELECT count(*), coalesce(sum(c.xmin::text::bigint), 0), coalesce(sum(o.xmin::text::bigint), 0)
FROM pgstac.collections AS c LEFT JOIN eocene.collections AS o ON o.id = c.id
"""


class PgstacCatalogue(Catalogue):
    """Collections and items in a PostgreSQL database with pgstac.

    Parameters
    ----------
    url : str
        Such as ``postgresql://user:password@host/database``; pgstac and our own schema ``eocene`` are made
        in it, or brought up to date.

    Raises
    ------
    UnavailableError
        If the packages for it are not installed.
    DamageError
        If the database cannot be reached or changed.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool = open_pool(url)

    def close(self) -> None:  # noqa: D102
        self._pool.close()

    # -- collections ---------------------------------------------------------------------------

    def collections(self) -> list[dict[str, Any]]:  # noqa: D102
        with self._connection() as connection:
            rows = connection.execute(f'{_COLLECTIONS} ORDER BY c.id COLLATE "C"').fetchall()
        return [_read_collection(row) for row in rows]

    def collection(self, id: str) -> dict[str, Any]:  # noqa: A002, D102
        with self._connection() as connection:
            found = _execute(connection, Sql(f"{_COLLECTIONS} WHERE c.id = ?", (id,))).fetchone()
            if found is None:
                raise _no_collection(connection, id)
        return _read_collection(found)

    def delete_collection(self, id: str) -> int:  # noqa: A002, D102
        with self._connection() as connection:
            lock_collection(connection, id.replace("\x00", "\ufffd"))
            counted = connection.execute("SELECT count(*) FROM pgstac.items WHERE collection = %s", (id,))
            (count,) = counted.fetchone() or (0,)
            connection.execute("SELECT pgstac.delete_collection(%s)", (id,))
        return int(count)

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
        with self._connection() as connection:
            put_collections(connection, documents)
            for root in roots:
                connection.execute(
                    "INSERT INTO eocene.roots VALUES (%s) ON CONFLICT DO NOTHING", (root_text(root),)
                )
            for batch in in_batches(items, _BATCH):
                rows = make_rows(batch)
                for name, group in rows.by_collection():
                    write_pgstac(connection, name, group, mode)
                total += len(rows)
        return total

    def patch_item(self, collection: str, id: str, patch: dict[str, Any]) -> dict[str, Any]:  # noqa: A002, D102
        with self._connection() as connection:
            lock_collection(connection, collection.replace("\x00", "\ufffd"))
            item = merge_patch(_read_item(connection, collection, id), patch)
            write_pgstac(connection, collection, make_rows([item]), "update")
        return item

    def delete_items(self, collection: str, ids: Iterable[str]) -> int:  # noqa: D102
        names = [name for name in ids if "\x00" not in name]
        with self._connection() as connection:
            return delete_pgstac(connection, collection, names)

    def item(self, collection: str, id: str) -> dict[str, Any]:  # noqa: A002, D102
        with self._connection() as connection:
            return _read_item(connection, collection, id)

    # -- search --------------------------------------------------------------------------------

    def search(self, query: Search) -> list[dict[str, Any]]:  # noqa: D102
        selection = compile_pgstac(query)
        with self._connection() as connection:
            found = find_pgstac(connection, selection, query.limit, query.offset)
            return [pick_fields(item, query.fields) for item in found]

    def page(self, query: Search, token: str | None = None, *, counted: bool = False) -> Page:  # noqa: D102
        limit = 10 if query.limit is None else query.limit
        after = None if token is None else read_token(query, token, len(pgstac_orders(query)))
        selection = compile_pgstac(query, after)
        with self._connection() as connection:
            pairs = find_pgstac(connection, selection, limit + 1, query.offset if token is None else 0)
            found = list(islice(pairs, limit))
            following = None
            if found and next(pairs, None) is not None:
                following = make_token(query, page_values(connection, selection, found[-1]))
            matched = count_pgstac(connection, compile_pgstac(query)) if counted else None
        return Page([pick_fields(item, query.fields) for item in found], following, matched)

    def count(self, query: Search) -> int:  # noqa: D102
        selection = compile_pgstac(query)
        with self._connection() as connection:
            return count_pgstac(connection, selection)

    def aggregate(self, query: Search, by: str) -> dict[str, int]:  # noqa: D102
        check_group(by)
        selection = compile_pgstac(query)
        with self._connection() as connection:
            return group_pgstac(connection, selection, by)

    # -- roots ---------------------------------------------------------------------------------

    def stamp(self) -> tuple[int, ...]:  # noqa: D102
        with self._connection() as connection:
            return tuple(int(number) for number in connection.execute(_STAMP).fetchone() or ())

    def roots(self) -> list[str]:  # noqa: D102
        with self._connection() as connection:
            found = connection.execute('SELECT path FROM eocene.roots ORDER BY path COLLATE "C"').fetchall()
        return [path for (path,) in found]

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        """Lend a connection in a transaction, which ends with the block."""
        import psycopg
        from psycopg_pool import PoolTimeout

        try:
            with self._pool.connection() as connection:
                yield connection
        except (psycopg.Error, PoolTimeout) as error:
            raise database_error(self._url, error) from error


def _execute(connection: Connection[Any], sql: Sql) -> Any:
    text, parameters = bind(sql)
    return connection.execute(text.encode(), parameters)


def _read_collection(row: tuple[Any, ...]) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(row[0])
    extent = Extent.from_columns(row[1:7])
    return describe_extent(document, extent, orjson.loads(row[7])) if extent else document


def _read_item(connection: Connection[Any], collection: str, name: str) -> dict[str, Any]:
    query = f"SELECT {DOCUMENT} FROM pgstac.items WHERE collection = ? AND id = ?"  # noqa: S608
    found = _execute(connection, Sql(query, (collection, name))).fetchone()
    if found is not None:
        item: dict[str, Any] = orjson.loads(found[0])
        return item
    known = _execute(
        connection, Sql("SELECT 1 FROM pgstac.collections WHERE id = ?", (collection,))
    ).fetchone()
    raise no_item(collection, name) if known else _no_collection(connection, collection)


def _no_collection(connection: Connection[Any], name: str) -> Exception:
    names = connection.execute('SELECT id FROM pgstac.collections ORDER BY id COLLATE "C"').fetchall()
    return no_collection(name, [known for (known,) in names])
