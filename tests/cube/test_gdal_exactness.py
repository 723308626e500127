"""Resampling beside GDAL with an exact transformer, on a real-looking image of uint16 with gaps.

GDAL chooses one stretch of its kernels for a whole call, from the sizes of source and target windows; what
it is to be is handed in, so that both do the same. Its tolerance of 1e-6 pixels is as near to exact as it
goes.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from affine import Affine
from rasterio.enums import Resampling
from rasterio.io import MemoryFile
from rasterio.vrt import WarpedVRT

from eocene.cube.axes import locate_axes
from eocene.cube.block import Block
from eocene.cube.resample import KERNELS, resample, source_window
from eocene.model import Grid, Lattice, transformer

if TYPE_CHECKING:
    from numpy.typing import NDArray

TILE = Grid(Lattice(32632, (10.0, 10.0)), 50_000, -530_000, 700, 700)
GREENLAND = Grid(Lattice(3413, (40.0, 40.0)), 0, 60_000, 700, 700)
POLE = Grid(Lattice(3413, (1000.0, 1000.0)), -350, -350, 700, 700)
FIJI = Grid(Lattice(32701, (100.0, 100.0)), 1700, -81_500, 700, 700)
"""Across the antimeridian."""

CASES: dict[str, tuple[Grid, Lattice]] = {
    "one CRS": (TILE, Lattice(32632, (7.3, 7.3))),
    "one CRS, coarser": (TILE, Lattice(32632, (33.0, 27.0))),
    "the next zone": (TILE, Lattice(32633, (10.0, 10.0))),
    "the next zone, coarser": (TILE, Lattice(32633, (37.0, 37.0))),
    "degrees": (TILE, Lattice(4326, (0.0001, 0.0001))),
    "web mercator": (TILE, Lattice(3857, (12.5, 12.5))),
    "polar to UTM": (GREENLAND, Lattice(32624, (40.0, 40.0))),
    "round the pole": (POLE, Lattice(3575, (1000.0, 1000.0))),
    "across the antimeridian": (FIJI, Lattice(3832, (100.0, 100.0))),
}
TURNED = "round the pole"
"""One CRS stands at 55 degrees to the other."""
METHODS = {
    "near": (Resampling.nearest, 0, 0.99999),
    "bilinear": (Resampling.bilinear, 1, 0.9999),
    "cubic": (Resampling.cubic, 1, 0.9999),
    "average": (Resampling.average, 1, 0.9999),
}
"""Ours → GDAL's, by how much they may differ, and for which part of the pixels they must not more."""


def make_image(shape: tuple[int, int]) -> NDArray[np.uint16]:
    """Return smooth hills with texture, edges, and gaps of 0."""
    random = np.random.default_rng(7)
    y, x = np.indices(shape)
    hills = 3000 + 2000 * np.sin(x / 31) * np.cos(y / 17) + 600 * np.sin((x + 2 * y) / 3)
    fields = 1500 * random.random((shape[0] // 20 + 1, shape[1] // 20 + 1))[y // 20, x // 20]
    image = (hills + fields + random.normal(0, 50, shape)).astype(np.uint16)
    image[100:160, 200:290] = 0
    image[random.random(shape) < 0.002] = 0
    return image


def target_of(source: Grid, lattice: Lattice, size: int = 500) -> Grid:
    """Return a window of the lattice around the middle of the source."""
    west, south, east, north = source.bounds
    x, y = transformer(source.epsg, lattice.epsg).transform((west + east) / 2, (south + north) / 2)
    middle = lattice.grid_over((x, y, x, y), lattice.epsg)
    return Grid(lattice, middle.left - size // 2, middle.top - size // 2, size, size)


def by_gdal(image: NDArray[Any], source: Grid, target: Grid, method: str) -> NDArray[Any]:
    rows, cols = locate_axes(target, source.lattice)
    scale = {"XSCALE": 1 / np.median(cols.width), "YSCALE": 1 / np.median(rows.width)}
    options = {name: f"{value:.12g}" for name, value in scale.items()} if method in KERNELS else {}
    form = {"driver": "GTiff", "count": 1, "dtype": image.dtype, "nodata": 0, "crs": source.epsg}
    with MemoryFile() as memory:
        size = {"width": source.width, "height": source.height}
        with memory.open(**form, **size, transform=Affine(*source.transform)) as file:
            file.write(image, 1)
        with (
            memory.open() as file,
            WarpedVRT(
                file, crs=target.epsg, transform=Affine(*target.transform), width=target.width,
                height=target.height, resampling=METHODS[method][0], tolerance=1e-6, nodata=0, **options,
            ) as warped,
        ):  # fmt: skip
            return warped.read(1).astype(float)


def by_us(image: NDArray[Any], source: Grid, target: Grid, method: str) -> NDArray[Any]:
    needed = source_window(target, source, method)
    part = image[needed.slices_in(source)]
    found = resample(Block(part, ("y", "x"), valid=part != 0, grid=needed), target, method)
    return np.where(True if found.valid is None else found.valid, np.rint(found.values), 0)


def lies_inside(target: Grid, source: Grid) -> NDArray[np.bool_]:
    """Tell which pixels lie in the image with all corners.

    At its border GDAL's average gives the outermost row and column the weight of what is beyond them too.
    """
    x, y = np.meshgrid(target.x_edges, target.y_edges)
    x, y = transformer(target.epsg, source.epsg).transform(x, y)
    west, south, east, north = source.bounds
    inside = (x > west) & (x < east) & (y > south) & (y < north)
    return inside[1:, 1:] & inside[1:, :-1] & inside[:-1, 1:] & inside[:-1, :-1]


COMPARED = [pair for pair in itertools.product(CASES, METHODS) if pair != (TURNED, "average")]
"""GDAL's boxes lose their area where pixels are turned: that is looked at below."""


@pytest.mark.parametrize(("name", "method"), COMPARED)
def test_pixels_are_those_of_gdal(name: str, method: str) -> None:
    source, lattice = CASES[name]
    target = target_of(source, lattice)
    image = make_image(source.shape)
    found, expected = by_us(image, source, target, method), by_gdal(image, source, target, method)
    covered = (found != 0) | (expected != 0)
    if method == "average":
        covered &= lies_inside(target, source)
    assert covered.sum() > 10_000
    _, most, share = METHODS[method]
    assert (np.abs(found - expected) <= most)[covered].mean() >= share


def test_an_average_over_turned_pixels_is_nearer_to_the_truth_than_that_of_gdal() -> None:
    source, lattice = CASES[TURNED]
    coarse = Lattice(lattice.epsg, (4000.0, 4000.0))
    target = target_of(source, coarse, size=100)
    image = np.maximum(make_image(source.shape), 1)
    fine = Grid(Lattice(lattice.epsg, (200.0, 200.0)), target.left * 20, target.top * 20, 2000, 2000)
    truth = by_us(image, source, fine, "near").reshape(100, 20, 100, 20).mean(axis=(1, 3))
    errors = [np.abs(made(image, source, target, "average") - truth).mean() for made in (by_us, by_gdal)]
    assert errors[0] < 0.5 * errors[1]
