"""Pixel centres in another CRS beside pyproj, and in windows of every size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer

from eocene.cube.centres import CELL, transform_centres
from eocene.model import Grid, Lattice

PLACES = {  # lattice, left, top of a window, and the CRS that it is wanted in
    "the next zone": (Lattice(32633, (10.0, 10.0)), 15_000, -520_000, 32632),
    "degrees to metres": (Lattice(4326, (0.0001, 0.0001), (0.00003, -0.00001)), 101_000, -469_000, 32632),
    "a map's tile": (Lattice(3857, (152.874, 152.874)), 8_000, -40_000, 32632),
    "a whole continent": (Lattice(3857, (9_783.94, 9_783.94)), 0, -1_000, 32633),
    "round the pole": (Lattice(3413, (50.0, 50.0)), -150, -100, 4326),
    "from polar metres to a zone": (Lattice(3413, (50.0, 50.0)), 30_000, 8_000, 32632),
    "over the antimeridian": (Lattice(32660, (100.0, 100.0)), 7_100, -20_100, 4326),
    "centimetres": (Lattice(32633, (0.1, 0.1)), 1_500_000, -52_000_000, 32632),
    "where the projection ends": (Lattice(4326, (0.1, 0.1)), 1_700, 500, 3031),
}


def exact(window: Grid, epsg: int) -> tuple[np.ndarray, np.ndarray]:
    return Transformer.from_crs(window.epsg, epsg, always_xy=True).transform(*np.meshgrid(window.x, window.y))


@pytest.mark.parametrize("name", PLACES)
def test_centres_lie_where_pyproj_says_to_a_millionth_of_a_pixel(name: str) -> None:
    lattice, left, top, epsg = PLACES[name]
    window = Grid(lattice, left, top, 300, 270)
    for found, wanted in zip(transform_centres(window, epsg), exact(window, epsg), strict=True):
        assert np.array_equal(np.isfinite(found), np.isfinite(wanted))
        known = np.isfinite(wanted)
        steps = [np.abs(np.diff(wanted, axis=axis)) for axis in (0, 1)]
        pixel = np.nanmedian(np.hypot(steps[0][:, 1:], steps[1][1:]))
        assert np.abs(found - wanted)[known].max() < 1e-6 * pixel


@pytest.mark.parametrize("name", PLACES)
@given(st.integers(0, 250), st.integers(0, 220), st.integers(1, 50), st.integers(1, 50))
@settings(max_examples=20, deadline=None)
def test_a_centre_has_the_same_place_to_the_last_bit_in_every_window(
    name: str, right: int, down: int, width: int, height: int
) -> None:
    lattice, left, top, epsg = PLACES[name]
    whole = transform_centres(Grid(lattice, left, top, 300, 270), epsg)
    part = transform_centres(Grid(lattice, left + right, top + down, width, height), epsg)
    for one, every in zip(part, whole, strict=True):
        wanted = every[down : down + height, right : right + width]
        assert one.tobytes() == np.ascontiguousarray(wanted).tobytes()


@given(
    st.sampled_from(
        [(32632, 32633), (32633, 32631), (4326, 32632), (3857, 32633), (3035, 32633), (32633, 3035)]
    ),
    st.floats(0.5, 2_000.0),
    st.integers(-3, 3),
    st.integers(-3, 3),
)
@settings(max_examples=40, deadline=None)
def test_whatever_the_pixel_size(crss: tuple[int, int], metres: float, east: int, north: int) -> None:
    source, target = crss
    size = metres / 111_320 if source == 4326 else metres
    x, y = Transformer.from_crs(4326, source, always_xy=True).transform(12.0, 48.0)
    left, top = int(x / size) + east * CELL, int(-y / size) + north * CELL
    window = Grid(Lattice(source, (size, size)), left, top, 40, 40)
    for found, wanted in zip(transform_centres(window, target), exact(window, target), strict=True):
        pixel = np.abs(np.diff(wanted, axis=0)).max() + np.abs(np.diff(wanted, axis=1)).max()
        assert np.abs(found - wanted).max() < 1e-6 * pixel
