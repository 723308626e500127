"""A grid is a window of whole pixels on a lattice: what it promises, for any lattice and window."""

from __future__ import annotations

import math

import numpy as np
import pytest
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.transform import array_bounds

from eocene.model import Grid, InputError, Lattice, transform_bbox

sizes = st.integers(1, 400)
numbers = st.integers(-1_000_000, 1_000_000)
resolutions = st.sampled_from([10.0, 20.0, 30.0, 60.0, 0.5, 463.3127165, 1 / 3600, 0.1, 0.000269494585])
# Fractions of a pixel: aligned, pixel-is-point, Landsat's half pixel, an arbitrary one.
fractions = st.sampled_from([0.0, 0.5, 0.25, 1 / 3, 0.0625, 0.9])


@st.composite
def lattices(draw: st.DrawFn) -> Lattice:
    rx, ry = draw(resolutions), draw(resolutions)
    return Lattice(32632, (rx, ry), (draw(fractions) * rx, -draw(fractions) * ry))


@st.composite
def grids(draw: st.DrawFn, lattice: Lattice | None = None) -> Grid:
    on = draw(lattices()) if lattice is None else lattice
    return Grid(on, draw(numbers), draw(numbers), draw(sizes), draw(sizes))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Grid, Grid]:
    first = draw(grids())
    near = st.integers(-450, 450)
    return first, Grid(
        first.lattice, first.left + draw(near), first.top + draw(near), draw(sizes), draw(sizes)
    )


def pixels(grid: Grid) -> set[tuple[int, int]]:
    rows, columns = range(grid.top, grid.top + grid.height), range(grid.left, grid.left + grid.width)
    return {(row, column) for row in rows for column in columns}


# --- the smallest grid over a box --------------------------------------------------------------


@given(
    lattices(),
    st.floats(-1e5, 1e6),
    st.floats(-1e5, 1e7),
    st.floats(0.01, 300),
    st.floats(0.01, 300),
)
def test_the_grid_over_a_box_covers_it_and_one_pixel_less_would_not(
    lattice: Lattice, west: float, south: float, columns: float, rows: float
) -> None:
    rx, ry = lattice.resolution
    east, north = west + columns * rx, south + rows * ry
    left, bottom, right, top = lattice.grid_over((west, south, east, north), lattice.epsg).bounds
    noise_x, noise_y = 2e-6 * rx + 1e-9 * abs(west), 2e-6 * ry + 1e-9 * abs(south)
    assert left <= west + noise_x
    assert right >= east - noise_x
    assert bottom <= south + noise_y
    assert top >= north - noise_y
    assert left + rx > west - noise_x
    assert right - rx < east + noise_x
    assert bottom + ry > south - noise_y
    assert top - ry < north + noise_y


@given(grids())
def test_the_grid_over_its_own_bounds_is_itself(grid: Grid) -> None:
    assert grid.lattice.grid_over(grid.bounds, grid.epsg) == grid


def test_the_grid_over_a_box_in_degrees_covers_every_point_of_the_box() -> None:
    box = (9.0, 47.0, 10.5, 48.0)
    west, south, east, north = Lattice(32632, (20.0, 20.0)).grid_over(box).bounds
    lon, lat = np.meshgrid(np.linspace(box[0], box[2], 200), np.linspace(box[1], box[3], 200))
    x, y = Transformer.from_crs(4326, 32632, always_xy=True).transform(lon, lat)
    slack = 1.0  # metres between the nodes at which the edges are followed
    assert west <= x.min() + slack
    assert east >= x.max() - slack
    assert south <= y.min() + slack
    assert north >= y.max() - slack


def test_a_point_has_a_grid_of_one_pixel() -> None:
    grid = Lattice(32632, (10.0, 10.0)).grid_over((500_003, 5_000_003, 500_003, 5_000_003), 32632)
    assert grid.shape == (1, 1)
    assert grid.bounds == (500_000, 5_000_000, 500_010, 5_000_010)


@pytest.mark.parametrize(
    "box",
    [
        (9.0, 51.0, 10.0, 50.0),
        (math.nan, 50.0, 10.0, 51.0),
        (9.0, 50.0, math.inf, 51.0),
        (9.0, 89.0, 10.0, 95.0),
    ],
    ids=["upside down", "not a number", "infinite", "beyond the pole"],
)
def test_a_box_that_is_nowhere_is_refused_with_a_remedy(box: tuple[float, float, float, float]) -> None:
    with pytest.raises(InputError, match="Give west, south, east, north") as caught:
        Lattice(32632, (10.0, 10.0)).grid_over(box)
    assert caught.value.code == "ProcessParameterInvalid"


