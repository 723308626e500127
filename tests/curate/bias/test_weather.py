"""Weather of the archive becomes the climate of places: tables of stations, of columns, of one place."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from eocene.curate.bias import find_facts, read_weather
from eocene.model import InputError
from eocene.testing.simulate.weather import make_weather


def make_days(warm: float, **columns) -> pd.DataFrame:
    """Two years of days, as warm as told and 12 °C more in July; 2 mm of rain a day."""
    time = pd.date_range("2023-01-01", "2024-12-31", freq="D")
    heat = warm - 12 * np.cos(2 * np.pi * (time.dayofyear.to_numpy() - 17) / 365.25)
    return pd.DataFrame({"time": time, "temperature_c": heat, "precipitation_mm": 2.0, **columns})


def test_months_are_means_of_days_and_sums_of_rain_at_each_place():
    table = pd.concat([make_days(26, lon=9.0, lat=0.0), make_days(8, lon=9.0, lat=48.0)])
    found = read_weather(table.sample(frac=1, random_state=0))
    np.testing.assert_array_equal(found["lat"], [0.0, 48.0])
    july = table[(table.lat == 48) & (table.time.dt.month == 7)]
    assert found["temperature_c"][1, 6] == pytest.approx(july.temperature_c.mean())
    assert found["precipitation_mm"][1, 6] == pytest.approx(31 * 2.0)  # of one July, though two were seen


def test_kelvin_is_told_from_degrees():
    table = make_days(8).assign(temperature_c=lambda t: t.temperature_c + 273.15)
    found, plain = (read_weather(each, (9.0, 48.0)) for each in (table, make_days(8)))
    np.testing.assert_allclose(found["temperature_c"], plain["temperature_c"])


def test_stations_may_be_points_of_any_crs(make_samples):
    table = pd.concat([make_days(8, x=500_000.0), make_days(-25, x=600_000.0)])
    points = gpd.GeoDataFrame(table, geometry=gpd.points_from_xy(table.x, 5_300_000.0), crs=32632)
    samples = make_samples([500_000, 600_000], [5_300_000] * 2, [1, 2], epsg=32632)
    facts = find_facts(samples, weather=read_weather(points))
    assert facts["climate"].tolist() == ["Dfb", "EF"]  # of 8 and −25 °C in the mean
    assert read_weather(points)["lat"] == pytest.approx([47.85, 47.85], abs=0.01)


def test_the_weather_of_a_simulated_world_gives_a_climate(make_samples):
    weather = read_weather(make_weather(0), (12.0, 48.3))
    samples = make_samples([720_000], [5_354_000], [1], epsg=32632)
    assert find_facts(samples, weather=weather)["climate"].tolist() == ["Dwb"]  # frost in January, dry then


@pytest.mark.parametrize(
    ("table", "fault"),
    [
        (make_days(8).drop(columns="time"), "no column time"),
        (make_days(8).drop(columns="precipitation_mm"), "no column precipitation_mm or precipitation_flux"),
        (make_days(8).assign(temperature_c="warm"), "'temperature_c' holds no numbers"),
        (make_days(8).assign(time="yesterday or so"), "holds no days"),
        (make_days(8).iloc[:200], "all twelve months"),
        (make_days(8), "tells no places"),
    ],
)
def test_tables_that_are_no_weather_are_refused(table, fault):
    place = None if "places" in fault else (9.0, 48.0)
    with pytest.raises(InputError, match=fault):
        read_weather(table, place)
