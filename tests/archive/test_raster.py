"""Rasters return the stored numbers of exactly the window that was asked for."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import h5py
import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st
from rasterio.windows import Window

from eocene.archive import Archive, Raster
from eocene.model import DamageError, Grid, InputError, Layout

COG = "image/tiff; application=geotiff; profile=cloud-optimized"
NETCDF = "application/x-netcdf"


@pytest.fixture(scope="module")
def world(tmp_path_factory, products):
    """An archive with a COG of 517 × 389 px at its root, whose overviews are no whole fractions."""
    root = tmp_path_factory.mktemp("rasters")
    path = products.make_cog(
        root / "a.tif", products.random_pixels(389, 517), origin=(600_005.0, 5_200_003.0)
    )
    made = Archive(Layout(root))
    yield made, path
    made.close()


def test_levels_cover_one_extent_and_have_the_sizes_of_the_file(world):
    archive, path = world
    raster = archive.open_raster({"href": str(path), "type": COG})
    assert isinstance(raster, Raster)
    with rasterio.open(path) as dataset:
        sizes = [dataset.shape]
        for level in range(len(dataset.overviews(1))):
            with rasterio.open(path, overview_level=level) as overview:
                sizes.append(overview.shape)
        bounds = tuple(dataset.bounds)
    assert len(sizes) > 2
    assert [grid.shape for grid in raster.levels] == sizes
    for grid in raster.levels:
        np.testing.assert_allclose(grid.bounds, bounds, atol=1e-4, rtol=0)  # of 10 m and more
    assert raster.dtype == np.uint16
    assert raster.nodata == 0


@given(data=st.data())
def test_any_window_of_any_level_is_what_rasterio_reads(world, data):
    archive, path = world
    raster = archive.open_raster({"href": str(path), "type": COG})
    level = data.draw(st.integers(0, len(raster.levels) - 1))
    grid = raster.levels[level]
    row = data.draw(st.integers(0, grid.height - 1))
    column = data.draw(st.integers(0, grid.width - 1))
    height = data.draw(st.integers(1, grid.height - row))
    width = data.draw(st.integers(1, grid.width - column))
    window = Grid(grid.lattice, grid.left + column, grid.top + row, width, height)
    options = {} if level == 0 else {"overview_level": level - 1}
    with rasterio.open(path, **options) as dataset:
        expected = dataset.read(1, window=Window(column, row, width, height))
    found = raster.read(window, level)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_a_window_outside_or_of_another_lattice_is_an_input_error(world):
    archive, path = world
    raster = archive.open_raster({"href": str(path), "type": COG})
    full = raster.levels[0]
    for wrong in (
        replace(full, left=full.left - 1),
        replace(full, height=full.height + 1),
        replace(full, top=full.top + 1),
        raster.levels[1],
    ):
        with pytest.raises(InputError, match="not inside"):
            raster.read(wrong)


def test_many_threads_read_the_same_numbers(world, products):
    archive, path = world
    raster = archive.open_raster({"href": str(path), "type": COG})
    expected = products.random_pixels(389, 517)
    windows = list(raster.levels[0].blocks(50))

    def read(window):
        return window, raster.read(window)

    with ThreadPoolExecutor(8) as pool:
        for window, pixels in pool.map(read, windows * 4):
            np.testing.assert_array_equal(pixels, expected[window.slices_in(raster.levels[0])])


def test_more_files_than_are_kept_open_can_be_read_in_turn(archive, products):
    paths = [
        products.make_cog(archive.layout.root / f"{i}.tif", np.full((20, 20), i + 1, np.uint8))
        for i in range(70)
    ]
    rasters = [archive.open_raster({"href": str(path), "type": COG}) for path in paths]
    for _ in range(2):
        for i, raster in enumerate(rasters):
            assert raster.read(raster.levels[0])[3, 4] == i + 1
        for raster in rasters[::7]:
            raster.close()


def test_a_file_replaced_behind_our_back_is_read_anew(archive, products):
    path = products.make_cog(archive.layout.root / "a.tif", np.full((20, 20), 1, np.uint8))
    first = archive.open_raster({"href": str(path), "type": COG})
    assert first.read(first.levels[0])[0, 0] == 1
    products.make_cog(path, np.full((30, 20), 2, np.uint8))
    second = archive.open_raster({"href": str(path), "type": COG})
    assert second.levels[0].shape == (30, 20)
    assert second.read(second.levels[0])[0, 0] == 2


def test_one_band_of_a_file_with_several_is_read(archive, products):
    pixels = np.stack([np.full((20, 30), value, np.int16) for value in (5, 6, 7)])
    path = products.make_cog(archive.layout.root / "rgb.tif", pixels, nodata=-9999)
    raster = archive.open_raster({"href": str(path), "type": COG, "eocene:band": 3})
    assert (raster.read(raster.levels[0]) == 7).all()
    assert raster.nodata == -9999
    with pytest.raises(InputError, match="3 bands, band 4"):
        archive.open_raster({"href": str(path), "type": COG, "eocene:band": 4})


def test_the_no_data_value_of_the_item_wins_over_the_one_of_the_file(archive, products):
    path = products.make_cog(archive.layout.root / "a.tif", np.ones((20, 20), np.float32), nodata=-1)
    assert archive.open_raster({"href": str(path), "type": COG}).nodata == -1
    assert np.isnan(archive.open_raster({"href": str(path), "type": COG, "nodata": "nan"}).nodata)


def test_a_raster_without_crs_or_rotated_is_an_input_error_that_names_it(archive):
    pixels = np.ones((1, 8, 8), np.uint8)
    affine = rasterio.Affine(10, 0, 600_000, 0, -10, 5_200_000)
    for name, crs, transform in (
        ("bare", None, affine),
        ("rotated", "EPSG:32632", affine @ rasterio.Affine.rotation(10)),
        ("south", "EPSG:32632", rasterio.Affine(10, 0, 600_000, 0, 10, 5_200_000)),
    ):
        path = archive.layout.root / f"{name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=8, height=8, count=1, dtype="uint8", crs=crs, transform=transform
        ) as dataset:
            dataset.write(pixels)
        with pytest.raises(InputError, match=f"{name}\\.tif"):
            archive.open_raster({"href": str(path), "type": COG})


def test_an_asset_that_is_no_raster_is_an_input_error(archive):
    path = archive.layout.root / "t.parquet"
    path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="not a raster"):
        archive.open_raster({"href": str(path), "type": "application/vnd.apache.parquet"})


@pytest.mark.parametrize("south_up", [False, True])
def test_a_slice_of_a_netcdf_variable_is_the_stored_array_north_up(archive, products, south_up):
    stored = np.random.default_rng(3).integers(0, 900, (3, 7, 9)).astype(np.int16)
    path = products.make_netcdf(archive.layout.root / "a.nc", {"v": stored}, south_up=south_up)
    for index in range(3):
        raster = archive.open_raster(
            {"href": str(path), "type": NETCDF, "eocene:variable": "v", "eocene:index": index}
        )
        (grid,) = raster.levels
        assert grid.epsg == 32631
        assert grid.transform == (20.0, 0.0, 500_000.0, 0.0, -20.0, 5_600_000.0)
        north_up = stored[index][::-1] if south_up else stored[index]
        window = Grid(grid.lattice, grid.left + 2, grid.top + 1, 5, 3)
        np.testing.assert_array_equal(raster.read(window), north_up[1:4, 2:7])
        np.testing.assert_array_equal(raster.read(grid), north_up)


def test_unsigned_numbers_stored_as_signed_ones_come_out_unsigned(archive, products):
    stored = np.array([[[-1, 5], [7, -32768]]] * 3, dtype=np.int16)
    path = products.make_netcdf(archive.layout.root / "a.nc", {"v": stored}, _Unsigned="true", _FillValue=-1)
    raster = archive.open_raster(
        {"href": str(path), "type": NETCDF, "eocene:variable": "v", "eocene:index": 0}
    )
    assert raster.dtype == np.uint16
    assert raster.nodata == 65535
    np.testing.assert_array_equal(raster.read(raster.levels[0]), [[65535, 5], [7, 32768]])


def test_big_endian_numbers_come_out_native(archive, products):
    stored = np.arange(24, dtype=">i4").reshape(3, 2, 4)
    path = products.make_netcdf(archive.layout.root / "a.nc", {"v": stored})
    raster = archive.open_raster(
        {"href": str(path), "type": NETCDF, "eocene:variable": "v", "eocene:index": 1}
    )
    assert raster.dtype == np.dtype("i4")
    np.testing.assert_array_equal(raster.read(raster.levels[0]), stored[1])


@pytest.mark.parametrize("fill", [np.nan, np.float64("inf"), "text"])
def test_a_fill_value_that_an_integer_cannot_have_means_no_no_data(archive, products, fill):
    stored = np.zeros((2, 3), np.uint16)
    path = products.make_netcdf(archive.layout.root / "a.nc", {"v": stored}, _FillValue=fill)
    assert archive.open_raster({"href": str(path), "type": NETCDF, "eocene:variable": "v"}).nodata is None


def test_a_wrong_variable_or_step_is_an_input_error(archive, products):
    path = products.make_netcdf(
        archive.layout.root / "a.nc", {"v": np.zeros((3, 2, 2)), "w": np.zeros((2, 2))}
    )
    asset = {"href": str(path), "type": NETCDF}
    for wrong in (
        {"eocene:variable": "z"},
        {"eocene:variable": ""},
        {"eocene:variable": "v"},
        {"eocene:variable": "v", "eocene:index": 3},
        {"eocene:variable": "v", "eocene:index": -1},
        {"eocene:variable": "w", "eocene:index": 0},
        {"eocene:variable": "timestamp"},
    ):
        with pytest.raises(InputError):
            archive.open_raster(asset | wrong)


def test_a_grid_that_is_not_even_is_an_input_error(archive, products):
    path = products.make_netcdf(archive.layout.root / "a.nc", {"v": np.zeros((4, 4))})
    with h5py.File(path, "r+") as file:
        file["x"][2] += 5.0
    with pytest.raises(InputError, match="not evenly spaced"):
        archive.open_raster({"href": str(path), "type": NETCDF, "eocene:variable": "v"})


def test_bytes_that_rot_in_the_pixels_are_damage_that_names_the_file(archive, products):
    path = products.make_cog(archive.layout.root / "rotten.tif", products.random_pixels(300, 300))
    data = bytearray(path.read_bytes())
    data[len(data) // 2 :] = b"\x55" * (len(data) - len(data) // 2)
    path.write_bytes(data)
    with pytest.raises(DamageError, match=r"rotten\.tif"):  # noqa: PT012
        raster = archive.open_raster({"href": str(path), "type": COG})
        for window in raster.levels[0].blocks(128):
            raster.read(window)
