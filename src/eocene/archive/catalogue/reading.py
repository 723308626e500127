"""How a search is run on the SQLite catalogue, and what is found, in order."""

from __future__ import annotations

from dataclasses import replace
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import orjson

from eocene.archive.catalogue.cql2_sql import Sql
from eocene.archive.catalogue.ways import choose_way

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.catalogue.schema import Connection
    from eocene.archive.catalogue.search import Search
    from eocene.archive.catalogue.search_sql import Selection
    from eocene.archive.catalogue.ways import Way

_DOCUMENT = "SELECT document FROM documents WHERE key = ?"
_GROUPS = {
    "collection": "items.collection",
    "month": "strftime('%Y-%m', items.first / 1000000, 'unixepoch')",
    "cloud_cover": "min(max(CAST(items.cloud_cover AS INTEGER) / 10 * 10, 0), 90)",
    "square": "CAST(floor((items.west + items.east) / 2) AS INTEGER) || '/' "
    "|| CAST(floor((items.south + items.north) / 2) AS INTEGER)",
    "cell": "cells.cell",
}


def find_items(
    connection: Connection, query: Search, selection: Selection, limit: int | None, offset: int = 0
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Return keys and documents of the items that match, in order, read when their turn comes."""
    wanted = None if limit is None else offset + limit
    way = choose_way(connection, query, selection, wanted)
    connection.region = selection.region
    if way.is_tree and selection.tree is not None and selection.newest_first:
        found = _newest_from_tree(connection, selection.tree, way.where)
    else:
        found = _by_order(connection, way, selection.order, wanted if selection.filter is None else None)
    pairs = ((key, orjson.loads(document)) for key, document in found)
    if selection.filter is not None:
        pairs = ((key, item) for key, item in pairs if selection.filter.matches(item))
    return islice(pairs, offset, wanted)


def count_items(connection: Connection, query: Search, selection: Selection) -> int:
    """Return how many items match."""
    if selection.filter is not None:
        return sum(1 for _ in find_items(connection, query, selection, None))
    way = choose_way(connection, query, selection, None)
    connection.region = selection.region
    text = f"SELECT count(*) FROM {way.source.text} WHERE {way.where.text}"  # noqa: S608  (values are bound)
    count: int = connection.execute(text, (*way.source.parameters, *way.where.parameters)).fetchone()[0]
    return count


def group_items(connection: Connection, query: Search, selection: Selection, by: str) -> dict[str, int]:
    """Return how many items match in each group that has any, by the groups' names."""
    if selection.filter is not None:
        keys = [key for key, _ in find_items(connection, query, selection, None)]
        chosen = Sql("items.key IN (SELECT value FROM json_each(?))", (orjson.dumps(keys).decode(),))
        selection = replace(selection, where=chosen, filter=None, is_named=True)
    way = choose_way(connection, query, selection, None)
    connection.region = selection.region
    group = _GROUPS[by]
    cells = " JOIN cells ON cells.item = items.key" if by == "cell" else ""
    text = (
        f"SELECT {group} AS value, count(*) FROM {way.source.text}{cells} "  # noqa: S608  (values are bound)
        f"WHERE ({way.where.text}) AND {group} IS NOT NULL GROUP BY value ORDER BY value"
    )
    rows = connection.execute(text, (*way.source.parameters, *way.where.parameters)).fetchall()
    return {str(value): count for value, count in rows}


def sort_values(connection: Connection, selection: Selection, key: int) -> tuple[Any, ...]:
    """Return the values that an item is sorted by."""
    text = ", ".join(value.text for value, _ in selection.orders)
    parameters = [p for value, _ in selection.orders for p in value.parameters]
    query = f"SELECT {text} FROM items WHERE key = ?"  # noqa: S608  (values are bound)
    values: tuple[Any, ...] = connection.execute(query, (*parameters, key)).fetchone()
    return values


def _by_order(connection: Connection, way: Way, order: Sql, limit: int | None) -> Iterator[tuple[int, str]]:
    """Yield keys and documents in the order of the search, which SQLite makes."""
    text = (
        f"SELECT items.key FROM {way.source.text} WHERE {way.where.text} "  # noqa: S608  (values are bound)
        f"ORDER BY {order.text} LIMIT ?"
    )
    bound = (*way.source.parameters, *way.where.parameters, *order.parameters, -1 if limit is None else limit)
    for (key,) in connection.execute(text, bound):
        yield key, connection.execute(_DOCUMENT, (key,)).fetchone()[0]


def _newest_from_tree(connection: Connection, tree: Sql, where: Sql) -> Iterator[tuple[int, str]]:
    """Yield keys and documents from the newest on, reading no more than are asked for, but for a second more.

    The tree's boxes come out by their seconds; those of one second are then put in the exact order.
    """
    text = (  # without LIMIT, SQLite leaves out the order of a part of a join
        "SELECT near.mint, -items.first, items.id, items.collection, items.key, documents.document "  # noqa: S608
        f"FROM ({tree.text} ORDER BY mint DESC LIMIT -1) AS near "
        "CROSS JOIN items ON items.key = near.key "
        f"CROSS JOIN documents ON documents.key = items.key WHERE {where.text}"
    )
    rows = connection.execute(text, (*tree.parameters, *where.parameters))
    for _, group in groupby(rows, key=itemgetter(0)):
        found = {row[4]: row for row in group}  # by their keys: an item may have two boxes
        for row in sorted(found.values()):
            yield row[4:]
