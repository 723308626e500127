"""NetCDF classic files: the values that scipy and GDAL read, wherever the header says that they lie."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import scipy.io
import xarray as xr
from pyproj import CRS

from eocene.archive import Archive
from eocene.archive.fetch import LocalContent
from eocene.archive.rasters.netcdf_classic import ClassicFile
from eocene.archive.readers import netcdf
from eocene.model import DamageError, EoceneError, Grid, InputError
from eocene.testing.readers import ReaderContract

if TYPE_CHECKING:
    from pathlib import Path

TIMES = np.array(["2024-05-01T00:00", "2024-05-01T12:00", "2024-05-02T00:00"], "datetime64[ns]")
VALUES = np.random.default_rng(2).integers(-500, 500, (3, 40, 72)).astype(np.int16)


def cube(lon: np.ndarray | None = None, *, lat_up: bool = False) -> xr.Dataset:
    """Return a world of 5 degrees in packed numbers, with a field that has no time beside it."""
    lat = np.linspace(-87.75, 87.75, 40)
    values = VALUES * 0.1 + 270
    values[:, 3, 4] = np.nan
    made = xr.Dataset(
        {
            "t2m": (("time", "lat", "lon"), values, {"units": "K"}),
            "height": (("lat", "lon"), VALUES[0].astype(np.float32)),
        },
        coords={
            "time": TIMES,
            "lat": ("lat", lat if lat_up else lat[::-1], {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0, 360, 5.0) if lon is None else lon, {"units": "degrees_east"}),
        },
    )
    made["t2m"].encoding = {"dtype": "int16", "scale_factor": 0.1, "add_offset": 270.0, "_FillValue": -999}
    return made


def write(folder: Path, made: xr.Dataset | None = None, version: str = "NETCDF3_CLASSIC", **how: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "era.nc"
    (cube() if made is None else made).to_netcdf(path, engine="scipy", format=version, **how)
    return path


class TestNetcdfClassic(ReaderContract):
    reader = netcdf.READER
    usual_damages = 20

    def make_product(self, folder: Path) -> Path:
        return write(folder, unlimited_dims=["time"])


@pytest.mark.parametrize("version", ["NETCDF3_CLASSIC", "NETCDF3_64BIT"])
@pytest.mark.parametrize("records", [[], ["time"]])
def test_every_value_is_the_one_that_scipy_reads(tmp_path: Path, version: str, records: list[str]) -> None:
    path = write(tmp_path, version=version, unlimited_dims=records)
    file = ClassicFile(LocalContent(path))
    with scipy.io.netcdf_file(path, mmap=False) as stored:
        assert set(file.variables) == set(stored.variables)
        for name, variable in stored.variables.items():
            expected = np.array(variable[:])
            np.testing.assert_array_equal(file.variables[name][...], expected, err_msg=name)
            assert file.variables[name].dimensions == variable.dimensions
        t2m = np.array(stored.variables["t2m"][:])
    np.testing.assert_array_equal(file.variables["t2m"][1, 5:20, 7:9], t2m[1, 5:20, 7:9])


@pytest.mark.parametrize("lat_up", [False, True])
def test_a_world_from_0_to_360_begins_at_the_antimeridian(
    tmp_path: Path, archive: Archive, lat_up: bool
) -> None:
    path = write(tmp_path, cube(lat_up=lat_up))
    with xr.open_dataset(path, engine="scipy") as stored:
        world = stored.assign_coords(lon=(stored.lon + 180) % 360 - 180).sortby("lon")
        expected = world.sortby("lat", ascending=False).load()
    items = archive.ingest(path, collection="world")
    assert items[0]["bbox"] == [-180.0, -90.0, 177.5, 90.0]
    assert np.isnan(expected.t2m.values).sum() == 3
    for item, step in zip(items, expected.t2m.values, strict=True):
        asset = item["assets"]["t2m"]
        raster = archive.open_raster(asset)
        grid = raster.levels[0]
        stored = raster.read(grid)
        found = np.where(
            stored == raster.nodata, np.nan, stored * asset["raster:scale"] + asset["raster:offset"]
        )
        np.testing.assert_allclose(found, step, rtol=1e-6)
        np.testing.assert_array_equal(grid.x, expected.lon.values)
        part = Grid(grid.lattice, grid.left + 34, grid.top + 17, 9, 7)
        np.testing.assert_array_equal(raster.read(part), stored[17:24, 34:43])


def test_pixels_lie_where_gdal_puts_them(tmp_path: Path, archive: Archive) -> None:
    made = cube(np.arange(-177.5, 180, 5.0))[["height"]].rename(lat="y", lon="x")
    made = made.assign_coords(x=500_000 + 10.0 * np.arange(72), y=5_400_000 - 10.0 * np.arange(40))
    made["crs"] = ((), 0, CRS.from_epsg(32632).to_cf())
    made["height"].attrs["grid_mapping"] = "crs"
    for axis in "xy":
        made[axis].attrs = {"standard_name": f"projection_{axis}_coordinate", "units": "m"}
    path = write(tmp_path, made)
    [item] = archive.ingest(path, datetime="2024-05-01")
    with rasterio.open(f"netcdf:{path}:height") as dataset:
        assert item["assets"]["height"]["proj:transform"] == pytest.approx(list(dataset.transform)[:6])
        expected = dataset.read(1)
    raster = archive.open_raster(item["assets"]["height"])
    np.testing.assert_array_equal(raster.read(raster.levels[0]), expected)


def write_version_5(path: Path) -> Path:
    """Write the smallest file of version 5 by hand: one row of three large numbers."""

    def count(value: int) -> bytes:
        return struct.pack(">q", value)

    def name(text: str) -> bytes:
        return count(len(text)) + text.encode() + bytes(-len(text) % 4)

    dimension = struct.pack(">i", 10) + count(1) + name("x") + count(3)
    nothing = struct.pack(">i", 0) + count(0)
    head = b"CDF\x05" + count(0) + dimension + nothing + struct.pack(">i", 11) + count(1)
    variable = name("n") + count(1) + count(0) + nothing + struct.pack(">i", 10) + count(24)
    start = len(head) + len(variable) + 8
    path.write_bytes(head + variable + count(start) + struct.pack(">3q", 2**40, -1, 7))
    return path


def test_version_5_has_lengths_and_numbers_of_64_bits(tmp_path: Path) -> None:
    file = ClassicFile(LocalContent(write_version_5(tmp_path / "five.nc")))
    assert file.variables["n"][...].tolist() == [2**40, -1, 7]


def test_a_header_that_promises_more_than_the_file_has_is_refused(tmp_path: Path, archive: Archive) -> None:
    path = write(tmp_path)
    data = bytearray(path.read_bytes())
    place = data.index(b"\0\0\0\x03lat\0") + 8  # the length of the dimension
    data[place : place + 4] = (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(data)
    with pytest.raises(DamageError, match=r"era\.nc.*beyond its end"):
        archive.ingest(path)


def test_a_part_of_the_earth_across_the_antimeridian_is_refused_by_name(
    tmp_path: Path, archive: Archive
) -> None:
    path = write(tmp_path, cube(np.arange(10, 370, 5.0)).isel(lon=slice(20, 60)))
    with pytest.raises(InputError, match=r"era\.nc.*reaches from 107\.5 to 307\.5"):
        archive.ingest(path)


def test_a_file_that_is_cut_off_anywhere_is_refused(tmp_path: Path) -> None:
    data = write(tmp_path, unlimited_dims=["time"]).read_bytes()
    for length in np.unique(np.linspace(0, len(data) - 4, 120).astype(int)):
        path = tmp_path / "cut.nc"
        path.write_bytes(data[:length])
        with pytest.raises(EoceneError, match=r"cut\.nc"):
            ClassicFile(LocalContent(path))
