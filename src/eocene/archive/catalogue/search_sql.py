"""A search as SQL of the SQLite catalogue: conditions on its columns, and where its R*Tree is asked first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.archive.catalogue.cql2_filter import Filter, read_filter
from eocene.archive.catalogue.cql2_sql import Sql, join
from eocene.archive.catalogue.region import read_area, touches_region
from eocene.archive.catalogue.search import (
    ALWAYS,
    Order,
    microseconds,
    sort_orders,
    wrong_sort,
)
from eocene.archive.catalogue.sqlite_dialect import SqliteDialect
from eocene.archive.tree import ask_cover, ask_time, square

if TYPE_CHECKING:
    from eocene.archive.catalogue.schema import RegionTest
    from eocene.archive.catalogue.search import Search
    from eocene.model.grid import BBox

_DIALECT = SqliteDialect()
_PLACE = "items.west, items.south, items.east, items.north"
_SHAPE = "(SELECT shape FROM documents WHERE documents.key = items.key)"
_OVERLAPS = (
    "items.south <= ? AND items.north >= ? AND CASE WHEN items.west <= items.east "
    "THEN items.west <= ? AND items.east >= ? ELSE items.west <= ? OR items.east >= ? END"
)
_INSIDE = (
    "(items.west >= ? AND items.south >= ? AND items.east <= ? AND items.north <= ? "
    "AND items.west <= items.east)"
)
_BOXES = (  # time comes first: of the boxes in a node that is looked at it leaves the fewest
    "SELECT box >> 1 AS key, mint FROM boxes WHERE mint <= ? AND maxt >= ? "
    "AND minx <= ? AND maxx >= ? AND miny <= ? AND maxy >= ?"
)


@dataclass(frozen=True)
class Selection:
    """A search as SQL.

    Attributes
    ----------
    where : Sql
        The conditions on the table ``items``.
    orders : tuple of (Sql, bool)
        What to sort by, and whether it falls; id and collection are the last two.
    tree : Sql or None
        Keys and times of all items whose boxes meet the search, perhaps twice, and some more.
    is_named : bool
        Whether ids or cells are given, which lead to few items at once.
    time : tuple of int
        When the searched time starts and ends, in microseconds since 1970.
    share : float
        The part of the world that is searched.
    region : callable or None
        Tells whether a geometry touches the wanted area; the SQL calls it as ``meets_region``.
    filter : Filter or None
        What Python has to check afterwards.
    newest_first : bool
        Whether the order is that of time, newest first, then id and collection.
    """

    where: Sql
    orders: tuple[tuple[Sql, bool], ...]
    tree: Sql | None
    time: tuple[int, int]
    share: float
    region: RegionTest | None
    filter: Filter | None
    newest_first: bool
    is_named: bool

    @property
    def order(self) -> Sql:
        """What stands behind ORDER BY."""
        texts = [f"{value.text} {'DESC' if falls else 'ASC'} NULLS LAST" for value, falls in self.orders]
        if self.newest_first:
            texts = ["items.first DESC", "items.id", "items.collection"]
        return Sql(", ".join(texts), tuple(p for value, _ in self.orders for p in value.parameters))


def compile_search(query: Search, after: tuple[Any, ...] | None = None) -> Selection:
    """Return the SQL of a search.

    Parameters
    ----------
    query : Search
        What is wanted.
    after : tuple, optional
        The values of the sort fields of an item; only items after it are wanted.

    Raises
    ------
    InputError
        If the geometry, the filter or a sort field is wrong.
    """
    conditions = [
        Sql(f"items.{column} IN ({_marks(values)})", values)
        for column, values in (("collection", query.collections), ("id", query.ids))
        if values
    ]
    if query.ids and not query.collections:  # the index on names begins with the collection
        conditions.append(Sql("items.collection IN (SELECT id FROM collections)"))
    if query.cells:
        cells = f"SELECT item FROM cells WHERE cell IN ({_marks(query.cells)})"  # noqa: S608
        conditions.append(Sql(f"items.key IN ({cells})", query.cells))
    time = start, end = microseconds(query.span)
    if query.span != ALWAYS:
        conditions.append(Sql("items.first < ? AND items.last >= ?", (end, start)))
    matcher = read_filter(query.filter, _DIALECT) if query.filter is not None else None
    if matcher:
        conditions.extend(matcher.sql)
    orders = _sort_values(query.sortby) if query.sortby else _NEWEST
    newest_first = query.sortby in ((), ("-datetime",), ("-datetime", "id"), ("-properties.datetime",))
    if after is not None:
        conditions.append(after_values(orders, after))
        if newest_first:
            conditions.append(Sql("items.first <= ?", (after[0],)))
    parts, regions = read_area(query)
    tree = None
    if parts:
        conditions.append(_touching(parts, inside_counts=query.bbox is not None))
        if not query.ids and not query.cells:
            latest = after[0] if after is not None and newest_first else None
            tree = _ask_tree(time, parts, matcher.cover if matcher else None, latest)
    share = sum((e - w) * (n - s) for w, s, e, n in parts) / 64_800.0 if parts else 1.0
    region = touches_region(parts if query.bbox is not None else [], regions) if regions else None
    return Selection(
        join("AND", conditions or [Sql("1")]), orders, tree, time, share, region,
        None if matcher is None or matcher.is_exact else matcher, newest_first,
        bool(query.ids or query.cells),
    )  # fmt: skip


def _marks(values: tuple[Any, ...]) -> str:
    return ", ".join("?" * len(values))


def _touching(parts: list[BBox], *, inside_counts: bool) -> Sql:
    """Return the exact condition; only geometries that are not inside the boxes have to be looked at."""
    near = " OR ".join([f"({_OVERLAPS})"] * len(parts))
    values = tuple(v for w, s, e, n in parts for v in (n, s, e, w, e, w))
    touches = f"meets_region({_SHAPE}, {_PLACE})"
    if not inside_counts:
        return Sql(f"({near}) AND {touches}", values)
    inside = " OR ".join([_INSIDE] * len(parts))
    return Sql(f"({near}) AND ({inside} OR {touches})", values + tuple(v for part in parts for v in part))


def _ask_tree(
    time: tuple[int, int], parts: list[BBox], cover: tuple[float, float] | None, latest: int | None
) -> Sql:
    start, end = time
    bounds = ask_time(start, end if latest is None else min(end, latest))
    text: str = _BOXES
    covers: tuple[int, ...] = ()
    if cover is not None:
        text, covers = f"{_BOXES} AND minc <= ? AND maxc >= ?", ask_cover(*cover)
    values: tuple[int, ...] = ()
    for part in parts:
        minx, maxx, miny, maxy = map(int, square(*part))
        values += (*bounds, maxx, minx, maxy, miny, *covers)
    return Sql(" UNION ALL ".join([text] * len(parts)), values)


def _sort_values(sortby: tuple[str, ...]) -> tuple[tuple[Sql, bool], ...]:
    return tuple((_sort_value(order), order.falls) for order in sort_orders(sortby))


def _sort_value(order: Order) -> Sql:
    columns = {"datetime": Sql("items.first"), "eo:cloud_cover": Sql("items.cloud_cover")}
    value = columns.get(order.name, _DIALECT.value(order.name))
    if value is None:
        raise wrong_sort(order.name)
    return value


def after_values(orders: tuple[tuple[Sql, bool], ...], values: tuple[Any, ...], equals: str = "IS") -> Sql:
    """Return the condition that an item comes after the one with these values, nulls last."""
    alternatives: list[Sql] = []
    same: list[Sql] = []
    for (value, falls), last in zip(orders, values, strict=True):
        if last is not None:
            beyond = f"{value.text} {'<' if falls else '>'} ? OR {value.text} IS NULL"
            parameters = (*value.parameters, last, *value.parameters)
            alternatives.append(join("AND", [*same, Sql(beyond, parameters)]))
        same.append(Sql(f"{value.text} {equals} ?", (*value.parameters, last)))
    return join("OR", alternatives)


_NEWEST = _sort_values(())
