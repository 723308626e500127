"""The unmodified JavaScript client takes its tour, in Node.js, of a running server; see js/tour.mjs."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from tests.node import install_packages
from tests.process.udf.places import needs_walls
from tests.serve.conftest import make_ndvi

from eocene.archive import Archive
from eocene.process import make_plan

if TYPE_CHECKING:
    from tests.serve.conftest import Running

    from eocene.model import Layout

HOME = Path(__file__).with_name("js")
DOUBLE = """
import xarray
def apply_datacube(cube: xarray.DataArray, context: dict) -> xarray.DataArray:
    print("doubling")
    return cube * 2
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tour")


@pytest.fixture(scope="module")
def tour(server: Running, extent: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What the client found at each stop."""
    has_walls = server.get("/openeo/1.2/").json()["eocene:udf"]["isolation"] == "sandbox"
    asked = json.dumps({"extent": extent, "code": DOUBLE if has_walls else None})
    command = [*install_packages(HOME), str(HOME / "tour.mjs"), server.url, server.user, server.password]
    command += [str(folder), asked]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[:4000]
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def expected(workspace: Layout, extent: dict[str, Any], tour: dict[str, Any]) -> xr.DataArray:
    """The monthly NDVI in Python."""
    archive = Archive(workspace)
    try:
        return make_plan(make_ndvi(extent), archive).run()
    finally:
        archive.catalogue.close()


def read(path: Path) -> Any:
    with xr.open_dataset(path, engine="h5netcdf") as found:
        return found["data"].to_numpy()


def test_it_finds_out_what_there_is(tour: dict[str, Any]) -> None:
    found = tour["discover"]
    assert found["version"] == "1.2.0"
    assert found["providers"] == ["basic"]
    assert "sentinel-2-l2a" in found["collections"]
    assert {"B04", "B08", "SCL"} <= set(found["bands"])
    assert {"ndvi", "load_stac"} <= set(found["processes"])
    assert {"GTIFF", "NETCDF"} <= set(found["formats"])  # the client has them in capitals
    assert set(found["services"]) == {"XYZ", "WMTS"}


def test_the_server_has_every_feature_that_the_client_knows_of_openeo(tour: dict[str, Any]) -> None:
    optional = {
        "authenticateOIDC",  # where the operator names a provider
        "listProcessingParameters",  # of version 1.3
        "listCollectionItems",  # items are below /stac
        "describeCollectionItem",
    }
    assert set(tour["discover"]["unsupported"]) <= optional


def test_it_logs_in(tour: dict[str, Any]) -> None:
    assert tour["logIn"]["known"]
    assert tour["logIn"]["account"]["user_id"] == "eocene"


def test_it_keeps_files(tour: dict[str, Any]) -> None:
    found = tour["keepFiles"]
    assert found["listed"] == [["borders/fields of 2024.txt", 11]]
    assert found["back"] == "some fields"
    assert found["left"] == []


def test_it_validates(tour: dict[str, Any]) -> None:
    assert tour["validate"]["right"] == []
    codes = {error["code"] for error in tour["validate"]["wrong"]}
    assert "CollectionNotFound" in codes


def test_it_defines_a_process_and_calls_it(tour: dict[str, Any]) -> None:
    found = tour["define"]
    assert found["listed"] == ["ten_times"]
    assert found["summary"] == "Ten times"
    assert json.loads(found["answer"]) == 40
    assert found["type"] == "application/json"
    assert found["left"] == 0


def test_a_result_at_once_equals_python_bit_for_bit(tour: Any, folder: Path, expected: xr.DataArray) -> None:
    np.testing.assert_array_equal(read(folder / "sync.nc"), expected.to_numpy())


def test_a_job_is_estimated_followed_and_equals_python_bit_for_bit(
    tour: dict[str, Any], folder: Path, expected: xr.DataArray
) -> None:
    found = tour["work"]
    assert found["status"] == "finished"
    assert found["description"] == "Changed before the start."
    assert found["estimate"]["size"] > 0
    assert found["logs"][0]["message"] == "The job was created."
    assert len({line["id"] for line in found["logs"]}) == len(found["logs"])
    assert found["stac"]["type"] == "Collection"
    assert found["page"] == 1
    assert not found["left"]
    files = sorted((folder / "job").glob("*.tif"))
    assert len(files) == found["files"] - 1 == expected.sizes["t"]  # and the Zarr store
    for file, month in zip(files, expected.to_numpy(), strict=True):
        with rasterio.open(file) as raster:
            np.testing.assert_array_equal(raster.read(1), month.squeeze())


def test_the_results_of_a_job_are_loaded_by_the_next(tour: Any, folder: Path, expected: xr.DataArray) -> None:
    np.testing.assert_array_equal(read(folder / "reloaded.nc").squeeze(), expected.to_numpy().squeeze())


@needs_walls
def test_code_of_the_user_runs_and_its_prints_are_logged(
    tour: dict[str, Any], folder: Path, workspace: Layout, extent: dict[str, Any]
) -> None:
    assert tour["runCode"]["status"] == "finished"
    assert any("doubling" in line["message"] for line in tour["runCode"]["logs"])
    graph = {"load": make_ndvi(extent)["load"] | {"result": True}}
    graph["load"]["arguments"]["bands"] = ["B04"]
    archive = Archive(workspace)
    plain = make_plan(graph, archive).run().to_numpy()
    archive.catalogue.close()
    np.testing.assert_allclose(read(folder / "double.nc"), 2 * plain, rtol=1e-6)


def test_a_map_service_is_made_changed_listed_and_removed(tour: dict[str, Any]) -> None:
    found = tour["serve"]
    assert found["made"]["title"] == "Greenness"
    assert found["made"]["enabled"]
    assert "{z}/{x}/{y}" in found["made"]["url"]
    assert found["listed"]
    assert not found["left"]
    assert found["logs"][0]["message"] == "The service was made, as XYZ."
