"""Feeds of events: GeoJSON such as an earthquake catalogue, and alerts in XML.

A feed is read as a stranger's text: bounded, strict, and what is wrong in one event costs only that
one. Sources: RFC 7946; the USGS GeoJSON summary format.
"""

from __future__ import annotations

from typing import Any

from eocene.jobs.events.alerts import read_alerts
from eocene.jobs.events.event import Event, read_geometry, read_time, shorten_id
from eocene.model import DamageError, EoceneError, InputError
from eocene.process.strict_json import read_json

MOST_EVENTS = 20_000
"""Of one feed."""
_LATEST_S = 32_503_680_000.0  # the year 3000
_TIMES = ("time", "datetime", "start_datetime", "sent", "onset", "fromdate", "date", "updated")


def read_feed(content: bytes) -> tuple[list[Event], list[str]]:
    """Return the events of a feed, and what is wrong with those that were left out.

    Parameters
    ----------
    content : bytes
        GeoJSON, CAP, RSS or Atom; its own first letter says which.

    Raises
    ------
    DamageError
        If it is none of these, or has too many events.
    """
    start = content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    try:
        if start == b"{":
            events, faults = _read_features(read_json(content, "The feed"))
        elif start == b"<":
            events, faults = read_alerts(content)
        else:
            raise _damaged("it is neither GeoJSON nor XML")
    except InputError as error:
        raise _damaged(error.message) from error
    if len(events) > MOST_EVENTS:
        raise _damaged(f"it has more than {MOST_EVENTS} events")
    return events, faults


def _read_features(document: Any) -> tuple[list[Event], list[str]]:
    kind = document.get("type")
    features = [document] if kind == "Feature" else document.get("features")
    if kind not in ("Feature", "FeatureCollection") or not isinstance(features, list):
        raise _damaged("it is no GeoJSON FeatureCollection")
    events, faults = [], []
    for number, feature in enumerate(features):
        try:
            events.append(_read_feature(feature))
        except EoceneError as error:
            faults.append(f"Feature {number} was left out: {error.message}")
    return events, faults


def _read_feature(feature: Any) -> Event:
    properties = feature.get("properties") if isinstance(feature, dict) else None
    if not isinstance(properties, dict):
        raise InputError("It is no GeoJSON feature with properties.")
    name = feature.get("id", properties.get("id", properties.get("eventid")))
    if isinstance(name, bool) or not isinstance(name, str | int) or not str(name).strip():
        raise InputError("It has no id.")
    others = properties.get("ids")  # USGS: all names that networks gave to it, as ",us1,ci2,"
    listed = others.split(",") if isinstance(others, str) else []
    ids = dict.fromkeys(shorten_id(text.strip()) for text in (str(name), *listed[:50]) if text.strip())
    title = properties.get("title") or properties.get("name") or str(name)
    return Event(
        tuple(ids),
        _find_time(properties),
        read_geometry(feature.get("geometry")),
        properties,
        str(title)[:300],
    )


def _find_time(properties: dict[str, Any]) -> float | None:
    for name in _TIMES:
        value = properties.get(name)
        if isinstance(value, str):
            return read_time(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000.0  # USGS tells milliseconds
            if not -_LATEST_S < seconds < _LATEST_S:
                raise InputError(f"Its {name} is no time.")
            return seconds
    return None


def _damaged(why: str) -> DamageError:
    return DamageError(
        f"The feed cannot be read: {why[:300].rstrip('.')}.",
        "Check its address; feeds are GeoJSON, CAP, RSS or Atom.",
    )
