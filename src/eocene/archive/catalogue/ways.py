"""Which way into the SQLite catalogue is the cheapest for a search: its tree, time, or names.

SQLite's own planner knows nothing of how few boxes its R*Tree leaves, nor how soon a walk from the newest
item on may end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from eocene.archive.catalogue.cql2_sql import Sql, join
from eocene.archive.catalogue.search import ALWAYS

if TYPE_CHECKING:
    from eocene.archive.catalogue.schema import Connection
    from eocene.archive.catalogue.search import Search
    from eocene.archive.catalogue.search_sql import Selection

_KNOWN = """
SELECT coalesce(sum(items), 0), coalesce(sum(CASE WHEN id IN (SELECT value FROM json_each(?)) THEN items END), 0),
    min(first), max(last), max(longest)
FROM collections
"""  # noqa: E501
_ROW_COST = 3  # of a row that is looked at, in those of a box that the tree leaves
_CAUTION = 10  # times as many rows are expected until enough match: items come in clusters, filters are blind


@dataclass(frozen=True)
class Way:
    """What stands behind FROM, each item once, and behind WHERE."""

    source: Sql
    where: Sql
    is_tree: bool = False


@dataclass(frozen=True)
class _Whole:
    """What is known of all items: how many, how many in the wanted collections, and when; microseconds."""

    total: int
    chosen: int
    first: int
    last: int
    longest: int

    def part(self, start: int, end: int) -> float:
        """Return the part of all items in a time, as if they were spread evenly."""
        covered = min(end, self.last) - max(start, self.first)
        return min(max(covered / max(self.last - self.first, 1), 0.0), 1.0)


def choose_way(connection: Connection, query: Search, selection: Selection, limit: int | None) -> Way:
    """Return the way on which the fewest rows are to be expected.

    Parameters
    ----------
    connection : Connection
        The catalogue.
    query, selection
        The search.
    limit : int or None
        How many items are wanted, where no others have to be looked at for it.
    """
    names = orjson.dumps(query.collections).decode()
    whole = _Whole(*connection.execute(_KNOWN, (names,)).fetchone())
    if selection.is_named or not whole.total:
        return Way(Sql("items"), selection.where)
    start, end = selection.time
    costs = {"time": _ROW_COST * _count_by_time(whole, query, selection, limit)}
    if query.collections:
        costs["names"] = _ROW_COST * whole.chosen
    if selection.tree is not None:
        costs["tree"] = whole.total * whole.part(start, end) * min(2 * selection.share, 1.0)
    way = min(costs, key=lambda name: costs[name])
    if way == "tree" and selection.tree is not None:
        near = f"(SELECT DISTINCT key FROM ({selection.tree.text})) AS near"  # noqa: S608  (values are bound)
        source = Sql(f"{near} CROSS JOIN items ON items.key = near.key", selection.tree.parameters)
        return Way(source, selection.where, is_tree=True)
    if way == "names":
        return Way(Sql("items INDEXED BY items_by_name"), selection.where)
    if query.span == ALWAYS:
        return Way(
            Sql("items INDEXED BY items_by_time" if selection.newest_first else "items"), selection.where
        )
    earliest = Sql("items.first >= ?", (start - whole.longest,))
    return Way(Sql("items INDEXED BY items_by_time"), join("AND", [earliest, selection.where]))


def _count_by_time(whole: _Whole, query: Search, selection: Selection, limit: int | None) -> float:
    """Return how many rows are looked at on the way by time."""
    start, end = selection.time
    rows = whole.total * whole.part(start - whole.longest, end)
    if limit is None or not selection.newest_first:
        return rows
    chosen = whole.chosen / whole.total if query.collections else 1.0
    return min(rows, _CAUTION * limit / max(selection.share * chosen, 1e-9))
