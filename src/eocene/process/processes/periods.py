"""Aggregation of dates by intervals and calendar periods.

Source: openEO processes 2.0, category aggregate.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError, TimeSpan
from eocene.process.methods.dimensions import fill, temporal_dimension, without
from eocene.process.methods.periods import PERIODS, group_by_period, instants
from eocene.process.registry import process
from eocene.process.standard import DATE_TIME_TOLD, DATE_TOLD, TIME
from eocene.process.types import (
    Context,
    DistinctLabels,
    IntervalReducer,
    OptionalText,
    PeriodReducer,
    Series,
    array_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d):([0-5]\d)Z?|24:00:00Z?")
_DAY_SECONDS = 86_400
_TIME_TOLD = TIME | {"description": "Time only, formatted as `HH:MM:SS`. The time zone is UTC."}
_MOMENT = {"anyOf": [DATE_TIME_TOLD, DATE_TOLD, _TIME_TOLD, {"type": "null"}]}
_INTERVAL = array_of(_MOMENT, subtype="temporal-interval", uniqueItems=True, minItems=2, maxItems=2)
_EXAMPLES = [
    [[f"{year}-01-01", f"{year + 1}-01-01"] for year in (2015, 2016, 2017)],
    [["06:00:00", "18:00:00"], ["18:00:00", "06:00:00"]],
]
TemporalIntervals = Annotated[
    Any, array_of(_INTERVAL, subtype="temporal-intervals", minItems=1, examples=_EXAMPLES)
]
PeriodName = Annotated[str, {"type": "string", "enum": list(PERIODS)}]


def _times_of_groups(groups: dict[Any, list[int]], wanted: tuple[Any, ...], labels: tuple[Any, ...]) -> Any:
    """Return the dates that the wanted groups are made of.

    If one of them has none, the first and the last date are there, between which it lies.
    """
    chosen = {p for group in wanted for p in groups.get(group, ())}
    if labels and not all(groups.get(group) for group in wanted):
        order = np.argsort(instants(labels), kind="stable")
        chosen |= {int(order[0]), int(order[-1])}
    return tuple(label for position, label in enumerate(labels) if position in chosen)


def _times_of_periods(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> Any:
    labels = arguments["data"].labels["t"]
    if arguments.get("dimension") not in (None, "t"):
        return wanted
    return _times_of_groups(group_by_period(labels, arguments["period"]), wanted, labels)


@process("aggregate", "climatology", "cubes", times=_times_of_periods)
def aggregate_temporal_period(
    data: Series,
    period: PeriodName,
    reducer: PeriodReducer,
    dimension: OptionalText = None,
    context: Context = None,
) -> Series:
    """Aggregate dates by calendar period, from the first date to the last without a gap.

    For a period without a date the reducer gets an empty array, which makes no-data of most reducers.
    The labels are 2024-05-31-23 for an hour, 2024-152 for a day, 2024-22 for a week or a dekad, 2024-05 for
    a month, 2024-jja or 2024-mjjaso for a season, of which the first month gives the year, and 2024 for a
    year or the first year of a decade.

    Parameters
    ----------
    data
        A cube with dates.
    period
        hour, day, week, dekad, month, season, tropical-season, year, decade or decade-ad.
    reducer
        Takes the array of a period, returns one value.
    dimension
        The temporal dimension; may be left out if there is one.
    context
        Handed to the reducer.

    Raises
    ------
    TooManyDimensions
        The cube has several temporal dimensions and none is named.
    DimensionNotAvailable
        The cube has no temporal dimension, or none of that name.
    """
    dim = temporal_dimension(data, dimension)
    groups = group_by_period(data.labels[dim], period)
    return aggregate(data, dim, groups, lambda series: reducer(data=series, context=context))


def _times_of_intervals(wanted: tuple[Any, ...], arguments: dict[str, Any]) -> Any:
    labels = arguments["data"].labels["t"]
    if arguments.get("dimension") not in (None, "t"):
        return wanted
    groups = _group_by_interval(labels, arguments["intervals"], arguments["labels"])
    return _times_of_groups(groups, wanted, labels)


@process("cubes", "aggregate", times=_times_of_intervals)
def aggregate_temporal(
    data: Series,
    intervals: TemporalIntervals,
    reducer: IntervalReducer,
    labels: DistinctLabels = (),
    dimension: OptionalText = None,
    context: Context = None,
) -> Series:
    """Aggregate dates by intervals, their ends excluded; intervals may overlap.

    Parameters
    ----------
    data
        A cube with dates.
    intervals
        Pairs of start and end: dates, instants, or times of day such as 18:00:00, which recur each day; an
        interval of times may last over midnight. Either of the two may be null.
    reducer
        Takes the array of an interval, returns one value.
    labels
        New labels; the starts of the intervals by default.
    dimension
        The temporal dimension; may be left out if there is one.
    context
        Handed to the reducer.

    Raises
    ------
    TooManyDimensions
        The cube has several temporal dimensions and none is named.
    DimensionNotAvailable
        The cube has no temporal dimension, or none of that name.
    DistinctDimensionLabelsRequired
        Two intervals have the same label, or one has none.
    TemporalExtentEmpty
        The end of an interval is not after its start.
    """
    dim = temporal_dimension(data, dimension)
    groups = _group_by_interval(data.labels[dim], intervals, labels)
    return aggregate(data, dim, groups, lambda series: reducer(data=series, context=context))


def _group_by_interval(dates: Sequence[Any], intervals: Any, labels: Sequence[Any]) -> dict[Any, list[int]]:
    """Return label → positions of the dates in its interval, in order of time."""
    if not intervals:
        raise InputError(
            "aggregate_temporal got no interval.",
            "Give at least one interval.",
            code="ProcessParameterInvalid",
        )
    times = instants(dates)
    order = np.argsort(times, kind="stable")
    groups = [[int(p) for p in order if inside[p]] for inside in (_contains(i, times) for i in intervals)]
    names = tuple(labels) or tuple(interval[0] for interval in intervals)
    if None in names or len({*names}) != len(intervals) or len(names) != len(intervals):
        raise InputError(
            f"{len(intervals)} intervals have the labels {', '.join(map(str, names))}.",
            "Give one label for each in the parameter labels, all different.",
            code="DistinctDimensionLabelsRequired",
        )
    return dict(zip(names, groups, strict=True))


def _contains(interval: Any, times: NDArray[np.datetime64]) -> NDArray[np.bool_]:
    """Return which times lie in an interval of instants, or of times of day."""
    is_pair = isinstance(interval, list | tuple) and len(interval) == 2
    moments = [m for m in interval if m is not None] if is_pair else []
    if not moments or not all(isinstance(m, str) and _TIME.fullmatch(m) for m in moments):
        span = TimeSpan.from_openeo(interval)
        inside: NDArray[np.bool_] = (times >= span.start) & (times < span.end)
        return inside
    seconds = times.astype(np.int64) % _DAY_SECONDS
    start = 0 if interval[0] is None else _seconds(interval[0])
    end = _DAY_SECONDS if interval[1] is None else _seconds(interval[1])
    if start == end:
        raise InputError(
            f"The interval from {interval[0]} to {interval[1]} is empty.",
            "Give an end that differs from the start; the end itself is not included.",
            code="TemporalExtentEmpty",
        )
    after, before = seconds >= start, seconds < end
    return after & before if start < end else after | before


def _seconds(text: str) -> int:
    hours, minutes, seconds = (int(part) for part in text.removesuffix("Z").split(":"))
    return 3600 * hours + 60 * minutes + seconds


def aggregate(data: Block, dim: str, groups: dict[Any, list[int]], reducer: Callable[[Block], Any]) -> Block:
    """Reduce each group of positions along a dimension and stack the results along it, where it was."""
    like = without(data, dim)
    reduced: dict[tuple[int, ...], Block] = {}
    for group in [*groups.values()] or [[]]:
        if tuple(group) not in reduced:  # all periods without a date are alike
            reduced[tuple(group)] = fill(reducer(data.take(dim, group).with_(axis=dim)), like, "reducer")
    # What nothing is reduced to does not decide the dtype where there is something.
    dtypes = [part.values.dtype for group, part in reduced.items() if group or len(reduced) == 1]
    parts = [reduced[tuple(group)] for group in groups.values()]
    values, valid = _lay_side_by_side(parts, data.index(dim), np.result_type(*dtypes), like.values.shape)
    return data.with_(values=values, valid=valid, labels={**data.labels, dim: tuple(groups)}, axis=None)


def _lay_side_by_side(
    parts: Sequence[Block], axis: int, dtype: np.dtype[Any], shape: tuple[int, ...]
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Return the values of parts, each of one shape, along a new axis, and which of them are data."""
    if len(parts) == 1:  # nothing is copied
        alone = parts[0].valid
        return np.expand_dims(parts[0].values, axis), None if alone is None else np.expand_dims(alone, axis)
    shape = (*shape[:axis], len(parts), *shape[axis:])
    values = np.empty(shape, dtype)
    valid = None if all(part.valid is None for part in parts) else np.ones(shape, bool)
    for position, part in enumerate(parts):
        at = (slice(None),) * axis + (position,)
        values[at] = part.values
        if valid is not None and part.valid is not None:
            valid[at] = part.valid
    return values, valid
