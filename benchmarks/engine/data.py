"""A synthetic archive for the benchmark: COGs and the static STAC catalogue around them.

Two collections on one pixel grid in EPSG:32633: ``s2`` with four bands and SCL in uint16, stored with the
horizontal predictor, and ``s1`` with VV and VH in float32; 512² tiles, DEFLATE. Scenes are noise around a
fixed ground, the scene classification comes in squares of 64 pixels, a third of which is cloud or shadow.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin
from rasterio.warp import transform_bounds

BANDS = {"s2": ("B02", "B03", "B04", "B08", "SCL"), "s1": ("VV", "VH")}
DTYPES = {"s2": "uint16", "s1": "float32"}
NODATA = {"s2": 0, "s1": None}
WEST, NORTH, EPSG = 600_000, 5_100_000, 32633
_CLASSES = np.array([3, 4, 5, 8, 9], np.uint16)
_SHARES = [0.1, 0.4, 0.2, 0.15, 0.15]


def dates(count: int, sensor: str = "s2") -> list[datetime]:
    """Return the dates of a sensor: every tenth day, radar three days after."""
    first = datetime(2024, 1, 5 if sensor == "s2" else 8, 10, 30)
    return [first + timedelta(days=10 * i) for i in range(count)]


def path_of(folder: Path, sensor: str, number: int, band: str) -> Path:
    """Return the file of a band on a date."""
    return folder / sensor / f"{number:02d}_{band}.tif"


def make_archive(
    folder: Path, size: int = 2048, count: int = 12, sensors: tuple[str, ...] = ("s2", "s1")
) -> None:
    """Write the archive unless it is there already; ``collection.json`` of each sensor comes last."""
    for sensor in sensors:
        if not (folder / sensor / "collection.json").exists():
            (folder / sensor).mkdir(parents=True, exist_ok=True)
            _write_scenes(folder, sensor, size, count)
            _write_stac(folder, sensor, size, count)


def _write_scenes(folder: Path, sensor: str, size: int, count: int) -> None:
    rng = np.random.default_rng(0)
    ground = rng.integers(200, 3000, (size, size)).astype(np.float32)
    profile = {
        "driver": "COG", "width": size, "height": size, "count": 1, "dtype": DTYPES[sensor],
        "crs": f"EPSG:{EPSG}", "transform": from_origin(WEST, NORTH, 10, 10), "compress": "DEFLATE",
        "predictor": 2 if sensor == "s2" else 1, "nodata": NODATA[sensor], "blocksize": 512,
    }  # fmt: skip
    for number in range(count):
        for position, band in enumerate(BANDS[sensor]):
            with rasterio.open(path_of(folder, sensor, number, band), "w", **profile) as file:
                file.write(_scene(rng, ground, sensor, position).astype(DTYPES[sensor]), 1)


def _scene(rng: np.random.Generator, ground: Any, sensor: str, position: int) -> Any:
    shape = ground.shape
    if sensor == "s1":
        return np.float32(-18 - 5 * position) + ground / 500 + rng.normal(0, 1, shape).astype(np.float32)
    if position == 4:
        small = rng.choice(_CLASSES, (shape[0] // 64, shape[1] // 64), p=_SHARES)
        return np.kron(small, np.ones((64, 64), np.uint16))
    return np.clip(ground * (1 + 0.2 * position) + rng.normal(0, 50, shape), 0, 65535)


def _write_stac(folder: Path, sensor: str, size: int, count: int) -> None:
    box = transform_bounds(EPSG, 4326, WEST, NORTH - 10 * size, WEST + 10 * size, NORTH)
    fields = {"type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"],
              "data_type": DTYPES[sensor], "nodata": NODATA[sensor], "gsd": 10}  # fmt: skip
    fields = {key: value for key, value in fields.items() if value is not None}
    links = []
    for number, moment in enumerate(dates(count, sensor)):
        west, south, east, north = box
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        item = {
            "type": "Feature", "stac_version": "1.1.0", "id": f"{sensor}-{number:02d}", "collection": sensor,
            "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": list(box),
            "properties": {"datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}", "proj:code": f"EPSG:{EPSG}"},
            "links": [],
            "assets": {b: {"href": f"./{number:02d}_{b}.tif", **fields} for b in BANDS[sensor]},
        }  # fmt: skip
        (folder / sensor / f"{number:02d}.json").write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./{number:02d}.json", "type": "application/geo+json"})
    interval = [f"{m:%Y-%m-%dT%H:%M:%SZ}" for m in (dates(count)[0], dates(count, sensor)[-1])]
    collection = {
        "type": "Collection", "stac_version": "1.1.0", "id": sensor, "description": "Made for a benchmark.",
        "license": "CC0-1.0", "links": links, "item_assets": dict.fromkeys(BANDS[sensor], fields),
        "extent": {"spatial": {"bbox": [list(box)]}, "temporal": {"interval": [interval]}},
    }  # fmt: skip
    (folder / sensor / "collection.json").write_text(json.dumps(collection))
