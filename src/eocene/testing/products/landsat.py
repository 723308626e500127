"""A small Landsat Collection 2 product: an MTL file in one of its forms, GeoTIFFs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.warp import transform as transform_points

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

EPSG = 32618
WEST, NORTH, GSD = 560_415, 4_582_515, 30
SUN_ELEVATION = 55.5


def write_landsat(
    folder: Path, images: Mapping[str, NDArray[Any]], *, level: str = "L2SP", form: str = "json"
) -> Path:
    """Write a product as a folder and return its path.

    Parameters
    ----------
    folder : Path
        Where it is made.
    images : mapping
        Stored numbers (rows, columns) of 30 m by the end of their file's name, such as SR_B4 or QA_PIXEL.
    level : str
        L2SP, or L1TP.
    form : str
        Of the MTL file: json, txt or xml.
    """
    name = f"LC09_{level}_013032_20240501_20240505_02_T1"
    product = folder / name
    product.mkdir(parents=True)
    for band, pixels in images.items():
        profile = {
            "driver": "GTiff", "count": 1, "height": pixels.shape[0], "width": pixels.shape[1],
            "dtype": pixels.dtype, "crs": f"EPSG:{EPSG}", "compress": "deflate", "tiled": True,
            "blockxsize": 64, "blockysize": 64, "transform": rasterio.Affine(GSD, 0, WEST, 0, -GSD, NORTH),
        }  # fmt: skip
        with rasterio.open(product / f"{name}_{band}.TIF", "w", **profile) as dataset:
            dataset.write(pixels, 1)
    shape = np.shape(next(iter(images.values())))
    groups = _describe_product(name, level, list(images), (shape[0], shape[1]))
    write = {"json": _write_json, "txt": _write_odl, "xml": _write_xml}[form]
    (product / f"{name}_MTL.{form}").write_text(write(groups))
    return product


def _describe_product(
    name: str, level: str, bands: list[str], shape: tuple[int, int]
) -> dict[str, dict[str, str]]:
    files = {f"FILE_NAME_{_field(band)}": f"{name}_{band}.TIF" for band in bands}
    groups = {
        "PRODUCT_CONTENTS": {"LANDSAT_PRODUCT_ID": name, "PROCESSING_LEVEL": level, **files},
        "IMAGE_ATTRIBUTES": {
            "SPACECRAFT_ID": "LANDSAT_9", "SENSOR_ID": "OLI_TIRS", "WRS_TYPE": "2", "WRS_PATH": "13",
            "WRS_ROW": "32", "DATE_ACQUIRED": "2024-05-01", "SCENE_CENTER_TIME": "15:33:56.1234560Z",
            "CLOUD_COVER": "12.34", "CLOUD_COVER_LAND": "10.00", "SUN_AZIMUTH": "140.25",
            "SUN_ELEVATION": str(SUN_ELEVATION),
        },
        "PROJECTION_ATTRIBUTES": {"MAP_PROJECTION": "UTM", "UTM_ZONE": "18", **_describe_corners(shape)},
        f"LEVEL{level[1]}_PROCESSING_RECORD": {
            "DATE_PRODUCT_GENERATED": "2024-05-05T12:00:00Z", "PROCESSING_SOFTWARE_VERSION": "LPGS_16.4.0",
        },
    }  # fmt: skip
    if level[1] == "2":
        groups["LEVEL2_SURFACE_REFLECTANCE_PARAMETERS"] = _scales(
            "REFLECTANCE", range(1, 8), "2.75e-05", "-0.2"
        )
        groups["LEVEL2_SURFACE_TEMPERATURE_PARAMETERS"] = {
            "TEMPERATURE_MULT_BAND_ST_B10": "0.00341802", "TEMPERATURE_ADD_BAND_ST_B10": "149.0",
        }  # fmt: skip
    else:
        groups["LEVEL1_RADIOMETRIC_RESCALING"] = {
            **_scales("REFLECTANCE", range(1, 10), "2.0000E-05", "-0.100000"),
            **_scales("RADIANCE", range(10, 12), "3.8000E-04", "0.10000"),
        }
    return groups


def _field(band: str) -> str:
    number = band.removeprefix("SR_").removeprefix("B")
    if band.startswith("ST_B"):
        return f"BAND_{band}"
    return f"BAND_{number}" if number.isdigit() else f"QUALITY_L1_{band}"


def _scales(what: str, bands: range, factor: str, offset: str) -> dict[str, str]:
    factors = {f"{what}_MULT_BAND_{n}": factor for n in bands}
    return {**factors, **{f"{what}_ADD_BAND_{n}": offset for n in bands}}


def _describe_corners(shape: tuple[int, int]) -> dict[str, str]:
    south, east = NORTH - GSD * shape[0], WEST + GSD * shape[1]
    places = {"UL": (WEST, NORTH), "UR": (east, NORTH), "LL": (WEST, south), "LR": (east, south)}
    x, y = zip(*places.values(), strict=True)
    longitudes, latitudes = transform_points(f"EPSG:{EPSG}", "EPSG:4326", x, y)
    corners = zip(places, longitudes, latitudes, strict=True)
    return {
        f"CORNER_{at}_{axis}_PRODUCT": f"{value:.5f}"
        for at, lon, lat in corners
        for axis, value in (("LON", lon), ("LAT", lat))
    }


def _write_json(groups: dict[str, dict[str, str]]) -> str:
    return json.dumps({"LANDSAT_METADATA_FILE": groups}, indent=2)


def _write_odl(groups: dict[str, dict[str, str]]) -> str:
    lines = ["GROUP = LANDSAT_METADATA_FILE"]
    for group, fields in groups.items():
        lines += [f"  GROUP = {group}", *(f'    {key} = "{value}"' for key, value in fields.items())]
        lines.append(f"  END_GROUP = {group}")
    return "\n".join([*lines, "END_GROUP = LANDSAT_METADATA_FILE", "END", ""])


def _write_xml(groups: dict[str, dict[str, str]]) -> str:
    inner = "".join(
        f"<{group}>" + "".join(f"<{k}>{v}</{k}>" for k, v in fields.items()) + f"</{group}>"
        for group, fields in groups.items()
    )
    return f'<?xml version="1.0"?>\n<LANDSAT_METADATA_FILE>{inner}</LANDSAT_METADATA_FILE>\n'
