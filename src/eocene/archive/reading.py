"""How a search is run on the SQLite catalogue: which way in is cheapest, and what is found, in order."""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from eocene.archive.cql2_sql import Sql
from eocene.archive.search import ALWAYS, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.schema import Connection
    from eocene.archive.search import Search
    from eocene.archive.search_sql import Selection

_DOCUMENT = "SELECT document FROM documents WHERE key = ?"
_WHOLE = """
SELECT coalesce(sum(items), 0),
    coalesce(sum(CASE WHEN id IN (SELECT value FROM json_each(?)) THEN items END), 0), min(first), max(last)
FROM collections
"""
_ROW_COST = 3  # of an item looked at by time, in those of a box met in the tree
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
    """Yield keys and documents of the items that match, in order.

    Documents are read one by one, when their turn comes: what is sorted and skipped are rows alone.
    """
    selection = _choose_way(connection, query, selection, None if limit is None else limit + offset)
    connection.region = selection.region
    wanted = None if limit is None else offset + limit
    keys = _keys_in_order(connection, selection, wanted if selection.filter is None else None)
    if selection.filter is None:
        for key in islice(keys, offset, wanted):
            yield key, _read_document(connection, key)
        return
    pairs = ((key, _read_document(connection, key)) for key in keys)
    yield from islice((pair for pair in pairs if selection.filter.matches(pair[1])), offset, wanted)


def count_items(connection: Connection, query: Search, selection: Selection) -> int:
    """Return how many items match."""
    if selection.filter is not None:
        return sum(1 for _ in find_items(connection, query, selection, None))
    selection = _choose_way(connection, query, selection, None)
    connection.region = selection.region
    source = _source(selection)
    text = f"SELECT count(*) FROM {source.text} WHERE {selection.where.text}"  # noqa: S608  (values are bound)
    count: int = connection.execute(text, (*source.parameters, *selection.where.parameters)).fetchone()[0]
    return count


def group_items(connection: Connection, query: Search, selection: Selection, by: str) -> dict[str, int]:
    """Return how many items match in each group that has any, by the groups' names."""
    if selection.filter is not None:
        keys = [key for key, _ in find_items(connection, query, selection, None)]
        chosen = Sql("items.key IN (SELECT value FROM json_each(?))", (orjson.dumps(keys).decode(),))
        selection = replace(selection, where=chosen, tree=None, filter=None)
    selection = _choose_way(connection, query, selection, None)
    connection.region = selection.region
    source, group = _source(selection), _GROUPS[by]
    cells = " JOIN cells ON cells.item = items.key" if by == "cell" else ""
    text = (
        f"SELECT {group} AS value, count(*) FROM {source.text}{cells} "  # noqa: S608  (values are bound)
        f"WHERE ({selection.where.text}) AND {group} IS NOT NULL GROUP BY value ORDER BY value"
    )
    rows = connection.execute(text, (*source.parameters, *selection.where.parameters)).fetchall()
    return {str(value): count for value, count in rows}


def sort_values(connection: Connection, selection: Selection, key: int) -> tuple[Any, ...]:
    """Return the values that an item is sorted by."""
    text = ", ".join(value.text for value, _ in selection.orders)
    parameters = [p for value, _ in selection.orders for p in value.parameters]
    query = f"SELECT {text} FROM items WHERE key = ?"  # noqa: S608  (values are bound)
    values: tuple[Any, ...] = connection.execute(query, (*parameters, key)).fetchone()
    return values


def _read_document(connection: Connection, key: int) -> dict[str, Any]:
    document: dict[str, Any] = orjson.loads(connection.execute(_DOCUMENT, (key,)).fetchone()[0])
    return document


def _choose_way(connection: Connection, query: Search, selection: Selection, limit: int | None) -> Selection:
    """Return the selection without its tree where walking through the items by time looks at fewer.

    The estimate takes items as spread evenly over the world and over the time of all collections.
    """
    if selection.tree is None:
        return selection
    names = orjson.dumps(query.collections).decode()
    total, chosen, first, last = connection.execute(_WHOLE, (names,)).fetchone()
    if not total:
        return selection
    start, end = microseconds(query.span)
    covered = min(end, last) - max(start, first) if query.span != ALWAYS else last - first
    part = min(max(covered / max(last - first, 1), 0.0), 1.0)
    walked = (chosen if query.collections else total) * part
    if limit is not None and selection.newest_first:
        walked = min(walked, 10 * limit / max(selection.share, 1e-9))
    in_tree = total * part * min(2 * selection.share, 1.0)
    return selection if in_tree <= _ROW_COST * walked else replace(selection, tree=None)


def _source(selection: Selection) -> Sql:
    """Return what stands behind FROM: each item once."""
    if selection.tree is None:
        return Sql("items")
    # CROSS JOIN keeps SQLite from starting at the items: it knows nothing of how few the tree leaves.
    text = (
        f"(SELECT DISTINCT key FROM ({selection.tree.text})) AS near CROSS JOIN items ON items.key = near.key"  # noqa: S608
    )
    return Sql(text, selection.tree.parameters)


def _keys_in_order(connection: Connection, selection: Selection, limit: int | None) -> Iterator[int]:
    if selection.tree is not None and selection.newest_first:
        yield from _newest_from_tree(connection, selection)
        return
    source, where, order = _source(selection), selection.where, selection.order
    text = f"SELECT items.key FROM {source.text} WHERE {where.text} ORDER BY {order.text} LIMIT ?"  # noqa: S608
    parameters = (*source.parameters, *where.parameters, *order.parameters, -1 if limit is None else limit)
    for (key,) in connection.execute(text, parameters):
        yield key


def _newest_from_tree(connection: Connection, selection: Selection) -> Iterator[int]:
    """Yield keys from the newest on, looking at no more items than are asked for, but for one second more.

    The tree's boxes come out by their seconds; those of one second are then put in the exact order.
    """
    assert selection.tree is not None  # noqa: S101
    text = (  # without LIMIT, SQLite leaves out the order of a part of a join
        f"WITH near AS MATERIALIZED ({selection.tree.text} ORDER BY mint DESC LIMIT -1) "  # noqa: S608
        "SELECT near.mint, -items.first, items.id, items.collection, items.key "
        f"FROM near CROSS JOIN items ON items.key = near.key WHERE {selection.where.text}"
    )
    second, group = None, set[tuple[Any, ...]]()
    for row in connection.execute(text, (*selection.tree.parameters, *selection.where.parameters)):
        if row[0] != second:
            yield from (key for *_, key in sorted(group))
            second, group = row[0], set()
        group.add(row)
    yield from (key for *_, key in sorted(group))
