"""A question to the catalogue, and its SQL."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import shapely
from shapely.geometry import LineString, Point, box, shape

from eocene.archive.cql2_sql import Filter, Sql, property_sql
from eocene.model.errors import InputError
from eocene.model.timespan import TimeSpan

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.model.grid import BBox

    RegionTest = Callable[[bytes | None, float, float, float, float], bool]

_SORT = re.compile(r"^([+-]?)([A-Za-z_][\w:.\-/]*)$")
_ALWAYS = TimeSpan()


@dataclass(frozen=True)
class Search:
    """Which items are wanted; empty means any.

    Parameters
    ----------
    collections, ids : tuple of str
        Names; an item matches if it has one of them.
    bbox : tuple of float, optional
        West, south, east, north in degrees; west > east crosses the antimeridian.
    intersects : dict, optional
        A GeoJSON geometry in degrees, instead of ``bbox``.
    span : TimeSpan
        Items whose time, or interval, meets it.
    filter : str or dict, optional
        CQL2 text or JSON over the items' properties.
    sortby : tuple of str
        Such as ``("-datetime", "id")``; by default newest first, then by id.
    limit : int, optional
        How many at most.
    offset : int
        How many to skip.
    """

    collections: tuple[str, ...] = ()
    ids: tuple[str, ...] = ()
    bbox: BBox | None = None
    intersects: dict[str, Any] | None = None
    span: TimeSpan = field(default_factory=TimeSpan)
    filter: str | dict[str, Any] | None = None
    sortby: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0

    def __post_init__(self) -> None:
        if self.bbox is not None and self.intersects is not None:
            raise _wrong("bbox and intersects are both given", "Give one of the two.")
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise _wrong("limit or offset is negative", "Give whole numbers from 0.")
        if self.bbox is not None:
            check_bbox(self.bbox)


@dataclass(frozen=True)
class Selection:
    """A search as SQL.

    ``region`` tells whether a geometry touches the wanted area; the SQL calls it as ``meets_region``.
    ``filter`` is what Python has to check afterwards, or None.
    """

    where: Sql
    order: Sql
    region: RegionTest | None
    filter: Filter | None


def check_bbox(bbox: BBox) -> None:
    """Raise InputError unless the box has four finite numbers, south ≤ north, in degrees."""
    west, south, east, north = bbox if len(bbox) == 4 else (math.nan,) * 4
    fits = -180 <= west <= 180 and -180 <= east <= 180 and -90 <= south <= north <= 90
    if not fits:
        raise InputError(
            f"The bbox {tuple(bbox)} is not west, south, east, north in degrees.",
            "West and east lie in -180…180, south and north in -90…90, south is not above north.",
            code="BoundingBoxInvalid",
        )


def compile_search(query: Search) -> Selection:
    """Return the SQL of a search.

    Raises
    ------
    InputError
        If the geometry, the filter or a sort field is wrong.
    """
    conditions: list[Sql] = []
    for column, values in (("collection", query.collections), ("id", query.ids)):
        if values:
            marks = ", ".join("?" * len(values))
            conditions.append(Sql(f"items.{column} IN ({marks})", tuple(values)))
    if query.span != _ALWAYS:
        start, end = microseconds(query.span)
        conditions.append(Sql("items.first < ? AND items.last >= ?", (end, start)))
    region = _compile_space(query, conditions)
    matcher = Filter(query.filter) if query.filter is not None else None
    if matcher:
        conditions.extend(matcher.sql)
    if region is not None and not query.ids:
        conditions = [_let_tree_lead(condition) for condition in conditions]
    where = Sql(
        " AND ".join(f"({condition.text})" for condition in conditions) or "1",
        tuple(p for condition in conditions for p in condition.parameters),
    )
    return Selection(
        where, _order(query.sortby), region, None if matcher is None or matcher.is_exact else matcher
    )


def _let_tree_lead(condition: Sql) -> Sql:
    """Return the condition with its columns behind a plus, which keeps SQLite from using their indexes.

    It would prefer those, knowing nothing of how few items the R*Tree leaves.
    """
    if condition.text.startswith("items.key IN"):
        return condition
    return Sql(condition.text.replace("items.", "+items."), condition.parameters)


def microseconds(span: TimeSpan) -> tuple[int, int]:
    """Return the span's start and end as microseconds since 1970."""
    start, end = (int(t.astype("datetime64[us]").astype(int)) for t in (span.start, span.end))
    return start, end


