"""Sentinel-1 calibration: pixels against the tables by hand, and equal in every window."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.archive.readers.sentinel1_safe import SmallProduct, write_safe

from eocene.archive import Archive
from eocene.archive.rasters.calibration import Table, calibrate
from eocene.archive.rasters.sentinel1 import average
from eocene.model import InputError, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.model.grid import Grid

TAGS = {"sigma0-ellipsoid": "sigmaNought", "beta0": "betaNought", "gamma0-ellipsoid": "gamma"}


def interpolate(places: list[int], values: np.ndarray, wanted: float) -> float:
    """One number between two, as taught in school."""
    if wanted <= places[0]:
        return float(values[0])
    for (a, b), (low, high) in zip(pairwise(places), pairwise(values), strict=True):
        if wanted <= b:
            return float(low + (high - low) * (wanted - a) / (b - a))
    return float(values[-1])


def coefficient_by_hand(product: SmallProduct, tag: str, line: int, sample: int) -> float:
    lines, pixels, values = product.table(tag)
    return interpolate(lines, np.array([interpolate(pixels, row, sample) for row in values]), line)


def noise_by_hand(product: SmallProduct, line: int, sample: int) -> float:
    if product.noise == "removed":
        return 0.0
    lines, pixels, values = product.noise_across()
    noise = interpolate(
        lines, np.array([interpolate(p, v, sample) for p, v in zip(pixels, values, strict=True)]), line
    )
    for (top, bottom, left, right), places, factors in (
        product.noise_along() if product.noise == "azimuth" else []
    ):
        if top <= line <= bottom and left <= sample <= right:
            noise *= interpolate(places, factors, line)
    return noise


def value_by_hand(product: SmallProduct, polarisation: str, tag: str, line: int, sample: int) -> float:
    number = float(product.numbers[polarisation][line, sample])
    if not number:
        return float("nan")
    power = max(number**2 - noise_by_hand(product, line, sample), 0.0)
    return power / coefficient_by_hand(product, tag, line, sample) ** 2


@pytest.fixture
def archive(tmp_path: Any) -> Iterator[Archive]:
    archive = Archive(Layout(tmp_path / "workspace"))
    yield archive
    archive.close()


def find_samples(product: SmallProduct, grid: Grid) -> Iterator[tuple[int, int, float, float]]:
    """Yield map pixels with the line and sample under their centres, by inverting the true placement."""
    line, sample = np.meshgrid(np.arange(product.shape[0]), np.arange(product.shape[1]), indexing="ij")
    east, north = product.place(line, sample)
    for row, column in np.argwhere(np.ones(grid.shape))[::97]:
        away = (east - grid.x[column]) ** 2 + (north - grid.y[row]) ** 2
        place = np.unravel_index(int(away.argmin()), away.shape)
        if away[place] < 1.0:  # so near to the centre of a sample that its neighbours hardly matter
            yield row, column, *map(int, place)


@pytest.mark.parametrize("noise", ["azimuth", "range", "removed"])
@pytest.mark.parametrize("coefficient", TAGS)
def test_calibrated_numbers_equal_those_by_hand(coefficient: str, noise: str, tmp_path: Any) -> None:
    from tests.archive.readers.sentinel1_safe import write_calibration, write_noise

    from eocene.archive.rasters.calibration import read_calibration, read_noise

    product = SmallProduct(noise=noise)
    table = read_calibration(write_calibration(product), "calibration")[coefficient]
    found = None if noise == "removed" else read_noise(write_noise(product), "noise")
    top, left = 17, 3
    numbers = product.numbers["vv"][top : top + 90, left : left + 160]
    values = calibrate(numbers, (top, left), table, found)
    worst = 0.0
    for line, sample in [
        (0, 0),
        (0, 2),
        (89, 159),
        (3, 87),
        (3, 88),
        *np.random.default_rng(2).integers(0, 90, (60, 2)),
    ]:
        expected = value_by_hand(product, "vv", TAGS[coefficient], top + line, left + sample)
        if np.isnan(expected):
            assert np.isnan(values[line, sample])
        else:
            worst = max(worst, abs(values[line, sample] - expected) / max(expected, 1e-12))
    assert worst < 1e-12


def test_map_pixels_equal_bilinear_values_by_hand(tmp_path: Any, archive: Archive) -> None:
    product = SmallProduct()
    (item,) = archive.ingest(write_safe(tmp_path, product))
    raster = archive.open_raster(item["assets"]["vh"])
    grid = raster.levels[0]
    pixels = raster.read(grid)
    points = raster._annotation.points
    rows, columns = points.locate(grid)
    checked = 0
    for row, column in np.random.default_rng(3).integers(0, grid.shape, (4000, 2)):
        r, c = rows[row, column] - 0.5, columns[row, column] - 0.5
        if not (1 <= r < product.shape[0] - 2 and 6 <= c < product.shape[1] - 2):
            continue
        i, j = int(r), int(c)
        v, u = r - i, c - j
        around = [value_by_hand(product, "vh", "sigmaNought", i + a, j + b) for a in (0, 1) for b in (0, 1)]
        by_hand = np.dot(around, [(1 - v) * (1 - u), (1 - v) * u, v * (1 - u), v * u])
        assert pixels[row, column] == pytest.approx(by_hand, rel=1e-5, abs=1e-9)
        checked += 1
        if checked == 150:
            break
    assert checked == 150


def test_written_pixels_come_back_where_they_were_put(tmp_path: Any, archive: Archive) -> None:
    """A checkerboard of large fields is found again at the places that the orbit gives them."""
    product = SmallProduct(noise="removed")
    line, sample = np.indices(product.shape)
    product.numbers["vv"][...] = np.where((line // 20 + sample // 20) % 2, 800, 100)
    (item,) = archive.ingest(write_safe(tmp_path, product))
    raster = archive.open_raster(item["assets"]["vv"])
    grid = raster.levels[0]
    pixels, seen = raster.read(grid), 0
    for row, column, line_, sample_ in find_samples(product, grid):
        if min(line_ % 20, sample_ % 20) < 2 or max(line_ % 20, sample_ % 20) > 17:
            continue
        expected = value_by_hand(product, "vv", "sigmaNought", line_, sample_)
        assert pixels[row, column] == pytest.approx(expected, rel=2e-3)
        seen += 1
    assert seen > 3


def test_the_angle_of_incidence_is_that_of_the_tie_points(tmp_path: Any, archive: Archive) -> None:
    product = SmallProduct()
    (item,) = archive.ingest(write_safe(tmp_path, product))
    raster = archive.open_raster(item["assets"]["vv"] | {"eocene:coefficient": "ellipsoid_incidence_angle"})
    angles = raster.read(raster.levels[0])
    _, columns = raster._annotation.points.locate(raster.levels[0])
    inside = np.isfinite(columns)
    np.testing.assert_allclose(
        angles[inside], 31 + 15 * (columns[inside] - 0.5) / product.shape[1], rtol=1e-6
    )


def test_a_coefficient_that_there_is_not_is_refused(tmp_path: Any, archive: Archive) -> None:
    (item,) = archive.ingest(write_safe(tmp_path))
    with pytest.raises(InputError, match="sigma0-ellipsoid, beta0, gamma0-ellipsoid"):
        archive.open_raster(item["assets"]["vv"] | {"eocene:coefficient": "sigma0-terrain"})


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A raster with two levels."""
    folder = tmp_path_factory.mktemp("wide")
    archive = Archive(Layout(folder / "workspace"))
    product = SmallProduct(shape=(300, 330), polarisations=("vv",))
    (item,) = archive.ingest(write_safe(folder, product))
    yield archive.open_raster(item["assets"]["vv"])
    archive.close()


