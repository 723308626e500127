"""Time spans, closed on the left and open on the right."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np

from eocene.model.errors import InputError

_PARTIAL = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2})?)?")
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.,]+([Zz]|[+-][0-9:]+)?")
_MIN, _MAX = np.datetime64("1678-01-01", "s"), np.datetime64("2262-01-01", "s")
_FIRST, _LAST = np.datetime64("0000-01-01", "s"), np.datetime64("10000-01-01", "s")
"""Of what can be written; an open end reaches there only from beyond the usual ones."""


def parse_instant(text: str, *, end: bool = False) -> np.datetime64:
    """Read an RFC 3339 instant, a date, a month or a year, in UTC, to the second.

    With ``end`` a date, month or year gives the instant after it, so that it is included.

    Raises
    ------
    InputError
        If the text is none of these.
    """
    try:
        if _PARTIAL.fullmatch(text):
            # Not by way of datetime, which has neither the year 0 nor 10000.
            step = np.array([text], dtype="datetime64") + int(end)
            return np.datetime64(step.astype("datetime64[s]")[0], "s")
        if not _INSTANT.fullmatch(text):
            raise ValueError(text)
        return np.datetime64(read_moment(text.upper()).replace(tzinfo=None), "s")
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{text!r} is not a time.",
            "Write a date such as 2024-04-30 or an instant such as 2024-04-30T10:00:00Z.",
            code="ProcessParameterInvalid",
        ) from error


def read_moment(text: str) -> datetime:
    """Return an ISO 8601 instant in UTC, in which it is taken to be where it names no zone.

    Raises
    ------
    ValueError
        If it is none, or is not in the years 1 to 9999 once it is in UTC: no calendar here has others.
    """
    moment = datetime.fromisoformat(text)
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError as error:
        raise ValueError(f"{text!r} is not in the years 1 to 9999") from error


@dataclass(frozen=True)
class TimeSpan:
    """From ``start`` (included) to ``end`` (excluded), datetime64 in seconds, UTC."""

    start: np.datetime64 = _MIN
    end: np.datetime64 = _MAX

    def __post_init__(self) -> None:
        if not self.start < self.end:
            raise InputError(
                f"The time span from {self.start} to {self.end} is empty.",
                "Give an end after the start; the end itself is not included.",
                code="TemporalExtentEmpty",
            )

    @classmethod
    def from_openeo(cls, extent: list[str | None] | tuple[str | None, ...] | None) -> TimeSpan:
        """Read an openEO temporal extent: [start, end), either may be null, not both.

        Source: openEO processes, ``filter_temporal``.
        """
        if extent is None:
            return cls()
        if not isinstance(extent, list | tuple) or len(extent) != 2 or all(e is None for e in extent):
            raise InputError(
                f"The temporal extent {extent!r} is not a pair of start and end.",
                'Write ["2024-04-01", "2024-10-01"]; one of the two may be null.',
                code="ProcessParameterInvalid",
            )
        start, end = extent
        return cls(
            _MIN if start is None else parse_instant(start), _MAX if end is None else parse_instant(end)
        )

    @classmethod
    def from_stac(cls, text: str | None) -> TimeSpan:
        """Read a STAC ``datetime``: an instant, ``start/end``, with ``..`` for open; the end is included."""
        if text is None:
            return cls()
        start, slash, end = text.partition("/")
        if not slash:
            end = start
        first = None if start in ("", "..") else parse_instant(start)
        last = None if end in ("", "..") else parse_instant(end, end=True)
        if last is not None and not _PARTIAL.fullmatch(end):
            last = last + np.timedelta64(1, "s")
        if first is None:
            first = _MIN if last is None or last > _MIN else _FIRST
        return cls(first, last if last is not None else _MAX if first < _MAX else _LAST)

    def contains(self, instant: np.datetime64) -> bool:
        """Tell whether the instant lies in the span."""
        return bool(self.start <= instant < self.end)

    def intersect(self, other: TimeSpan) -> TimeSpan:
        """Return the common span; raises InputError if there is none."""
        return TimeSpan(max(self.start, other.start), min(self.end, other.end))
