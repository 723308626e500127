"""Landsat Collection 2 products, Level 1 and 2: a folder, or a tar or zip file, with an MTL file.

Assets have the names of their files: B4 in Level 1, SR_B4, ST_B10 and QA_PIXEL in Level 2. Values are surface
reflectance, kelvin, or at Level 1 top-of-atmosphere reflectance (with the sun's elevation at the scene's
centre) and, of thermal bands, radiance in W/(m² sr µm).
"""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from eocene.archive.footprint import draw_footprint
from eocene.archive.packing.product_files import find_products, holds_product
from eocene.archive.product import Product, Reader, make_collection, make_item
from eocene.archive.raster import COG
from eocene.archive.readers.landsat_bands import BANDS, LAYERS, QUALITY
from eocene.archive.readers.landsat_metadata import parse_mtl

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive.packing.product_files import ProductFiles
    from eocene.archive.product import IngestOptions
    from eocene.archive.readers.landsat_metadata import Mtl

LICENCE = {"rel": "license", "href": "https://www.usgs.gov/core-science-systems/hdds/data-policy"}
PROVIDERS = [
    {"name": "NASA", "roles": ["producer", "licensor"], "url": "https://landsat.gsfc.nasa.gov/"},
    {"name": "USGS", "roles": ["producer", "processor", "licensor"], "url": "https://www.usgs.gov/landsat-missions"},
]  # fmt: skip

_MARKER = re.compile(r"L[COTEM]\d\d_L\w{3}_\d{6}_\d{8}_\d{8}_02_\w\w_MTL\.(json|txt|xml)")
_NAMES = re.compile(r"L[COTEM]\d\d_L\w{3}_\d{6}_\d{8}_\d{8}_02_")
_ID = re.compile(r"L([COTEM])(\d\d)_(L\w{3})_(\d{3})(\d{3})_(\d{8})_\d{8}_(02)_(\w\w)")
_FILE = re.compile(r"[A-Za-z0-9_]+\.TIF")
_PRODUCT, _IMAGE, _GRID = "PRODUCT_CONTENTS", "IMAGE_ATTRIBUTES", "PROJECTION_ATTRIBUTES"
_REFLECTANCE, _TEMPERATURE = "LEVEL2_SURFACE_REFLECTANCE_PARAMETERS", "LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"
_RESCALING = "LEVEL1_RADIOMETRIC_RESCALING"
_INSTRUMENTS = {"C": ["oli", "tirs"], "O": ["oli"], "E": ["etm"], "T": ["tm"], "M": ["mss"]}


def recognise(path: Path) -> bool:
    """Tell whether it is a folder, tar or zip file with the MTL file of a Collection 2 product."""
    return holds_product(path, _MARKER, _NAMES)


def read_product(path: Path, options: IngestOptions) -> Iterator[Product]:
    """Yield the collection of the product's level with its scene.

    Raises
    ------
    DamageError
        If metadata are missing or damaged; the file is named.
    """
    for files in find_products(path, _MARKER):
        # Of three forms that say the same, JSON is the first in the alphabet.
        marker = next(name for name in files.names() if _MARKER.fullmatch(name))
        mtl = parse_mtl(files.read(marker), files.label(marker))
        product = mtl.text(_PRODUCT, "LANDSAT_PRODUCT_ID")
        parts = _ID.fullmatch(product)
        if not parts or not marker.startswith(product):
            raise mtl.damage(f"its product is {product!r}")
        level = parts.group(3)[1]
        name = options.collection or f"landsat-c2-l{level}"
        yield _describe_collection(name, level), [_read_item(files, mtl, parts, name)]


READER = Reader(
    "landsat", "Landsat Collection 2 (a folder, tar or zip file with an MTL file)", recognise, read_product
)


