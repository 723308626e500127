"""Sentinel-2 scenes where and when the official suite looks: South Tyrol, June 2022, drawn from a seed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

if TYPE_CHECKING:
    from pathlib import Path

COLLECTION = "SENTINEL2_L2A_SAMPLE"
DAYS = (2, 5, 7, 10, 12, 15, 17, 20, 22, 25, 27, 30)
BANDS = ("B02", "B03", "B04", "B08", "SCL")
LEFT, TOP, PIXELS, SIZE_M = 679000.0, 5152800.0, (256, 256), 10.0
BBOX = [11.33, 46.46, 11.37, 46.50]


def write_scenes(folder: Path) -> Path:
    """Write a static STAC collection of 12 scenes of 256 × 256 pixels; return its path."""
    draw = np.random.default_rng(0)
    names = [_write_scene(folder, day, draw) for day in DAYS]
    collection = {
        "type": "Collection",
        "stac_version": "1.0.0",
        "id": COLLECTION,
        "title": "Simulated Sentinel-2",
        "description": "Surface reflectance drawn from a seed, for the conformance tests.",
        "license": "CC0-1.0",
        "keywords": ["Sentinel-2", "simulated"],
        "extent": {
            "spatial": {"bbox": [BBOX]},
            "temporal": {"interval": [["2022-06-02T00:00:00Z", "2022-06-30T00:00:00Z"]]},
        },
        "links": [{"rel": "item", "href": f"./{name}", "type": "application/geo+json"} for name in names],
    }
    path = folder / "collection.json"
    path.write_text(json.dumps(collection))
    return path


def _write_scene(folder: Path, day: int, draw: np.random.Generator) -> str:
    name = f"S2_202206{day:02d}"
    assets = {band: _write_band(folder, name, band, draw) for band in BANDS}
    west, south, east, north = BBOX
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    item = {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": COLLECTION,
        "bbox": BBOX,
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": f"2022-06-{day:02d}T00:00:00Z", "proj:epsg": 32632},
        "stac_extensions": ["https://stac-extensions.github.io/eo/v1.1.0/schema.json"],
        "assets": assets,
        "links": [{"rel": "collection", "href": "./collection.json", "type": "application/json"}],
    }
    (folder / f"{name}.json").write_text(json.dumps(item))
    return f"{name}.json"


def _write_band(folder: Path, name: str, band: str, draw: np.random.Generator) -> dict[str, Any]:
    kind = "uint8" if band == "SCL" else "int16"
    values = draw.integers(4, 7, PIXELS) if band == "SCL" else draw.integers(100, 6000, PIXELS)
    path = folder / f"{name}_{band}.tif"
    form = {"driver": "GTiff", "count": 1, "dtype": kind, "nodata": 0, "tiled": True, "compress": "deflate"}
    form |= {"height": PIXELS[0], "width": PIXELS[1], "crs": "EPSG:32632"}
    with rasterio.open(path, "w", transform=from_origin(LEFT, TOP, SIZE_M, SIZE_M), **form) as raster:
        raster.write(values.astype(kind), 1)
    return {
        "href": f"./{path.name}",
        "type": "image/tiff; application=geotiff; profile=cloud-optimized",
        "roles": ["data"],
        "eo:bands": [{"name": band}],
        "raster:bands": [{"data_type": kind, "nodata": 0}],
    }
