"""What is known of Sentinel-3's files beforehand: wavelengths, pixel sizes, where longitudes are kept.

Sources: Sentinel-3 OLCI and SLSTR product data format specifications (S3IPF.PDS.004, .005, .006).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_OLCI = (
    (0.4, 0.015), (0.4125, 0.01), (0.4425, 0.01), (0.49, 0.01), (0.51, 0.01), (0.56, 0.01), (0.62, 0.01),
    (0.665, 0.01), (0.67375, 0.0075), (0.68125, 0.0075), (0.70875, 0.01), (0.75375, 0.0075),
    (0.76125, 0.0025), (0.764375, 0.00375), (0.7675, 0.0025), (0.77875, 0.015), (0.865, 0.02), (0.885, 0.01),
    (0.9, 0.01), (0.94, 0.02), (1.02, 0.04),
)  # fmt: skip
_SLSTR = (
    (0.55427, 0.01926), (0.65947, 0.01925), (0.868, 0.0206), (1.3748, 0.0208), (1.6134, 0.06068),
    (2.2557, 0.05015), (3.742, 0.398), (10.854, 0.776), (12.0225, 0.905),
)  # fmt: skip
_NAMES = {
    "Oa03": "coastal", "Oa04": "blue", "Oa05": "green05", "Oa06": "green", "Oa07": "yellow", "Oa08": "red",
    "Oa11": "rededge071", "Oa12": "rededge075", "Oa16": "rededge078", "Oa17": "nir08", "Oa19": "nir09",
    "S1": "green", "S2": "red", "S3": "nir08", "S4": "cirrus", "S5": "swir16", "S6": "swir22",
    "S8": "lwir11", "S9": "lwir12",
}  # fmt: skip
_BAND = re.compile(r"(?:Syn_|SDR_)?(Oa\d\d|S\d)(?:_|$)|SDR_(Oa\d\d|S\d)")

INSTRUMENTS = {"OL": "olci", "SL": "slstr", "SY": "syn"}
"""By the second part of a product's name."""


@dataclass(frozen=True)
class Geolocation:
    """A file that has the longitude and latitude of each pixel of a grid."""

    file: str
    longitude: str
    latitude: str

    def as_field(self) -> dict[str, str]:
        """Return the value of the asset's field."""
        return {"file": self.file, "longitude": self.longitude, "latitude": self.latitude}


def find_geolocations(names: list[str]) -> dict[str, Geolocation]:
    """Return the geolocation files among the files of a product, by the ending of the grid's variables.

    The ending is such as ``_in`` in SLSTR products, whose images lie on several grids, and empty elsewhere.
    """
    found = {}
    for name in names:
        if name == "geo_coordinates.nc":
            found[""] = Geolocation(name, "longitude", "latitude")
        elif name == "geolocation.nc":
            found[""] = Geolocation(name, "lon", "lat")
        elif match := re.fullmatch(r"geodetic(_[abcfi][no])\.nc", name):
            found[match.group(1)] = Geolocation(
                name, f"longitude{match.group(1)}", f"latitude{match.group(1)}"
            )
    return found


def find_gsd(kind: str, ending: str) -> int:
    """Return the ground sampling distance, metres, of a product's type and grid."""
    if ending:
        return 500 if ending[1] in "abc" else 1000
    return 1200 if kind.endswith("RR") else 300


def describe_band(variable: str) -> dict[str, Any]:
    """Return the entry of the STAC field ``bands`` of a variable."""
    match = _BAND.match(variable)
    band = next((part for part in match.groups() if part), None) if match else None
    if band is None:
        return {"name": variable}
    number = int(band.lstrip("OaS")) - 1
    known = _OLCI if band.startswith("Oa") else _SLSTR
    if not 0 <= number < len(known):
        return {"name": variable}
    centre, width = known[number]
    facts = {"name": variable, "eo:center_wavelength": centre, "eo:full_width_half_max": width}
    return facts | ({"eo:common_name": _NAMES[band]} if band in _NAMES else {})