def _describe_collection(name: str, level: str) -> dict[str, Any]:
    kind = "surface reflectance and temperature" if level == "2" else "top-of-atmosphere reflectance"
    return make_collection(
        name,
        f"Landsat Collection 2 Level-{level}",
        f"Landsat Collection 2 Level-{level}: {kind} on the scenes of the WRS.",
        providers=PROVIDERS,
        links=[LICENCE],
    )


def _read_item(files: ProductFiles, mtl: Mtl, parts: re.Match[str], collection: str) -> dict[str, Any]:
    geometry, bbox = draw_footprint(_read_corners(mtl), mtl.name)
    assets = dict(_list_assets(files, mtl, parts))
    sensor, satellite, level, wrs_path, wrs_row, day, _, tier = parts.groups()
    name = f"L{sensor}{satellite}_{level}_{wrs_path}{wrs_row}_{day}_02_{tier}"
    item = make_item(collection, name, bbox, _describe_scene(mtl, parts), assets)
    return item | {"geometry": geometry, "links": [LICENCE]}


def _read_corners(mtl: Mtl) -> list[tuple[float, float]]:
    """Return the corners (longitude, latitude) of the images, which lie around the scene."""
    return [
        (mtl.number(_GRID, f"CORNER_{at}_LON_PRODUCT"), mtl.number(_GRID, f"CORNER_{at}_LAT_PRODUCT"))
        for at in ("UL", "UR", "LR", "LL")
    ]


def _describe_scene(mtl: Mtl, parts: re.Match[str]) -> dict[str, Any]:
    sensor, satellite, level, wrs_path, wrs_row, _, collection, tier = parts.groups()
    cloud = mtl.number(_IMAGE, "CLOUD_COVER")
    properties = {
        "datetime": mtl.time(_IMAGE, "DATE_ACQUIRED", "SCENE_CENTER_TIME"),
        "platform": f"landsat-{int(satellite)}",
        "instruments": ["tirs"] if sensor == "T" and int(satellite) > 7 else _INSTRUMENTS[sensor],
        "constellation": "landsat",
        "eo:cloud_cover": cloud if cloud >= 0 else None,  # -1 at night
        "view:sun_azimuth": mtl.number(_IMAGE, "SUN_AZIMUTH") % 360.0,
        "view:sun_elevation": mtl.number(_IMAGE, "SUN_ELEVATION"),
        "landsat:cloud_cover_land": mtl.optional_number(_IMAGE, "CLOUD_COVER_LAND"),
        "landsat:wrs_type": mtl.text(_IMAGE, "WRS_TYPE"),
        "landsat:wrs_path": wrs_path,
        "landsat:wrs_row": wrs_row,
        "landsat:collection_category": tier,
        "landsat:collection_number": collection,
        "landsat:correction": level,
        "landsat:scene_id": mtl.groups.get("LEVEL1_PROCESSING_RECORD", {}).get("LANDSAT_SCENE_ID"),
        "landsat:product_id": mtl.text(_PRODUCT, "LANDSAT_PRODUCT_ID"),
        "grid:code": f"WRS{mtl.text(_IMAGE, 'WRS_TYPE')}-{wrs_path}{wrs_row}",
        **_describe_processing(mtl, level),
        "providers": PROVIDERS,
    }
    if mtl.text(_GRID, "MAP_PROJECTION") == "UTM":
        properties["proj:code"] = f"EPSG:{32600 + int(mtl.number(_GRID, 'UTM_ZONE'))}"
    return {key: value for key, value in properties.items() if value is not None}


def _describe_processing(mtl: Mtl, level: str) -> dict[str, Any]:
    group = f"LEVEL{level[1]}_PROCESSING_RECORD"
    software = mtl.groups.get(group, {}).get("PROCESSING_SOFTWARE_VERSION")
    facts: dict[str, Any] = {
        "processing:level": f"L{level[1]}",
        "processing:datetime": mtl.time(group, "DATE_PRODUCT_GENERATED"),
    }
    return facts | ({"processing:software": {"LPGS": software.removeprefix("LPGS_")}} if software else {})


