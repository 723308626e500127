"""Assets on a server in formats other than TIFF: the numbers of the local file, or an error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
import pytest
import xarray as xr
from pyproj import CRS

from eocene.archive import Archive
from eocene.archive.fetch import Door
from eocene.archive.opening import open_raster
from eocene.model import DamageError, Grid, InputError, Layout, UnavailableError
from eocene.testing.faults import Fault, Faults, FaultServer
from eocene.testing.products.sentinel2 import write_jp2

if TYPE_CHECKING:
    from collections.abc import Iterator

SHAPE = (3, 300, 400)
VALUES = np.random.default_rng(3).integers(0, 10_000, SHAPE).astype(np.int16)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[FaultServer]:
    (tmp_path / "served").mkdir()
    with FaultServer(tmp_path / "served") as running:
        yield running


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Archive]:
    """The archive of somebody who has the files."""
    archive = Archive(Layout(tmp_path / "local"))
    yield archive
    archive.close()


def window(grid: Grid, row: int, column: int, height: int, width: int) -> Grid:
    return Grid(grid.lattice, grid.left + column, grid.top + row, width, height)


def move(asset: dict[str, Any], server: FaultServer) -> dict[str, Any]:
    """Return an asset as one who has only the server would describe it."""
    place = Path(asset["href"]).relative_to(server.folder.resolve()).as_posix()
    return {**asset, "href": f"{server.url}/{place}"}


def ingest(archive: Archive, path: Path) -> list[dict[str, Any]]:
    return archive.ingest(path, datetime="2024-05-01")


def compare(server: FaultServer, asset: dict[str, Any]) -> None:
    """Check that windows of a remote asset are those of the local one."""
    here = open_raster(asset, Door.of([server.folder]))
    there = open_raster(move(asset, server), server.door())
    assert (there.levels, there.dtype, repr(there.nodata)) == (here.levels, here.dtype, repr(here.nodata))
    grid = here.levels[0]
    height, width = grid.shape
    inside = height // 3, width // 4, height // 5, width // 3
    for box in ((0, 0, height, width), inside, (height - 1, width - 1, 1, 1)):
        np.testing.assert_array_equal(
            there.read(window(grid, *box)), here.read(window(grid, *box)), err_msg=f"{asset['href']} {box}"
        )


def write_netcdf4(path: Path, products: Any, **storage: Any) -> Path:
    """Write a file of version 4; ``storage`` is how h5py lays out its variable."""
    products.make_netcdf(path, {"ndvi": VALUES})
    with h5py.File(path, "a") as file:
        attributes, scales = dict(file["ndvi"].attrs), [dim[0].name for dim in file["ndvi"].dims]
        del file["ndvi"]
        file.create_dataset("ndvi", data=VALUES, **storage)
        for axis, scale in enumerate(scales):
            file["ndvi"].dims[axis].attach_scale(file[scale])
        for name in ("grid_mapping",):
            file["ndvi"].attrs[name] = attributes[name]
    return path


STORED: dict[str, dict[str, Any]] = {
    "in one piece": {},
    "in chunks": {"chunks": (1, 100, 100)},
    "packed": {"chunks": (2, 64, 70), "compression": "gzip", "shuffle": True},
}


@pytest.mark.parametrize("how", STORED)
def test_netcdf_4_is_read_in_place(server: FaultServer, local: Archive, products: Any, how: str) -> None:
    path = write_netcdf4(server.folder / "cube.nc", products, **STORED[how])
    for item in ingest(local, path):
        compare(server, item["assets"]["ndvi"])


def write_classic(path: Path, version: str = "NETCDF3_64BIT") -> Path:
    """Write a file of the classic form with records, longitudes from 0 to 360, rows from south to north."""
    times = np.array(["2024-05-01", "2024-05-02", "2024-05-03"], "datetime64[ns]")
    xr.Dataset(
        {"t2m": (("time", "lat", "lon"), VALUES[:, ::5, ::5].copy(), {"units": "K"})},
        coords={
            "time": times,
            "lat": ("lat", np.linspace(-88.5, 88.5, 60), {"units": "degrees_north"}),
            "lon": ("lon", np.arange(0, 360, 4.5), {"units": "degrees_east"}),
        },
    ).to_netcdf(path, engine="scipy", format=version, unlimited_dims=["time"])
    return path


def test_netcdf_classic_is_read_in_place(server: FaultServer, local: Archive) -> None:
    for item in ingest(local, write_classic(server.folder / "era.nc")):
        compare(server, item["assets"]["t2m"])


def test_the_chunks_of_a_window_come_with_few_requests(server: FaultServer, products: Any) -> None:
    path = write_netcdf4(server.folder / "cube.nc", products, chunks=(1, 50, 50))
    asset = {"href": f"{server.url}/cube.nc", "type": "application/x-netcdf", "eocene:index": 1}
    raster = open_raster({**asset, "eocene:variable": "ndvi"}, server.door())
    grid = raster.levels[0]
    opening = server.requests
    np.testing.assert_array_equal(raster.read(grid), VALUES[1])
    assert server.requests - opening <= 3, "48 chunks lie one after the other"
    assert opening <= 4
    assert server.sent_bytes <= 2 * path.stat().st_size


def test_a_band_without_a_variable_is_the_one_of_its_name(server: FaultServer, products: Any) -> None:
    products.make_netcdf(server.folder / "one.nc", {"ndvi": VALUES[0], "evi": VALUES[1]})
    asset = {"href": f"{server.url}/one.nc", "type": "application/netcdf", "bands": [{"name": "evi"}]}
    raster = open_raster(asset, server.door())
    np.testing.assert_array_equal(raster.read(raster.levels[0]), VALUES[1])
    with pytest.raises(InputError, match="no variable 'swir'"):
        open_raster(asset | {"bands": [{"name": "swir"}]}, server.door())


@pytest.mark.parametrize("kind", ["reset", "truncate", "wrong range"])
def test_faults_of_a_network_that_pass_are_not_noticed(server: FaultServer, products: Any, kind: str) -> None:
    write_netcdf4(server.folder / "cube.nc", products, **STORED["packed"])
    asset = {"href": f"{server.url}/cube.nc", "type": "application/x-netcdf", "eocene:index": 2}
    server.faults = Faults([Fault(kind), Fault(kind)])
    raster = open_raster({**asset, "eocene:variable": "ndvi"}, server.door(stall_s=0.5))
    server.faults = Faults([Fault(kind), Fault(kind)])
    np.testing.assert_array_equal(raster.read(raster.levels[0]), VALUES[2])


def test_a_file_that_is_replaced_is_noticed_and_read_anew(server: FaultServer, products: Any) -> None:
    path = write_netcdf4(server.folder / "cube.nc", products, **STORED["packed"])
    asset = {"href": f"{server.url}/cube.nc", "type": "application/x-netcdf", "eocene:index": 0}
    asset["eocene:variable"] = "ndvi"
    door = server.door()
    raster = open_raster(asset, door)
    products.make_netcdf(path, {"ndvi": VALUES[::-1].copy()})
    with pytest.raises(DamageError, match=r"cube\.nc.*replaced"):
        raster.read(raster.levels[0])
    raster = open_raster(asset, door)
    np.testing.assert_array_equal(raster.read(raster.levels[0]), VALUES[2])


ZARRS: dict[str, dict[str, Any]] = {
    "v2": {"chunks": (1, 100, 100)},
    "v3": {"chunks": (1, 100, 100)},
    "sharded": {"chunks": (1, 50, 50), "shards": (3, 300, 400)},
    "large chunks": {"chunks": (1, 200, 400)},
}


def write_zarr(path: Path, how: str = "v3") -> Path:
    """Write a cube with rows from south to north and a chunk that is nothing but its fill value."""
    values = VALUES.copy()
    values[:, :100, :100] = 0
    made = xr.Dataset(
        {"ndvi": (("time", "y", "x"), values)},
        coords={
            "time": np.array(["2024-05-01", "2024-05-02", "2024-05-03"], "datetime64[ns]"),
            "y": 5_400_005 + 10.0 * np.arange(SHAPE[1]),
            "x": 500_005 + 10.0 * np.arange(SHAPE[2]),
            "spatial_ref": ((), 0, CRS.from_epsg(32632).to_cf()),
        },
    )
    made["ndvi"].encoding = ZARRS[how] | {"_FillValue": 0}
    made.to_zarr(path, zarr_format=2 if how == "v2" else 3, consolidated=False, write_empty_chunks=False)
    return path


@pytest.mark.parametrize("how", ZARRS)
def test_zarr_is_read_in_place(server: FaultServer, local: Archive, how: str) -> None:
    for item in ingest(local, write_zarr(server.folder / "cube.zarr", how)):
        compare(server, item["assets"]["ndvi"])


def remote_zarr(server: FaultServer, local: Archive, how: str = "v3") -> dict[str, Any]:
    items = ingest(local, write_zarr(server.folder / "cube.zarr", how))
    return move(items[1]["assets"]["ndvi"], server)


def test_a_chunk_of_zarr_comes_with_one_request(server: FaultServer, local: Archive) -> None:
    raster = open_raster(remote_zarr(server, local, "large chunks"), server.door())
    opening = server.requests
    raster.read(raster.levels[0])
    assert server.requests - opening == 2


def test_a_zarr_chunk_that_would_burst_memory_is_refused_from_its_metadata(
    server: FaultServer, local: Archive
) -> None:
    asset = remote_zarr(server, local)
    file = server.folder / "cube.zarr" / "ndvi" / "zarr.json"
    grid = {"name": "regular", "configuration": {"chunk_shape": [1, 2_000_000, 2_000_000]}}
    told = json.loads(file.read_text()) | {"shape": [3, 2_000_000, 2_000_000], "chunk_grid": grid}
    file.write_text(json.dumps(told))
    with pytest.raises(InputError, match="a chunk becomes"):
        open_raster(asset, server.door())
    codecs = [{"name": "numcodecs.pickle", "configuration": {}}]
    file.write_text(json.dumps(told | {"codecs": codecs}))
    with pytest.raises(InputError, match=r"codec 'numcodecs\.pickle'"):
        open_raster(asset, server.door(total_s=9.0))


def test_zarr_of_which_a_server_lacks_parts_is_named(server: FaultServer, local: Archive) -> None:
    asset = remote_zarr(server, local)
    with pytest.raises(DamageError, match=r"cube\.zarr"):
        open_raster(asset | {"eocene:variable": "evi"}, server.door())
    with pytest.raises(InputError, match=r"leads upwards"):
        open_raster(asset | {"eocene:variable": "../cube.zarr/ndvi"}, server.door())
    with pytest.raises(InputError, match=r"is no Zarr group"):
        open_raster(asset | {"href": f"{server.url}/cube.zarr"}, server.door())
    server.faults = Faults([Fault("status", status=500)] * 100)
    with pytest.raises(DamageError, match=r"cube\.zarr"):
        open_raster(asset, server.door(attempts=1))


@pytest.fixture
def image(server: FaultServer) -> Path:
    """Return an image of 5 × 7 tiles of 64²."""
    path = server.folder / "B04_20240501.jp2"
    write_jp2(path, VALUES[0].view(np.uint16), 10)
    return path


def test_jpeg_2000_is_read_in_place(server: FaultServer, image: Path) -> None:
    asset = {"href": str(image.resolve()), "type": "image/jp2"}
    compare(server, asset)


def test_only_the_tiles_of_a_window_are_fetched(server: FaultServer, image: Path) -> None:
    asset = {"href": f"{server.url}/{image.name}", "type": "image/jp2"}
    raster = open_raster(asset, server.door())
    grid = raster.levels[0]
    raster.read(window(grid, 0, 0, 1, 1))  # now it is known where the tiles lie
    before = server.sent_bytes
    found = raster.read(window(grid, 130, 200, 60, 50))
    np.testing.assert_array_equal(found, VALUES[0, 130:190, 200:250])
    assert server.sent_bytes - before < image.stat().st_size / 5


def test_an_image_that_is_cut_off_on_the_server_is_named(server: FaultServer, image: Path) -> None:
    image.write_bytes(image.read_bytes()[:-5000])
    asset = {"href": f"{server.url}/{image.name}", "type": "image/jp2"}
    raster = open_raster(asset, server.door())
    with pytest.raises(DamageError, match=r"B04_20240501\.jp2"):
        raster.read(raster.levels[0])


def test_nothing_is_asked_of_a_server_that_is_not_allowed(server: FaultServer, local: Archive) -> None:
    asset = remote_zarr(server, local)
    for kind in ("application/x-netcdf", asset["type"], "image/jp2"):
        with pytest.raises((InputError, UnavailableError)):
            open_raster(asset | {"type": kind}, local.door())
    assert server.requests == 0