@given(st.sampled_from([0, 1]), *[st.floats(0, 1) for _ in range(4)])
def test_pixels_are_the_same_in_every_window(
    wide: Any, level: int, top: float, left: float, height: float, width: float
) -> None:
    grid = wide.levels[level]
    if not hasattr(wide, "whole"):
        wide.whole = {}
    whole = wide.whole.setdefault(level, wide.read(grid, level))
    row, column = int(top * (grid.height - 1)), int(left * (grid.width - 1))
    window = replace(
        grid,
        left=grid.left + column,
        top=grid.top + row,
        width=max(1, int(width * (grid.width - column))),
        height=max(1, int(height * (grid.height - row))),
    )
    np.testing.assert_array_equal(wide.read(window, level), whole[window.slices_in(grid)])


def test_coarser_levels_are_averages(wide: Any) -> None:
    fine, coarse = wide.levels[:2]
    assert coarse.lattice.resolution_m == 4 * fine.lattice.resolution_m
    means = np.nanmean(wide.read(fine)), np.nanmean(wide.read(coarse, 1))
    spread = np.nanstd(wide.read(fine)), np.nanstd(wide.read(coarse, 1))
    assert means[1] == pytest.approx(means[0], rel=0.01)
    assert spread[1] < 0.4 * spread[0]


def test_averages_leave_out_what_is_no_data() -> None:
    image = np.array([[1.0, np.nan, 5, 6], [3, np.nan, 7, 8], *[[np.nan] * 4] * 2])
    np.testing.assert_array_equal(average(image, 2), [[2, 6.5], [np.nan, np.nan]])


def test_power_below_the_noise_is_zero_and_zero_is_no_data() -> None:
    flat = Table(np.array([0.0]), (np.array([0.0, 10]),), (np.array([2.0, 2]),))
    from eocene.archive.rasters.calibration import Noise

    values = calibrate(np.array([[0, 1, 4]], np.uint16), (0, 0), flat, Noise(flat, ()))
    np.testing.assert_array_equal(values, [[np.nan, 0, (16 - 2) / 4]])
