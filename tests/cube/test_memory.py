"""DataArrays that are handed in: the pixels and labels that xarray shows are those of the cube."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from eocene.cube.block import Block
from eocene.cube.edge import from_xarray, to_xarray
from eocene.cube.memory import MemorySource
from eocene.model import Grid, InputError, Lattice

if TYPE_CHECKING:
    from pathlib import Path

GRID = Grid(Lattice(32632, (10.0, 20.0), (3.0, -1.0)), 60_000, -265_000, 7, 5)
TIMES = np.array(["2024-01-01", "2024-01-11", "2024-02-01"], "datetime64[ns]")


def make_array(grid: Grid = GRID, dtype: Any = np.float32, **attributes: Any) -> xr.DataArray:
    shape = (3, 2, *grid.shape)
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    coords = {"t": TIMES, "bands": ["B04", "B08"], "y": grid.y, "x": grid.x}
    return xr.DataArray(
        values, coords, ("t", "bands", "y", "x"), attrs={"crs": f"EPSG:{grid.epsg}", **attributes}
    )


def source_of(array: xr.DataArray) -> MemorySource:
    source = from_xarray(array)
    assert isinstance(source, MemorySource)
    return source


def read(source: MemorySource, window: Grid | None = None) -> Block:
    window = window or source.grid
    return source.decode(source.read(window), window)


def test_pixels_labels_and_grid_are_those_of_the_array() -> None:
    array = make_array()
    source = source_of(array)
    assert source.grid == GRID
    block = read(source)
    assert block.dims == ("t", "bands", "y", "x")
    assert np.array_equal(block.values, array.values)
    assert block.valid is None
    assert block.labels == {"t": tuple(TIMES.astype("datetime64[s]")), "bands": ("B04", "B08")}
    assert block.labels["t"][0].dtype == "datetime64[s]"
    assert source.items == ()
    assert [label for label, _ in source.dates] == list(block.labels["t"])


@pytest.mark.parametrize(
    "order", [("y", "x", "bands", "t"), ("x", "t", "y", "bands"), ("t", "bands", "y", "x")]
)
@pytest.mark.parametrize("south_up", [False, True])
@pytest.mark.parametrize("east_first", [False, True])
def test_order_and_direction_of_axes_do_not_matter(
    order: tuple[str, ...], south_up: bool, east_first: bool
) -> None:
    array = make_array()
    turned = array.transpose(*order).isel(
        y=slice(None, None, -1 if south_up else 1), x=slice(None, None, -1 if east_first else 1)
    )
    source = source_of(turned)
    assert source.grid == GRID
    window = Grid(GRID.lattice, GRID.left + 2, GRID.top + 1, 3, 4)
    where = {d: source.form.dims.index(d) for d in source.form.dims}
    found = read(source, window).values.transpose([where[d] for d in ("t", "bands", "y", "x")])
    assert np.array_equal(found, array.values[..., 1:5, 2:5])


def test_nan_is_no_data() -> None:
    array = make_array()
    array[0, 0, 2, 3] = np.nan
    block = read(source_of(array))
    assert block.valid is not None
    assert np.argwhere(~block.valid).tolist() == [[0, 0, 2, 3]]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, ">i2", np.uint64, np.float16, np.float64])
def test_numbers_keep_their_dtype(dtype: Any) -> None:
    array = make_array(dtype=dtype)
    source = source_of(array)
    expected = np.float32 if dtype is np.float16 else np.dtype(dtype).newbyteorder("=")
    assert read(source).values.dtype == source.probe().values.dtype == expected
    assert np.array_equal(read(source).values, array.values)


def test_some_dates_are_read() -> None:
    array = make_array()
    source = source_of(array).at_dates((TIMES[2].astype("datetime64[s]"),))
    assert np.array_equal(read(source).values, array.values[2:])
    assert source.probe().labels["t"] == (TIMES[2].astype("datetime64[s]"),)
    assert source.probe().values.shape == (1, 2, 1, 1)


def test_what_goes_out_comes_in_again() -> None:
    block = Block(
        np.arange(70, dtype=np.float32).reshape(2, *GRID.shape),
        ("bands", "y", "x"), {"bands": ("a", "b")}, np.arange(70).reshape(2, *GRID.shape) % 3 > 0, GRID,
    )  # fmt: skip
    array = to_xarray(block, GRID)
    del array.attrs["crs"]  # spatial_ref says it, too
    again = read(source_of(array[:, 1:4, 2:]))
    window = Grid(GRID.lattice, GRID.left + 2, GRID.top + 1, 5, 3)
    assert again.grid == window
    assert np.array_equal(again.filled(), block.crop(window).filled(), equal_nan=True)


@given(
    epsg_and_size=st.sampled_from(
        [(32632, 10.0), (32632, 60.0), (4326, 0.0001), (4326, 1 / 3600), (3857, 2.3886)]
    ),
    left=st.integers(-200_000, 200_000),
    top=st.integers(-200_000, 200_000),
    width=st.integers(1, 30),
    height=st.integers(2, 30),
)
def test_the_lattice_is_found_from_the_coordinates_alone(
    epsg_and_size: tuple[int, float], left: int, top: int, width: int, height: int
) -> None:
    epsg, size = epsg_and_size
    grid = Grid(Lattice(epsg, (size, size)), left, top, width, height)
    array = xr.DataArray(np.zeros(grid.shape), {"y": grid.y, "x": grid.x}, ("y", "x"), attrs={"crs": epsg})
    found = source_of(array).grid
    assert found.shape == grid.shape
    assert np.allclose(found.x, grid.x, rtol=0, atol=1e-3 * size)
    assert np.allclose(found.y, grid.y, rtol=0, atol=1e-3 * size)
    if size in (10.0, 60.0) or size == 0.0001:
        assert found.lattice.resolution == grid.lattice.resolution
    shown = to_xarray(Block(np.zeros(grid.shape), ("y", "x"), grid=grid), grid)
    assert source_of(shown).grid == grid


@pytest.mark.parametrize("crs", ["EPSG:32632", 32632, "wkt", "esri", "spatial_ref"])
def test_the_crs_may_be_said_in_many_ways(crs: Any) -> None:
    from pyproj import CRS

    array = make_array()
    del array.attrs["crs"]
    if crs == "spatial_ref":
        array = array.assign_coords(
            spatial_ref=xr.Variable((), 0, {"crs_wkt": CRS.from_epsg(32632).to_wkt()})
        )
    else:
        known = CRS.from_epsg(32632)
        array.attrs["crs"] = {"wkt": known.to_wkt(), "esri": known.to_wkt("WKT1_ESRI")}.get(crs, crs)
    assert source_of(array).grid == GRID


@pytest.mark.parametrize("crs", [None, "nonsense", "+proj=laea +lat_0=1.234 +lon_0=5.678"])
def test_a_cube_without_crs_is_refused(crs: str | None) -> None:
    array = make_array()
    del array.attrs["crs"]
    if crs:
        array.attrs["crs"] = crs
    with pytest.raises(InputError, match="CRS") as caught:
        from_xarray(array)
    assert "EPSG" in caught.value.remedy


def test_pixels_must_be_numbers() -> None:
    with pytest.raises(InputError, match="not numbers"):
        from_xarray(make_array().astype(str))
    with pytest.raises(InputError, match="to_array"):
        from_xarray(make_array().to_dataset("bands"))


def test_without_regular_pixels_it_is_a_block_with_labels() -> None:
    bent = GRID.x + np.array([0, 0, 0, 0.5, 0, 0, 0])
    array = make_array().assign_coords(x=bent)
    block = from_xarray(array)
    assert isinstance(block, Block)
    assert block.grid is None
    assert block.dims == ("t", "bands", "y", "x")
    assert block.labels["x"] == tuple(bent)
    bare = from_xarray(array.drop_vars("x"))
    assert isinstance(bare, Block)
    assert bare.labels["x"] == tuple(range(7))


def test_a_series_is_a_labelled_array() -> None:
    block = from_xarray(xr.DataArray([1.0, np.nan, 3.0], {"key": ["a", "b", "c"]}, ("key",)))
    assert isinstance(block, Block)
    assert (block.dims, block.axis, block.labels) == (("array",), "array", {"array": ("a", "b", "c")})
    assert block.valid is not None
    assert block.valid.tolist() == [True, False, True]
    over_time = from_xarray(make_array()[:, 0, 0, 0].drop_vars(["x", "y", "bands"]))
    assert isinstance(over_time, Block)
    assert (over_time.dims, over_time.axis) == (("t",), "t")


def test_times_and_bands_are_known_by_another_name() -> None:
    array = make_array().rename(t="time", bands="band")
    source = source_of(array)
    assert [source.form.kind_of(d) for d in source.form.dims] == ["temporal", "bands", "spatial", "spatial"]
    assert source.at_dates((TIMES[0].astype("datetime64[s]"),)).form.values.shape[0] == 1
    shown = to_xarray(read(source), source.grid)
    assert np.array_equal(shown.time.values, TIMES)


@pytest.mark.parametrize(
    ("values", "valid"),
    [(["a", None, "c"], [True, False, True]), ([True, False], None), (["a", "b"], None), ([1, 2**60], None)],
)
def test_arrays_of_anything_are_the_same_after_a_way_through_a_block(values: Any, valid: Any) -> None:
    array = xr.DataArray(
        np.array(values, object if None in values else None), {"k": range(len(values))}, ("k",)
    )
    block = from_xarray(array)
    assert isinstance(block, Block)
    assert valid == (None if block.valid is None else block.valid.tolist())
    assert to_xarray(block, None).values.tolist() == values


def test_what_is_neither_number_nor_text_is_refused() -> None:
    with pytest.raises(InputError, match="timedelta"):
        from_xarray(xr.DataArray(np.zeros(2, "timedelta64[s]"), dims="a"))


def test_only_the_window_is_read_of_a_file(tmp_path: Path) -> None:
    array = make_array().assign_coords(bands=np.array(["B04", "B08"], object))
    array.to_dataset(name="data").to_zarr(tmp_path / "c.zarr", zarr_format=3, consolidated=False)
    with xr.open_zarr(tmp_path / "c.zarr", consolidated=False, chunks=None) as stored:
        source = source_of(stored["data"])
        window = Grid(GRID.lattice, GRID.left + 1, GRID.top + 1, 2, 2)
        assert np.array_equal(read(source, window).values, make_array().values[..., 1:3, 1:3])
        assert not stored["data"].variable._in_memory


def test_a_lazy_array_is_computed_window_by_window() -> None:
    pytest.importorskip("dask", reason="dask is optional")
    asked = []

    def load(block: np.ndarray) -> np.ndarray:
        asked.append(block.shape)
        return block

    lazy = make_array().chunk(y=1)
    lazy = lazy.copy(data=lazy.data.map_blocks(load, dtype=np.float32, meta=np.empty((0,) * 4, np.float32)))
    source = source_of(lazy)
    assert not asked
    read(source, Grid(GRID.lattice, GRID.left, GRID.top, 7, 1))
    assert len(asked) == 1
