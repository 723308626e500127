"""What the metadata files of a Sentinel-2 product say: MTD_MSIL1C.xml or MTD_MSIL2A.xml, and MTD_TL.xml.

Source: Sentinel-2 Products Specification Document 15.0, sections 4.6, 4.7 and 4.9.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

from eocene.archive.packing.xml import Metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

OFFSET_SINCE = 4.0
"""From this baseline on stored numbers are raised, by 1000 where metadata do not say by how much."""

_TILE = re.compile(r"_T(\d{2})([C-HJ-NP-X])([A-HJ-NP-Z][A-HJ-NP-V])(?:_|$)")
_BASELINE = re.compile(r"\d{2}\.\d{2}")
_SHARES = {
    "s2:degraded_msi_data_percentage": "DEGRADED_MSI_DATA_PERCENTAGE",
    "s2:nodata_pixel_percentage": "NODATA_PIXEL_PERCENTAGE",
    "s2:saturated_defective_pixel_percentage": "SATURATED_DEFECTIVE_PIXEL_PERCENTAGE",
    "s2:dark_features_percentage": "DARK_FEATURES_PERCENTAGE",
    "s2:cloud_shadow_percentage": "CLOUD_SHADOW_PERCENTAGE",
    "s2:vegetation_percentage": "VEGETATION_PERCENTAGE",
    "s2:not_vegetated_percentage": "NOT_VEGETATED_PERCENTAGE",
    "s2:water_percentage": "WATER_PERCENTAGE",
    "s2:unclassified_percentage": "UNCLASSIFIED_PERCENTAGE",
    "s2:medium_proba_clouds_percentage": "MEDIUM_PROBA_CLOUDS_PERCENTAGE",
    "s2:high_proba_clouds_percentage": "HIGH_PROBA_CLOUDS_PERCENTAGE",
    "s2:thin_cirrus_percentage": "THIN_CIRRUS_PERCENTAGE",
    "s2:snow_ice_percentage": "SNOW_ICE_PERCENTAGE",
    "eo:cloud_cover": "CLOUDY_PIXEL_PERCENTAGE",
    "eo:snow_cover": "SNOW_ICE_PERCENTAGE",
}


@dataclass(frozen=True)
class Radiometry:
    """How stored numbers become values: (stored + offset) / quantification, of each band by its number."""

    quantification: float
    offsets: Mapping[int, float]
    aerosol: float
    vapour: float

    def scale_band(self, number: int) -> dict[str, float]:
        """Return STAC's scale and offset of a band; no offset where it is none."""
        offset = self.offsets.get(number, 0.0)
        scale = {"raster:scale": 1.0 / self.quantification}
        return scale | ({"raster:offset": offset / self.quantification} if offset else {})


@dataclass(frozen=True)
class Granule:
    """A tile of a product: its folder in it, and the names of its images without their suffix."""

    folder: str
    images: tuple[str, ...]


def read_granules(product: Metadata) -> list[Granule]:
    """Return the tiles that a product lists.

    Raises
    ------
    DamageError
        If it lists none, or in the form of before December 2016, where metadata name no files.
    """
    granules = []
    for element in product.all("Granule", "Granules"):
        images = [
            (file.text or "").strip() for file in product.below(element).all("IMAGE_FILE", "IMAGE_FILE_2A")
        ]
        folders = {"/".join(image.split("/")[:2]) for image in images}
        if len(folders) != 1 or not all(image.startswith("GRANULE/") for image in images):
            raise product.damage(
                "its granule does not list its images (products before December 2016 do not)"
            )
        granules.append(Granule(folders.pop(), tuple(images)))
    if not granules:
        raise product.damage("it lists no granule")
    return granules


def read_corners(product: Metadata) -> list[tuple[float, float]]:
    """Return the corners (longitude, latitude) of the footprint, degrees."""
    numbers = [product.parse_number(text, "footprint") for text in product.text("EXT_POS_LIST").split()]
    if len(numbers) % 2:
        raise product.damage("its footprint has an odd count of coordinates")
    return list(zip(numbers[1::2], numbers[::2], strict=True))


def read_radiometry(product: Metadata) -> Radiometry:
    """Return quantification values and offsets of Level-1C or Level-2A."""
    names = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE", "QUANTIFICATION_VALUE")
    offsets: dict[int, float] = {}
    for element in product.all("BOA_ADD_OFFSET", "RADIO_ADD_OFFSET"):
        number = int(product.parse_number(element.get("band_id"), "band_id"))
        offsets[number] = product.parse_number(element.text, "radiometric offset")
    if not offsets and float(read_baseline(product)) >= OFFSET_SINCE:
        offsets = dict.fromkeys(range(13), -1000.0)
    layers = ("AOT_QUANTIFICATION_VALUE", "WVP_QUANTIFICATION_VALUE")
    others = [product.optional_number(tag, f"L2A_{tag}") for tag in layers]
    values = [product.number(*names), *(1000.0 if value is None else value for value in others)]
    if min(values) <= 0:
        raise product.damage(f"its quantification values are {values}")
    return Radiometry(values[0], offsets, values[1], values[2])


