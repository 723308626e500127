"""Normals and anomalies beside xarray."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from eocene.cube.block import Block
from eocene.model import EoceneError
from tests.process.test_periods import reducer, run

DAYS = pd.date_range("1989-11-15", "1993-12-31", freq="5D")


@pytest.fixture(scope="module")
def cube() -> xr.DataArray:
    random = np.random.default_rng(4)
    values = random.normal(size=(len(DAYS), 2))
    values[random.random(values.shape) < 0.2] = np.nan
    return xr.DataArray(values, dims=("t", "bands"), coords={"t": DAYS, "bands": ["a", "b"]})


def block(cube: xr.DataArray) -> Block:
    times = tuple(np.datetime64(t, "s") for t in cube.t.values)
    return Block(cube.values, ("t", "bands"), {"t": times, "bands": ("a", "b")}, ~np.isnan(cube.values))


def test_a_monthly_normal_is_the_mean_of_the_months_in_the_years(cube: xr.DataArray) -> None:
    found = run("climatological_normal", data=block(cube), period="month", climatology_period=[1990, 1992])
    expected = cube.sel(t=slice("1990", "1992")).groupby("t.month").mean()
    assert found.labels["t"] == tuple(f"{m:02d}" for m in range(1, 13))
    np.testing.assert_allclose(found.filled(), expected.values)


def test_a_daily_normal_has_all_days_and_the_whole_period_one(cube: xr.DataArray) -> None:
    days = run("climatological_normal", data=block(cube), period="day", climatology_period=[1990, 1992])
    expected = (
        cube.sel(t=slice("1990", "1992")).groupby("t.dayofyear").mean().reindex(dayofyear=range(1, 366))
    )
    assert days.labels["t"][:365] == tuple(f"{d:03d}" for d in range(1, 366))
    np.testing.assert_allclose(days.filled()[:365], expected.values)
    whole = run(
        "climatological_normal",
        data=block(cube),
        period="climatology-period",
        climatology_period=[1990, 1992],
    )
    assert whole.labels["t"] == ("climatology-period",)
    np.testing.assert_allclose(whole.filled()[0], cube.sel(t=slice("1990", "1992")).mean("t").values)


@pytest.mark.parametrize(
    ("period", "months", "first"),
    [
        ("season", {"djf": (12, 1, 2), "jja": (6, 7, 8)}, 12),
        ("tropical-season", {"ndjfma": (11, 12, 1, 2, 3, 4)}, 11),
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_a_season_over_new_year_counts_where_all_its_months_are_there(
    cube: xr.DataArray, period: str, months: dict[str, tuple[int, ...]], first: int, before: bool
) -> None:
    dates = cube if before else cube.sel(t=slice("1990-01-01", None))
    found = run("climatological_normal", data=block(dates), period=period, climatology_period=[1990, 1992])
    t = cube.t.dt
    # The season that begins late in a year is that of the next.
    year = t.year + (t.month >= first)
    for name, members in months.items():
        over_new_year = 1 in members
        start = 1990 + (over_new_year and not before)
        chosen = t.month.isin(members) & ((year if over_new_year else t.year) >= start)
        chosen &= (year if over_new_year else t.year) <= 1992
        expected = cube.where(chosen, drop=True).mean("t").values
        np.testing.assert_allclose(found.filled()[found.labels["t"].index(name)], expected)


def test_dates_must_span_the_years(cube: xr.DataArray) -> None:
    with pytest.raises(EoceneError, match="do not span"):
        run("climatological_normal", data=block(cube), period="month")
    with pytest.raises(EoceneError, match="first and a last"):
        run("climatological_normal", data=block(cube), period="month", climatology_period=[1992, 1990])


def test_an_anomaly_is_the_difference_from_the_normal_of_the_month(cube: xr.DataArray) -> None:
    normals = run("climatological_normal", data=block(cube), period="month", climatology_period=[1990, 1992])
    grouped = cube.groupby("t.month")
    expected = grouped - cube.sel(t=slice("1990", "1992")).groupby("t.month").mean()
    dates = run("anomaly", data=block(cube), normals=normals, period="month")
    np.testing.assert_allclose(dates.filled(), expected.transpose("t", "bands").values, atol=1e-12)
    months = run("aggregate_temporal_period", data=block(cube), period="month", reducer=reducer("mean"))
    by_month = run("anomaly", data=months, normals=normals, period="month")
    assert by_month.labels["t"] == months.labels["t"]
    position = months.labels["t"].index("1991-07")
    np.testing.assert_allclose(
        by_month.values[position],
        cube.sel(t="1991-07").mean("t").values
        - cube.sel(t=slice("1990", "1992")).groupby("t.month").mean().sel(month=7).values,
    )


def test_a_normal_that_lacks_is_told(cube: xr.DataArray) -> None:
    normals = run("climatological_normal", data=block(cube), period="month", climatology_period=[1990, 1992])
    with pytest.raises(EoceneError) as caught:
        run("anomaly", data=block(cube), normals=normals.take("t", [0, 1]), period="month")
    assert caught.value.code == "LabelNotAvailable"
    single = normals.take("t", [0])
    found = run("anomaly", data=block(cube), normals=single, period="single-period")
    np.testing.assert_allclose(found.filled(), cube.values - single.values)