def split_antimeridian(bbox: BBox) -> list[BBox]:
    """Return the box as one box, or two where it crosses the antimeridian."""
    west, south, east, north = bbox
    if west <= east:
        return [bbox]
    return [(west, south, 180.0, north), (-180.0, south, east, north)]


def _compile_space(query: Search, conditions: list[Sql]) -> RegionTest | None:
    if query.bbox is not None:
        parts = split_antimeridian(query.bbox)
        regions = [draw_box(part) for part in parts]
        contained = " OR ".join(["(west >= ? AND east <= ? AND south >= ? AND north <= ?)"] * len(parts))
        inside = Sql(contained, tuple(v for w, s, e, n in parts for v in (w, e, s, n)))
    elif query.intersects is not None:
        regions = [read_geometry(query.intersects)]
        parts, inside = [regions[0].bounds], Sql("0")
    else:
        return None
    near = " OR ".join([_NEAR] * len(parts))
    values = tuple(v for w, s, e, n in parts for v in (e, w, n, s, e, w, n, s))
    start, end = (v / 1e6 for v in microseconds(query.span))
    touching = "meets_region((SELECT shape FROM items AS i WHERE i.key = item), west, south, east, north)"
    conditions.append(
        Sql(
            f"items.key IN (SELECT item FROM boxes WHERE ({near}) AND mint <= ? AND maxt >= ? "  # noqa: S608
            f"AND (({inside.text}) OR {touching}))",
            (*values, end, start, *inside.parameters),
        )
    )
    shapely.prepare(regions)
    return _touches(regions)


_NEAR = (
    "(minx <= ? AND maxx >= ? AND miny <= ? AND maxy >= ? "  # the tree, in float32
    "AND west <= ? AND east >= ? AND south <= ? AND north >= ?)"  # exactly
)


def draw_box(bbox: BBox) -> Any:
    """Return a box as shapely's polygon, or as a line or point where it has no area."""
    west, south, east, north = bbox
    if west == east and south == north:
        return Point(west, south)
    if west == east or south == north:
        return LineString([(west, south), (east, north)])
    return box(west, south, east, north)


def _touches(regions: list[Any]) -> RegionTest:
    def meets_region(wkb: bytes | None, west: float, south: float, east: float, north: float) -> bool:
        geometry = draw_box((west, south, east, north)) if wkb is None else shapely.from_wkb(wkb)
        return any(region.intersects(geometry) for region in regions)

    return meets_region


def read_geometry(geojson: dict[str, Any]) -> Any:
    """Return the shapely geometry of a GeoJSON geometry; raises InputError if it is not one."""
    try:
        geometry = shape(geojson)
    except Exception as error:
        raise _wrong("the geometry is not GeoJSON", "Give a GeoJSON geometry in degrees.") from error
    if geometry.is_empty or not geometry.is_valid:
        why = shapely.is_valid_reason(geometry)
        raise _wrong(f"the geometry is empty or invalid ({why})", "Close rings and avoid self-crossings.")
    return geometry


def _order(sortby: tuple[str, ...]) -> Sql:
    if not sortby:
        return Sql("items.first DESC, items.id, items.collection")
    texts: list[str] = []
    parameters: list[Any] = []
    for entry in sortby:
        match = _SORT.match(entry) if isinstance(entry, str) else None
        name = match.group(2).removeprefix("properties.") if match else ""
        value = {"datetime": Sql("items.first"), "eo:cloud_cover": Sql("items.cloud_cover")}.get(
            name, property_sql(name)
        )
        if match is None or value is None:
            raise _wrong(f"it cannot be sorted by {entry!r}", "Name a property such as -datetime.")
        texts.append(f"{value.text} {'DESC' if match.group(1) == '-' else 'ASC'} NULLS LAST")
        parameters.extend(value.parameters)
    return Sql(", ".join([*texts, "items.id", "items.collection"]), tuple(parameters))


def _wrong(what: str, remedy: str) -> InputError:
    return InputError(f"The search is wrong: {what}.", remedy, code="ProcessParameterInvalid")


def dump(document: dict[str, Any]) -> str:
    """Return JSON text for storage; NaN and other non-JSON values raise ValueError."""
    return json.dumps(document, allow_nan=False, separators=(",", ":"), ensure_ascii=False)
