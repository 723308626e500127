"""Times that do not fit: of the label, of the item, of the period."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import NotApplicable, check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_FIRST = np.datetime64("1972-07-23", "s")
"""The launch of Landsat 1: nothing in an archive is older."""
_DAY = re.compile(r"(?<!\d)(19[7-9]\d|20\d\d)-?(0[1-9]|1[0-2])-?(0[1-9]|[12]\d|3[01])(?!\d{1,5}(?!\d))")


@check("time", "samples seen at another time than their label or item says")
def find_mistimed(material: Material) -> Iterator[Finding]:
    """Name samples without a time, outside the period, far from their label's, or not of their item's."""
    columns, settings = material.samples.columns, material.settings
    if "time" not in columns or columns["time"].dtype.kind != "M":
        raise NotApplicable('there is no column "time" of instants')
    time = columns["time"].astype("datetime64[s]")
    last = _read(settings.today)
    begin, end = (_read(day) for day in settings.period or (None, None))
    left = np.ones(len(material), dtype=bool)
    for reason, wrong in (
        ("have no time", np.isnat(time)),
        ("were seen before any archive, or in the future", _beyond(time, _FIRST, last)),
        (
            "lie outside the period of the data set",
            _beyond(time, begin, end),
        ),
        (
            f"were seen over {settings.label_days:g} days from the time of their label",
            _far(time, columns.get("label_time"), settings.label_days),
        ),
        ("were seen on another day than the name of their item says", _other_day(time, material)),
    ):
        found = np.flatnonzero(wrong & left)
        left &= ~wrong
        if len(found):
            told = tuple(int(row) for row in found)
            yield Finding("time", told, f"{len(told)} samples {reason}.", "fault", drop=told)


def _read(day: str | None) -> np.datetime64 | None:
    return None if day is None else np.datetime64(day, "s")


def _beyond(
    time: NDArray[np.datetime64], first: np.datetime64 | None, last: np.datetime64 | None
) -> NDArray[np.bool_]:
    wrong = np.zeros(len(time), dtype=bool)
    if first is not None:
        wrong |= time < first
    if last is not None:
        wrong |= time > last + np.timedelta64(1, "D")
    return wrong


def _far(
    time: NDArray[np.datetime64], label_time: NDArray[np.datetime64] | None, days: float
) -> NDArray[np.bool_]:
    if label_time is None or label_time.dtype.kind != "M":
        return np.zeros(len(time), dtype=bool)
    apart = np.abs((time - label_time.astype("datetime64[s]")).astype(np.float64))
    unknown = np.isnat(time) | np.isnat(label_time)
    return np.asarray(~unknown & (apart > days * 86_400))


def _other_day(time: NDArray[np.datetime64], material: Material) -> NDArray[np.bool_]:
    """Compare with the first day in the name of the item, if any; a day either way is a time zone."""
    wrong = np.zeros(len(time), dtype=bool)
    if "item" not in material.samples.columns:
        return wrong
    names, which = material.code("item")
    if names.dtype.kind != "U":
        return wrong
    days = np.array([_read_day(str(name)) for name in names], dtype="datetime64[D]")[which]
    apart = np.abs((time.astype("datetime64[D]") - days).astype(np.float64))
    return np.asarray(~np.isnat(days) & ~np.isnat(time) & (apart > 1))


def _read_day(name: str) -> np.datetime64:
    found = _DAY.search(name)
    try:
        return np.datetime64("-".join(found.groups()), "D") if found else np.datetime64("NaT", "D")
    except ValueError:  # 31 February: a number that looks like a day
        return np.datetime64("NaT", "D")