def _list_assets(files: ProductFiles, mtl: Mtl, parts: re.Match[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the images that the MTL file lists and the metadata files that are there."""
    product = parts.group(0)
    for field, file in sorted(mtl.groups.get(_PRODUCT, {}).items(), key=_order_field):
        if field.startswith("FILE_NAME_") and file.upper().endswith(".TIF"):
            if not _FILE.fullmatch(file) or not file.startswith(f"{product}_"):
                raise mtl.damage(f"it lists the file {file!r}")
            name = file.removeprefix(f"{product}_").removesuffix(".TIF")
            facts = _describe_image(mtl, parts, name)
            yield (
                name,
                {**files.locate(file), "type": COG, "roles": ["data"], "bands": [{"name": name}], **facts},
            )
    for file in files.names():
        if file.startswith(product) and file.endswith(("_MTL.json", "_MTL.txt", "_MTL.xml", "_ANG.txt")):
            key = file.removeprefix(f"{product}_").lower()
            kinds = {"json": "application/json", "xml": "application/xml", "txt": "text/plain"}
            yield key, {**files.locate(file), "type": kinds[key.rpartition(".")[2]], "roles": ["metadata"]}


def _order_field(entry: tuple[str, str]) -> tuple[bool, list[int | str]]:
    """Order bands by their numbers, before other layers."""
    parts = [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", entry[0])]
    return not entry[0].startswith("FILE_NAME_BAND"), parts


def _describe_image(mtl: Mtl, parts: re.Match[str], name: str) -> dict[str, Any]:
    if name in QUALITY or name in LAYERS:
        return {**QUALITY.get(name, {}), **LAYERS.get(name, {})}
    band = name.removeprefix("SR_").removeprefix("ST_")
    known = BANDS.get((parts.group(1), int(parts.group(2))), {}).get(band)
    if known is None:
        return {"title": name}
    common_name, centre, width = known
    described = {
        "name": name,
        "eo:common_name": common_name,
        "eo:center_wavelength": centre,
        "eo:full_width_half_max": width,
    }
    return {"bands": [described], "nodata": 0, **_scale_band(mtl, name, band.removeprefix("B"))}


def _scale_band(mtl: Mtl, name: str, number: str) -> dict[str, Any]:
    """Return how stored numbers of a band become values, and the unit of these."""
    if name.startswith("ST_"):
        scale, offset = (mtl.number(_TEMPERATURE, f"TEMPERATURE_{f}_BAND_{name}") for f in ("MULT", "ADD"))
        return {"title": "Surface temperature", "unit": "K", "raster:scale": scale, "raster:offset": offset}
    if name.startswith("SR_"):
        scale, offset = (mtl.number(_REFLECTANCE, f"REFLECTANCE_{f}_BAND_{number}") for f in ("MULT", "ADD"))
        return {
            "title": f"Surface reflectance of band {number}",
            "raster:scale": scale,
            "raster:offset": offset,
        }
    scale_toa = mtl.optional_number(_RESCALING, f"REFLECTANCE_MULT_BAND_{number}")
    if scale_toa is None:
        scale, offset = (mtl.number(_RESCALING, f"RADIANCE_{f}_BAND_{number}") for f in ("MULT", "ADD"))
        facts = {"title": f"Radiance of band {number}", "unit": "W/(m^2 sr um)"}
        return {**facts, "raster:scale": scale, "raster:offset": offset}
    sine = math.sin(math.radians(mtl.number(_IMAGE, "SUN_ELEVATION")))
    if sine <= 0:
        return {"title": f"Band {number} at night"}
    offset = mtl.number(_RESCALING, f"REFLECTANCE_ADD_BAND_{number}")
    facts = {"title": f"Top-of-atmosphere reflectance of band {number}"}
    return {**facts, "raster:scale": scale_toa / sine, "raster:offset": offset / sine}
