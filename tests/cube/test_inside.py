"""Which pixels belong to a geometry, beside shapely asked for every pixel by itself."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.inside import find_window, pixels_inside
from eocene.model import Grid, Lattice

GRID = Grid(Lattice(32632, (10.0, 20.0), (3.0, -1.0)), 7, -300, 150, 100)


def star(seed: int, corners: int = 9) -> shapely.Polygon:
    """Return a polygon around some place in the grid, perhaps reaching out of it."""
    random = np.random.default_rng(seed)
    west, south, east, north = GRID.bounds
    centre = random.uniform((west, south), (east, north))
    angles = np.sort(random.uniform(0, 2 * np.pi, corners))
    radii = random.uniform(20, 900, corners)
    return shapely.Polygon(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))


def centres(window: Grid) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.meshgrid(window.x, window.y)
    return x, y


@pytest.mark.parametrize("seed", range(12))
def test_a_polygon_has_the_pixels_whose_centres_it_holds(seed: int) -> None:
    polygon = star(seed)
    assert np.array_equal(pixels_inside(polygon, GRID), shapely.intersects_xy(polygon, *centres(GRID)))


def test_a_centre_on_the_edge_counts() -> None:
    square = shapely.box(GRID.x[3], GRID.y[9], GRID.x[5], GRID.y[4])
    rows, cols = np.nonzero(pixels_inside(square, GRID))
    assert (rows.min(), rows.max(), cols.min(), cols.max()) == (4, 9, 3, 5)


@pytest.mark.parametrize("seed", range(6))
def test_a_line_has_the_pixels_whose_centres_are_nearest_to_its_points(seed: int) -> None:
    line = star(seed, 4).exterior
    mask = pixels_inside(line, GRID)
    samples = shapely.get_coordinates(line.interpolate(np.linspace(0, 1, 20_000), normalized=True))
    west, _, _, north = GRID.bounds
    cols, rows = np.floor((samples - (west, north)) / (10, -20)).astype(int).T
    inside = (rows >= 0) & (rows < GRID.height) & (cols >= 0) & (cols < GRID.width)
    assert mask[rows[inside], cols[inside]].all()
    x, y = centres(GRID)
    touched = shapely.distance(line, shapely.box(x - 5, y - 10, x + 5, y + 10)) < 1e-9
    assert not (mask & ~touched).any()


def test_points_have_the_pixels_under_them() -> None:
    points = shapely.MultiPoint([(GRID.x[2] + 4, GRID.y[3] - 9), (GRID.x[140] - 4, GRID.y[99] + 9), (0, 0)])
    assert np.argwhere(pixels_inside(points, GRID)).tolist() == [[3, 2], [99, 140]]


def test_what_is_empty_beside_or_nowhere_has_no_pixel() -> None:
    nowhere = shapely.transform(star(1), lambda p: p * np.inf)
    for geometry in (shapely.Polygon(), shapely.box(0, 0, 1, 1), nowhere):
        assert find_window(geometry, GRID) is None
        assert not pixels_inside(geometry, GRID).any()


def test_a_polygon_that_crosses_itself_is_two() -> None:
    x, y = GRID.x, GRID.y
    bow = shapely.Polygon([(x[0], y[0]), (x[20], y[20]), (x[20], y[0]), (x[0], y[20])])
    mask = pixels_inside(bow, GRID)
    assert mask[10, 2] == mask[10, 18]
    assert not mask[2, 10]
    assert not mask[18, 10]


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    form=st.sampled_from(["polygon", "line", "points"]),
    left=st.integers(-20, 140),
    top=st.integers(-20, 90),
    width=st.integers(1, 90),
    height=st.integers(1, 90),
)
def test_a_window_shows_its_part_of_the_whole(
    seed: int, form: str, left: int, top: int, width: int, height: int
) -> None:
    polygon = star(seed)
    geometry = {
        "polygon": polygon,
        "line": polygon.exterior,
        "points": shapely.points(polygon.exterior.coords),
    }
    shape = shapely.multipoints(geometry["points"]) if form == "points" else geometry[form]
    window = Grid(GRID.lattice, GRID.left + left, GRID.top + top, width, height)
    outer = window.union(GRID)
    whole = pixels_inside(shape, outer)
    assert np.array_equal(pixels_inside(shape, window), whole[window.slices_in(outer)])
    near = find_window(shape, outer)
    assert whole.sum() == (0 if near is None else whole[near.slices_in(outer)].sum())
