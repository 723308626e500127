"""Tie points: every map pixel finds its place in an image that lies askew."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eocene.archive.rasters.geolocation import TiePoints, choose_epsg
from eocene.model.errors import InputError
from eocene.model.grid import Grid, Lattice, transformer

ROWS, COLUMNS = np.array([0.5, 90.0, 200.0, 299.5]), np.array([0.5, 150.0, 399.5])
ANGLES = st.floats(-180, 180)


def bend(row: np.ndarray, column: np.ndarray, angle: float, mirrored: bool = False) -> tuple[np.ndarray, ...]:
    """A strip of an orbit, in metres: turned, sheared, a little bent; mirrored as in a descending pass."""
    turn = np.exp(1j * np.radians(angle))
    sign = -1 if mirrored else 1
    x = 10.0 * column * sign + 0.7 * row + 4e-4 * column * row
    y = -10.0 * row + 3e-3 * column**2
    place = (x + 1j * y) * turn
    return 500_000 + place.real, 5_000_000 + place.imag


def make_points(angle: float = 12.0, mirrored: bool = False) -> TiePoints:
    row, column = np.meshgrid(ROWS, COLUMNS, indexing="ij")
    x, y = bend(row, column, angle, mirrored)
    degrees = transformer(32632, 4326).transform(x, y)
    return TiePoints.of((row, column), degrees, (300, 400))


def place_by_hand(points: TiePoints, row: float, column: float) -> tuple[float, float]:
    """The definition: bilinear between the four points around."""
    i = int(np.clip(np.searchsorted(points.rows, row) - 1, 0, len(points.rows) - 2))
    j = int(np.clip(np.searchsorted(points.columns, column) - 1, 0, len(points.columns) - 2))
    v = (row - points.rows[i]) / (points.rows[i + 1] - points.rows[i])
    u = (column - points.columns[j]) / (points.columns[j + 1] - points.columns[j])
    weights = np.array([[(1 - v) * (1 - u), (1 - v) * u], [v * (1 - u), v * u]])
    around = np.s_[i : i + 2, j : j + 2]
    return float((weights * points.x[around]).sum()), float((weights * points.y[around]).sum())


@given(st.floats(0, 300), st.floats(0, 400), ANGLES, st.booleans())
def test_a_map_place_is_found_where_the_definition_puts_it(
    row: float, column: float, angle: float, mirrored: bool
) -> None:
    points = make_points(angle, mirrored)
    x, y = place_by_hand(points, row, column)
    lattice = Lattice(points.epsg, (10.0, 10.0), ((x + 5) % 10, -((-(y + 5)) % 10)))
    pixel = Grid(
        lattice, round((x - 5 - lattice.anchor[0]) / 10), round((lattice.anchor[1] - y - 5) / 10), 1, 1
    )
    found = points.locate(pixel)
    if min(row, column, 300 - row, 400 - column) > 1e-6:  # on the edge itself rounding may decide
        assert found == (pytest.approx(row, abs=1e-6), pytest.approx(column, abs=1e-6))


@given(ANGLES, st.booleans(), st.tuples(*[st.integers(0, 120)] * 2), st.tuples(*[st.integers(1, 90)] * 2))
def test_places_do_not_depend_on_the_window(
    angle: float, mirrored: bool, start: tuple[int, int], size: tuple[int, int]
) -> None:
    points = make_points(angle, mirrored)
    whole = points.cover(20.0)
    window = replace(
        whole, left=whole.left + start[0], top=whole.top + start[1], width=size[0], height=size[1]
    ).intersect(whole)
    if window is None:
        return
    for part, all_of_it in zip(points.locate(window), points.locate(whole), strict=True):
        np.testing.assert_array_equal(part, all_of_it[window.slices_in(whole)])


def test_the_map_grid_holds_the_whole_image_and_not_much_more() -> None:
    points = make_points()
    rows, columns = points.locate(points.cover(10.0).pad(5))
    inside = np.isfinite(rows)
    # A corner can be so sharp that no pixel centre lies in its outermost pixel.
    for edge in (inside, inside[::-1], inside.T, inside.T[::-1]):
        assert not edge[:5].any()
        assert edge[5:7].any()
    seen = np.zeros((300, 400), bool)
    seen[rows[inside].astype(int), columns[inside].astype(int)] = True
    assert seen.mean() > 0.8  # the map's pixels are about as large as the image's
    assert 0 <= np.nanmin(rows) < 1
    assert 299 < np.nanmax(rows) <= 300


def test_what_is_known_at_the_points_is_interpolated_between_them() -> None:
    points = make_points()
    row, column = np.meshgrid(ROWS, COLUMNS, indexing="ij")
    plane = 3 * row - 2 * column + 1
    rows, columns = np.array([[0.0, 17.25, 250.0]]), np.array([[400.0, 3.5, 222.0]])
    np.testing.assert_allclose(points.interpolate(plane, rows, columns), 3 * rows - 2 * columns + 1)


def test_single_points_beside_the_grid_are_left_out() -> None:
    row, column = (v.ravel() for v in np.meshgrid(ROWS, COLUMNS, indexing="ij"))
    x, y = bend(row, column, 12.0)
    lon, lat = transformer(32632, 4326).transform(x, y)
    more = [np.r_[v, extra] for v, extra in ((row, 77), (column, 33), (lon, lon[0]), (lat, lat[0]))]
    points = TiePoints.of((more[0], more[1]), (more[2], more[3]), (300, 400))
    assert points.x.shape == (4, 3)
    np.testing.assert_array_equal(points.x, make_points().x)


@pytest.mark.parametrize(
    ("west", "south", "epsg"),
    [
        (10, 45, 32632), (10, -45, 32732), (179.9, 10, 32660), (-179.99, 10, 32601),
        (0, 86, 3413), (90, -85, 3031),
    ],
)  # fmt: skip
def test_the_map_is_in_the_zone_of_the_middle_or_polar(west: float, south: float, epsg: int) -> None:
    assert choose_epsg(np.array([west, west + 0.01]), np.array([south, south + 0.1])) == epsg


def test_an_image_across_the_antimeridian_is_one_image() -> None:
    row, column = np.meshgrid([0.0, 100.0], [0.0, 100.0], indexing="ij")
    longitude = np.where(column > 0, -179.5, 179.5)
    points = TiePoints.of((row, column), (longitude, 60 - row / 100), (100, 100))
    grid = points.cover(1000.0)
    assert grid.width < 100
    assert np.isfinite(points.locate(grid)[0]).mean() > 0.7


def test_points_that_cannot_be_are_refused_with_the_reason() -> None:
    row, column = np.meshgrid(ROWS, COLUMNS, indexing="ij")
    good_lon, good_lat = 9 + column / 1e4, 45 - row / 1e4
    folded = good_lat.copy()
    folded[1] = 46
    cases = {
        "folds": (row, column, good_lon, folded),
        "on the Earth": (row, column, good_lon, good_lat + 90),
        "at least 4": (row[:1, :2], column[:1, :2], good_lon[:1, :2], good_lat[:1, :2]),
        "common rows": (row + np.arange(12).reshape(4, 3), column, good_lon, good_lat),
    }
    for reason, (r, c, longitude, latitude) in cases.items():
        with pytest.raises(InputError, match=reason):
            TiePoints.of((r, c), (longitude, latitude), (300, 400))


def test_points_of_another_image_make_no_endless_map() -> None:
    row, column = np.meshgrid(ROWS, COLUMNS, indexing="ij")
    points = TiePoints.of((row, column), (column / 10, 40 - row / 10), (300, 400))
    with pytest.raises(InputError, match="spread"):
        points.cover(10.0)
