"""Resampling beside GDAL, beside loops on the same rule, and in every window alike."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from rasterio.warp import Resampling, reproject
from scipy.interpolate import BSpline

from eocene.cube.axes import KERNELS
from eocene.cube.block import Block
from eocene.cube.resample import METHODS, PICKS, resample, source_window
from eocene.model import Grid, Lattice

SOURCE = Grid(Lattice(32632, (10.0, 10.0)), 60_000, -520_000, 60, 50)
TARGETS = {
    "three to one": Lattice(32632, (30.0, 30.0)),
    "five to two": Lattice(32632, (25.0, 25.0)),
    "finer": Lattice(32632, (4.0, 4.0)),
    "oblong, off the edges": Lattice(32632, (22.0, 35.0), (3.0, -7.0)),
    "degrees": Lattice(4326, (0.0002, 0.0002)),
    "web mercator": Lattice(3857, (25.0, 25.0)),
    "another zone": Lattice(32633, (12.0, 12.0)),
}
WITHIN_ONE_CRS = list(TARGETS)[:4]
FOREIGN = -1.0
GDAL_NAMES = {"near": "nearest", "cubicspline": "cubic_spline"}


def target(name: str) -> Grid:
    return TARGETS[name].grid_over(SOURCE.bounds, SOURCE.epsg)


def numbers(share_missing: float, seed: int = 0) -> np.ndarray:
    random = np.random.default_rng(seed)
    return np.where(
        random.random(SOURCE.shape) < share_missing, FOREIGN, random.uniform(1, 100, SOURCE.shape)
    )


def block(values: np.ndarray) -> Block:
    return Block(values, ("y", "x"), {}, values != FOREIGN, SOURCE)


def by_gdal(values: np.ndarray, grid: Grid, method: str) -> np.ndarray:
    """Return what GDAL makes of the values, FOREIGN where nothing."""
    found = np.full(grid.shape, FOREIGN)
    scale = [min(1.0, s / t) for s, t in zip(SOURCE.lattice.resolution, grid.lattice.resolution, strict=True)]
    reproject(
        values,
        found,
        src_transform=rasterio.Affine(*SOURCE.transform),
        src_crs=f"EPSG:{SOURCE.epsg}",
        dst_transform=rasterio.Affine(*grid.transform),
        dst_crs=f"EPSG:{grid.epsg}",
        src_nodata=FOREIGN,
        dst_nodata=FOREIGN,
        resampling=Resampling[GDAL_NAMES.get(method, method)],
        tolerance=1e-9,
        **({"XSCALE": scale[0], "YSCALE": scale[1]} if method in KERNELS else {}),
    )
    return found


def ours(values: np.ndarray, grid: Grid, method: str) -> np.ndarray:
    result = resample(block(values), grid, method)
    return np.where(True if result.valid is None else result.valid, result.values, FOREIGN)


def inner_pixels(grid: Grid, margin: float) -> np.ndarray:
    """Return the pixels, in the source's CRS, that lie in the source and so far from its edges."""
    west, south, east, north = SOURCE.bounds
    (width, height), slack = grid.lattice.resolution, margin - 1e-6
    x = (grid.x - width / 2 >= west + slack) & (grid.x + width / 2 <= east - slack)
    y = (grid.y - height / 2 >= south + slack) & (grid.y + height / 2 <= north - slack)
    return y[:, None] & x


LIKE_GDAL = [
    (method, name)
    for method in METHODS
    for name in WITHIN_ONE_CRS
    if method not in ("lanczos", "cubic", "mode")
    # GDAL leaves out pixels at the end of this kernel; the loops further down are its oracle.
    if (method, name) != ("cubicspline", "oblong, off the edges")
]


@pytest.mark.parametrize("missing", [0.0, 0.1], ids=["complete", "with gaps"])
@pytest.mark.parametrize(("method", "name"), LIKE_GDAL)
def test_within_one_crs_the_values_are_those_of_gdal(method: str, name: str, missing: float) -> None:
    values, grid = numbers(missing), target(name)
    # Of pixels that reach beyond the source GDAL weighs the cut ones as if they were whole.
    whole = np.ones(grid.shape, bool) if method in KERNELS else inner_pixels(grid, 0)
    assert whole.sum() > 100
    assert np.allclose(ours(values, grid, method)[whole], by_gdal(values, grid, method)[whole], atol=1e-6)


