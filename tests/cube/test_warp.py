"""Locating pixels beside pyproj, pixel by pixel."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from eocene.cube.warp import covering_window, gather_pixels, locate_pixels
from eocene.model import Grid, Lattice

SOURCE = Lattice(32632, (10.0, 10.0))
ODD = Lattice(32632, (20.0, 10.0), (5.0, -2.5))
TARGETS = {
    "same": Grid(Lattice(32632, (15.0, 25.0), (3.0, -4.0)), 40_000, -208_000, 300, 200),
    "degrees": Grid(Lattice(4326, (0.0001, 0.0001)), 101_000, -469_000, 300, 200),
    "web mercator": Grid(Lattice(3857, (12.5, 12.5)), 90_000, -474_000, 300, 200),
    "other zone": Grid(Lattice(32633, (10.0, 10.0)), 15_000, -520_000, 300, 200),
    "near the pole": Grid(Lattice(3413, (50.0, 50.0)), 30_000, 8_000, 300, 200),
}


def locate_one(x: float, y: float, epsg: int, source: Lattice) -> tuple[float, float]:
    """Row and column of a point, unrounded, by a transformer of our own."""
    px, py = Transformer.from_crs(epsg, source.epsg, always_xy=True).transform(x, y)
    return (source.anchor[1] - py) / source.resolution[1], (px - source.anchor[0]) / source.resolution[0]


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("source", [SOURCE, ODD], ids=["square", "oblong"])
def test_each_pixel_lies_where_pyproj_says(name: str, source: Lattice) -> None:
    target = TARGETS[name]
    rows, cols = np.broadcast_arrays(*locate_pixels(target, source))
    random = np.random.default_rng(3)
    corners = [(0, 0), (0, target.width - 1), (target.height - 1, 0), (target.height - 1, target.width - 1)]
    for r, c in [*corners, *random.integers(0, target.shape, (40, 2)).tolist()]:
        row, col = locate_one(target.x[c], target.y[r], target.epsg, source)
        for found, exact in ((rows[r, c], row), (cols[r, c], col)):
            assert found == math.floor(exact) or abs(exact - round(exact)) < 1e-6


@pytest.mark.parametrize("name", TARGETS)
@given(left=st.integers(0, 250), top=st.integers(0, 150), width=st.integers(1, 50), height=st.integers(1, 50))
@settings(max_examples=25)
def test_a_pixel_has_the_same_place_in_every_window(
    name: str, left: int, top: int, width: int, height: int
) -> None:
    target = TARGETS[name]
    window = Grid(target.lattice, target.left + left, target.top + top, width, height)
    whole = np.broadcast_arrays(*locate_pixels(target, SOURCE))
    part = np.broadcast_arrays(*locate_pixels(window, SOURCE))
    for one, all_of_them in zip(part, whole, strict=True):
        assert np.array_equal(one, all_of_them[top : top + height, left : left + width])


def test_within_one_lattice_every_pixel_is_itself() -> None:
    target = Grid(SOURCE, -3, 1_234_567, 500, 400)
    rows, cols = locate_pixels(target, SOURCE)
    assert np.array_equal(rows[:, 0], np.arange(1_234_567, 1_234_967))
    assert np.array_equal(cols[0], np.arange(-3, 497))


def test_a_finer_grid_takes_each_coarse_pixel_as_often_as_it_fits() -> None:
    coarse = Lattice(32632, (20.0, 20.0))
    rows, cols = locate_pixels(Grid(SOURCE, 1001, -521, 7, 5), coarse)
    assert cols[0].tolist() == [500, 501, 501, 502, 502, 503, 503]
    assert rows[:, 0].tolist() == [-261, -260, -260, -259, -259]


def test_centres_out_of_the_crs_are_nowhere() -> None:
    polar = Grid(Lattice(3031, (100_000.0, 100_000.0)), -2, -2, 4, 4)
    rows, cols = locate_pixels(polar, Lattice(3857, (1000.0, 1000.0)))
    window = Grid(Lattice(3857, (1000.0, 1000.0)), 0, 0, 10, 10)
    assert covering_window(rows, cols, window)[0] is None
    _, inside = gather_pixels(np.zeros((10, 10)), window, rows, cols)
    assert not inside.any()


@given(st.integers(-12, 12), st.integers(-12, 12), st.integers(1, 15), st.integers(1, 15))
def test_the_covering_window_is_the_smallest_that_holds_the_pixels(
    left: int, top: int, width: int, height: int
) -> None:
    bounds = Grid(SOURCE, 0, 0, 8, 6)
    rows, cols = locate_pixels(Grid(SOURCE, left, top, width, height), SOURCE)
    assert covering_window(rows, cols, bounds)[0] == Grid(SOURCE, left, top, width, height).intersect(bounds)


@pytest.mark.parametrize("name", ["degrees", "web mercator", "other zone"])
def test_gathered_pixels_are_those_of_a_loop_also_at_the_edge_of_the_tile(name: str) -> None:
    target = TARGETS[name]
    rows, cols = np.broadcast_arrays(*locate_pixels(target, SOURCE))
    # A tile that ends in the middle of the window.
    tile = Grid(SOURCE, int(np.median(cols)), int(np.median(rows)), 40, 30)
    numbers = np.random.default_rng(1).integers(0, 999, (2, *tile.shape))
    needed, _ = covering_window(rows, cols, tile)
    assert needed is not None
    picked, inside = gather_pixels(numbers[(..., *needed.slices_in(tile))], needed, rows, cols)
    assert 0 < inside.sum() < inside.size
    for r in range(0, target.height, 7):
        for c in range(0, target.width, 5):
            row, col = rows[r, c] - tile.top, cols[r, c] - tile.left
            is_in = 0 <= row < tile.height and 0 <= col < tile.width
            assert inside[r, c] == is_in
            if is_in:
                assert picked[:, r, c].tolist() == numbers[:, row, col].tolist()