def read_baseline(product: Metadata) -> str:
    """Return the processing baseline, such as 05.09."""
    baseline = product.text("PROCESSING_BASELINE")
    if not _BASELINE.fullmatch(baseline):
        raise product.damage(f"its processing baseline is {baseline!r}")
    return baseline


def describe_product(product: Metadata) -> dict[str, Any]:
    """Return the properties of an item that are those of the product."""
    orbit = product.number("SENSING_ORBIT_NUMBER")
    datatake = next(iter(product.all("Datatake")), product.root).get("datatakeIdentifier")
    facts = {
        "datetime": product.time("PRODUCT_START_TIME"),
        "platform": product.text("SPACECRAFT_NAME").lower(),
        "constellation": "sentinel-2",
        "instruments": ["msi"],
        "sat:orbit_state": product.text("SENSING_ORBIT_DIRECTION").lower(),
        "sat:relative_orbit": int(orbit),
        "processing:level": product.text("PROCESSING_LEVEL").replace("Level-", "L"),
        "processing:version": read_baseline(product),
        "processing:datetime": product.time("GENERATION_TIME"),
        "s2:product_uri": product.text("PRODUCT_URI", "PRODUCT_URI_1C", "PRODUCT_URI_2A"),
        "s2:product_type": product.text("PRODUCT_TYPE"),
        "s2:processing_baseline": read_baseline(product),
        "s2:generation_time": product.text("GENERATION_TIME"),
        "s2:datatake_type": product.text("DATATAKE_TYPE"),
        "s2:reflectance_conversion_factor": product.optional_number("U"),
        "s2:datatake_id": datatake,
    }
    return {key: value for key, value in facts.items() if value is not None}


def describe_tile(tile: Metadata) -> dict[str, Any]:
    """Return the properties of an item that are those of its tile: place, angles, shares of pixels."""
    match = _TILE.search(tile.text("TILE_ID"))
    if not match:
        raise tile.damage(f"its tile is {tile.text('TILE_ID')!r}")
    zone, latitude_band, square = match.groups()
    code = f"EPSG:{326 if latitude_band >= 'N' else 327}{zone}"
    if tile.text("HORIZONTAL_CS_CODE").upper() != code:
        raise tile.damage(f"its tile lies in {code}, its grid in {tile.text('HORIZONTAL_CS_CODE')}")
    shares = {key: tile.optional_number(tag) for key, tag in _SHARES.items()}
    return {
        "proj:code": code,
        "grid:code": f"MGRS-{zone}{latitude_band}{square}",
        "mgrs:utm_zone": int(zone),
        "mgrs:latitude_band": latitude_band,
        "mgrs:grid_square": square,
        "s2:tile_id": tile.text("TILE_ID"),
        "s2:datastrip_id": tile.text("DATASTRIP_ID"),
        **{key: value for key, value in shares.items() if value is not None},
        **_read_angles(tile),
    }


def _read_angles(tile: Metadata) -> dict[str, float]:
    """Return the mean angles of sun and view, degrees; those of view are averaged over the bands."""
    angles: dict[str, float] = {}
    for element in tile.all("Mean_Sun_Angle"):
        sun = tile.below(element)
        angles["view:sun_azimuth"] = sun.number("AZIMUTH_ANGLE")
        angles["view:sun_elevation"] = 90.0 - sun.number("ZENITH_ANGLE")
    views = [tile.below(element) for element in tile.all("Mean_Viewing_Incidence_Angle")]
    if views:
        azimuths = [view.number("AZIMUTH_ANGLE") for view in views]
        # Around the first one, since the mean of 359 and 3 degrees is 1.
        turns = [(azimuth - azimuths[0] + 180.0) % 360.0 - 180.0 for azimuth in azimuths]
        angles["view:azimuth"] = (azimuths[0] + fmean(turns)) % 360.0
        angles["view:incidence_angle"] = fmean(view.number("ZENITH_ANGLE") for view in views)
    return angles


def read_grids(tile: Metadata) -> dict[int, dict[str, Any]]:
    """Return the projection fields of the images by their resolution in metres: 10, 20 and 60."""
    sizes = {element.get("resolution"): tile.below(element) for element in tile.all("Size")}
    grids = {}
    for element in tile.all("Geoposition"):
        place, gsd = tile.below(element), element.get("resolution") or ""
        size = sizes.get(gsd)
        if size is None or gsd not in ("10", "20", "60"):
            raise tile.damage(f"its resolution {gsd!r} has no size")
        rows, columns = (int(size.number(tag)) for tag in ("NROWS", "NCOLS"))
        west, north, dx, dy = (place.number(tag) for tag in ("ULX", "ULY", "XDIM", "YDIM"))
        if min(rows, columns, dx, -dy) <= 0:
            raise tile.damage(f"its grid of {gsd} m has no area")
        grids[int(gsd)] = {
            "proj:shape": [rows, columns],
            "proj:transform": [dx, 0.0, west, 0.0, dy, north],
            "proj:bbox": [west, north + rows * dy, west + columns * dx, north],
        }
    return grids
