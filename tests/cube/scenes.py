"""Tiny archives of hand-made images, so that every pixel of an expected cube can be written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio

from eocene.archive import Archive
from eocene.model import Grid, Lattice, Layout

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

UTM32 = Lattice(32632, (10.0, 10.0))
TINY = Grid(UTM32, 60_000, -520_000, 12, 9)
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


def write_image(
    path: Path, numbers: np.ndarray, grid: Grid, nodata: float | None = 0, **options: Any
) -> Path:
    """Write (height, width) numbers on a grid with plain rasterio."""
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {
        "driver": "GTiff", "width": grid.width, "height": grid.height, "count": 1, "dtype": numbers.dtype,
        "crs": f"EPSG:{grid.epsg}", "transform": rasterio.Affine(*grid.transform), "nodata": nodata,
    }  # fmt: skip
    with rasterio.open(path, "w", **{**profile, **options}) as file:
        file.write(numbers, 1)
    return path


def make_asset(path: Path, numbers: np.ndarray, grid: Grid, **fields: Any) -> dict[str, Any]:
    """Describe an image as STAC does; ``fields`` such as raster__scale add to it."""
    fields = {"nodata": 0, **{k.replace("__", ":"): v for k, v in fields.items()}}
    return {
        "href": str(path), "type": COG, "roles": ["data"], "proj:code": f"EPSG:{grid.epsg}",
        "proj:shape": list(grid.shape), "proj:transform": list(grid.transform),
        "data_type": str(numbers.dtype), **{k: v for k, v in fields.items() if v is not None},
    }  # fmt: skip


def make_scene(
    folder: Path, name: str, time: str, grid: Grid, bands: dict[str, np.ndarray], **fields: Any
) -> dict[str, Any]:
    """Write one image for each band and return the item."""
    assets = {}
    for band, numbers in bands.items():
        path = write_image(folder / f"{name}_{band}.tif", numbers, grid, fields.get("nodata", 0))
        assets[band] = make_asset(path, numbers, grid, **fields)
    west, south, east, north = grid.bounds_in(4326)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": "tiny",
        "bbox": [west, south, east, north], "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {"datetime": time}, "links": [], "assets": assets,
    }  # fmt: skip


def make_archive(folder: Path, items: Iterable[dict[str, Any]]) -> Archive:
    """Return an archive with the one collection ``tiny`` of these items; their files lie in ``folder``."""
    archive = Archive(Layout(folder))
    items = list(items)
    described: dict[str, Any] = {}
    for item in items:
        for band, asset in item["assets"].items():
            described.setdefault(band, {k: v for k, v in asset.items() if k != "href"})
    extent = {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}
    collection = {
        "type": "Collection", "stac_version": "1.1.0", "id": "tiny", "description": "Tiny images",
        "license": "other", "links": [], "item_assets": described, "extent": extent,
    }  # fmt: skip
    archive.catalogue.put_collection(collection)
    archive.catalogue.put_items(items)
    return archive


def random_numbers(seed: int, shape: tuple[int, ...], dtype: str, share_nodata: float = 0.2) -> np.ndarray:
    """Return random stored numbers with 0 as no-data."""
    random = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        numbers = random.uniform(-50, 50, shape).astype(dtype)
    else:
        limit = min(np.iinfo(dtype).max, 100_000)
        numbers = random.integers(1, limit, shape, endpoint=True).astype(dtype)
    return np.where(random.random(shape) < share_nodata, 0, numbers).astype(dtype)
