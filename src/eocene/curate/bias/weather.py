"""The climate of places out of days of weather, as tables of stations or of one place tell them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.bias.koppen import average_months
from eocene.model import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

TEMPERATURES = ("temperature_c", "temperature_mean", "temperature")
PRECIPITATIONS = ("precipitation_mm", "precipitation_flux", "precipitation")
_ZERO_C, _KELVIN_ABOVE = 273.15, 150.0


def read_weather(table: pd.DataFrame, place: tuple[float, float] | None = None) -> dict[str, NDArray[Any]]:
    """Return the mean months of every place of a table of days, as :func:`find_facts` takes them.

    Parameters
    ----------
    table : DataFrame
        A row a day and place: ``time``; mean temperature as ``temperature_c``, ``temperature_mean`` or
        ``temperature``, in °C or K (where it is above 150 in the mean); the day's rain in mm as
        ``precipitation_mm``, ``precipitation_flux`` or ``precipitation``; where, as points or as ``lon``
        and ``lat`` in degrees.
    place : (lon, lat), optional
        Where a table without places was measured.

    Returns
    -------
    dict
        "lon", "lat" (m,); "temperature_c", "precipitation_mm" (m, 12).

    Raises
    ------
    InputError
        If a column is missing, a value is no number, or a place lacks a month.
    """
    heat, rain = (_read_numbers(table, names) for names in (TEMPERATURES, PRECIPITATIONS))
    if np.nanmean(heat) > _KELVIN_ABOVE:
        heat = heat - _ZERO_C
    time = _read_days(table)
    lon, lat = _read_places(table, place)
    places, which = np.unique(np.stack([lon, lat], axis=1), axis=0, return_inverse=True)
    known = np.isfinite(heat) & np.isfinite(rain) & ~np.isnat(time)
    rows = [np.flatnonzero(known & (which.reshape(-1) == k)) for k in range(len(places))]
    months = [average_months(time[each], heat[each], rain[each]) for each in rows]
    return {
        "lon": places[:, 0],
        "lat": places[:, 1],
        "temperature_c": np.array([warmth for warmth, _ in months]),
        "precipitation_mm": np.array([wet for _, wet in months]),
    }


def _read_numbers(table: pd.DataFrame, names: tuple[str, ...]) -> NDArray[np.float64]:
    name = _find(table, names)
    try:
        return np.asarray(table[name].to_numpy(), dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"The column {name!r} holds no numbers.", "Give °C or K, and mm a day.") from error


def _read_days(table: pd.DataFrame) -> NDArray[np.datetime64]:
    import pandas as pd

    name = _find(table, ("time",))
    try:
        moments = pd.to_datetime(table[name], utc=True)
    except (TypeError, ValueError) as error:
        raise InputError(f"The column {name!r} holds no days: {error}.", "Write ISO 8601.") from error
    return np.asarray(moments.dt.tz_localize(None).to_numpy(), "datetime64[s]")


def _read_places(
    table: pd.DataFrame, place: tuple[float, float] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the degrees (n,) of each row: of its point, of its columns, or of the one place."""
    if hasattr(table, "geometry"):
        shapes = table.geometry if table.crs is None else table.geometry.to_crs(4326)
        points = shapes.representative_point()
        return np.asarray(points.x, dtype=np.float64), np.asarray(points.y, dtype=np.float64)
    if {"lon", "lat"} <= set(table.columns):
        return _read_numbers(table, ("lon",)), _read_numbers(table, ("lat",))
    if place is None:
        raise InputError("The weather tells no places.", "Give points, columns lon and lat, or one place.")
    lon, lat = place
    return np.full(len(table), lon), np.full(len(table), lat)


def _find(table: pd.DataFrame, names: tuple[str, ...]) -> str:
    found = next((name for name in names if name in table.columns), None)
    if found is None:
        raise InputError(
            f"The weather has no column {' or '.join(names)}.",
            f"It has {', '.join(map(str, table.columns))}.",
        )
    return found
