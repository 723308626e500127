"""GeoTIFF files keep the contract of readers."""

from __future__ import annotations

import numpy as np
import rasterio

from eocene.archive.readers import geotiff
from eocene.testing.readers import ReaderContract


class TestGeotiff(ReaderContract):
    reader = geotiff.READER

    def make_product(self, folder):
        folder.mkdir()
        path = folder / "scene_20240501_B04.tif"
        pixels = np.random.default_rng(1).integers(1, 9999, (96, 128), np.uint16)
        profile = {"driver": "GTiff", "count": 1, "height": 96, "width": 128, "dtype": "uint16", "nodata": 0}
        grid = {"crs": "EPSG:32632", "transform": rasterio.Affine(10, 0, 600_000, 0, -10, 5_200_000)}
        with rasterio.open(
            path, "w", compress="deflate", tiled=True, blockxsize=64, blockysize=64, **profile, **grid
        ) as dataset:
            dataset.write(pixels, 1)
        return path
