"""What is known of Sentinel-2's files beforehand: bands, scene classes, how their numbers are stored.

Sources: Sentinel-2 Products Specification Document 15.0; wavelengths and widths as stactools-sentinel2 has
them, so that items of both agree.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class S2Band:
    """A spectral band; ``number`` is its bandId in the metadata, wavelengths are in micrometres."""

    number: int
    name: str
    common_name: str
    title: str
    centre: float
    width: float
    gsd: int

    def describe(self) -> dict[str, Any]:
        """Return the entry of the STAC field ``bands``."""
        return {
            "name": self.name,
            "eo:common_name": self.common_name,
            "eo:center_wavelength": self.centre,
            "eo:full_width_half_max": self.width,
        }


BANDS = {
    band.name: band
    for band in (
        S2Band(0, "B01", "coastal", "Coastal", 0.443, 0.027, 60),
        S2Band(1, "B02", "blue", "Blue", 0.49, 0.098, 10),
        S2Band(2, "B03", "green", "Green", 0.56, 0.045, 10),
        S2Band(3, "B04", "red", "Red", 0.665, 0.038, 10),
        S2Band(4, "B05", "rededge", "Red Edge 1", 0.704, 0.019, 20),
        S2Band(5, "B06", "rededge", "Red Edge 2", 0.74, 0.018, 20),
        S2Band(6, "B07", "rededge", "Red Edge 3", 0.783, 0.028, 20),
        S2Band(7, "B08", "nir", "NIR 1", 0.842, 0.145, 10),
        S2Band(8, "B8A", "nir08", "NIR 2", 0.865, 0.033, 20),
        S2Band(9, "B09", "nir09", "NIR 3", 0.945, 0.026, 60),
        S2Band(10, "B10", "cirrus", "Cirrus", 1.3735, 0.075, 60),
        S2Band(11, "B11", "swir16", "SWIR 1.6μm", 1.61, 0.143, 20),
        S2Band(12, "B12", "swir22", "SWIR 2.2μm", 2.19, 0.242, 20),
    )
}

_CLASSES = (
    ("no_data", "No Data (Missing data)"),
    ("saturated_or_defective", "Saturated or defective pixel"),
    ("dark_area_pixels", "Topographic casted shadows (formerly 'Dark features/Shadows')"),
    ("cloud_shadows", "Cloud shadows"),
    ("vegetation", "Vegetation"),
    ("not_vegetated", "Not-vegetated"),
    ("water", "Water"),
    ("unclassified", "Unclassified"),
    ("cloud_medium_probability", "Cloud - medium probability"),
    ("cloud_high_probability", "Cloud - high probability"),
    ("thin_cirrus", "Thin cirrus"),
    ("snow", "Snow or ice"),
)
SCENE_CLASSES = [
    {"value": value, "name": name, "description": text} for value, (name, text) in enumerate(_CLASSES)
]

LAYERS: dict[str, dict[str, Any]] = {
    "AOT": {
        "title": "Aerosol optical thickness (AOT)", "roles": ["data"], "data_type": "uint16",
        "bands": [{"name": "AOT"}],
    },
    "WVP": {
        "title": "Water Vapour (WVP)", "roles": ["data"], "data_type": "uint16", "unit": "cm",
        "bands": [{"name": "WVP"}],
    },
    "SCL": {
        "title": "Scene classification map (SCL)", "roles": ["data"], "data_type": "uint8",
        "bands": [{"name": "SCL"}], "classification:classes": SCENE_CLASSES,
    },
    "TCI": {
        "title": "True color image", "roles": ["visual"], "data_type": "uint8",
        "bands": [BANDS[name].describe() for name in ("B04", "B03", "B02")],
    },
}  # fmt: skip
"""What a Level-2A product has beside reflectance, and the picture that both levels have."""

LAYER_GSD = {"AOT": 20, "WVP": 20, "SCL": 20, "TCI": 10}
"""The resolution, in metres, of the asset that has the plain name."""
