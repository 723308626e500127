"""What the minicubes of WorldCereal hold: collections, bands, legends."""

from __future__ import annotations

from typing import Any

from eocene.archive.product import make_collection


def _optical(name: str, common: str | None, wavelength_um: float) -> dict[str, Any]:
    band = {"name": name, "eo:center_wavelength": wavelength_um}
    return {"bands": [band | ({"eo:common_name": common} if common else {})]}


SCL_CLASSES = [
    {"value": 0, "name": "no_data", "nodata": True},
    {"value": 1, "name": "saturated_or_defective"},
    {"value": 2, "name": "dark_area"},
    {"value": 3, "name": "cloud_shadow"},
    {"value": 4, "name": "vegetation"},
    {"value": 5, "name": "not_vegetated"},
    {"value": 6, "name": "water"},
    {"value": 7, "name": "unclassified"},
    {"value": 8, "name": "cloud_medium_probability"},
    {"value": 9, "name": "cloud_high_probability"},
    {"value": 10, "name": "thin_cirrus"},
    {"value": 11, "name": "snow_or_ice"},
]
"""The scene classification of Sen2Cor."""

SENTINEL_2: dict[str, dict[str, Any]] = {
    "B02": _optical("B02", "blue", 0.490),
    "B03": _optical("B03", "green", 0.560),
    "B04": _optical("B04", "red", 0.665),
    "B05": _optical("B05", "rededge071", 0.704),
    "B06": _optical("B06", "rededge075", 0.740),
    "B07": _optical("B07", "rededge078", 0.783),
    "B08": _optical("B08", "nir", 0.842),
    "B8A": _optical("B8A", "nir08", 0.865),
    "B11": _optical("B11", "swir16", 1.610),
    "B12": _optical("B12", "swir22", 2.190),
    "SCL": {"bands": [{"name": "SCL"}], "classification:classes": SCL_CLASSES},
}

# The stored integers, divided by 10,000, run from about -37 to +10: they are decibels, neither
# power nor amplitude, and averages of them are geometric ones.
SENTINEL_1: dict[str, dict[str, Any]] = {
    name: {
        "unit": "dB",
        "description": f"Backscatter {name} in decibels (10·log10 of power).",
        "bands": [{"name": name, "description": f"Backscatter {name} in decibels (10·log10 of power)."}],
    }
    for name in ("VV", "VH")
}

LANDSAT: dict[str, dict[str, Any]] = {
    "ST-B10": {
        "unit": "K",
        "description": "Surface temperature, rounded to whole kelvins.",
        "bands": [{"name": "ST-B10", "eo:common_name": "lwir11", "eo:center_wavelength": 10.9}],
    },
    "QA-PIXEL": {"description": "Quality bits of Landsat Collection 2.", "bands": [{"name": "QA-PIXEL"}]},
}

AGERA5: dict[str, dict[str, Any]] = {
    name: {"description": text, "bands": [{"name": name, "description": text}]}
    for name, text in {
        "dewpoint_temperature": "Mean dew point temperature at 2 m, in kelvins.",
        "precipitation_flux": "Precipitation of the day, in millimetres.",
        "solar_radiation_flux": "Solar radiation of the day, in joules per square metre.",
        "temperature_max": "Highest air temperature at 2 m, in kelvins.",
        "temperature_mean": "Mean air temperature at 2 m, in kelvins.",
        "temperature_min": "Lowest air temperature at 2 m, in kelvins.",
        "vapour_pressure": "Mean vapour pressure, in hectopascals.",
        "wind_speed": "Mean wind speed at 10 m, in metres per second.",
    }.items()
}

_COPERNICUS = "Contains modified Copernicus data."
COLLECTIONS = {
    name: make_collection(name, title, description)
    for name, title, description in (
        (
            "sentinel-2-l2a",
            "Sentinel-2 L2A",
            f"Surface reflectance at 10 m and 20 m with the scene classification (SCL). {_COPERNICUS}",
        ),
        (
            "sentinel-1-grd",
            "Sentinel-1 GRD",
            f"Backscatter VV and VH at 20 m, in decibels. {_COPERNICUS}",
        ),
        ("landsat-l2-st", "Landsat 8 surface temperature", "Surface temperature and quality bits at 10 m."),
        ("agera5", "AgERA5 daily weather", "Daily weather for agriculture, one pixel a patch."),
        (
            "cop-dem",
            "Elevation",
            "Metres above the geoid, resampled to 20 m; its time is that of the mission TanDEM-X.",
        ),
        (
            "reference",
            "WorldCereal reference labels",
            "Land cover (LC), crop type (CT) and irrigation (IRR) rasters for training; 0 is no data.",
        ),
    )
}

_LAND_COVER = {
    10: "cropland",
    11: "annual cropland",
    12: "perennial cropland",
    13: "grassland",
    99: "other land",
}
_CROPS = {
    1110: "winter wheat",
    1120: "spring wheat",
    1200: "maize",
    1500: "barley",
    1510: "winter barley",
    1520: "spring barley",
    5100: "potatoes",
    8100: "beets",
    9120: "pasture",
}
_LEGENDS = {"LC": _LAND_COVER, "CT": _CROPS}


def name_classes(band: str, values: list[int]) -> list[dict[str, Any]]:
    """Return the STAC classes of a label raster; a code without a known name keeps its number.

    Parameters
    ----------
    band : str
        LC, CT or IRR.
    values : list of int
        The codes that occur.
    """
    legend = _LEGENDS.get(band, {})
    return [
        {"value": value, "name": legend.get(value, f"{band} {value}")}
        for value in sorted(values)
        if value != 0
    ] + [{"value": 0, "name": "no data", "nodata": True}]
