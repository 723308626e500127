"""Alerts in XML: CAP messages, and RSS and Atom feeds with places in GeoRSS, W3C Geo or CAP.

Sources: OASIS CAP 1.2; RSS 2.0; RFC 4287 (Atom); GeoRSS Simple (OGC 17-002r1), all of which write
latitude first; W3C Basic Geo.
"""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import shapely

from eocene.archive.packing.xml import find_all, find_text, local_name, parse_xml
from eocene.jobs.events.event import Event, read_geometry, read_time, shorten_id
from eocene.model import DamageError, EoceneError, InputError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from shapely.geometry.base import BaseGeometry

_KM_PER_DEGREE = 111.195
_ENTRIES = {"feed": ("entry",), "rss": ("item",), "RDF": ("item",)}
_TIMES = ("onset", "effective", "sent", "fromdate", "pubDate", "published", "updated", "date")
_PLACES = ("point", "polygon", "box", "circle", "line", "lat", "long", "lon")
_LONGEST_TEXT, _MOST_PROPERTIES = 4000, 200


def read_alerts(content: bytes) -> tuple[list[Event], list[str]]:
    """Return the events of a CAP message, an RSS or an Atom feed, and what is wrong with others.

    CAP messages that are exercises, tests, cancellations or acknowledgements are no events.

    Raises
    ------
    DamageError
        If it is no such XML, or has a document type.
    """
    try:
        root = parse_xml(content, "feed")
    except DamageError as error:
        raise InputError(error.message) from error
    kind = local_name(root)
    if kind == "alert":
        return ([_read_cap(root)] if _is_actual(root) else []), []
    if kind not in _ENTRIES:
        raise InputError(f"its XML is {kind[:40]!r}, which is none of alert, rss, feed")
    events, faults = [], []
    for number, entry in enumerate(find_all(root, *_ENTRIES[kind])):
        try:
            inner = next(find_all(entry, "alert"), None)
            if inner is not None or _is_actual(entry):
                events.append(_read_entry(entry) if inner is None else _read_cap(inner))
        except EoceneError as error:
            faults.append(f"Entry {number} was left out: {error.message}")
    return events, faults


def _is_actual(element: Element) -> bool:
    status, kind = find_text(element, "status"), find_text(element, "msgType")
    return status in (None, "Actual") and kind in (None, "Alert", "Update")


def _read_cap(alert: Element) -> Event:
    sender, name = find_text(alert, "sender"), find_text(alert, "identifier")
    if name is None:
        raise InputError("The CAP message has no identifier.")
    # References are "sender,identifier,sent", separated by blanks: an update of what is known is no news.
    earlier = [part.split(",") for part in (find_text(alert, "references") or "").split()]
    names = [(sender or "", name), *((part[0], part[1]) for part in earlier[:50] if len(part) == 3)]
    ids = dict.fromkeys(shorten_id(f"{who},{what}".strip(",")) for who, what in names)
    title = find_text(alert, "headline") or find_text(alert, "event") or name
    return _make_event(alert, tuple(ids), title)


def _read_entry(entry: Element) -> Event:
    link = next((e.get("href") or e.text for e in find_all(entry, "link")), None)
    title = find_text(entry, "title")
    name = find_text(entry, "guid", "id", "identifier") or (link or "").strip() or None
    if name is None:
        raise InputError("It has neither guid, id nor link.")
    return _make_event(entry, (shorten_id(name),), title or name)


def _make_event(element: Element, ids: tuple[str, ...], title: str) -> Event:
    moment = _find_time(element)
    return Event(ids, moment, _find_place(element), _list_properties(element), title[:300])


def _list_properties(element: Element) -> dict[str, Any]:
    """Return the elements that hold a text alone, the first of each name; numbers as numbers."""
    found: dict[str, Any] = {}
    for inner in element.iter():
        text, name = (inner.text or "").strip(), local_name(inner)
        if text and not len(inner) and name not in _PLACES and len(found) < _MOST_PROPERTIES:
            found.setdefault(name, _plain(text))
    return found


def _plain(text: str) -> str | float:
    try:
        number = float(text)
    except ValueError:
        return text[:_LONGEST_TEXT]
    return number if math.isfinite(number) else text


def _find_time(element: Element) -> float | None:
    for name in _TIMES:
        text = find_text(element, name)
        if text is None:
            continue
        try:
            return parsedate_to_datetime(text).timestamp()  # RSS and GDACS
        except (ValueError, TypeError, OverflowError):
            return read_time(text)
    return None


def _find_place(element: Element) -> dict[str, Any] | None:
    shapes: list[BaseGeometry] = [
        made
        for inner in find_all(element, "polygon", "circle", "box", "point", "line")
        if (made := _read_shape(local_name(inner), (inner.text or "").strip())) is not None
    ]
    latitude, longitude = find_text(element, "lat"), find_text(element, "long", "lon")
    if not shapes and latitude and longitude:
        shapes = [s for s in [_read_shape("point", f"{latitude} {longitude}")] if s is not None]
    if not shapes:
        return None
    place = shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)
    return read_geometry(shapely.geometry.mapping(place))


def _read_shape(kind: str, text: str) -> BaseGeometry | None:
    """Return a shape written latitude first, with blanks or commas; None for an empty text."""
    if not text:  # W3C Geo wraps lat and long in an element Point
        return None
    try:
        numbers = [float(part) for part in text.replace(",", " ").split()]
        pairs = [(x, y) for y, x in zip(numbers[::2], numbers[1::2], strict=False)]
        match kind:
            case "point":
                return shapely.Point(pairs[0])
            case "circle":
                radius = numbers[2] / _KM_PER_DEGREE  # of CAP, in kilometres
                return shapely.Point(pairs[0]).buffer(max(radius, 1e-6)) if radius < 90 else None
            case "box":
                return shapely.box(*pairs[0], *pairs[1])
            case "line":
                return shapely.LineString(pairs)
            case _:
                return shapely.make_valid(shapely.Polygon(pairs))
    except (ValueError, IndexError, shapely.errors.ShapelyError) as error:
        raise InputError(f"Its {kind} {text[:60]!r} is none.") from error
