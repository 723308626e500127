"""Processes along time.

Source: openEO processes 2.0, categories filter and aggregate.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from eocene.cube.block import Block
from eocene.cube.edge import PeriodLabel, parse_label
from eocene.model import InputError, TimeSpan
from eocene.process.elementwise import same_times
from eocene.process.registry import process
from eocene.process.types import Array, Context, Cube, OptionalText, Reducer, TemporalInterval, Text

_SEASONS = {12: "djf", 1: "djf", 2: "djf", 3: "mam", 4: "mam", 5: "mam"} | {
    6: "jja",
    7: "jja",
    8: "jja",
    9: "son",
    10: "son",
    11: "son",
}
_PERIODS: dict[str, Callable[[pd.Timestamp], str]] = {
    "hour": lambda t: f"{t:%Y-%m-%d-%H}",
    "day": lambda t: f"{t:%Y}-{t.dayofyear:03d}",
    "week": lambda t: PeriodLabel("{}-{:02d}".format(*t.isocalendar()[:2])),
    "dekad": lambda t: PeriodLabel(f"{t.year}-{(t.month - 1) * 3 + min((t.day - 1) // 10, 2) + 1:02d}"),
    "month": lambda t: f"{t:%Y-%m}",
    "season": lambda t: f"{t.year + (t.month == 12)}-{_SEASONS[t.month]}",
    "year": lambda t: f"{t:%Y}",
    "decade": lambda t: f"{t.year // 10 * 10}",
    "decade-ad": lambda t: f"{(t.year - 1) // 10 * 10 + 1}",
}  # fmt: skip


def instants(labels: tuple[Any, ...]) -> list[np.datetime64]:
    """Return labels along t as instants.

    Raises
    ------
    InputError
        If a label is not a time.
    """
    try:
        return [parse_label(label).astype("datetime64[s]") for label in labels]
    except (TypeError, ValueError) as error:
        raise InputError(
            f"The labels along t are not times: {labels[:3]}.",
            "Name another dimension, or rename the labels to dates.",
            code="ProcessParameterInvalid",
        ) from error


def _check_dimension(data: Block, dimension: str | None) -> str:
    data.index(dimension or "t")
    if dimension not in (None, "t"):
        raise InputError(
            f"{dimension!r} is not a temporal dimension.", "Use t.", code="DimensionNotAvailable"
        )
    return "t"


@process("cubes", "filter", times=same_times)
def filter_temporal(data: Cube, extent: TemporalInterval, dimension: OptionalText = None) -> Cube:
    """Keep the dates in an interval, its end excluded.

    Parameters
    ----------
    data
        A cube with dates.
    extent
        Start and end; either may be null.
    dimension
        The temporal dimension.
    """
    dim = _check_dimension(data, dimension)
    span = TimeSpan.from_openeo(extent)
    times = instants(data.labels[dim])
    kept = [i for i, t in enumerate(times) if span.contains(t)]
    if not kept:
        raise InputError(
            f"No date of the cube lies between {span.start} and {span.end}.",
            f"It has dates from {min(times)} to {max(times)}." if times else "The cube has no date.",
            code="NoDataAvailable",
        )
    return data.take(dim, kept)


def group_by_period(labels: tuple[Any, ...], period: str) -> dict[str, list[int]]:
    """Return period label → positions of the dates in it, in order of time.

    Labels as openEO writes them: 2024-05 for a month, 2024-jja for a season, 2024-17 for a week or dekad.

    Raises
    ------
    InputError
        If the period is not known.
    """
    if period not in _PERIODS:
        raise InputError(
            f"There is no period {period!r}.",
            f"Use one of {', '.join(_PERIODS)}.",
            code="ProcessParameterInvalid",
        )
    groups: dict[str, list[int]] = {}
    times = instants(labels)
    for position in sorted(range(len(times)), key=lambda i: times[i]):
        groups.setdefault(_PERIODS[period](pd.Timestamp(times[position])), []).append(position)
    return groups


def _times_of_periods(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> tuple[Any, ...]:
    """Return the dates that the wanted periods are made of."""
    labels = arguments["data"].labels["t"]
    groups = group_by_period(labels, arguments["period"])
    chosen = {p for period in wanted for p in groups.get(period, ())}
    return tuple(label for position, label in enumerate(labels) if position in chosen)


@process("cubes", "aggregate", "climatology", times=_times_of_periods)
def aggregate_temporal_period(
    data: Cube, period: Text, reducer: Reducer, dimension: OptionalText = None, context: Context = None
) -> Cube:
    """Aggregate dates by calendar period; periods without a date are left out.

    Parameters
    ----------
    data
        A cube with dates.
    period
        hour, day, week, dekad, month, season, year, decade or decade-ad.
    reducer
        Takes the array of a period, returns one value.
    dimension
        The temporal dimension.
    context
        Handed to the reducer.
    """
    dim = _check_dimension(data, dimension)
    groups = group_by_period(data.labels[dim], period)
    return _aggregate(data, list(groups.values()), tuple(groups), reducer, context)


@process("cubes", "aggregate")
def aggregate_temporal(
    data: Cube,
    intervals: Array,
    reducer: Reducer,
    labels: Array = (),
    dimension: OptionalText = None,
    context: Context = None,
) -> Cube:
    """Aggregate dates by intervals, their ends excluded.

    Parameters
    ----------
    data
        A cube with dates.
    intervals
        Pairs of start and end.
    reducer
        Takes the array of an interval, returns one value.
    labels
        New labels; the starts of the intervals by default.
    dimension
        The temporal dimension.
    context
        Handed to the reducer.
    """
    dim = _check_dimension(data, dimension)
    if not intervals:
        raise InputError(
            "aggregate_temporal got no interval.",
            "Give at least one interval.",
            code="ProcessParameterInvalid",
        )
    spans = [TimeSpan.from_openeo(i) for i in intervals]
    names = tuple(labels) or tuple(i[0] for i in intervals)
    if len(set(names)) != len(intervals):
        raise InputError(
            "The labels of the intervals are not distinct.",
            "Give one label for each.",
            code="DistinctDimensionLabelsRequired",
        )
    times = instants(data.labels[dim])
    groups = [[p for p, t in enumerate(times) if span.contains(t)] for span in spans]
    return _aggregate(data, groups, names, reducer, context)


def _aggregate(
    data: Block, groups: list[list[int]], labels: tuple[Any, ...], reducer: Any, context: Any
) -> Block:
    """Reduce each group of positions along t and stack the results along t, where t was."""
    axis = data.index("t")
    parts = [reducer(data=data.take("t", g).with_(axis="t"), context=context) for g in groups]
    if not all(isinstance(p, Block) and p.axis is None for p in parts):
        raise InputError("The reducer does not end in one value.", "Use a reducer such as median.")
    shape = parts[0].values.shape
    masks = [np.broadcast_to(True if p.valid is None else p.valid, shape) for p in parts]
    complete = all(p.valid is None for p in parts)
    first: Block = parts[0]
    return first.with_(
        values=np.stack([p.values for p in parts], axis=axis),
        valid=None if complete else np.stack(masks, axis=axis),
        dims=(*first.dims[:axis], "t", *first.dims[axis:]),
        labels={**first.labels, "t": labels},
    )
