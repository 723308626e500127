"""Times as the climate and forecast conventions write them: numbers of a unit since an instant, or texts.

Source: CF 1.11, clause 4.4.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

_UNITS = re.compile(
    r"^\s*(nanosecond|microsecond|millisecond|second|minute|hour|day)s?\s+since\s+(.+?)\s*$", re.IGNORECASE
)
_NANOSECONDS = {
    "nanosecond": 1,
    "microsecond": 10**3,
    "millisecond": 10**6,
    "second": 10**9,
    "minute": 60 * 10**9,
    "hour": 3600 * 10**9,
    "day": 86_400 * 10**9,
}
_FIRST, _LAST = np.datetime64("0001-01-01", "us"), np.datetime64("10000-01-01", "us")
_CALENDARS = ("", "standard", "gregorian", "proleptic_gregorian")


def decode_times(values: Any, attributes: Mapping[str, Any], axis: str, path: object) -> list[np.datetime64]:
    """Return the instants of a time axis, to the microsecond.

    Parameters
    ----------
    values : array
        Numbers, or texts in ISO 8601.
    attributes : mapping
        ``units`` and ``calendar``.
    axis, path
        What errors name.

    Raises
    ------
    InputError
        If it is no time axis, or of another calendar.
    """
    units, calendar = (_text(attributes.get(key)) for key in ("units", "calendar"))
    match = _UNITS.match(units)
    try:
        if values.dtype.kind == "M":
            return _check_years([np.datetime64(value, "us") for value in values])
        if values.dtype.kind in "OSUT":
            return _check_years([np.datetime64(_text(value).rstrip("Z"), "us") for value in values])
        if match and calendar.lower() in _CALENDARS:
            return _check_years(_add_up(values, match.group(1).lower(), match.group(2)))
    except (ValueError, OverflowError) as error:
        raise _no_times(path, axis, str(error)) from error
    raise _no_times(path, axis, f"units {units!r}, calendar {calendar!r}")


def _check_years(moments: list[np.datetime64]) -> list[np.datetime64]:
    """Return instants that a calendar has; raises ValueError for others."""
    wrong = next((moment for moment in moments if not _FIRST <= moment < _LAST), None)
    if wrong is not None:
        raise ValueError(f"{wrong} is not in the years 1 to 9999")
    return moments


def _add_up(values: Any, unit: str, since: str) -> list[np.datetime64]:
    origin = np.datetime64(since.removesuffix("UTC").strip().rstrip("Z").replace(" ", "T", 1), "us")
    scale = _NANOSECONDS[unit] / 1000
    if values.dtype.kind in "iu" and scale >= 1:
        return [origin + np.timedelta64(int(value) * int(scale), "us") for value in values]
    offsets = np.rint(np.asarray(values, dtype=np.float64) * scale / 10**6).astype("timedelta64[s]")
    return [origin + offset for offset in offsets]


def _no_times(path: object, axis: str, why: str) -> InputError:
    return InputError(
        f"The axis {axis!r} of {str(path)!r} is no time axis: {why}.",
        'Give it CF units such as "days since 2018-01-01" and the standard calendar.',
    )


def _text(value: Any) -> str:
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.ravel()[0]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return "" if value is None else str(value)
