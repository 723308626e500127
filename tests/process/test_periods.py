"""Calendar periods and intervals beside pandas."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.model import EoceneError
from eocene.process import registry
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from eocene.process.methods.periods import PERIODS, group_by_period, instants
from tests.process.graphs import DATA, call

if TYPE_CHECKING:
    from collections.abc import Callable


def reducer(process: str, **arguments: Any) -> Callback:
    return Callback(parse_graph({"only": call(process, data=DATA, result=True, **arguments)}), {}, "test")


def run(name: str, /, **arguments: Any) -> Any:
    definition = registry.get(name)
    return definition.call(definition.check_arguments(arguments, "test"))


def series(days: Any, values: Any = None, dim: str = "t") -> Block:
    """Return a cube of one value a date."""
    times = tuple(np.datetime64(d, "s") for d in days)
    numbers = np.arange(1.0, len(times) + 1) if values is None else np.asarray(values, float)
    return Block(numbers, (dim,), {dim: times}, kinds={dim: "temporal"})


def dekad(t: pd.Timestamp) -> str:
    return f"{t.year:04d}-{3 * t.month - (2 if t.day <= 10 else 1 if t.day <= 20 else 0):02d}"


def season(t: pd.Timestamp) -> str:
    names = ["djf", "mam", "jja", "son"]
    return f"{t.year - (t.month < 3):04d}-{names[t.month % 12 // 3]}"


def tropical(t: pd.Timestamp) -> str:
    return f"{t.year - (t.month < 5):04d}-{'mjjaso' if 5 <= t.month <= 10 else 'ndjfma'}"


LABELS: dict[str, Callable[[pd.Timestamp], str]] = {
    "hour": lambda t: t.strftime("%Y-%m-%d-%H"),
    "day": lambda t: t.strftime("%Y-%j"),
    "week": lambda t: t.strftime("%G-%V"),
    "dekad": dekad,
    "month": lambda t: t.strftime("%Y-%m"),
    "season": season,
    "tropical-season": tropical,
    "year": lambda t: t.strftime("%Y"),
    "decade": lambda t: f"{str(t.year)[:3]}0",
    "decade-ad": lambda t: f"{t.year - (t.year - 1) % 10}",
}
SPANS = {"hour": 20, "day": 900, "week": 4000, "dekad": 4000}
START = pd.Timestamp("1890-01-01")


@settings(max_examples=25)
@given(data=st.data(), period=st.sampled_from(sorted(LABELS)))
def test_a_mean_by_period_is_that_of_pandas_and_no_period_between_two_dates_lacks(
    data: st.DataObject, period: str
) -> None:
    first = data.draw(st.integers(0, 90_000)) * 86_400
    seconds = data.draw(
        st.lists(st.integers(0, SPANS.get(period, 20_000) * 86_400), min_size=1, max_size=12, unique=True)
    )
    days = [START + pd.Timedelta(seconds=first + s) for s in seconds]
    found = run("aggregate_temporal_period", data=series(days), period=period, reducer=reducer("mean"))
    every = pd.date_range(min(days), max(days), freq="h" if period == "hour" else "D")
    expected = pd.Series(np.arange(1.0, len(days) + 1)).groupby([LABELS[period](d) for d in days]).mean()
    names = list(dict.fromkeys(LABELS[period](d) for d in [*every, max(days)]))
    assert found.labels["t"] == tuple(names)
    np.testing.assert_allclose(found.filled(), expected.reindex(names).to_numpy(), rtol=1e-12)


def test_every_period_has_an_oracle() -> None:
    assert set(LABELS) == set(PERIODS)


def test_a_period_without_a_date_gives_the_reducer_an_empty_array() -> None:
    cube = series(["2024-01-05", "2024-03-05"])
    counted = run("aggregate_temporal_period", data=cube, period="month", reducer=reducer("count"))
    assert counted.filled().tolist() == [1, 0, 1]
    none = run("aggregate_temporal_period", data=series([]), period="month", reducer=reducer("mean"))
    assert none.values.shape == (0,)


@pytest.mark.parametrize("wanted", [(1,), (0, 2), (3, 1), (4,)])
def test_the_dates_that_some_periods_need_suffice_for_them(wanted: tuple[int, ...]) -> None:
    cube = series(["2024-05-30", "2024-01-02", "2024-03-05", "2024-01-20", "2024-03-01"])
    definition = registry.get("aggregate_temporal_period")
    arguments = {"data": cube, "period": "month", "reducer": reducer("mean")}
    whole = definition.call(arguments)
    labels = tuple(whole.labels["t"][i] for i in wanted)
    needed = definition.times(labels, arguments)
    some = cube.take("t", [cube.labels["t"].index(label) for label in needed])
    part = definition.call({**arguments, "data": some})
    for label in labels:
        here, there = (b.filled()[b.labels["t"].index(label)] for b in (part, whole))
        assert np.array_equal(here, there, equal_nan=True)
    if len(wanted) == 1 and wanted[0] == 4:
        assert needed == cube.labels["t"][:1]


def test_labels_of_days_hours_and_seasons_are_read_as_their_starts() -> None:
    days = ["2023-12-31T23:10", "2024-02-29T04:00", "2024-11-02T00:00"]
    for period, starts in {
        "hour": ["2023-12-31T23", "2024-11-02T00"],
        "day": ["2023-12-31", "2024-11-02"],
        "season": ["2023-12", "2024-09"],
        "tropical-season": ["2023-11", "2024-11"],
    }.items():
        labels = tuple(group_by_period([np.datetime64(d, "s") for d in days], period))
        found = instants([labels[0], labels[-1]])
        assert found.tolist() == np.array(starts, "datetime64[s]").tolist()
    with pytest.raises(EoceneError, match="not times"):
        instants(tuple(group_by_period([np.datetime64("2024-01-01", "s")], "week")))


def test_too_many_periods_are_refused() -> None:
    with pytest.raises(EoceneError, match="there are") as caught:
        group_by_period([np.datetime64(d, "s") for d in ("1900-01-01", "2024-01-01")], "hour")
    assert "filter_temporal" in caught.value.remedy


def test_times_of_day_recur_and_may_last_over_midnight() -> None:
    hours = [0, 5, 6, 12, 17, 18, 23, 30, 42]
    days = [pd.Timestamp("2024-05-01") + pd.Timedelta(hours=h) for h in hours]
    cube = series(days, hours, "when")
    found = run(
        "aggregate_temporal",
        data=cube,
        intervals=[
            ["06:00:00", "18:00:00"],
            ["18:00:00", "06:00:00"],
            [None, "01:00:00"],
            ["23:00:00", None],
        ],
        labels=["day", "night", "first", "last"],
        reducer=reducer("sum"),
    )
    assert found.labels["when"] == ("day", "night", "first", "last")
    daytime = [h for h in hours if 6 <= h % 24 < 18]
    night = sum(hours) - sum(daytime)
    assert found.values.tolist() == [sum(daytime), night, 0, 23]


@pytest.mark.parametrize(
    ("intervals", "labels", "code"),
    [
        ([["06:00:00", "06:00:00"]], [], "TemporalExtentEmpty"),
        ([["2024-05-02", "2024-05-01"]], [], "TemporalExtentEmpty"),
        ([["2024-05-01", "2024-05-02"], ["2024-05-01", "2024-05-03"]], [], "DistinctDimensionLabelsRequired"),
        ([[None, "2024-05-02"]], [], "DistinctDimensionLabelsRequired"),
        ([["2024-05-01", "2024-05-02"]], ["a", "b"], "DistinctDimensionLabelsRequired"),
        ([["06:00:00", "2024-05-02"]], [], "ProcessParameterInvalid"),
    ],
)
def test_intervals_that_cannot_be_are_refused(intervals: Any, labels: Any, code: str) -> None:
    with pytest.raises(EoceneError) as caught:
        run(
            "aggregate_temporal",
            data=series(["2024-05-01"]),
            intervals=intervals,
            labels=labels,
            reducer=reducer("mean"),
        )
    assert caught.value.code == code


def test_the_temporal_dimension_is_found_by_its_type() -> None:
    cube = series(["2024-01-01", "2024-02-01"], dim="when")
    assert (
        run("filter_temporal", data=cube, extent=["2024-01-15", None]).labels["when"]
        == cube.labels["when"][1:]
    )
    both = cube.with_(
        values=np.ones((2, 2)), dims=("when", "t"), labels={**cube.labels, "t": cube.labels["when"]}
    )
    with pytest.raises(EoceneError) as caught:
        run("aggregate_temporal_period", data=both, period="month", reducer=reducer("mean"))
    assert caught.value.code == "TooManyDimensions"
    assert run("filter_temporal", data=both, extent=[None, "2024-01-15"]).values.shape == (1, 1)
    one = run("filter_temporal", data=both, extent=[None, "2024-01-15"], dimension="t")
    assert one.values.shape == (2, 1)


@settings(max_examples=40)
@given(data=st.data())
def test_the_nearest_date_is_taken_and_of_two_the_earlier(data: st.DataObject) -> None:
    offsets = st.lists(st.integers(0, 60), min_size=1, max_size=6, unique=True)
    source, target = data.draw(offsets), data.draw(offsets)
    start = pd.Timestamp("2024-01-01")
    cube = series([start + pd.Timedelta(days=d) for d in source], source)
    wanted = series([start + pd.Timedelta(days=d) for d in target])
    holes = np.array(data.draw(st.lists(st.booleans(), min_size=len(source), max_size=len(source))))
    found = run("resample_cube_temporal", data=cube.with_(valid=~holes), target=wanted)
    nearest = [min(sorted(source), key=lambda s: abs(s - t)) for t in target]
    assert found.labels["t"] == wanted.labels["t"]
    assert found.values.tolist() == nearest
    assert found.valid.tolist() == [not holes[source.index(n)] for n in nearest]
    within = run("resample_cube_temporal", data=cube.with_(valid=~holes), target=wanted, valid_within=7)
    for t, value in zip(target, within.filled(), strict=True):
        near = sorted(s for s, hole in zip(source, holes, strict=True) if not hole and abs(s - t) < 7)
        expected = min(near, key=lambda s: abs(s - t)) if near else np.nan
        assert np.array_equal(value, expected, equal_nan=True)
