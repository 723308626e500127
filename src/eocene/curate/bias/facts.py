"""What is known of each place and time, as categories that can be counted."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.bias.koppen import classify_climate
from eocene.model import InputError
from eocene.model.grid import transformer

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate.placed import Placed

Facts = dict[str, "NDArray[np.str_]"]
"""(n,) names of categories for each factor."""

CLOUD_LEVELS = (0.1, 0.3, 0.6)
SEASONS = ("winter", "spring", "summer", "autumn")
PLAIN = ("region", "country", "climate", "sensor", "land")
"""Columns that hold categories as they are."""


def find_facts(
    placed: Placed,
    *,
    countries: Path | str | None = None,
    weather: Mapping[str, NDArray[Any]] | None = None,
    classes: bool = True,
) -> Facts:
    """Tell factors of all places: those that columns, times and the given tables tell.

    Parameters
    ----------
    placed : Placed
        Samples, or places where a model will be used. Of the columns count "region", "country", "climate",
        "sensor", "land", "label_source" (categories), "cloud" (0 to 1) and "time".
    countries : path, optional
        A vector file of countries, such as that of Natural Earth: the column NAME, name or ADMIN is taken.
    weather : mapping, optional
        "lon", "lat" (m,), "temperature_c", "precipitation_mm" (m, 12): places whose climate is known. Each
        sample has that of the nearest.
    classes : bool
        Whether the class is a factor; it is not where labels are unknown.

    Returns
    -------
    dict of str to (n,) str
    """
    columns = placed.columns
    lon, lat = (np.asarray(v) for v in transformer(placed.epsg, 4326).transform(placed.x, placed.y))
    facts: Facts = {key: columns[key].astype(str) for key in PLAIN if key in columns}
    if "label_source" in columns:
        facts["label_source"] = find_sources(columns["label_source"])
    if countries is not None:
        facts["country"] = find_countries(lon, lat, countries)
    if weather is not None:
        facts["climate"] = find_climate(lon, lat, weather)
    if "time" in columns and columns["time"].dtype.kind == "M":
        facts["season"] = find_seasons(columns["time"], lat)
    if "cloud" in columns:
        facts["cloud"] = find_cloud_levels(columns["cloud"])
    if classes:
        facts["class"] = np.array([placed.class_names[int(v)] for v in placed.labels], dtype=str)
    return facts


def find_sources(names: NDArray[Any]) -> NDArray[np.str_]:
    """Return where labels come from, without the number of the feature: "parcels" of "parcels#17"."""
    return np.char.partition(names.astype(str), "#")[:, 0]


def find_seasons(time: NDArray[np.datetime64], latitude: NDArray[np.float64]) -> NDArray[np.str_]:
    """Return the meteorological season of each time where it was, "unknown" where there is no time."""
    month = time.astype("datetime64[M]").astype(int) % 12
    season = (month + 1) % 12 // 3
    season = np.where(latitude < 0, (season + 2) % 4, season)
    return np.where(np.isnat(time), "unknown", np.array(SEASONS)[season % 4])


def find_cloud_levels(cloud: NDArray[Any]) -> NDArray[np.str_]:
    """Return levels of shares from 0 to 1: up to 10, 30, 60 and 100 %."""
    edges = (0.0, *CLOUD_LEVELS, 1.0)
    names = [f"{100 * a:.0f}–{100 * b:.0f} %" for a, b in pairwise(edges)]
    levels = np.array(names)[np.searchsorted(CLOUD_LEVELS, np.nan_to_num(cloud), side="left")]
    return np.where(np.isfinite(cloud.astype(float)), levels, "unknown")


def find_countries(lon: NDArray[np.float64], lat: NDArray[np.float64], path: Path | str) -> NDArray[np.str_]:
    """Return the country of each place, "none" at sea.

    Raises
    ------
    InputError
        If the file cannot be read or names no countries.
    """
    import geopandas
    import shapely

    try:
        table = geopandas.read_file(path).to_crs(4326)
    except Exception as error:  # the reader has errors of its own for every format
        raise InputError(f"{path} cannot be read as countries: {error}.", "Give a vector file.") from error
    name = next((c for c in ("NAME", "name", "ADMIN", "admin") if c in table.columns), None)
    if name is None:
        raise InputError(f"{path} has no column NAME, name or ADMIN.", "Name the countries in one of them.")
    point, shape = shapely.STRtree(table.geometry.to_numpy()).query(
        shapely.points(lon, lat), predicate="intersects"
    )
    found = np.full(len(lon), "none", dtype=object)
    # On a border the first country of the file has the place.
    found[point[::-1]] = table[name].to_numpy()[shape[::-1]]
    return found.astype(str)


def find_climate(
    lon: NDArray[np.float64], lat: NDArray[np.float64], weather: Mapping[str, NDArray[Any]]
) -> NDArray[np.str_]:
    """Return the climate zone of the nearest place whose months are known, as degrees count."""
    import shapely

    known = classify_climate(weather["temperature_c"], weather["precipitation_mm"], weather["lat"])
    places = np.asarray(shapely.points(np.asarray(weather["lon"]), np.asarray(weather["lat"])))
    tree = shapely.STRtree(places)
    nearest = tree.nearest(shapely.points(lon, lat))
    return known[nearest]
