"""The unmodified openEO client keeps files, defines processes, asks for estimates and reads logs."""

from __future__ import annotations

import openeo
import pytest
from openeo.api.process import Parameter


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