def test_a_sum_over_finer_pixels_keeps_the_total() -> None:
    assert ours(numbers(0.0), target("finer"), "sum").sum() == pytest.approx(numbers(0.0).sum())


def weigh(method: str, distance: float) -> float:
    """Return the weight of a pixel at a distance, as textbooks write the kernels."""
    a = abs(distance)
    if method == "bilinear":
        return max(1 - a, 0)
    if method == "cubic":  # Keys, -1/2
        return 1.5 * a**3 - 2.5 * a**2 + 1 if a < 1 else -0.5 * a**3 + 2.5 * a**2 - 4 * a + 2 if a < 2 else 0
    if method == "lanczos":
        return float(np.sinc(a) * np.sinc(a / 3)) if a < 3 else 0
    return float(BSpline.basis_element([-2, -1, 0, 1, 2], extrapolate=False)(a)) if a < 2 else 0


@pytest.mark.parametrize("name", WITHIN_ONE_CRS)
@pytest.mark.parametrize("method", sorted(KERNELS))
def test_kernels_are_those_of_textbooks_stretched_to_the_target_pixel(method: str, name: str) -> None:
    values, grid = numbers(0.0), target(name)
    found = ours(values, grid, method)
    stretch = [max(1.0, r / 10) for r in grid.lattice.resolution]
    inner = np.argwhere(inner_pixels(grid, 30 * max(stretch)))
    for row, col in np.random.default_rng(4).permutation(inner)[:5].tolist():
        x, y = (grid.x[col] - SOURCE.bounds[0]) / 10, (SOURCE.bounds[3] - grid.y[row]) / 10
        across = [weigh(method, (c + 0.5 - x) / stretch[0]) for c in range(SOURCE.width)]
        down = [weigh(method, (r + 0.5 - y) / stretch[1]) for r in range(SOURCE.height)]
        expected = np.dot(np.dot(down, values), across) / sum(down) / sum(across)
        assert found[row, col] == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    ("method", "name"),
    [("cubic", n) for n in WITHIN_ONE_CRS] + [("lanczos", "five to two"), ("lanczos", "finer")],
)
def test_kernels_with_negative_weights_are_those_of_gdal_where_no_pixel_is_missing(
    method: str, name: str
) -> None:
    grid = target(name)
    radius = {"cubic": 2, "lanczos": 3}[method] * max(1.0, *(r / 10 for r in grid.lattice.resolution))
    inner = inner_pixels(grid, 10 * radius)
    values = numbers(0.0)
    assert inner.any()
    assert np.allclose(ours(values, grid, method)[inner], by_gdal(values, grid, method)[inner], atol=1e-6)


def test_an_unstretched_cubic_is_bilinear_beside_a_gap_as_in_gdal() -> None:
    values = numbers(0.1)
    assert np.allclose(
        ours(values, target("finer"), "cubic"), by_gdal(values, target("finer"), "cubic"), atol=1e-6
    )


@pytest.mark.parametrize("method", ["cubic", "lanczos", "cubicspline", "bilinear"])
@pytest.mark.parametrize("name", TARGETS)
def test_a_constant_stays_a_constant_however_many_pixels_are_missing(method: str, name: str) -> None:
    values = np.where(numbers(0.6) == FOREIGN, FOREIGN, 7.0)
    found = ours(values, target(name), method)
    assert np.allclose(found[found != FOREIGN], 7.0)
    assert (found != FOREIGN).tolist() == (ours(values, target(name), "near") != FOREIGN).tolist()


