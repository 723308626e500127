"""Dates and times: texts in the forms of RFC 3339; without a zone they are UTC.

Source: openEO processes 2.0, category date & time.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, datetime, time, timedelta

from eocene.model import InputError
from eocene.process.registry import process
from eocene.process.types import Boolean, Date, DateOrTime, DateUnit, Flag, Integer, Known

_LENGTHS = {
    "millisecond": timedelta(milliseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}
_MONTHS = {"month": 1, "year": 12}
_LEAP_SECOND = re.compile(r"(?<=:\d\d):60(?=$|[.,Z+-])")


def parse_instant(text: str) -> datetime:
    """Return a date, or date and time, as an instant, its offset kept.

    Raises
    ------
    InputError
        If it is neither.
    """
    try:
        instant = datetime.fromisoformat(_LEAP_SECOND.sub(":59", text))
    except (TypeError, ValueError) as error:
        raise InputError(
            f"{text!r} is not a date or date and time.",
            "Write it as 2024-05-17 or 2024-05-17T10:30:00Z.",
            code="ProcessParameterInvalid",
        ) from error
    instant = instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return instant + timedelta(seconds=1) if _LEAP_SECOND.search(text) else instant


def _parse_time(text: str) -> time:
    """Return a time of day in UTC, of a time or of a date and time."""
    if re.fullmatch(r"\d{2}:\d{2}:\d{2}", text):
        try:
            return time.fromisoformat(text)
        except ValueError as error:
            raise InputError(
                f"{text!r} is not a time of day.",
                "Write it as 10:30:00.",
                code="ProcessParameterInvalid",
            ) from error
    return parse_instant(text).astimezone(UTC).time()


@process("comparison", "date & time")
def date_between(x: DateOrTime, min: DateOrTime, max: DateOrTime, exclude_max: Flag = False) -> Boolean:
    """Tell whether a date or time lies between two others, both included.

    A date without a time is its midnight in UTC. Between two times of day, the time of day of ``x`` counts.

    Parameters
    ----------
    x
        The date or time.
    min
        The lower boundary.
    max
        The upper boundary.
    exclude_max
        Whether the upper boundary is not included.
    """
    of_day = all(re.fullmatch(r"[\d:]+", text) for text in (min, max))
    value, low, high = map(_parse_time if of_day else parse_instant, (x, min, max))
    return low <= value and (value < high if exclude_max else value <= high)  # type: ignore[operator]


@process("comparison", "date & time", experimental=True)
def date_difference(date1: Date, date2: Date, unit: DateUnit = "second") -> Known:
    """Return how much later the second of two dates is than the first; negative if it is earlier.

    Months and years are counted by the calendar, the rest as the part of the month or year that it lies in.

    Parameters
    ----------
    date1
        The first date; its midnight in UTC if there is no time.
    date2
        The second date.
    unit
        The unit of the result.
    """
    first, second = parse_instant(date1), parse_instant(date2).astimezone(UTC)
    if unit in _LENGTHS:
        return (second - first) / _LENGTHS[unit]
    return _count(first, second, unit) if first <= second else -_count(second, first, unit)


def _count(first: datetime, second: datetime, unit: str) -> float:
    """Return months or years between two instants, the second not before the first."""
    first, second = first.astimezone(UTC), second.astimezone(UTC)
    whole = ((second.year - first.year) * 12 + second.month - first.month) // _MONTHS[unit]
    if _shift(first, whole, unit) > second:
        whole -= 1
    start, end = (_shift(first, number, unit) for number in (whole, whole + 1))
    return whole + (second - start) / (end - start)


@process("date & time")
def date_shift(date: Date, value: Integer, unit: DateUnit) -> Date:
    """Return a date moved by a span of time; a day that a month lacks becomes the month's last.

    Parameters
    ----------
    date
        The date; its midnight in UTC if there is no time.
    value
        How many units, negative to go back.
    unit
        The unit; months and years are those of the calendar.
    """
    moved = _shift(parse_instant(date), int(value), unit)
    if "T" not in date.upper():
        return moved.date().isoformat()
    precision = "milliseconds" if moved.microsecond else "seconds"
    text = moved.isoformat(timespec=precision)
    return text.replace("+00:00", "Z") if re.search("[zZ]$", date) else text


def _shift(instant: datetime, value: int, unit: str) -> datetime:
    try:
        if unit in _LENGTHS:
            return instant + value * _LENGTHS[unit]
        year, month = divmod(instant.year * 12 + instant.month - 1 + value * _MONTHS[unit], 12)
        day = min(instant.day, monthrange(year, month + 1)[1])
        return instant.replace(year=year, month=month + 1, day=day)
    except (OverflowError, ValueError) as error:
        raise InputError(
            f"{instant.isoformat()} moved by {value} {unit} leaves the years 1 to 9999.",
            "Choose a shorter span.",
            code="ProcessParameterInvalid",
        ) from error
