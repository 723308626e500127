"""Events as arguments: ``"$event.bbox"`` in a rule becomes the box of the event that it met."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.jobs.events.event import format_time
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.jobs.events.event import Event

NAMES = ("id", "title", "time", "bbox", "geometry", "before", "after", "properties")
_REFERENCE = re.compile(r"\$event\.(\w+)(?:\.(.+))?")
_DAY_S = 86_400.0


@dataclass(frozen=True)
class Windows:
    """What is taken around an event: days before and after it, metres around its place."""

    before_days: float = 30.0
    after_days: float = 30.0
    buffer_m: float = 10_000.0


def check_arguments(value: Any) -> None:
    """Raise InputError if the arguments refer to something that no event has."""
    for text in _texts(value):
        match = _REFERENCE.fullmatch(text)
        if text.startswith("$event") and (match is None or match[1] not in NAMES):
            raise InputError(
                f"No event has what {text[:60]!r} asks for.",
                f"Write $event. and one of {', '.join(NAMES)}; $event.properties.mag is one of these.",
                code="InvalidParameterValue",
            )


def fill_arguments(value: Any, event: Event, windows: Windows) -> Any:
    """Return the arguments with every reference replaced by what the event has.

    Raises
    ------
    InputError
        If the event has no such place, time or property.
    """
    if isinstance(value, dict):
        return {key: fill_arguments(inner, event, windows) for key, inner in value.items()}
    if isinstance(value, list):
        return [fill_arguments(inner, event, windows) for inner in value]
    match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return value if match is None else _find(match[1], match[2], event, windows)


def _find(name: str, path: str | None, event: Event, windows: Windows) -> Any:
    found: Any
    match name:
        case "bbox":
            found = event.find_bbox(windows.buffer_m)
        case "time":
            found = None if event.time is None else format_time(event.time)
        case "before":
            found = _span(event, -windows.before_days, 0.0)
        case "after":
            found = _span(event, 0.0, windows.after_days)
        case _:
            found = getattr(event, name)
    for key in path.split(".") if path else ():
        found = found.get(key) if isinstance(found, dict) else None
    if found is None:
        asked = name if path is None else f"{name}.{path}"
        raise InputError(
            f"The event {event.id!r} has no {asked}, which the rule passes on.",
            "Filter for events that have it, or leave it out of the arguments.",
            code="ProcessParameterMissing",
        )
    return found


def _span(event: Event, first_days: float, last_days: float) -> list[str] | None:
    if event.time is None:
        return None
    return [format_time(event.time + days * _DAY_S) for days in (first_days, last_days)]


def _texts(value: Any) -> list[str]:
    pending, found = [value], []
    while pending:
        current = pending.pop()
        if isinstance(current, dict):
            pending += current.values()
        elif isinstance(current, list):
            pending += current
        elif isinstance(current, str):
            found.append(current)
    return found
