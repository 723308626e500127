"""Climatological normals, and how dates differ from them.

Source: openEO processes 2.0, category climatology.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process import registry
from eocene.process.methods.dimensions import check_same_labels, temporal_dimension
from eocene.process.methods.elementwise import combine
from eocene.process.methods.periods import (
    CLASSES,
    PERIODS,
    class_of,
    instants,
    months_of,
    period_named,
    season_months,
)
from eocene.process.processes.periods import aggregate
from eocene.process.registry import process
from eocene.process.types import Series, array_of

_WHOLE = "climatology-period"
_SINGLE = ("single-period", _WHOLE)
_SEASON_LENGTH = {"season": 3, "tropical-season": 6}
NormalPeriod = Annotated[str, {"type": "string", "enum": [*CLASSES, _WHOLE]}]
AnomalyPeriod = Annotated[str, {"type": "string", "enum": [*PERIODS, _WHOLE, "single-period"]}]
Years = Annotated[
    Any, array_of({"type": "integer", "subtype": "year"}, uniqueItems=True, minItems=2, maxItems=2)
]


@process("cubes", "climatology")
def climatological_normal(
    data: Series, period: NormalPeriod, climatology_period: Years = (1981, 2010)
) -> Series:
    """Average the dates of a span of years by the day, month or season of the year.

    A season is averaged where all of its months are there: the first also with its months of the year before
    the span, if the cube has dates in each of them, and the one that the end of the span cuts off never.

    Parameters
    ----------
    data
        A cube with one temporal dimension, whose dates span the years.
    period
        day, month, season, tropical-season, or climatology-period for the average of all.
    climatology_period
        The first and the last year, both included.
    """
    dim = temporal_dimension(data, None)
    if period != _WHOLE and period not in CLASSES:
        raise InputError(
            f"There is no normal of the period {period!r}.",
            f"Use one of {', '.join(CLASSES)}, {_WHOLE}.",
            code="ProcessParameterInvalid",
        )
    months = months_of(instants(data.labels[dim]))
    span = _months_of_years(climatology_period, months)
    inside = np.isin(months, span)
    if period in _SEASON_LENGTH:
        inside = _in_whole_seasons(months, span, _SEASON_LENGTH[period])
    groups = _group(data.labels[dim], period, np.flatnonzero(inside).tolist())
    mean = registry.get("mean")
    return aggregate(data, dim, groups, lambda series: mean.call({"data": series, "ignore_nodata": True}))


def _months_of_years(years: Any, months: Any) -> range:
    """Return the months of a span of years, all of which the dates must span."""
    first, last = years if len(years) == 2 else (1, 0)
    if first > last:
        raise InputError(
            f"The climatology period {years!r} is not a first and a last year.",
            "Write [1991, 2020].",
            code="ProcessParameterInvalid",
        )
    span = range(12 * (int(first) - 1970), 12 * (int(last) + 1 - 1970))
    if not len(months) or months.min() // 12 > span[0] // 12 or months.max() // 12 < span[-1] // 12:
        raise InputError(
            f"The dates of the cube do not span the years from {first} to {last}.",
            "Load more dates, or choose other years in climatology_period.",
            code="ProcessParameterInvalid",
        )
    return span


def _in_whole_seasons(months: Any, span: range, length: int) -> Any:
    """Return which dates lie in seasons that end in the span and are not cut off by its beginning."""
    there = {int(month) for month in months}
    kept: list[int] = []
    shift = {3: 1, 6: 2}[length]
    for number in range((span[0] + shift) // length, (span[-1] + shift) // length + 1):
        season = season_months(number, length)
        if season[-1] <= span[-1] and all(month in there for month in season if month < span[0]):
            kept.extend(season)
    return np.isin(months, kept)


def _group(labels: tuple[Any, ...], period: str, positions: list[int]) -> dict[Any, list[int]]:
    """Return what a period is called in any year → positions of its dates."""
    if period == _WHOLE:
        return {_WHOLE: positions}
    kind = period_named(period)
    times = instants(labels)
    groups: dict[Any, list[int]] = {name: [] for name in CLASSES[period]}
    for position in positions:
        name = class_of(kind.label(int(kind.number(times[position : position + 1])[0])), period)
        groups.setdefault(name, []).append(position)  # the day 366 only where there is one
    return groups


def _times_of_anomaly(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> tuple[Any, ...] | None:
    """Return the wanted labels for the data, all for the normals."""
    return wanted if {*wanted} <= {*arguments["data"].labels["t"]} else None


@process("climatology", "cubes", "math", times=_times_of_anomaly)
def anomaly(data: Series, normals: Series, period: AnomalyPeriod) -> Series:
    """Subtract from each date the normal of its period.

    Parameters
    ----------
    data
        A cube with one temporal dimension, whose labels are dates or those of aggregate_temporal_period.
    normals
        A cube with the normals, such as climatological_normal makes.
    period
        The periods of the normals: hour, day, week, dekad, month, season, tropical-season, year, decade,
        decade-ad, or climatology-period or single-period for a single normal.
    """
    dim, other = temporal_dimension(data, None), temporal_dimension(normals, None)
    check_same_labels(data, normals, but=(dim, other))
    known = [str(label) for label in normals.labels[other]]
    if period in _SINGLE:
        names = known[:1] * len(data.labels[dim]) if len(known) == 1 else []
    else:
        names = [_name_of(label, period) for label in data.labels[dim]]
    missing = sorted({*names} - {*known})
    if missing or len(names) != len(data.labels[dim]):
        raise InputError(
            f"The normals hold {', '.join(known[:12])}, not {', '.join(missing[:12]) or 'a single label'}.",
            "Make them with climatological_normal and the same period.",
            code="LabelNotAvailable",
        )
    matching = normals.take(other, [known.index(name) for name in names])
    labels = {k: v for k, v in matching.labels.items() if k != other} | {dim: data.labels[dim]}
    renamed = matching.with_(dims=tuple(dim if d == other else d for d in matching.dims), labels=labels)
    difference: Block = combine(np.subtract, [data, renamed])
    return difference.with_(kinds=data.kinds)


def _name_of(label: Any, period: str) -> str:
    """Return what the period of a label is called in any year."""
    kind = period_named(period)
    if not isinstance(label, np.datetime64):
        return class_of(str(label), period)
    return class_of(kind.label(int(kind.number(instants([label]))[0])), period)
