"""Cubes are trimmed to where they have data, in memory, in files, and without pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr

import eocene
from eocene.process import make_plan
from eocene.process.output.results import save_file
from tests.process.graphs import call

if TYPE_CHECKING:
    from pathlib import Path

CUBE = {"from_parameter": "cube"}
TRIM = {"trim": call("trim_cube", data=CUBE, result=True)}
TIMES = np.array([f"2024-0{n}-01" for n in range(1, 6)], "datetime64[ns]")


def make_cube(values: np.ndarray) -> xr.DataArray:
    coords: dict[str, Any] = {
        "t": TIMES[: values.shape[0]],
        "bands": ["a", "b", "c"][: values.shape[1]],
        "y": 5_200_000 - 10 * np.arange(float(values.shape[2])),
        "x": 600_000 + 10 * np.arange(float(values.shape[3])),
    }
    return xr.DataArray(values, dims=("t", "bands", "y", "x"), coords=coords, attrs={"crs": "EPSG:32632"})


@pytest.fixture(scope="module")
def cube() -> xr.DataArray:
    """Data at dates 1 and 3, in bands a and c, in a part of the pixels with a hole in it."""
    values = np.full((5, 3, 40, 50), np.nan, np.float32)
    values[np.ix_([1, 3], [0, 2], np.arange(7, 31), np.arange(12, 44))] = 5
    values[:, :, 15:18, 20:23] = np.nan
    return make_cube(values)


def test_dates_and_pixels_go_at_the_ends_and_bands_wherever_they_are_empty(cube: xr.DataArray) -> None:
    result = eocene.run(TRIM, parameters={"cube": cube})
    xr.testing.assert_equal(
        result.drop_vars("spatial_ref"),
        cube[1:4, [0, 2], 7:31, 12:44].drop_vars("spatial_ref", errors="ignore"),
    )


def test_a_file_has_the_extent_of_the_data(cube: xr.DataArray, tmp_path: Path) -> None:
    graph = {
        "trim": call("trim_cube", data=CUBE),
        "save": call("save_result", data={"from_node": "trim"}, format="GTiff", result=True),
    }
    path, _ = save_file(make_plan(graph, parameters={"cube": cube}), tmp_path)
    with rasterio.open(path) as file:
        assert (file.height, file.width, file.count) == (24, 32, 6)
        assert file.transform.c == 600_000 + 120 - 5


def test_a_cube_without_data_stays_as_it_is() -> None:
    empty = make_cube(np.full((2, 1, 3, 4), np.nan, np.float32))
    assert eocene.run(TRIM, parameters={"cube": empty}).shape == empty.shape


def test_cubes_without_pixels_are_trimmed_at_once() -> None:
    series = xr.DataArray(
        [[np.nan, np.nan], [1.0, np.nan], [np.nan, np.nan], [2.0, np.nan], [np.nan, np.nan]],
        dims=("t", "bands"),
        coords={"t": TIMES, "bands": ["a", "b"]},
    )
    result = eocene.run(TRIM, parameters={"cube": series})
    assert result.shape == (3, 1)
    assert list(result.t.values) == list(TIMES[1:4])
