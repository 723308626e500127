"""Cubes on other pixel grids: where pixels stand, which input is read, every window alike."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS

from eocene.cube.resample import METHODS
from eocene.model import Grid, InputError, Lattice
from eocene.process import make_plan
from eocene.process.evaluate import Window, find_needs
from tests.process.graphs import call
from tests.process.rasters import DATA, PLACE, assert_same_in_a_window, plan_of, random_cube

WEST, SOUTH, EAST, NORTH = PLACE.bounds


def grid_of(**arguments: Any) -> Grid:
    grid = plan_of(random_cube(), "resample_spatial", **arguments).schema.grid
    assert grid is not None
    return grid


@pytest.mark.parametrize("align", ["upper-left", "upper-right", "lower-left", "lower-right"])
@pytest.mark.parametrize("size", [30, [40, 30], 4, 7.5])
def test_the_named_corner_of_the_cube_is_a_corner_of_a_pixel(align: str, size: Any) -> None:
    grid = grid_of(resolution=size, align=align)
    west, south, east, north = grid.bounds
    assert list(grid.lattice.resolution) == (size if isinstance(size, list) else [size, size])
    assert (east == pytest.approx(EAST)) if "right" in align else (west == pytest.approx(WEST))
    assert (south == pytest.approx(SOUTH)) if "lower" in align else (north == pytest.approx(NORTH))
    assert EAST - WEST - 1e-6 <= east - west < EAST - WEST + grid.lattice.resolution[0]
    assert NORTH - SOUTH - 1e-6 <= north - south < NORTH - SOUTH + grid.lattice.resolution[1]


def test_a_resolution_of_nothing_keeps_the_pixel_size_along_that_axis() -> None:
    assert grid_of(resolution=[0, 25]).lattice.resolution == (10.0, 25.0)
    assert grid_of(resolution=[10, 0]) == PLACE


@pytest.mark.parametrize("epsg", [32633, 3857])
def test_between_metres_the_resolution_is_kept_as_a_number(epsg: int) -> None:
    grid = grid_of(projection=epsg)
    assert grid.epsg == epsg
    assert grid.lattice.resolution == (10.0, 10.0)


def test_from_metres_to_degrees_a_pixel_keeps_its_size_on_the_ground() -> None:
    width, height = grid_of(projection=4326).lattice.resolution
    latitude = np.radians(46.97)
    assert height * 111_180 == pytest.approx(10, rel=2e-3)
    assert width * 111_320 * np.cos(latitude) == pytest.approx(10, rel=5e-3)


def test_a_projection_may_be_written_as_wkt() -> None:
    assert grid_of(projection=CRS.from_epsg(32633).to_wkt(), resolution=10) == grid_of(
        projection=32633, resolution=10
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "resolution"),
        ({"resolution": -1}, "0 or more"),
        ({"resolution": [10, 10, 10]}, "one or two"),
        ({"resolution": 20, "method": "best"}, "bilinear"),
        ({"resolution": 20, "align": "middle"}, "upper-left"),
        ({"resolution": 20, "projection": "Lambert"}, "EPSG"),
    ],
)
def test_what_cannot_be_resampled_is_refused_before_reading(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words) as error:
        plan_of(random_cube(), "resample_spatial", **arguments)
    assert error.value.code == "ProcessParameterInvalid"


@given(
    st.sampled_from(METHODS),
    st.sampled_from([(25, None), (4, None), (0.0002, 4326), (14, 32633)]),
    st.sampled_from(["float32", "uint16"]),
    st.data(),
)
@settings(max_examples=25, deadline=None)
def test_a_resampled_pixel_is_the_same_in_every_window(
    method: str, size: tuple[float, int | None], dtype: str, data: st.DataObject
) -> None:
    plan = plan_of(
        random_cube(dtype=dtype), "resample_spatial", resolution=size[0], projection=size[1], method=method
    )
    assert_same_in_a_window(plan, data)


@pytest.mark.parametrize("method", ["near", "bilinear", "average"])
def test_a_cube_stands_on_the_grid_of_its_target_whose_pixels_are_not_read(method: str) -> None:
    target = Grid(Lattice(32632, (20.0, 20.0), (7.0, -3.0)), 30_000, -260_005, 15, 12)
    node = call(
        "resample_cube_spatial", data=DATA, target={"from_parameter": "target"}, method=method, result=True
    )
    cube, other = random_cube(), random_cube(1, target)
    plan = make_plan({"only": node}, parameters={"data": cube, "target": other})
    assert plan.schema.grid == target
    assert plan.schema.times == tuple(cube.t.values.astype("datetime64[s]"))
    needs = find_needs(plan.nodes, Window(target), "only")
    assert [name for name in needs if "target" in name] == []
    expected = plan_of(cube, "resample_spatial", resolution=20, method=method).run()
    assert plan.run().dtype == expected.dtype


def test_a_cube_without_pixels_is_refused() -> None:
    series = random_cube().mean(("y", "x"))
    with pytest.raises(InputError, match="no cube with pixels"):
        plan_of(series, "resample_spatial", resolution=20)


def test_cubes_on_one_lattice_are_moved_without_a_change() -> None:
    target = replace(PLACE, left=PLACE.left + 5, width=40)
    node = call("resample_cube_spatial", data=DATA, target={"from_parameter": "target"}, result=True)
    cube = random_cube()
    found = make_plan({"only": node}, parameters={"data": cube, "target": random_cube(1, target)}).run()
    assert np.array_equal(found.values[..., :18], cube.values[..., 5:], equal_nan=True)
    assert np.isnan(found.values[..., 18:]).all()
