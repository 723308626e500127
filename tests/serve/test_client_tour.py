"""The unmodified openEO client keeps files, defines processes, asks for estimates and reads logs."""

from __future__ import annotations

from urllib.parse import urlsplit

import numpy as np
import openeo
import pytest
import xarray as xr
from openeo.api.process import Parameter
from tests.serve.conftest import run_server, start_app


@pytest.fixture(scope="module")
def connection(server):
    connection = openeo.connect(server.url)
    connection.authenticate_basic(server.user, server.password)
    return connection


def test_a_file_is_uploaded_listed_downloaded_and_deleted(connection, tmp_path):
    source = tmp_path / "fields.txt"
    source.write_bytes(b"some fields")
    uploaded = connection.upload_file(source, "borders/fields.txt")
    assert "borders/fields.txt" in [str(file.path) for file in connection.list_files()]
    uploaded.download(tmp_path / "back.txt")
    assert (tmp_path / "back.txt").read_bytes() == b"some fields"
    uploaded.delete()
    assert [str(file.path) for file in connection.list_files()] == []


def test_a_process_is_defined_called_described_and_deleted(connection):
    from openeo.processes import multiply

    value = Parameter.number("x", description="A value.")
    connection.save_user_defined_process(
        "ten_times", multiply(x=value, y=10), parameters=[value], summary="Ten times"
    )
    assert "ten_times" in [process["id"] for process in connection.list_user_defined_processes()]
    described = connection.user_defined_process("ten_times").describe()
    assert described["summary"] == "Ten times"
    graph = {"t": {"process_id": "ten_times", "namespace": "user", "arguments": {"x": 4}, "result": True}}
    assert connection.execute(graph) == 40
    connection.user_defined_process("ten_times").delete()
    assert connection.list_user_defined_processes() == []


def test_a_job_is_estimated_before_and_tells_its_log_after(connection, extent):
    cube = connection.load_collection(
        "sentinel-2-l2a", spatial_extent=extent, temporal_extent=["2024-01-01", "2024-06-01"], bands=["B04"]
    )
    job = cube.create_job(title="red", out_format="netCDF")
    estimate = job.estimate()
    assert estimate["size"] > 0
    assert estimate["costs"] >= 0
    job.start_and_wait(print=lambda _: None, max_poll_interval=0.2, connection_retry_interval=1)
    assert [asset.key for asset in job.get_results().get_assets()] == ["result.nc"]
    assert {"info"} <= {entry["level"] for entry in job.logs()}
    assert job.describe()["costs"] >= 0
    job.delete()


def read(path):
    with xr.open_dataset(path, engine="h5netcdf") as found:
        return found["data"].to_numpy().squeeze()


@pytest.fixture(scope="module")
def finished(connection, extent):
    """A job that has made GeoTIFFs."""
    cube = connection.load_collection(
        "sentinel-2-l2a", spatial_extent=extent, temporal_extent=["2024-01-01", "2024-06-01"], bands=["B04"]
    )
    job = cube.create_job(title="red", out_format="GTiff")
    return job.start_and_wait(print=lambda _: None, max_poll_interval=0.2, connection_retry_interval=1)


@pytest.fixture(scope="module")
def expected(finished, connection, tmp_path_factory):
    path = tmp_path_factory.mktemp("expected") / "red.nc"
    graph = {k: v for k, v in finished.describe()["process"]["process_graph"].items() if not v.get("result")}
    next(iter(graph.values()))["result"] = True
    connection.datacube_from_flat_graph(graph).download(path, format="netCDF")
    return read(path)


@pytest.mark.parametrize("address", ["canonical", "self", "of the API"])
def test_the_results_of_a_job_are_the_input_of_the_next(connection, finished, expected, address, tmp_path):
    metadata = finished.get_results().get_metadata()
    links = {link["rel"]: link["href"] for link in metadata["links"]}
    links["of the API"] = f"{connection.root_url}/jobs/{finished.job_id}/results"
    connection.load_stac(links[address]).download(tmp_path / "again.nc", format="netCDF")
    np.testing.assert_array_equal(read(tmp_path / "again.nc"), expected)


def test_the_client_finds_the_address_of_a_job_itself(connection, finished, expected, tmp_path):
    connection.load_stac_from_job(finished).download(tmp_path / "again.nc", format="netCDF")
    np.testing.assert_array_equal(read(tmp_path / "again.nc"), expected)


def test_results_of_another_back_end_are_loaded_if_the_operator_allows(
    finished, expected, tmp_path, monkeypatch
):
    canonical = finished.get_results().get_metadata()["links"]
    href = next(link["href"] for link in canonical if link["rel"] == "canonical")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "eocene.json").write_text("{}")
    app, password = start_app(tmp_path / "other", workers=0)
    with run_server(app) as url:
        other = openeo.connect(url).authenticate_basic("eocene", password)
        cube = other.load_stac(href)
        with pytest.raises(openeo.rest.OpenEoApiError, match="EOCENE_REMOTE"):
            cube.download(tmp_path / "refused.nc", format="netCDF")
        monkeypatch.setenv("EOCENE_REMOTE", f"http://{urlsplit(href).netloc}/")
        monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", "127.0.0.1")
        cube.download(tmp_path / "again.nc", format="netCDF")
    np.testing.assert_array_equal(read(tmp_path / "again.nc"), expected)
