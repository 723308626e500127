"""Which share of pixels equals gdalwarp's, with a tolerance of a millionth of a pixel."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from PIL import Image
from rasterio.enums import Resampling
from rasterio.vrt import WarpedVRT
from scene import BANDS, GREATEST, make_graph

import eocene
from eocene.process import make_plan

_HALF_M = 20_037_508.342789244


def warp(path: Path, grid: tuple[Any, int, int], epsg: int, how: Resampling) -> Any:
    """Return bands 3, 2 and 1 as gdalwarp gives them; rasterio's reproject would pass over the tolerance."""
    transform, height, width = grid
    wanted = {"crs": f"EPSG:{epsg}", "transform": transform, "height": height, "width": width}
    dtype = "float32" if how == Resampling.bilinear else "uint16"
    with (
        rasterio.open(path) as file,
        WarpedVRT(file, resampling=how, tolerance=1e-6, nodata=0, dtype=dtype, **wanted) as warped,
    ):
        return warped.read([3, 2, 1])


def compare_tiles(folder: Path, tiles: list[tuple[int, int, int]], images: list[bytes]) -> dict[str, float]:
    same, near, count = 0, 0, 0
    for (zoom, x, y), image in zip(tiles, images, strict=True):
        size = 2 * _HALF_M / 2**zoom
        pixel = size / 256
        transform = rasterio.Affine(pixel, 0, -_HALF_M + x * size, 0, -pixel, _HALF_M - y * size)
        numbers = warp(folder / "scene.tif", (transform, 256, 256), 3857, Resampling.nearest)
        opaque = (numbers > 0).all(axis=0)
        levels = np.clip(numbers.astype(np.float64) * 255 / GREATEST, 0, 255) * opaque
        found = np.asarray(Image.open(io.BytesIO(image)).convert("RGBA")).astype(np.float64)
        off = np.abs(found[..., :3] * (found[..., 3:] > 0) - np.moveaxis(levels, 0, -1)).max(axis=-1)
        masks = (found[..., 3] > 0) == opaque
        # Whether levels are rounded or cut off is a matter of style: within one they are the same.
        same += int(((off < 1) & masks).sum())
        near += int(masks.sum())
        count += opaque.size
    return {"pixels": round(same / count, 6), "masks": round(near / count, 6)}


def compare_bilinear(folder: Path) -> dict[str, float]:
    """Compare resample_spatial with gdalwarp where both have data all around."""
    graph = make_graph("scene", [BANDS[2], BANDS[1], BANDS[0]])
    del graph["load"]["result"]
    arguments = {"data": {"from_node": "load"}, "projection": 3857, "resolution": 10, "method": "bilinear"}
    graph["warp"] = {"process_id": "resample_spatial", "arguments": arguments, "result": True}
    with eocene.open(folder / "workspace") as workspace:
        plan = make_plan(graph, workspace.archive)
        window = list(plan.grid.blocks(512))[5]
        mine = plan.read(window).to_numpy().reshape(3, *window.shape)
    grid = rasterio.Affine(*window.transform), window.height, window.width
    other = warp(folder / "scene.tif", grid, 3857, Resampling.bilinear)
    both = np.isfinite(mine).all(axis=0) & (other > 0).all(axis=0)
    off = np.abs(mine - other)[:, both]
    return {"within 0.01": round(float((off < 0.01).mean()), 6), "greatest": round(float(off.max()), 4)}
