"""Daily weather of the simulated year: one table for the whole world."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from eocene.model.files import replace_file
from eocene.testing.simulate.noise import derive

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

UNITS = {"temperature_mean": "K", "precipitation_flux": "mm d-1", "solar_radiation_flux": "J m-2 d-1"}
COLUMNS = {"time": "Day, UTC", **{name: f"Unit: {unit}" for name, unit in UNITS.items()}}


def make_weather(seed: int) -> pd.DataFrame:
    """Return the days of 2024: time, temperature_mean (K), precipitation_flux, solar_radiation_flux.

    Rain comes in spells; heavy rain falls on 5 to 8 June, before the flood.
    """
    rng = derive(seed, "weather")
    time = pd.date_range("2024-01-01", "2024-12-31", freq="D", unit="ms")
    day = np.arange(1, time.size + 1)
    anomaly, wet = np.zeros(time.size), np.zeros(time.size, bool)
    for i in range(1, time.size):
        anomaly[i] = 0.78 * anomaly[i - 1] + rng.normal(0.0, 1.7)
        wet[i] = rng.random() < (0.58 if wet[i - 1] else 0.24)
    rain = np.where(wet, rng.gamma(0.8, 6.5, time.size), 0.0)
    rain[(day >= 157) & (day <= 160)] = (31.0, 54.0, 47.0, 22.0)
    season = np.cos(2 * np.pi * (day - 200) / 366.0)
    temperature = 282.6 + 10.2 * season + anomaly - 0.8 * (rain > 1)
    clear = 16.5e6 + 12.5e6 * np.cos(2 * np.pi * (day - 172) / 366.0)
    sun = clear * np.where(rain > 1, rng.uniform(0.25, 0.6, time.size), rng.uniform(0.55, 1.0, time.size))
    values = {"temperature_mean": temperature, "precipitation_flux": rain, "solar_radiation_flux": sun}
    return pd.DataFrame({"time": time, **{k: v.astype(np.float32) for k, v in values.items()}})


def find_wetness(weather: pd.DataFrame, time: datetime) -> float:
    """Return how wet the soil is on a day, 0 to 1: rain of the ten days before, fading."""
    day = time.timetuple().tm_yday
    rain = weather["precipitation_flux"].to_numpy()[max(day - 10, 0) : day]
    weight = 0.75 ** np.arange(rain.size)[::-1]
    return float(1.0 - np.exp(-(rain * weight).sum() / 25.0))


def write_weather(path: Path, weather: pd.DataFrame) -> None:
    """Write the table as Parquet."""
    with replace_file(path) as temporary:
        weather.to_parquet(temporary, index=False)
