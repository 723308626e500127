"""Calendar periods, counted by whole numbers: which period an instant lies in, and what it is called."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.edge import PeriodLabel, parse_label
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Numbers = NDArray[np.int64]

_DAY = np.timedelta64(1, "D")
_MOST = 100_000
"""Labels that a dimension may get: hours of eleven years."""
_SEASONS = ("djf", "mam", "jja", "son")
_TROPICAL = ("ndjfma", "mjjaso")
_FIRST_MONTHS = {"djf": 12, "mam": 3, "jja": 6, "son": 9, "ndjfma": 11, "mjjaso": 5}
_DAY_LABEL = re.compile(r"(\d{4})-(\d{3})")
_HOUR_LABEL = re.compile(r"(\d{4}-\d{2}-\d{2})-(\d{2})")
_SEASON_LABEL = re.compile(r"(\d{4})-([a-z]{3,6})")


@dataclass(frozen=True)
class Period:
    """A kind of period.

    Parameters
    ----------
    number : callable
        Instants → the numbers of their periods, which count on without gaps.
    label : callable
        Number → label, as openEO writes it: 2024-05 for a month, 2024-jja for a season.
    """

    number: Callable[[NDArray[np.datetime64]], Numbers]
    label: Callable[[int], str]


def months_of(times: NDArray[np.datetime64]) -> Numbers:
    """Return months since January 1970."""
    return times.astype("datetime64[M]").astype(np.int64)


def _days(times: NDArray[np.datetime64]) -> Numbers:
    return times.astype("datetime64[D]").astype(np.int64)


def _years(times: NDArray[np.datetime64]) -> Numbers:
    return times.astype("datetime64[Y]").astype(np.int64) + 1970


def _day_of_month(times: NDArray[np.datetime64]) -> Numbers:
    return _days(times) - _days(times.astype("datetime64[M]"))


def _day_label(number: int) -> str:
    day = np.datetime64(number, "D")
    return f"{day.astype('datetime64[Y]')}-{(day - day.astype('datetime64[Y]')) // _DAY + 1:03d}"


def _week_label(number: int) -> str:
    # A week belongs to the year of its Thursday; week 0 began on Monday, 29 December 1969.
    thursday = np.datetime64(7 * number, "D")
    year = thursday.astype("datetime64[Y]")
    return PeriodLabel(f"{year}-{(thursday - year) // (7 * _DAY) + 1:02d}")


def _hour_label(number: int) -> str:
    return str(np.datetime64(number, "h")).replace("T", "-")


def season_months(number: int, length: int) -> range:
    """Return the months, since January 1970, of a season of 3 or 6 months."""
    first = number * length - {3: 1, 6: 2}[length]
    return range(first, first + length)


def _season_label(number: int, length: int, names: tuple[str, ...]) -> str:
    return f"{1970 + season_months(number, length)[0] // 12:04d}-{names[number % len(names)]}"


PERIODS = {
    "hour": Period(lambda t: t.astype("datetime64[h]").astype(np.int64), _hour_label),
    "day": Period(_days, _day_label),
    "week": Period(lambda t: (_days(t) + 3) // 7, _week_label),
    "dekad": Period(
        lambda t: months_of(t) * 3 + np.minimum(_day_of_month(t) // 10, 2),
        lambda n: PeriodLabel(f"{1970 + n // 36:04d}-{n % 36 + 1:02d}"),
    ),
    "month": Period(months_of, lambda n: str(np.datetime64(n, "M"))),
    "season": Period(lambda t: (months_of(t) + 1) // 3, lambda n: _season_label(n, 3, _SEASONS)),
    "tropical-season": Period(lambda t: (months_of(t) + 2) // 6, lambda n: _season_label(n, 6, _TROPICAL)),
    "year": Period(_years, lambda n: f"{n:04d}"),
    "decade": Period(lambda t: _years(t) // 10, lambda n: f"{10 * n:04d}"),
    "decade-ad": Period(lambda t: (_years(t) - 1) // 10, lambda n: f"{10 * n + 1:04d}"),
}
"""What aggregate_temporal_period knows. The year of a season is that of its first month."""

CLASSES: dict[str, tuple[str, ...]] = {
    "day": tuple(f"{n:03d}" for n in range(1, 366)),
    "month": tuple(f"{n:02d}" for n in range(1, 13)),
    "season": _SEASONS,
    "tropical-season": _TROPICAL,
}
"""The periods of any year."""


def period_named(name: str) -> Period:
    """Return a period by its openEO name; raises InputError if there is none."""
    if name not in PERIODS:
        raise InputError(
            f"There is no period {name!r}.",
            f"Use one of {', '.join(PERIODS)}.",
            code="ProcessParameterInvalid",
        )
    return PERIODS[name]


def class_of(label: str, period: str) -> str:
    """Return what a period is called in any year: 05 of 2024-05; years are themselves."""
    return label if period in ("year", "decade", "decade-ad") else label.rpartition("-")[2]


def instants(labels: Sequence[Any]) -> NDArray[np.datetime64]:
    """Return the labels of a temporal dimension as instants, to the second; of a period its start.

    Raises
    ------
    InputError
        If a label is no time.
    """
    try:
        return np.array([_instant(label) for label in labels], "datetime64[s]")
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The labels along the temporal dimension are not times: {', '.join(map(str, labels[:3]))}.",
            "Name another dimension, or rename the labels to dates.",
            code="ProcessParameterInvalid",
        ) from error


def _instant(label: Any) -> np.datetime64:
    try:
        return parse_label(label)
    except ValueError:
        if isinstance(label, PeriodLabel):
            raise
    if match := _DAY_LABEL.fullmatch(label):
        return np.datetime64(match[1], "D") + (int(match[2]) - 1) * _DAY
    if match := _HOUR_LABEL.fullmatch(label):
        return np.datetime64(f"{match[1]}T{match[2]}")
    if (match := _SEASON_LABEL.fullmatch(label)) and match[2] in _FIRST_MONTHS:
        return np.datetime64(f"{match[1]}-{_FIRST_MONTHS[match[2]]:02d}")
    raise ValueError(label)


def group_by_period(labels: Sequence[Any], period: str) -> dict[str, list[int]]:
    """Return period label → positions of the dates in it, in order of time, for all periods without a gap.

    Raises
    ------
    InputError
        If the period is not known, or if there are too many of them.
    """
    # Each block of a cube asks this of the same dates. Texts that are equal may yet be labels of two kinds.
    group = _group_once if all(isinstance(label, np.datetime64) for label in labels) else _group
    return {label: list(positions) for label, positions in group(tuple(labels), period).items()}


def _group(labels: tuple[Any, ...], period: str) -> dict[str, list[int]]:
    kind = period_named(period)
    times = instants(labels)
    if not len(times):
        return {}
    numbers = kind.number(times)
    first, last = int(numbers.min()), int(numbers.max())
    if last - first >= _MOST:
        raise InputError(
            f"From {times.min()} to {times.max()} there are {last - first + 1} times the period {period!r}.",
            f"At most {_MOST} are computed: choose a longer period, or fewer dates by filter_temporal.",
            code="ProcessParameterInvalid",
        )
    groups: list[list[int]] = [[] for _ in range(first, last + 1)]
    for position in np.argsort(times, kind="stable"):
        groups[numbers[position] - first].append(int(position))
    return {kind.label(first + i): group for i, group in enumerate(groups)}


_group_once = lru_cache(maxsize=64)(_group)
