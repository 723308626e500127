"""The lazy cube beside the same cube in memory: every way of indexing gives the same values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS

from eocene.cube.block import Block
from eocene.cube.edge import edge_dtype, time_coordinate, to_xarray
from eocene.cube.lazy import make_lazy
from eocene.model import Grid
from tests.cube.scenes import UTM32

if TYPE_CHECKING:
    from collections.abc import Callable

GRID = Grid(UTM32, 60_000, -520_000, 8, 6)
TIMES = tuple(np.datetime64("2024-05-01", "s") + np.timedelta64(i * 10, "D") for i in range(5))
BANDS = ("B02", "B03", "B04")


def make_cube(dtype: str = "float32") -> tuple[xr.DataArray, xr.DataArray, list[tuple[Grid, Any]]]:
    """Return the lazy cube, the one in memory, and a list that fills with the windows that are read."""
    random = np.random.default_rng(1)
    values = (random.random((5, 3, 6, 8)) * 100).astype(dtype)
    valid = random.random(values.shape) < 0.8
    labels = {"t": TIMES, "bands": BANDS}
    whole = Block(values, ("t", "bands", "y", "x"), labels, valid, GRID)
    asked: list[tuple[Grid, Any]] = []

    def compute(window: Grid, times: tuple[Any, ...] | None) -> Block:
        asked.append((window, times))
        block = whole.crop(window)
        return block if times is None else block.take("t", [TIMES.index(t) for t in times])

    probe = whole.crop(Grid(UTM32, GRID.left, GRID.top, 1, 1))
    return make_lazy(probe, GRID, compute, "tiny"), to_xarray(whole, GRID, "tiny"), asked


def a_key(length: int) -> st.SearchStrategy[Any]:
    # Not beyond the start: there xarray itself takes slice(-4, None, -1) of three for all of them.
    ends = st.one_of(st.none(), st.integers(-length, length + 2))
    steps = st.sampled_from([None, 1, 2, 3, -1, -2, -3])
    return st.one_of(
        st.integers(-length, length - 1),
        st.builds(slice, ends, ends, steps),
        st.lists(st.integers(-length, length - 1), max_size=4).map(lambda v: np.array(v, int)),
        st.lists(st.booleans(), min_size=length, max_size=length).map(np.array),
    )


@given(a_key(5), a_key(3), a_key(6), a_key(8))
def test_every_kind_of_index_gives_what_the_loaded_cube_gives(t: Any, bands: Any, y: Any, x: Any) -> None:
    lazy, loaded, _ = make_cube()
    index = {"t": t, "bands": bands, "y": y, "x": x}
    xr.testing.assert_identical(lazy.isel(index).load(), loaded.isel(index))


@given(a_key(8), a_key(6))
def test_indexing_again_gives_what_the_loaded_cube_gives(first: Any, second: Any) -> None:
    lazy, loaded, _ = make_cube()
    once, expected = lazy.isel(x=first), loaded.isel(x=first)
    if "x" in expected.dims and isinstance(second, slice):
        once, expected = once.isel(x=second), expected.isel(x=second)
    xr.testing.assert_identical(once.isel(y=second).load(), expected.isel(y=second))


WAYS: dict[str, Callable[[xr.DataArray], xr.DataArray]] = {
    "a date by its text": lambda c: c.sel(t="2024-05-11"),
    "a month": lambda c: c.sel(t="2024-05"),
    "a span of dates": lambda c: c.sel(t=slice("2024-05-05", "2024-06-01")),
    "a band by name": lambda c: c.sel(bands="B03"),
    "bands in another order": lambda c: c.sel(bands=["B04", "B02"]),
    "the nearest pixel": lambda c: c.sel(x=600_012.0, y=5_199_990.0, method="nearest"),
    "points": lambda c: c.isel(x=xr.DataArray([0, 3, 7], dims="p"), y=xr.DataArray([5, 0, 2], dims="p")),
    "north and south swapped": lambda c: c.sortby("y"),
    "another order of dimensions": lambda c: c.transpose("bands", "y", "x", "t"),
    "the mean over time": lambda c: c.mean("t"),
    "where": lambda c: c.where(c > 50),
    "arithmetic": lambda c: c.sel(bands="B04") - c.sel(bands="B03"),
    "nothing": lambda c: c.isel(t=slice(0, 0)),
    "as numpy": lambda c: c[1:3, 0, ::2, ::-1],
    "last of all": lambda c: c[-1, -1, -1, -1],
    "monthly": lambda c: c.resample(t="MS").median(),
}


@pytest.mark.parametrize("name", WAYS)
def test_what_people_do_with_xarray_gives_the_same(name: str) -> None:
    lazy, loaded, _ = make_cube()
    xr.testing.assert_identical(WAYS[name](lazy).load(), WAYS[name](loaded).load())


def test_nothing_is_read_before_it_is_asked_for_and_then_only_that() -> None:
    lazy, _, asked = make_cube()
    part = lazy.isel(t=[1, 2], y=slice(2, 4), x=slice(5, 1, -2))
    assert asked == []
    part.load()
    assert asked == [(Grid(UTM32, GRID.left + 3, GRID.top + 2, 3, 2), TIMES[1:3])]


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32", "float64", "bool"])
def test_values_become_floats_that_hold_them(dtype: str) -> None:
    lazy, loaded, _ = make_cube(dtype)
    assert lazy.dtype == edge_dtype(np.dtype(dtype))
    assert lazy.dtype == (np.float64 if dtype in ("int32", "float64") else np.float32)
    xr.testing.assert_identical(lazy.load(), loaded)


def test_the_crs_is_written_as_cf_gdal_and_rioxarray_read_it() -> None:
    lazy, _, _ = make_cube()
    attributes = lazy.spatial_ref.attrs
    assert lazy.attrs["grid_mapping"] == "spatial_ref"
    assert CRS.from_wkt(attributes["crs_wkt"]).to_epsg() == 32632
    assert CRS.from_cf(attributes).to_epsg() == 32632
    numbers = [float(v) for v in attributes["GeoTransform"].split()]
    assert Affine.from_gdal(*numbers)[:6] == GRID.transform
    assert lazy.x.values.tolist() == [600_005.0 + 10 * i for i in range(8)]
    assert lazy.y.values.tolist() == [5_199_995.0 - 10 * i for i in range(6)]


def test_labels_that_are_times_become_times_and_others_texts() -> None:
    assert (
        time_coordinate(("2024-05", "2024-06")).tolist()
        == np.array(["2024-05-01", "2024-06-01"], "datetime64[ns]").tolist()
    )
    assert time_coordinate(("2024-jja", "2024-son")).tolist() == ["2024-jja", "2024-son"]
    assert time_coordinate(TIMES).dtype == "datetime64[ns]"


def test_chunks_are_windows_that_are_read_well() -> None:
    lazy, whole, asked = make_cube()
    assert lazy.encoding["preferred_chunks"] == {"t": 5, "bands": 3, "y": 6, "x": 8}
    assert lazy.chunk(lazy.encoding["preferred_chunks"]).data.numblocks == (1, 1, 1, 1)
    chunked = lazy.chunk({"y": 4, "x": 4})
    assert not asked
    xr.testing.assert_equal(chunked.compute(), whole)
    assert {window.shape for window, _ in asked} == {(4, 4), (2, 4)}
