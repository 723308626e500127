"""How items come into pgstac's tables, and how extents follow in ours."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

import orjson
import shapely

from eocene.archive.catalogue.extents import Extent, extent_of, summarise
from eocene.archive.catalogue.interface import Mode, item_exists, no_item
from eocene.archive.catalogue.item_checks import dump
from eocene.archive.catalogue.pgstac_dialect import instant
from eocene.archive.catalogue.pgstac_slim import slim_item
from eocene.archive.catalogue.region import draw_box
from eocene.archive.catalogue.writing import no_collection
from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from psycopg import Connection

    from eocene.archive.catalogue.rows import Rows

_SUMMARISED = 10_000
_NUL = re.compile(r"(?<!\\)(?:\\\\)*\\u0000")
_NOWHERE = shapely.GeometryCollection()
_KNOWN = (
    "SELECT west, south, east, north, first, last, summaries FROM eocene.collections WHERE id = %s FOR UPDATE"
)
_STAGING = """
CREATE TEMP TABLE IF NOT EXISTS eocene_staging (
    id text, collection text, shape geometry, first timestamptz, last timestamptz,
    content jsonb, document jsonb
) ON COMMIT DELETE ROWS
"""
# As pgstac's own trigger does it: partitions first, by the steps of the collection.
_PARTITIONS = """
WITH parts AS (
    SELECT s.collection, coalesce(date_trunc(c.partition_trunc, s.first), '-infinity') AS part,
        tstzrange(min(s.first), max(s.first), '[]') AS firsts,
        tstzrange(min(s.last), max(s.last), '[]') AS lasts
    FROM eocene_staging AS s JOIN pgstac.collections AS c ON c.id = s.collection GROUP BY 1, 2
)
SELECT pgstac.check_partition(collection, firsts, lasts)
FROM (SELECT * FROM parts ORDER BY collection, part) AS ordered
"""
# pgstac drops nulls from its own form of an item; so the item as it was given stands beside that.
_INSERT = """
INSERT INTO pgstac.items (id, geometry, collection, datetime, end_datetime, content, private)
SELECT id, shape, collection, first, last, content, document FROM eocene_staging
"""
_WEST, _SOUTH = (
    "coalesce((private #>> '{bbox,0}')::float8, ST_XMin(geometry))",
    ("coalesce((private #>> '{bbox,1}')::float8, ST_YMin(geometry))"),
)
_EAST = (
    "coalesce((private -> 'bbox' ->> (jsonb_array_length(private -> 'bbox') / 2))::float8, ST_XMax(geometry))"
)
_NORTH = (
    "coalesce((private -> 'bbox' ->> (jsonb_array_length(private -> 'bbox') / 2 + 1))::float8, "
    "ST_YMax(geometry))"
)
_TIME = "(extract(epoch FROM {}) * 1000000)::bigint"
_EXTENT = f"""
SELECT min(west), min(south), max(east), max(north), min(first), max(last) FROM (
    SELECT CASE WHEN ST_IsEmpty(geometry) THEN NULL ELSE {_WEST} END AS west, {_SOUTH} AS south,
        CASE WHEN ST_IsEmpty(geometry) THEN NULL ELSE {_EAST} END AS east, {_NORTH} AS north,
        {_TIME.format("datetime")} AS first, {_TIME.format("end_datetime")} AS last
    FROM pgstac.items WHERE collection = %s
) AS boxes GROUP BY coalesce(west > east, false) ORDER BY coalesce(west > east, false)
"""  # noqa: S608  (our own words)


def write_pgstac(connection: Connection[Any], collection: str, rows: Rows, mode: Mode) -> None:
    """Add or replace the rows of one collection, and widen its extent; in the caller's transaction.

    Raises
    ------
    NotFoundError
        If the collection does not exist, or an item that is to be updated.
    InputError
        If an item exists that is to be created, or has a text that PostgreSQL cannot keep.
    """
    known = lock_collection(connection, collection)
    rows = rows.last_of_each()
    ids = rows.ids
    found = connection.execute(
        "SELECT id FROM pgstac.items WHERE collection = %s AND id = ANY(%s)", (collection, ids)
    )
    old = {name for (name,) in found}
    if mode == "create" and old:
        raise item_exists(collection, min(old))
    if mode == "update" and len(old) < len(rows):
        raise no_item(collection, next(name for name in ids if name not in old))
    if old:
        delete = "DELETE FROM pgstac.items WHERE collection = %s AND id = ANY(%s)"
        connection.execute(delete, (collection, list(old)))
    _stage(connection, collection, rows)
    connection.execute(_PARTITIONS)
    connection.execute(_INSERT)
    connection.execute("TRUNCATE eocene_staging")
    extent = extent_of(rows).union(Extent.from_columns(known[:6]))
    summaries = summarise(orjson.loads(known[6]), rows.properties)
    connection.execute(
        "UPDATE eocene.collections SET items = items + %s WHERE id = %s", (len(rows) - len(old), collection)
    )
    _write_extent(connection, collection, extent, summaries)


def lock_collection(connection: Connection[Any], collection: str) -> tuple[Any, ...]:
    """Return what we know of a collection's items, and let nobody else write them until the end.

    Raises
    ------
    NotFoundError
        If there is no such collection.
    """
    ours = "INSERT INTO eocene.collections (id) SELECT id FROM pgstac.collections WHERE id = %s"
    connection.execute(f"{ours} ON CONFLICT DO NOTHING", (collection,))
    known = connection.execute(_KNOWN, (collection,)).fetchone()
    if known is None:
        names = connection.execute("SELECT id FROM pgstac.collections ORDER BY id").fetchall()
        raise no_collection(collection, [name for (name,) in names])
    return tuple(known)


def _stage(connection: Connection[Any], collection: str, rows: Rows) -> None:
    items = [orjson.loads(document) for document in rows.documents]
    found = connection.execute(
        "SELECT base_item_id, base_item FROM pgstac.current_base_item(%s)", (collection,)
    )
    base_id, base = found.fetchone() or (None, {})
    connection.execute(_STAGING)
    columns = "id, collection, shape, first, last, content, document"
    with connection.cursor() as cursor, cursor.copy(f"COPY eocene_staging ({columns}) FROM STDIN") as copy:
        shapes = _write_shapes(rows, items)
        rest = rows.ids, rows.firsts, rows.lasts, rows.documents
        for item, shape, name, first, last, document in zip(items, shapes, *rest, strict=True):
            if _NUL.search(document):
                raise InputError(
                    f"The item {name!r} is not valid: a text in it has a NUL character.",
                    "Remove it; PostgreSQL cannot keep it. Nothing was written.",
                )
            content = dump(slim_item(item, base, base_id))
            copy.write_row((name, collection, shape, instant(first), instant(last), content, document))


def _write_shapes(rows: Rows, items: Sequence[dict[str, Any]]) -> list[str]:
    """Return the geometries as EWKB in hexadecimal, as they were given where that can be."""
    texts = [dump(item["geometry"]) if item.get("geometry") else None for item in items]
    given = shapely.from_geojson(texts, on_invalid="ignore")
    shapes = [
        shape or (shapely.from_wkb(wkb) if wkb else _NOWHERE if math.isnan(box[0]) else draw_box(box))
        for shape, wkb, box in zip(given, rows.shapes, rows.boxes.tolist(), strict=True)
    ]
    written: list[str] = shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True).tolist()
    return written


def delete_pgstac(connection: Connection[Any], collection: str, ids: Sequence[str]) -> int:
    """Delete items of a collection, and return how many there were."""
    delete = "DELETE FROM pgstac.items WHERE collection = %s AND id = ANY(%s)"
    count = connection.execute(delete, (collection, list(ids))).rowcount
    if count:
        connection.execute(
            "UPDATE eocene.collections SET items = items - %s WHERE id = %s", (count, collection)
        )
        _recompute_extent(connection, collection)
    return count


def _recompute_extent(connection: Connection[Any], collection: str) -> None:
    extent = None
    for half in connection.execute(_EXTENT, (collection,)):
        part = Extent.from_columns(half)
        extent = extent if part is None else part.union(extent)
    known = connection.execute("SELECT items, summaries FROM eocene.collections WHERE id = %s", (collection,))
    count, text = known.fetchone() or (0, "{}")
    summaries = orjson.loads(text)
    if count <= _SUMMARISED:
        query = "SELECT (content -> 'properties')::text FROM pgstac.items WHERE collection = %s"
        found = connection.execute(query, (collection,))
        summaries = summarise({}, [orjson.loads(properties) for (properties,) in found])
    _write_extent(connection, collection, extent, summaries)


def _write_extent(
    connection: Connection[Any], collection: str, extent: Extent | None, summaries: dict[str, Any]
) -> None:
    columns = extent.columns if extent else (None,) * 6
    connection.execute(
        "UPDATE eocene.collections SET west = %s, south = %s, east = %s, north = %s, first = %s, last = %s, "
        "summaries = %s WHERE id = %s",
        (*columns, dump(summaries), collection),
    )


def put_collections(connection: Connection[Any], collections: Sequence[tuple[str, str]]) -> None:
    """Add or replace collections, given as ids and documents."""
    for name, document in collections:
        if _NUL.search(document):
            raise InputError(
                f"The collection {name!r} has a NUL character in a text.",
                "Remove it; PostgreSQL cannot keep it.",
            )
        connection.execute("SELECT pgstac.upsert_collection(%s::jsonb)", (document,))
        connection.execute("INSERT INTO eocene.collections (id) VALUES (%s) ON CONFLICT DO NOTHING", (name,))