@pytest.mark.parametrize("lattice", [(4326, 0.00005), (3857, 8.0), (32633, 6.0)], ids=str)
@pytest.mark.parametrize("method", sorted(KERNELS))
def test_between_two_crs_a_plane_is_interpolated_where_pyproj_says(
    method: str, lattice: tuple[int, float]
) -> None:
    def height(x: Any, y: Any) -> Any:
        return (x - 600_000) * 0.3 + (5_200_000 - y) * 0.7

    values = height(*np.meshgrid(SOURCE.x, SOURCE.y))
    epsg, size = lattice
    grid = Lattice(epsg, (size, size)).grid_over(SOURCE.bounds, SOURCE.epsg)
    x, y = Transformer.from_crs(grid.epsg, 32632, always_xy=True).transform(*np.meshgrid(grid.x, grid.y))
    west, south, east, north = SOURCE.bounds
    inner = (x > west + 60) & (x < east - 60) & (y > south + 60) & (y < north - 60)
    found = resample(Block(values, ("y", "x"), {}, None, SOURCE), grid, method).values
    assert inner.sum() > 200
    # The lobes of lanczos do not add up to a plane exactly.
    assert np.allclose(found[inner], height(x, y)[inner], atol=0.3 if method == "lanczos" else 1e-6)


def under(grid: Grid, row: int, col: int) -> list[tuple[float, float]]:
    """Return (value, share) of the source pixels under a pixel between two CRSs, by the rule, in loops."""
    to_source = Transformer.from_crs(grid.epsg, SOURCE.epsg, always_xy=True).transform

    def place(r: int, c: int) -> tuple[float, float]:
        (rx, ry), (ax, ay) = grid.lattice.resolution, grid.lattice.anchor
        x, y = to_source(ax + (grid.left + c) * rx, ay - (grid.top + r) * ry)
        return x / 10 - SOURCE.left, -y / 10 - SOURCE.top

    (west, north), (east, south) = place(row, col), place(row + 1, col + 1)
    values = numbers(0.1)
    found = []
    for r in range(SOURCE.height):
        high = min(r + 1, south) - max(r, north)
        for c in range(SOURCE.width):
            wide = min(c + 1, east) - max(c, west)
            if high > 0 and wide > 0 and values[r, c] != FOREIGN:
                found.append((float(values[r, c]), high * wide))
    return found


STATISTICS = {
    "average": lambda v, w: np.average(v, weights=w),
    "rms": lambda v, w: np.sqrt(np.average(np.square(v), weights=w)),
    "sum": np.dot,
    "max": lambda v, _: max(v),
    "min": lambda v, _: min(v),
    "med": lambda v, _: np.quantile(v, 0.5, method="inverted_cdf"),
    "q1": lambda v, _: np.quantile(v, 0.25, method="inverted_cdf"),
    "q3": lambda v, _: np.quantile(v, 0.75, method="inverted_cdf"),
}


@pytest.mark.parametrize("name", ["degrees", "web mercator", "another zone"])
def test_between_two_crs_statistics_are_those_of_a_loop_over_the_pixels_under_each(name: str) -> None:
    grid = target(name)
    random = np.random.default_rng(5)
    found = {method: ours(numbers(0.1), grid, method) for method in STATISTICS}
    for row, col in random.integers(0, grid.shape, (12, 2)).tolist():
        pixels = under(grid, row, col)
        for method, statistic in STATISTICS.items():
            expected = statistic(*zip(*pixels, strict=True)) if pixels else FOREIGN
            assert found[method][row, col] == pytest.approx(expected, rel=1e-6), method


