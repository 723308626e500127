"""Events as an Atom feed, their places in GeoRSS. Sources: RFC 4287; GeoRSS Simple (OGC 17-002r1)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from xml.etree.ElementTree import Element, SubElement, tostring

if TYPE_CHECKING:
    from collections.abc import Iterable

MEDIA_TYPE = "application/atom+xml"
_ATOM, _GEORSS = "http://www.w3.org/2005/Atom", "http://www.georss.org/georss"
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def write_feed(
    title: str, address: str, updated: str, events: Iterable[tuple[dict[str, Any], str | None]]
) -> bytes:
    """Return the feed.

    Parameters
    ----------
    title, address : str
        Of the feed.
    updated : str
        RFC 3339, for a feed without events.
    events : iterable of tuple
        What :meth:`eocene.jobs.events.Rules.events` tells, the newest first, each with the address of its
        results, or None.
    """
    listed = list(events)
    root = Element("feed", {"xmlns": _ATOM, "xmlns:georss": _GEORSS})
    _add(root, "id", address)
    _add(root, "title", title)
    _add(root, "updated", listed[0][0]["found"] if listed else updated)
    SubElement(SubElement(root, "author"), "name").text = "Eocene"
    SubElement(root, "link", {"rel": "self", "href": address, "type": MEDIA_TYPE})
    for told, results in listed:
        _add_entry(root, address, told, results)
    body: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return body


def _add_entry(root: Element, address: str, told: dict[str, Any], results: str | None) -> None:
    event, job = told["event"], told["job"]
    entry = SubElement(root, "entry")
    _add(entry, "id", f"{address.partition('?')[0]}#{event['id']}")
    _add(entry, "title", event["title"] or event["id"])
    _add(entry, "updated", told["found"])
    if event["time"]:
        _add(entry, "published", event["time"])
    lines = [f"{name}: {value}" for name, value in event["properties"].items() if _is_short(value)]
    lines += [f"job {job['id']}: {job['status']}"] if job else []
    _add(entry, "summary", "\n".join(lines[:40] + ([told["fault"]] if told.get("fault") else [])))
    if results:
        SubElement(entry, "link", {"rel": "related", "href": results, "type": "application/json"})
    if event["bbox"]:
        box = event["bbox"]
        south, west, north, east = (f"{box[side]:.6f}" for side in ("south", "west", "north", "east"))
        is_point = (south, west) == (north, east)
        _add(
            entry,
            "georss:point" if is_point else "georss:box",
            f"{south} {west}" + ("" if is_point else f" {north} {east}"),
        )


def _is_short(value: Any) -> bool:
    return isinstance(value, str | int | float) and len(str(value)) <= 500


def _add(parent: Element, tag: str, text: str) -> None:
    SubElement(parent, tag).text = _NO_XML.sub("", str(text))
