"""A small archive across the seam of two UTM zones, with gaps, integers, floats, NaN and infinities."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.model import Grid, Lattice
from tests.cube.scenes import make_archive, make_scene, random_numbers, write_image

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive import Archive

DATES = ("2024-04-03", "2024-04-13", "2024-05-03", "2024-06-02", "2024-06-12", "2024-07-22")
BANDS = {"red": "uint16", "nir": "uint16", "scl": "uint8", "temp": "float32"}
SCALED = {"raster__scale": 0.0001, "raster__offset": -0.1}
WEST, SOUTH, EAST, NORTH = 11.99, 48.0, 12.01, 48.012
"""A box of about 1.5 × 1.3 km over the meridian where zones 32 and 33 meet."""


def tile_grid(epsg: int, west: float, east: float, step: float = 10.0) -> Grid:
    """Return the grid of a zone over part of the box."""
    return Lattice(epsg, (step, step)).grid_over((west, SOUTH, east, NORTH))


def make_world(folder: Path, *, enlarged: int = 1, **options: object) -> Archive:
    """Write the archive; ``enlarged`` times as many pixels along each edge, each as much smaller.

    ``options`` are those of GDAL for writing the images.
    """
    step = 10.0 / enlarged
    grids = {"w": tile_grid(32632, WEST, 12.003, step), "e": tile_grid(32633, 11.998, EAST, step)}
    items = []
    for number, date in enumerate(DATES):
        for tile, grid in grids.items():
            bands = {
                name: _numbers(10 * number + position + ord(tile), grid, dtype)
                for position, (name, dtype) in enumerate(BANDS.items())
            }
            name = f"{tile}{date}"
            items.append(make_scene(folder, name, f"{date}T10:00:00Z", grid, bands))
            for band, numbers in bands.items() if options else ():
                write_image(folder / f"{name}_{band}.tif", numbers, grid, **options)
    return make_archive(folder, items)


def _numbers(seed: int, grid: Grid, dtype: str) -> np.ndarray:
    """Return noise with no-data, and NaN and infinities among the floats."""
    numbers = random_numbers(seed, grid.shape, dtype)
    if numbers.dtype.kind == "f":
        places = np.random.default_rng(seed).random(grid.shape)
        numbers[places < 0.02] = np.nan
        numbers[places > 0.99] = np.inf
    return numbers