@pytest.mark.parametrize("dtype", ["uint8", "int32", "float32"])
def test_the_mode_is_the_value_under_most_of_the_pixel_and_of_equal_ones_the_smaller(dtype: str) -> None:
    random = np.random.default_rng(2)
    values = random.integers(1, 4, SOURCE.shape).astype(dtype)
    grid = target("five to two")
    found = resample(Block(values, ("y", "x"), {}, None, SOURCE), grid, "mode").values
    assert found.dtype == dtype
    for row, col in random.integers(0, grid.shape, (60, 2)).tolist():
        votes: dict[int, int] = {}
        for y in range(row * 5, row * 5 + 5):  # in fifths of a target pixel, halves of a source pixel
            for x in range(col * 5, col * 5 + 5):
                value = int(values[y // 2, x // 2])
                votes[value] = votes.get(value, 0) + 1
        assert found[row, col] == min(v for v in votes if votes[v] == max(votes.values()))


@pytest.mark.parametrize("method", METHODS)
@given(data=st.data())
@settings(max_examples=8, deadline=None)
def test_a_pixel_is_the_same_in_every_window(method: str, data: st.DataObject) -> None:
    grid = target(data.draw(st.sampled_from(sorted(TARGETS))))
    values = numbers(data.draw(st.sampled_from([0.0, 0.3]))).astype("float32")
    whole = resample(block(values), grid, method)
    left, top = data.draw(st.integers(0, grid.width - 1)), data.draw(st.integers(0, grid.height - 1))
    width, height = data.draw(st.integers(1, grid.width - left)), data.draw(st.integers(1, grid.height - top))
    window = Grid(grid.lattice, grid.left + left, grid.top + top, width, height)
    part = resample(block(values).crop(source_window(window, SOURCE, method)), window, method)
    expected = whole.crop(window)
    assert part.filled().tobytes() == np.ascontiguousarray(expected.filled()).tobytes()


@pytest.mark.parametrize("method", sorted(set(METHODS) - {"near"}))
def test_values_that_are_not_finite_are_left_out_like_no_data(method: str) -> None:
    values = numbers(0.2)
    other = np.where(
        values == FOREIGN, np.random.default_rng(1).choice([np.nan, np.inf, -np.inf], SOURCE.shape), values
    )
    found = resample(Block(other, ("y", "x"), {}, None, SOURCE), target("five to two"), method)
    assert (
        found.filled().tobytes() == resample(block(values), target("five to two"), method).filled().tobytes()
    )


@pytest.mark.parametrize(
    ("dtype", "method", "expected"),
    [
        ("uint16", "bilinear", "float32"),
        ("int32", "average", "float64"),
        ("float32", "lanczos", "float32"),
        ("bool", "average", "float32"),
        ("uint16", "med", "uint16"),
        ("bool", "max", "bool"),
        ("uint8", "near", "uint8"),
    ],
)
def test_interpolated_integers_become_floats_and_picked_ones_stay(
    dtype: str, method: str, expected: str
) -> None:
    values = np.random.default_rng(0).integers(0, 2, SOURCE.shape).astype(dtype)
    found = resample(Block(values, ("y", "x"), {}, None, SOURCE), target("three to one"), method)
    assert found.values.dtype == expected
    if expected.startswith("float"):
        exact = resample(
            Block(values.astype(float), ("y", "x"), {}, None, SOURCE), target("three to one"), method
        )
        assert np.allclose(found.values, exact.values, rtol=1e-6)


def test_pixels_across_the_date_line_do_not_reach_round_the_globe() -> None:
    globe = Grid(Lattice(4326, (1.0, 1.0)), -180, -90, 360, 180)
    window = Grid(
        Lattice(3832, (100_000.0, 100_000.0)), 28, -5, 6, 6
    )  # Pacific Mercator, 180° E is x = 3 340 000
    values = np.broadcast_to(np.arange(360.0), globe.shape).copy()
    source = source_window(window, globe, "average")
    assert source.width == 360, "both ends of the globe are needed"
    found = resample(Block(values, ("y", "x"), {}, None, globe), window, "average").values
    low, high = found.min(axis=1), found.max(axis=1)
    assert (low < 5).all()
    assert (high > 354).all()
    assert not ((found > 5) & (found < 354)).any()


def test_a_window_beside_the_source_is_no_data() -> None:
    window = Grid(Lattice(32632, (30.0, 30.0)), 0, 0, 4, 4)
    for method in METHODS:
        need = source_window(window, SOURCE, method)
        found = resample(block(numbers(0.0)).crop(need), window, method)
        assert found.valid is not None
        assert not found.valid.any()
    assert set(PICKS) < set(METHODS)
