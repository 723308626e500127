"""What rules watch: the catalogue, the clock, and feeds behind the one door."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from cronsim import CronSim
from shapely.geometry import mapping, shape

from eocene.archive import Search
from eocene.archive.catalogue.cql2_filter import read_condition
from eocene.archive.fetch import Limits
from eocene.jobs.events.event import Event, format_time, read_geometry, read_time, shorten_id
from eocene.jobs.events.feeds import read_feed
from eocene.jobs.events.rule import find_area

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive import Archive
    from eocene.jobs.events.rule import Rule

MOST_MISSED = 100
"""How many instants of a schedule are made up for after a pause, the newest."""
FEED_LIMITS = Limits(connect_s=5.0, stall_s=10.0, total_s=30.0, attempts=2, document_bytes=16 * 2**20)
_EVERY_S, _ITEMS_EVERY_S = 60.0, 2.0
_REST = 20.0
"""A search of the catalogue is followed by so many times its own length without one."""


@dataclass(frozen=True)
class Look:
    """What a look at a source gave.

    Parameters
    ----------
    events : list of Event
        Those that the rule asks for; some may be known.
    memory : dict
        What the source wants to be told at the next look.
    next_look : float
        When that is, in seconds since 1970.
    faults : list of str
        What is wrong with events that were left out.
    """

    events: list[Event]
    memory: dict[str, Any]
    next_look: float
    faults: list[str] = field(default_factory=list)


def begin_watching(when: dict[str, Any], archive: Archive, now: float) -> tuple[dict[str, Any], list[str]]:
    """Return the memory of a new rule, and the ids of what was there before it and is no event.

    Raises
    ------
    NotFoundError, InputError
        If the catalogue has no such collection, or cannot answer the question.
    """
    match when["kind"]:
        case "schedule":
            return {"last": now}, []
        case "feed":
            return {"since": read_time(when["since"]) if when.get("since") else now}, []
    archive.catalogue.collection(when["collection"])
    since = read_time(when["since"]) if when.get("since") else None
    items = archive.catalogue.iterate(replace(_ask(when), fields=("properties.datetime",)))
    there = [_item_id(item) for item in items if since is None or (_item_time(item) or float("-inf")) < since]
    return {"stamp": None if since is not None else _stamp(archive)}, there


def look(rule: Rule, archive: Archive, now: float, find_known: Callable[[list[str]], set[str]]) -> Look:
    """Look at what a rule watches.

    Parameters
    ----------
    rule : Rule
        As it is kept.
    archive : Archive
        Its catalogue, and its door for feeds.
    now : float
        Seconds since 1970.
    find_known : callable
        Tells which ids of events the rule has met.

    Raises
    ------
    EoceneError
        If the source cannot be read.
    """
    match rule.when["kind"]:
        case "schedule":
            return _look_at_clock(rule, now)
        case "feed":
            return _look_at_feed(rule, archive, now)
    return _look_at_items(rule, archive, now, find_known)


def _look_at_clock(rule: Rule, now: float) -> Look:
    last = float(rule.memory["last"])
    times = CronSim(rule.when["cron"], datetime.fromtimestamp(last, UTC))
    due = [moment.timestamp() for moment in takewhile(lambda t: t.timestamp() <= now, times)]
    faults = []
    if len(due) > MOST_MISSED:
        faults.append(f"{len(due) - MOST_MISSED} instants of the schedule passed unseen and were left out.")
    events = [
        Event((format_time(moment),), moment, None, {}, format_time(moment)) for moment in due[-MOST_MISSED:]
    ]
    newest = due[-1] if due else last
    coming = next(CronSim(rule.when["cron"], datetime.fromtimestamp(newest, UTC))).timestamp()
    return Look(events, {"last": newest}, coming, faults)


def _look_at_feed(rule: Rule, archive: Archive, now: float) -> Look:
    when = rule.when
    door = replace(archive.door(), limits=FEED_LIMITS)
    events, faults = read_feed(door.get_bytes(when["url"]))
    area, since = find_area(when), float(rule.memory["since"])
    holds = read_condition(when["filter"]) if when.get("filter") is not None else None
    wanted = [
        event
        for event in events
        if (event.time is None or event.time >= since)
        and (area is None or (event.geometry is not None and area.intersects(shape(event.geometry))))
        and (holds is None or holds({"type": "Feature", **event.to_dict()}))
    ]
    return Look(wanted, rule.memory, now + float(when.get("every_s", _EVERY_S)), faults)


def _look_at_items(
    rule: Rule, archive: Archive, now: float, find_known: Callable[[list[str]], set[str]]
) -> Look:
    stamp = _stamp(archive)  # before the search: what comes during it makes another
    if stamp == rule.memory.get("stamp"):
        return Look([], rule.memory, now + _ITEMS_EVERY_S)
    started = time.perf_counter()
    query = _ask(rule.when)
    names = [item["id"] for item in archive.catalogue.iterate(replace(query, fields=("id",)))]
    collection = rule.when["collection"]
    known = find_known([shorten_id(f"{collection}/{name}") for name in names])
    new = [name for name in names if shorten_id(f"{collection}/{name}") not in known]
    events = []
    for start in range(0, len(new), 500):
        found = archive.catalogue.search(replace(query, ids=tuple(new[start : start + 500])))
        events += [_read_item(item) for item in found]
    rest = _REST * (time.perf_counter() - started)
    return Look(events, {"stamp": stamp}, now + max(_ITEMS_EVERY_S, rest))


def _ask(when: dict[str, Any]) -> Search:
    area = find_area(when)
    return Search(
        collections=(when["collection"],),
        intersects=None if area is None else mapping(area),
        filter=when.get("filter"),
    )


def _read_item(item: dict[str, Any]) -> Event:
    place = read_geometry(item.get("geometry"))
    return Event((_item_id(item),), _item_time(item), place, item["properties"], item["id"])


def _item_id(item: dict[str, Any]) -> str:
    return shorten_id(f"{item['collection']}/{item['id']}")


def _item_time(item: dict[str, Any]) -> float | None:
    properties = item.get("properties") or {}
    text = properties.get("datetime") or properties.get("start_datetime")
    return read_time(text) if text else None


def _stamp(archive: Archive) -> list[int]:
    return list(archive.catalogue.stamp())