def test_a_box_inside_out_is_refused() -> None:
    with pytest.raises(InputError, match="antimeridian"):
        Lattice(32632, (10.0, 10.0)).grid_over((20.0, 0.0, 10.0, 10.0), 32632)


def test_an_unknown_crs_is_refused_by_name() -> None:
    with pytest.raises(InputError, match="EPSG:99999"):
        Lattice(99999, (10.0, 10.0)).grid_over((9.0, 50.0, 10.0, 51.0))


@pytest.mark.parametrize("resolution", [0.0, -10.0, math.nan, math.inf])
def test_a_lattice_needs_a_positive_resolution(resolution: float) -> None:
    with pytest.raises(InputError, match="not positive"):
        Lattice(32632, (10.0, resolution))


def test_a_resolution_in_degrees_is_about_111_km_a_degree() -> None:
    assert Lattice(4326, (0.1, 0.1)).resolution_m == pytest.approx(11_132)
    assert Lattice(32632, (20.0, 20.0)).resolution_m == 20.0


# --- coordinates do not depend on the window ---------------------------------------------------


@given(pairs())
def test_two_windows_of_a_lattice_give_their_common_pixels_equal_coordinates(pair: tuple[Grid, Grid]) -> None:
    first, second = pair
    common = first.intersect(second)
    if common is None:
        return
    for outer in pair:
        rows, columns = common.slices_in(outer)
        assert np.array_equal(outer.x[columns], common.x)  # bit for bit
        assert np.array_equal(outer.y[rows], common.y)


@given(grids())
def test_centres_lie_half_a_pixel_inside_the_bounds(grid: Grid) -> None:
    (rx, ry), (west, south, east, north) = grid.lattice.resolution, grid.bounds
    assert grid.x[0] == pytest.approx(west + rx / 2)
    assert grid.x[-1] == pytest.approx(east - rx / 2)
    assert grid.y[0] == pytest.approx(north - ry / 2)
    assert grid.y[-1] == pytest.approx(south + ry / 2)
    assert (np.diff(grid.x) > 0).all()
    assert (np.diff(grid.y) < 0).all()


@given(grids())
def test_the_transform_takes_pixel_corners_to_the_bounds(grid: Grid) -> None:
    west, south, east, north = array_bounds(grid.height, grid.width, Affine(*grid.transform))
    assert (west, north) == (grid.bounds[0], grid.bounds[3])
    assert (east, south) == pytest.approx((grid.bounds[2], grid.bounds[1]))


# --- reading a grid from a file's transform ----------------------------------------------------


@given(grids())
def test_a_grid_survives_the_way_through_a_transform(grid: Grid) -> None:
    again = Grid.from_transform(grid.epsg, grid.transform, grid.width, grid.height)
    assert (again.left, again.top, again.width, again.height) == (
        grid.left,
        grid.top,
        grid.width,
        grid.height,
    )
    assert again.lattice.resolution == grid.lattice.resolution
    pixel = max(grid.lattice.resolution)
    assert again.lattice.anchor == pytest.approx(grid.lattice.anchor, abs=2e-6 * pixel)


@given(pairs())
def test_two_files_of_one_lattice_are_read_onto_one_lattice(pair: tuple[Grid, Grid]) -> None:
    first, second = (Grid.from_transform(g.epsg, g.transform, g.width, g.height) for g in pair)
    assert first.lattice == second.lattice
    common, expected = first.intersect(second), pair[0].intersect(pair[1])
    assert (common is None) == (expected is None)


@given(grids(), st.floats(-4e-7, 4e-7), st.floats(-4e-7, 4e-7))
def test_rounding_noise_in_a_transform_makes_no_other_lattice(grid: Grid, dx: float, dy: float) -> None:
    rx, ry = grid.lattice.resolution
    a, b, west, d, e, north = grid.transform
    clean = Grid.from_transform(grid.epsg, grid.transform, grid.width, grid.height)
    aligned = grid.lattice.anchor == (0.0, 0.0)
    noise = 1.0 if aligned else 1e-3  # fractions such as 1/3 lie nearer to a rounding boundary
    noisy = (a, b, west + dx * rx * noise, d, e, north + dy * ry * noise)
    assert Grid.from_transform(grid.epsg, noisy, grid.width, grid.height) == clean


def test_a_sentinel_2_tile_is_aligned() -> None:
    tile = Grid.from_transform(32632, (10, 0, 399960, 0, -10, 5400000), 10980, 10980)
    assert tile.lattice == Lattice(32632, (10, 10))
    assert (tile.left, tile.top) == (39996, -540000)
    assert tile.bounds == (399960, 5290200, 509760, 5400000)


