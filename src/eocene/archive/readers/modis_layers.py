"""What is known of the layers of MODIS and VIIRS land products beforehand: how their numbers are stored.

Sources: the user guides of MOD13, MOD09, MOD11, MOD15 and MCD43, version 6.1.
"""

from __future__ import annotations

import re
from typing import Any

_LAYERS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("M[OY]D13", "(NDVI|EVI)", {"raster:scale": 0.0001, "nodata": -3000}),
    ("M[OY]D13", "red_reflectance", {"raster:scale": 0.0001, "nodata": -1000, "band": ("red", 0.645)}),
    ("M[OY]D13", "NIR_reflectance", {"raster:scale": 0.0001, "nodata": -1000, "band": ("nir08", 0.858)}),
    ("M[OY]D13", "blue_reflectance", {"raster:scale": 0.0001, "nodata": -1000, "band": ("blue", 0.469)}),
    ("M[OY]D13", "MIR_reflectance", {"raster:scale": 0.0001, "nodata": -1000, "band": ("swir22", 2.13)}),
    ("M[OY]D13", "(view|sun)_zenith_angle", {"raster:scale": 0.01, "nodata": -10000, "unit": "deg"}),
    ("M[OY]D13", "relative_azimuth_angle", {"raster:scale": 0.01, "nodata": -4000, "unit": "deg"}),
    ("M[OY]D13", "VI_Quality", {"nodata": 65535}),
    ("M[OY]D13", "(composite_day_of_the_year|pixel_reliability)", {"nodata": -1}),
    ("M[OY]D09", "sur_refl_b01", {"raster:scale": 0.0001, "nodata": -28672, "band": ("red", 0.645)}),
    ("M[OY]D09", "sur_refl_b02", {"raster:scale": 0.0001, "nodata": -28672, "band": ("nir08", 0.858)}),
    ("M[OY]D09", "sur_refl_b03", {"raster:scale": 0.0001, "nodata": -28672, "band": ("blue", 0.469)}),
    ("M[OY]D09", "sur_refl_b04", {"raster:scale": 0.0001, "nodata": -28672, "band": ("green", 0.555)}),
    ("M[OY]D09", "sur_refl_b0[567]", {"raster:scale": 0.0001, "nodata": -28672}),
    ("M[OY]D11", "LST_(Day|Night)_1km", {"raster:scale": 0.02, "nodata": 0, "unit": "K"}),
    ("M[OCY]D15", "Fpar.*", {"raster:scale": 0.01, "nodata": 255}),
    ("M[OCY]D15", "Lai.*", {"raster:scale": 0.1, "nodata": 255}),
    ("MCD43", "(Nadir_Reflectance_Band[1-7]|Albedo_.*)", {"raster:scale": 0.0001, "nodata": 32767}),
    ("TERRA|AQUA", "(NDVI|EVI)", {"raster:scale": 0.0001, "nodata": -3000}),
)
"""Product, layer, and what is known of it."""

_DAYS = {"13Q1": 16, "13A1": 16, "13A2": 16, "13C1": 16, "09Q1": 8, "09A1": 8, "11A2": 8, "15A2H": 8}
_PREFIX = re.compile(r"^(?:\d+_?k?m_)?(?:\d+_days?_)?")


def name_layer(text: str) -> str:
    """Return the name of a layer without pixel size and days, such as NDVI for 250m_16_days_NDVI."""
    plain = re.sub(r"\W+", "_", text).strip("_")
    return _PREFIX.sub("", plain) or plain


def describe_layer(product: str, layer: str) -> dict[str, Any]:
    """Return what is known of a layer: scale, no-data, unit, its band."""
    for products, layers, facts in _LAYERS:
        if re.match(products, product) and re.fullmatch(layers, layer):
            fields = {key: value for key, value in facts.items() if key != "band"}
            common_name, centre = facts.get("band", (None, None))
            colour = {"eo:common_name": common_name, "eo:center_wavelength": centre} if common_name else {}
            return {**fields, "bands": [{"name": layer, **colour}]}
    return {"bands": [{"name": layer}]}


def count_days(product: str) -> int:
    """Return how many days a composite of a product spans."""
    return _DAYS.get(re.sub(r"^(M[OYC]D|VNP|VJ[12])", "", product), 1)
