"""Climate zones after Köppen, from twelve months of temperature and precipitation.

Source: Peel, Finlayson & McMahon 2007, table 1, doi:10.5194/hess-11-1633-2007 (temperate from 0 °C of the
coldest month).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

_SUMMER = np.array([4, 5, 6, 7, 8, 9]) - 1


def average_months(
    time: NDArray[np.datetime64], temperature_c: ArrayLike, precipitation_mm: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return (12,) mean temperatures in °C and (12,) mean sums of precipitation in mm from days of weather.

    Raises
    ------
    InputError
        If a month has no day.
    """
    month = time.astype("datetime64[M]").astype(int) % 12
    years = time.astype("datetime64[M]")
    heat, rain = np.asarray(temperature_c, float), np.asarray(precipitation_mm, float)
    if len(np.unique(month)) < 12:
        raise InputError("The weather does not cover all twelve months.", "Give at least one whole year.")
    warmth = np.array([heat[month == m].mean() for m in range(12)])
    # A month that was seen in several years counts once a year.
    wet = np.array([rain[month == m].sum() / len(np.unique(years[month == m])) for m in range(12)])
    return warmth, wet


def classify_climate(
    temperature_c: ArrayLike, precipitation_mm: ArrayLike, latitude: ArrayLike
) -> NDArray[np.str_]:
    """Name climate zones.

    Parameters
    ----------
    temperature_c, precipitation_mm : (n, 12)
        Monthly means and monthly sums.
    latitude : (n,)
        Degrees; tells which half of the year is summer.

    Returns
    -------
    (n,) str
        Such as "Af", "BSk", "Cfb", "Dfc", "ET".

    Raises
    ------
    InputError
        If there are not twelve months, or a value is missing.
    """
    heat, rain = (np.atleast_2d(np.asarray(v, float)) for v in (temperature_c, precipitation_mm))
    north = np.atleast_1d(np.asarray(latitude, float)) >= 0
    if heat.shape != rain.shape or heat.shape[1:] != (12,) or not np.isfinite(heat + rain).all():
        raise InputError("A climate needs twelve months without gaps.", "Give (n, 12) of each.")
    warm_half = np.zeros((2, 12), bool)
    warm_half[1, _SUMMER] = True
    warm_half[0] = ~warm_half[1]
    summer = warm_half[north.astype(int)]
    zones = np.where(heat.max(axis=1) < 10, _name_polar(heat), _name_temperate(heat, rain, summer))
    tropical = heat.min(axis=1) >= 18
    zones = np.where(tropical, _name_tropical(rain), zones)
    threshold = _find_dry_threshold(heat, rain, summer)
    arid = (rain.sum(axis=1) < 10 * threshold) & (heat.max(axis=1) >= 10)
    return np.where(arid, _name_arid(heat, rain, threshold), zones).astype(str)


def _find_dry_threshold(heat: NDArray[Any], rain: NDArray[Any], summer: NDArray[Any]) -> NDArray[Any]:
    total = np.maximum(rain.sum(axis=1), 1e-9)
    share = (rain * summer).sum(axis=1) / total
    mean = heat.mean(axis=1)
    return np.select([share <= 0.3, share >= 0.7], [2 * mean, 2 * mean + 28], 2 * mean + 14)


def _name_arid(heat: NDArray[Any], rain: NDArray[Any], threshold: NDArray[Any]) -> NDArray[Any]:
    dry = np.where(rain.sum(axis=1) < 5 * threshold, "BW", "BS")
    return np.char.add(dry, np.where(heat.mean(axis=1) >= 18, "h", "k"))


def _name_tropical(rain: NDArray[Any]) -> NDArray[Any]:
    driest, total = rain.min(axis=1), rain.sum(axis=1)
    return np.select([driest >= 60, driest >= 100 - total / 25], ["Af", "Am"], "Aw")


def _name_polar(heat: NDArray[Any]) -> NDArray[Any]:
    return np.where(heat.max(axis=1) > 0, "ET", "EF")


def _name_temperate(heat: NDArray[Any], rain: NDArray[Any], summer: NDArray[Any]) -> NDArray[Any]:
    cold = heat.min(axis=1) <= 0
    wet, dry = np.where(summer, rain, -np.inf), np.where(summer, rain, np.inf)
    winter_wet, winter_dry = np.where(~summer, rain, -np.inf), np.where(~summer, rain, np.inf)
    dry_summer = (dry.min(axis=1) < 40) & (dry.min(axis=1) < winter_wet.max(axis=1) / 3)
    dry_winter = winter_dry.min(axis=1) < wet.max(axis=1) / 10
    # Where both hold, the half with less rain is the dry one.
    summer_drier = (rain * summer).sum(axis=1) < (rain * ~summer).sum(axis=1)
    second = np.select(
        [dry_summer & (~dry_winter | summer_drier), dry_winter & (~dry_summer | ~summer_drier)],
        ["s", "w"],
        "f",
    )
    warm_months = (heat >= 10).sum(axis=1)
    third = np.select(
        [heat.max(axis=1) >= 22, warm_months >= 4, cold & (heat.min(axis=1) < -38)], ["a", "b", "d"], "c"
    )
    return np.char.add(np.char.add(np.where(cold, "D", "C"), second), third)
