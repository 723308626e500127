"""What is known of Landsat's files beforehand: bands of each instrument, layers of Level 2, quality bits.

Sources: USGS, Landsat Collection 2 Level 2 Science Product Guides (LSDS-1618, LSDS-1619): tables of scale
factors and of quality bits; band passes of OLI/TIRS, ETM+, TM and MSS.
"""

from __future__ import annotations

from typing import Any

_OLI = {
    "B1": ("coastal", 0.44, 0.02), "B2": ("blue", 0.48, 0.06), "B3": ("green", 0.56, 0.06),
    "B4": ("red", 0.65, 0.04), "B5": ("nir08", 0.87, 0.03), "B6": ("swir16", 1.61, 0.09),
    "B7": ("swir22", 2.2, 0.19), "B8": ("pan", 0.59, 0.18), "B9": ("cirrus", 1.37, 0.02),
    "B10": ("lwir11", 10.9, 0.59), "B11": ("lwir12", 12.0, 1.01),
}  # fmt: skip
_TM = {
    "B1": ("blue", 0.49, 0.07), "B2": ("green", 0.56, 0.08), "B3": ("red", 0.66, 0.06),
    "B4": ("nir08", 0.83, 0.14), "B5": ("swir16", 1.65, 0.2), "B6": ("lwir", 11.45, 2.1),
    "B7": ("swir22", 2.22, 0.27),
}  # fmt: skip
_ETM = {
    **_TM, "B6_VCID_1": _TM["B6"], "B6_VCID_2": _TM["B6"], "B8": ("pan", 0.71, 0.38),
}  # fmt: skip
_MSS = (("green", 0.55, 0.1), ("red", 0.65, 0.1), ("nir08", 0.75, 0.1), ("nir09", 0.95, 0.3))
_MSS_EARLY = dict(zip(("B4", "B5", "B6", "B7"), _MSS, strict=True))
_MSS_LATE = dict(zip(("B1", "B2", "B3", "B4"), _MSS, strict=True))

BANDS: dict[tuple[str, int], dict[str, tuple[str, float, float]]] = {
    **{(sensor, n): _OLI for sensor in "COT" for n in (8, 9)},
    ("E", 7): _ETM, **{("T", n): _TM for n in (4, 5)},
    **{("M", n): _MSS_EARLY for n in (1, 2, 3)}, **{("M", n): _MSS_LATE for n in (4, 5)},
}  # fmt: skip
"""Common name, centre and width (µm) of bands by the letter of the sensor and the number of the satellite."""


def _layer(dtype: str, nodata: int | None, scale: float, title: str, **fields: Any) -> dict[str, Any]:
    facts = {"title": title, "data_type": dtype, **fields}
    return (
        facts
        | ({} if scale == 1 else {"raster:scale": scale})
        | ({} if nodata is None else {"nodata": nodata})
    )


_RADIANCE = "W/(m^2 sr um)"
LAYERS: dict[str, dict[str, Any]] = {
    "ST_QA": _layer("int16", -9999, 0.01, "Surface temperature uncertainty", unit="K"),
    "ST_TRAD": _layer("int16", -9999, 0.001, "Thermal radiance", unit=_RADIANCE),
    "ST_URAD": _layer("int16", -9999, 0.001, "Upwelled radiance", unit=_RADIANCE),
    "ST_DRAD": _layer("int16", -9999, 0.001, "Downwelled radiance", unit=_RADIANCE),
    "ST_ATRAN": _layer("int16", -9999, 0.0001, "Atmospheric transmittance"),
    "ST_EMIS": _layer("int16", -9999, 0.0001, "Emissivity"),
    "ST_EMSD": _layer("int16", -9999, 0.0001, "Standard deviation of emissivity"),
    "ST_CDIST": _layer("int16", -9999, 0.01, "Distance to clouds", unit="km"),
    "SR_ATMOS_OPACITY": _layer("int16", -9999, 0.001, "Atmospheric opacity"),
    "VAA": _layer("int16", None, 0.01, "View azimuth", unit="deg"),
    "VZA": _layer("int16", None, 0.01, "View zenith angle", unit="deg"),
    "SAA": _layer("int16", None, 0.01, "Sun azimuth", unit="deg"),
    "SZA": _layer("int16", None, 0.01, "Sun zenith angle", unit="deg"),
}
"""Layers whose numbers the guides explain and the MTL file does not."""


def _flag(offset: int, name: str, description: str) -> dict[str, Any]:
    classes = [{"value": 0, "name": f"not_{name}"}, {"value": 1, "name": name}]
    return {"offset": offset, "length": 1, "name": name, "description": description, "classes": classes}


def _confidence(offset: int, name: str) -> dict[str, Any]:
    levels = ("not_set", "low", "reserved" if name != "cloud_confidence" else "medium", "high")
    classes = [{"value": value, "name": level} for value, level in enumerate(levels)]
    return {"offset": offset, "length": 2, "name": name, "classes": classes}


PIXEL_BITS = [
    _flag(0, "fill", "Image or fill data"),
    _flag(1, "dilated", "Dilated cloud"),
    _flag(2, "cirrus", "High confidence cirrus (Landsat 8 and 9)"),
    _flag(3, "cloud", "High confidence cloud"),
    _flag(4, "shadow", "High confidence cloud shadow"),
    _flag(5, "snow", "High confidence snow"),
    _flag(6, "clear", "Neither cloud nor dilated cloud"),
    _flag(7, "water", "Water"),
    _confidence(8, "cloud_confidence"),
    _confidence(10, "shadow_confidence"),
    _confidence(12, "snow_confidence"),
    _confidence(14, "cirrus_confidence"),
]
"""The bits of QA_PIXEL."""

QUALITY: dict[str, dict[str, Any]] = {
    "QA_PIXEL": _layer("uint16", 1, 1, "Pixel quality", **{"classification:bitfields": PIXEL_BITS}),
    "QA_RADSAT": _layer("uint16", None, 1, "Radiometric saturation and terrain occlusion"),
    "SR_QA_AEROSOL": _layer("uint8", 1, 1, "Aerosol quality of surface reflectance"),
    "SR_CLOUD_QA": _layer("uint8", None, 1, "Cloud quality of surface reflectance"),
}
"""Layers of bits, which have no scale."""