def test_a_landsat_scene_keeps_its_half_pixel() -> None:
    scene = Grid.from_transform(32618, (30, 0, 300015, 0, -30, 4200015), 100, 100)
    assert scene.lattice.anchor == (15, -15)
    assert scene.bounds == (300015, 4197015, 303015, 4200015)


@pytest.mark.parametrize(
    "transform",
    [(10, 1, 0, 0, -10, 0), (10, 0, 0, 2, -10, 0), (10, 0, 0, 0, 10, 0), (-10, 0, 0, 0, -10, 0)],
    ids=["sheared", "rotated", "south-up", "mirrored"],
)
def test_an_image_that_is_not_north_up_is_refused(transform: tuple[float, ...]) -> None:
    with pytest.raises(InputError, match="gdalwarp"):
        Grid.from_transform(32632, transform, 10, 10)


# --- windows of windows ------------------------------------------------------------------------


@given(grids(), st.integers(1, 150), st.one_of(st.none(), st.integers(1, 150)))
def test_blocks_cover_every_pixel_exactly_once(grid: Grid, height: int, width: int | None) -> None:
    count = np.zeros(grid.shape, dtype=int)
    for block in grid.blocks(height, width):
        assert block.lattice == grid.lattice
        assert block.height <= height
        assert block.width <= (height if width is None else width)
        count[block.slices_in(grid)] += 1
    assert (count == 1).all()


@given(pairs())
def test_the_intersection_holds_exactly_the_common_pixels(pair: tuple[Grid, Grid]) -> None:
    first, second = (Grid(g.lattice, g.left, g.top, min(g.width, 40), min(g.height, 40)) for g in pair)
    common = first.intersect(second)
    assert common == second.intersect(first)
    assert (pixels(common) if common else set()) == pixels(first) & pixels(second)


@given(pairs())
def test_the_union_is_the_smallest_grid_around_both(pair: tuple[Grid, Grid]) -> None:
    first, second = pair
    around = first.union(second)
    assert around == second.union(first)
    assert around.intersect(first) == first
    assert around.intersect(second) == second
    assert around.left in (first.left, second.left)
    assert around.top in (first.top, second.top)
    assert around.left + around.width in (first.left + first.width, second.left + second.width)
    assert around.top + around.height in (first.top + first.height, second.top + second.height)


@given(grids())
def test_a_grid_intersected_with_itself_is_itself(grid: Grid) -> None:
    assert grid.intersect(grid) == grid
    assert grid.slices_in(grid) == (slice(0, grid.height), slice(0, grid.width))


@given(grids(), st.integers(0, 50))
def test_a_padded_window_holds_the_window_in_its_middle(grid: Grid, pixels: int) -> None:
    padded = grid.pad(pixels)
    assert padded.shape == (grid.height + 2 * pixels, grid.width + 2 * pixels)
    assert grid.slices_in(padded) == (
        slice(pixels, pixels + grid.height),
        slice(pixels, pixels + grid.width),
    )


def test_windows_of_different_lattices_are_not_compared() -> None:
    first = Grid(Lattice(32632, (10.0, 10.0)), 0, 0, 5, 5)
    second = Grid(Lattice(32632, (20.0, 20.0)), 0, 0, 5, 5)
    with pytest.raises(ValueError, match="pixel numbers"):
        first.intersect(second)
    with pytest.raises(ValueError, match="mean nothing"):
        first.union(second)


def test_a_window_that_sticks_out_has_no_slices() -> None:
    outer = Grid(Lattice(32632, (10.0, 10.0)), 0, 0, 5, 5)
    with pytest.raises(ValueError, match="does not lie inside"):
        outer.pad(1).slices_in(outer)


# --- boxes between CRSs ------------------------------------------------------------------------


def test_a_box_in_its_own_crs_is_unchanged() -> None:
    assert transform_bbox((1.0, 2.0, 3.0, 4.0), 32632, 32632) == (1.0, 2.0, 3.0, 4.0)


@given(st.floats(6.5, 11), st.floats(-60, 60), st.floats(0.01, 0.5), st.floats(0.01, 0.5))
def test_a_box_there_and_back_holds_the_box(lon: float, lat: float, width: float, height: float) -> None:
    box = (lon, lat, lon + width, lat + height)
    west, south, east, north = transform_bbox(transform_bbox(box, 4326, 32632), 32632, 4326)
    slack = 1e-4 * max(width, height)  # the edges are followed at 21 nodes
    assert west <= box[0] + slack
    assert south <= box[1] + slack
    assert east >= box[2] - slack
    assert north >= box[3] - slack
