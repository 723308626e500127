"""How a search is run on pgstac's tables, and what is found, in order."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from eocene.archive.catalogue.cql2_sql import Sql
from eocene.archive.catalogue.item_checks import CELLS
from eocene.archive.catalogue.pgstac_search import DIALECT, bind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from psycopg import Connection

    from eocene.archive.catalogue.pgstac_search import PgstacSelection

# Items that other software has put have no copy of what was given.
DOCUMENT = "coalesce(items.private, pgstac.content_hydrate(items))::text"
_CLOUD = DIALECT.typed("eo:cloud_cover", "number") or Sql("NULL")
_PROPERTIES = "items.content -> 'properties'"
_MIDDLE = "floor((ST_{0}Min(items.geometry) + ST_{0}Max(items.geometry)) / 2)::int"
_CELLS = f"jsonb_array_elements_text({_PROPERTIES} -> '{CELLS}')"
_GROUPS = {
    "collection": Sql("items.collection"),
    "month": Sql("to_char(items.datetime AT TIME ZONE 'UTC', 'YYYY-MM')"),
    "cloud_cover": Sql(
        f"CASE WHEN {_CLOUD.text} < 0 THEN 0 WHEN {_CLOUD.text} >= 90 THEN 90 "
        f"ELSE trunc({_CLOUD.text})::int / 10 * 10 END",
        _CLOUD.parameters * 3,
    ),
    "square": Sql(f"{_MIDDLE.format('X')} || '/' || {_MIDDLE.format('Y')}"),
    "cell": Sql("cells.cell"),
}


def find_pgstac(
    connection: Connection[Any], selection: PgstacSelection, limit: int | None, offset: int = 0
) -> Iterator[dict[str, Any]]:
    """Yield the items that match, in order; where Python has a say, they come from the server in batches."""
    where, order = selection.where, selection.order
    text = f"SELECT {DOCUMENT} FROM pgstac.items WHERE {where.text} ORDER BY {order.text}"  # noqa: S608
    parameters = (*where.parameters, *order.parameters)
    if selection.filter is None:
        text, parameters = f"{text} LIMIT ? OFFSET ?", (*parameters, limit, offset)
        found, values = bind(Sql(text, parameters))
        for (document,) in connection.execute(found.encode(), values):
            yield orjson.loads(document)
        return
    found, values = bind(Sql(text, parameters))
    with connection.cursor(name="found") as cursor:
        cursor.execute(found.encode(), values)
        items = (orjson.loads(document) for (document,) in cursor)
        wanted = None if limit is None else offset + limit
        yield from islice((item for item in items if selection.filter.matches(item)), offset, wanted)


def count_pgstac(connection: Connection[Any], selection: PgstacSelection) -> int:
    """Return how many items match."""
    if selection.filter is not None:
        return sum(1 for _ in find_pgstac(connection, selection, None))
    where = selection.where
    text, values = bind(Sql(f"SELECT count(*) FROM pgstac.items WHERE {where.text}", where.parameters))  # noqa: S608
    row = connection.execute(text.encode(), values).fetchone()
    return int(row[0]) if row else 0


def group_pgstac(connection: Connection[Any], selection: PgstacSelection, by: str) -> dict[str, int]:
    """Return how many items match in each group that has any, by the groups' names."""
    if selection.filter is not None:
        names = [(item["collection"], item["id"]) for item in find_pgstac(connection, selection, None)]
        chosen = "(items.collection, items.id) IN (SELECT * FROM unnest(?::text[], ?::text[]))"
        columns = [[name[0] for name in names], [name[1] for name in names]]
        selection = replace(selection, where=Sql(chosen, tuple(columns)), filter=None)
    where, group = selection.where, _GROUPS[by]
    cells = f" CROSS JOIN LATERAL {_CELLS} AS cells (cell)" if by == "cell" else ""
    text = (
        f"SELECT value, count(*) FROM (SELECT {group.text} AS value FROM pgstac.items{cells} "  # noqa: S608
        f"WHERE {where.text}) AS found WHERE value IS NOT NULL GROUP BY value ORDER BY value"
    )
    bound, values = bind(Sql(text, (*group.parameters, *where.parameters)))
    return {str(value): count for value, count in connection.execute(bound.encode(), values)}


def page_values(
    connection: Connection[Any], selection: PgstacSelection, item: dict[str, Any]
) -> tuple[Any, ...]:
    """Return the values that an item is sorted by; times as texts with microseconds."""
    text = ", ".join(value.text for value, _ in selection.orders)
    parameters = tuple(p for value, _ in selection.orders for p in value.parameters)
    query = f"SELECT {text} FROM pgstac.items WHERE collection = ? AND id = ?"  # noqa: S608
    bound, values = bind(Sql(query, (*parameters, item["collection"], item["id"])))
    row = connection.execute(bound.encode(), values).fetchone() or ()
    return tuple(value.isoformat() if isinstance(value, datetime) else value for value in row)
