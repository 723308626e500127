"""The unmodified openEO client does its whole day's work against a running server."""

from __future__ import annotations

import json

import numpy as np
import openeo
import pytest
import rasterio
import xarray as xr
from zarr.storage import ZipStore

from eocene.archive import Archive
from eocene.process import make_plan


@pytest.fixture(scope="module")
def connection(server):
    connection = openeo.connect(server.url)
    connection.authenticate_basic(server.user, server.password)
    return connection


@pytest.fixture(params=["a box"])
def masked_ndvi(connection, extent, request):
    cube = connection.load_collection(
        "sentinel-2-l2a",
        spatial_extent=extent if request.param == "a box" else None,
        temporal_extent=["2024-01-01", "2025-01-01"],
        bands=["B04", "B08", "SCL"],
    )
    scl = cube.band("SCL")
    clouds = (scl == 3) | (scl == 8) | (scl == 9) | (scl == 10)
    ndvi = cube.filter_bands(["B04", "B08"]).ndvi(nir="B08", red="B04")
    return ndvi.mask(clouds).aggregate_temporal_period("month", "median")


@pytest.fixture
def expected(masked_ndvi, workspace):
    archive = Archive(workspace)
    yield make_plan(masked_ndvi.flat_graph(), archive).run()
    archive.catalogue.close()


def test_it_connects_and_finds_out_what_there_is(connection):
    assert connection.capabilities().api_version() == "1.2.0"
    assert connection.describe_account()["user_id"] == "eocene"
    assert "sentinel-2-l2a" in connection.list_collection_ids()
    metadata = connection.collection_metadata("sentinel-2-l2a")
    assert {"B04", "B08", "SCL"} <= set(metadata.band_names)
    assert "ndvi" in {process["id"] for process in connection.list_processes()}
    assert "GTiff" in connection.list_file_formats()["output"]
    assert "XYZ" in connection.list_service_types()


def test_a_valid_graph_validates_and_an_invalid_one_says_why(connection, masked_ndvi):
    assert connection.validate_process_graph(masked_ndvi) == []
    wrong = connection.load_collection("sentinel-2-l2a", bands=["B99"], fetch_metadata=False)
    faults = connection.validate_process_graph(wrong)
    assert len(faults) == 1
    assert "B99" in faults[0]["message"]


@pytest.mark.parametrize("masked_ndvi", ["a box", "both zones"], indirect=True)
def test_sync_netcdf_and_batch_cogs_equal_the_python_way_bit_for_bit(masked_ndvi, expected, tmp_path):
    masked_ndvi.download(tmp_path / "sync.nc")
    with xr.open_dataset(tmp_path / "sync.nc", engine="h5netcdf") as found:
        np.testing.assert_array_equal(found["data"].to_numpy(), expected.to_numpy())
    job = masked_ndvi.create_job(title="NDVI", out_format="GTiff").start_and_wait(
        print=lambda _: None, max_poll_interval=0.2, connection_retry_interval=1
    )
    assert job.status() == "finished"
    job.get_results().download_files(tmp_path / "batch")
    files = sorted((tmp_path / "batch").glob("*.tif"))
    assert len(files) == expected.sizes["t"]
    for file, month in zip(files, expected.to_numpy(), strict=True):
        with rasterio.open(file) as raster:
            np.testing.assert_array_equal(raster.read(1), month.squeeze())


def test_a_geotiff_comes_synchronously(masked_ndvi, expected, tmp_path):
    masked_ndvi.download(tmp_path / "ndvi.tiff", format="GTiff")
    with rasterio.open(tmp_path / "ndvi.tiff") as raster:
        assert raster.crs.to_epsg() in (32632, 32633)
        np.testing.assert_array_equal(raster.read().reshape(expected.shape), expected.to_numpy())


def test_numbers_come_as_json(connection):
    assert (
        connection.execute({"a": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}) == 3
    )


def test_the_results_of_a_job_are_stac_with_lineage(connection, masked_ndvi, expected, tmp_path):
    job = masked_ndvi.create_job(title="lineage").start_and_wait(
        print=lambda _: None, max_poll_interval=0.2, connection_retry_interval=1
    )
    metadata = job.get_results().get_metadata()
    assert metadata["type"] == "Collection"
    relations = {link["rel"] for link in metadata["links"]}
    assert {"canonical", "self", "item", "derived_from"} <= relations
    assert metadata["processing:expression"]["expression"]
    assert metadata["openeo:status"] == "finished"
    assert all(asset["href"].startswith("http") for asset in metadata["assets"].values())
    assert next(line["message"] for line in job.logs()) == "The job was created."
    store = job.get_results().get_asset("cube.zarr.zip").download(tmp_path / "cube.zarr.zip")
    with ZipStore(store, mode="r") as packed, xr.open_zarr(packed, consolidated=False) as cube:
        np.testing.assert_array_equal(cube["data"].to_numpy(), expected.to_numpy())
    job.delete()
    assert job.job_id not in json.dumps(connection.list_jobs())


def test_a_map_service_is_made_listed_and_removed(connection, server, extent):
    cube = connection.load_collection(
        "sentinel-2-l2a",
        spatial_extent=extent,
        temporal_extent=["2024-04-01", "2024-07-01"],
        bands=["B04", "B08"],
    )
    service = connection.create_service(
        cube.ndvi(nir="B08", red="B04").flat_graph(),
        type="xyz",
        title="NDVI",
        configuration={"colormap": "ndvi", "min": 0, "max": 1},
    )
    described = service.describe_service()
    assert described["enabled"]
    assert described["attributes"]["times"]
    assert service.service_id in [s["id"] for s in connection.list_services()]
    assert service.service_id in [layer["id"] for layer in server.get("/layers").json()]
    service.delete_service()
    assert service.service_id not in [layer["id"] for layer in server.get("/layers").json()]
