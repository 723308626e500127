"""A question to the catalogue, and a page of the answer."""

from __future__ import annotations

import base64
import json
import math
import re
from dataclasses import dataclass, field
from numbers import Real
from typing import TYPE_CHECKING, Any, NamedTuple

import shapely
from shapely.geometry import shape

from eocene.model.errors import InputError
from eocene.model.timespan import TimeSpan

if TYPE_CHECKING:
    from eocene.model.grid import BBox

_SORT = re.compile(r"^([+-]?)([A-Za-z_][\w:.\-/]*)$")
ALWAYS = TimeSpan()
_HALVES = frozenset(map(chr, range(0xD800, 0xE000)))  # of surrogate pairs


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
    cells : tuple of str
        Cells of the Major TOM grid; an item matches if it names one of them in ``majortom:cells``.
    sortby : tuple of str
        Such as ``("-datetime", "id")``; by default newest first, then by id.
    limit : int, optional
        How many at most.
    offset : int
        How many to skip.
    fields : tuple of str
        Which fields of the items come back: ``"properties.platform"`` includes one, ``"-assets"`` leaves one
        out; id and collection always come. Empty means whole items.
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
    cells: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.bbox is not None and self.intersects is not None:
            raise _wrong("bbox and intersects are both given", "Give one of the two.")
        if self.offset < 0 or (self.limit is not None and self.limit < 0):
            raise _wrong("limit or offset is negative", "Give whole numbers from 0.")
        if self.bbox is not None:
            check_bbox(self.bbox)
        for text in (*self.collections, *self.ids, *self.cells):
            if not isinstance(text, str) or not _HALVES.isdisjoint(text):
                raise _wrong(f"{text!r} is not a text", "Give names as they are in the catalogue.")


class Page(NamedTuple):
    """Some of the items that match; ``next`` is the token of the page after it, ``matched`` counts all."""

    items: list[dict[str, Any]]
    next: str | None
    matched: int | None


class Order(NamedTuple):
    """One of the things to sort by: a property, from low to high unless ``falls``; nulls come last."""

    name: str
    falls: bool


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


def microseconds(span: TimeSpan) -> tuple[int, int]:
    """Return the span's start and end as microseconds since 1970."""
    start, end = (int(t.astype("datetime64[us]").astype(int)) for t in (span.start, span.end))
    return start, end


def sort_orders(sortby: tuple[str, ...]) -> list[Order]:
    """Return what to sort by, ended by id and collection, so that the order is total.

    Raises
    ------
    InputError
        If an entry is not a field with an optional sign.
    """
    orders = []
    for entry in sortby or ("-datetime",):
        match = _SORT.match(entry) if isinstance(entry, str) else None
        if match is None:
            raise wrong_sort(entry)
        orders.append(Order(match.group(2).removeprefix("properties."), match.group(1) == "-"))
    known = {order.name for order in orders}
    return orders + [Order(name, False) for name in ("id", "collection") if name not in known]


def wrong_sort(entry: object) -> InputError:
    """Return the error of something that cannot be sorted by."""
    return _wrong(f"it cannot be sorted by {entry!r}", "Name a property such as -datetime.")


def make_token(query: Search, values: tuple[Any, ...]) -> str:
    """Return the token of what comes after the item with these values of the sort fields."""
    text = json.dumps([list(query.sortby), *values], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_token(query: Search, token: str, width: int) -> tuple[Any, ...]:
    """Return the values of the last item of the page before, ``width`` of them.

    Raises
    ------
    InputError
        If the token is not one of a search with this order.
    """
    try:
        sortby, *values = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        fits = sortby == list(query.sortby) and len(values) == width
        fits = fits and all(value is None or isinstance(value, str | int | float) for value in values)
    except (ValueError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise _wrong("the token is not of this search", "Follow the links that a search gave, as they are.")
    return tuple(values)


def read_geometry(geojson: dict[str, Any]) -> Any:
    """Return the shapely geometry of a GeoJSON geometry; raises InputError if it is not one."""
    try:
        if not _has_numbers(geojson):
            raise TypeError("a coordinate is no number")
        geometry = shape(geojson)
    except Exception as error:
        raise _wrong("the geometry is not GeoJSON", "Give a GeoJSON geometry in degrees.") from error
    if geometry.is_empty or not geometry.is_valid:
        why = shapely.is_valid_reason(geometry)
        raise _wrong(f"the geometry is empty or invalid ({why})", "Close rings and avoid self-crossings.")
    return geometry


def _has_numbers(value: Any) -> bool:
    """Tell whether all coordinates are numbers: shapely takes true for 1, and "2" for 2."""
    if isinstance(value, dict):
        return all(_has_numbers(value[key]) for key in ("coordinates", "geometries") if key in value)
    if isinstance(value, list | tuple):
        return all(map(_has_numbers, value))
    return isinstance(value, Real) and not isinstance(value, bool)


def _wrong(what: str, remedy: str) -> InputError:
    return InputError(f"The search is wrong: {what}.", remedy, code="ProcessParameterInvalid")
