"""Makes the scenes: ``python data.py FOLDER``. COGs of 512² tiles, DEFLATE with the horizontal predictor.

Fractal ground and noise, so that it compresses like a real scene; clouds with shadows in squares of 40 m; on
every other date a part of the swath is missing.
"""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin
from scene import BANDS, COUNT, TILE, TILES, path_of

from eocene.testing.simulate.relief import draw_relief

LEVELS = {"B02": 500, "B03": 750, "B04": 700, "B08": 2600, "B11": 1900}


def fractal(size: int, seed: int) -> Any:
    return draw_relief(size, seed, grain=8 / size)


@lru_cache(maxsize=1)
def noise() -> Any:
    return np.random.default_rng(0).standard_normal((TILE, TILE), dtype=np.float32)


def classify(tile: str, number: int) -> tuple[Any, Any]:
    """Return SCL at 20 m, and where there are clouds."""
    half = TILE // 2
    field = np.kron(fractal(TILE // 4, 1000 + 7 * number + (tile == "T33")), np.ones((2, 2), np.float32))
    cloud = field > np.random.default_rng(number).uniform(-0.5, 1.5)
    shadow = np.roll(cloud, (15, 15), (0, 1)) & ~cloud
    ground = np.where(fractal(TILE, 10 + (tile == "T33"))[::2, ::2] > 0, 4, 5)
    classes = np.where(cloud, 9, np.where(shadow, 3, ground)).astype(np.uint8)
    if number % 2:
        y, x = np.mgrid[:half, :half]
        classes[(x if tile == "T33" else half - x) + 0.2 * y < half / 6] = 0
    return classes, cloud


def write_scene(folder: Path, tile: str, number: int) -> None:
    """Write the files of a tile and date."""
    classes, cloud = classify(tile, number)
    write(folder / path_of(tile, number, "SCL"), tile, classes, 20)
    wide = np.ones((2, 2), bool)
    clouds, missing = np.kron(cloud, wide), np.kron(classes == 0, wide)
    season = np.sin(number / COUNT * np.pi)
    ground = fractal(TILE, 10 + (tile == "T33"))
    for position, band in enumerate(BANDS):
        grain = np.roll(noise(), (37 * number + 11 * position, 17 * number), (0, 1))
        level = 1 + 0.25 * ground + (0.3 if band == "B08" else -0.1) * season
        values = np.where(clouds, 6000 + 800 * noise(), LEVELS[band] * level + 25 * grain)
        numbers = np.clip(values, 1, 15000).astype(np.uint16)
        numbers[missing] = 0
        write(folder / path_of(tile, number, band), tile, numbers, 10)


def write(path: Path, tile: str, numbers: Any, pixel: int) -> None:
    epsg, left, top = TILES[tile]
    profile = {
        "driver": "COG", "height": len(numbers), "width": len(numbers), "count": 1, "dtype": numbers.dtype,
        "crs": f"EPSG:{epsg}", "transform": from_origin(left, top, pixel, pixel), "nodata": 0,
        "compress": "deflate", "level": 4, "blocksize": 512, "overview_resampling": "nearest",
        "predictor": "no" if pixel == 20 else "yes",
    }  # fmt: skip
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as file:
        file.write(numbers, 1)


def make_scenes(folder: Path) -> None:
    """Write all scenes, unless they are there already."""
    done = folder / "complete"
    if done.exists():
        return
    with ProcessPoolExecutor(2) as pool:
        made = [pool.submit(write_scene, folder, tile, n) for tile in TILES for n in range(COUNT)]
        for scene in made:
            scene.result()
    done.touch()


if __name__ == "__main__":
    make_scenes(Path(sys.argv[1]))
