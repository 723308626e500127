"""Code of users through the unmodified client: at once and as a job, its prints in the job's log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import openeo
import pytest
from tests.process.udf.places import needs_walls

from eocene.process.udf import UnsafeRunner, offering

if TYPE_CHECKING:
    from pathlib import Path

    from openeo import Connection, DataCube
    from tests.serve.conftest import Running

DOUBLE = (
    "import xarray\n"
    "def apply_datacube(cube: xarray.DataArray, context: dict) -> xarray.DataArray:\n"
    "    print('dates', cube.sizes.get('t'))\n"
    "    return cube * 2\n"
)


@pytest.fixture
def connection(server: Running) -> Connection:
    connection = openeo.connect(server.url)
    connection.authenticate_basic(server.user, server.password)
    return connection


def load(connection: Connection) -> DataCube:
    return connection.load_collection(
        "sentinel-2-l2a",
        spatial_extent={"west": 11.99, "south": 48.295, "east": 12.0, "north": 48.3},
        temporal_extent=["2024-04-01", "2024-10-01"],
        bands=["B04"],
    )


def read(path: Path) -> Any:
    import xarray as xr

    with xr.open_dataset(path, engine="h5netcdf") as found:
        return found.load()["data"].values


@needs_walls
def test_the_runtime_and_its_walls_are_told(server: Running) -> None:
    runtimes = server.get("/openeo/1.2/udf_runtimes").json()
    python = runtimes["Python"]
    assert python["type"] == "language"
    assert python["default"] in python["versions"]
    assert {"numpy", "xarray", "openeo"} <= set(python["versions"][python["default"]]["libraries"])
    shown = server.get("/openeo/1.2/").json()["eocene:udf"]
    assert shown["isolation"] == "sandbox"
    assert shown["memory"] in ("cgroup", "address space")


def test_the_unsafe_switch_is_shown_and_so_is_the_reason_of_none(server: Running) -> None:
    with offering(UnsafeRunner()):
        assert server.get("/openeo/1.2/").json()["eocene:udf"]["isolation"] == "none"
    with offering(None, "bubblewrap is not installed"):
        assert server.get("/openeo/1.2/udf_runtimes").json() == {}
        shown = server.get("/openeo/1.2/").json()["eocene:udf"]
    assert shown == {"isolation": None, "reason": "bubblewrap is not installed"}


@needs_walls
def test_code_runs_at_once_and_as_a_job_with_equal_results(connection: Connection, tmp_path: Path) -> None:
    plain, double = load(connection), load(connection).apply(openeo.UDF(DOUBLE))
    plain.download(tmp_path / "plain.nc", format="netCDF")
    double.download(tmp_path / "double.nc", format="netCDF")
    np.testing.assert_allclose(read(tmp_path / "double.nc"), 2 * read(tmp_path / "plain.nc"), rtol=1e-6)

    job = double.create_job(out_format="netCDF", title="double")
    job.start_and_wait(print=lambda _: None, max_poll_interval=0.5, connection_retry_interval=0.5)
    [path] = [p for p in job.get_results().download_files(tmp_path / "job") if p.suffix == ".nc"]
    np.testing.assert_array_equal(read(path), read(tmp_path / "double.nc"))
    assert any("dates" in line["message"] for line in job.logs())


@needs_walls
def test_the_log_of_a_job_holds_what_its_code_prints_and_inspects_and_the_line_at_which_it_fails(
    connection: Connection,
) -> None:
    code = (
        "from openeo.udf import inspect\n"
        "def apply_datacube(cube, context):\n"
        "    print('printed')\n"
        "    inspect(data=[1, 2], message='inspected', code='mine', level='warning')\n"
        "    if cube.notnull().any():\n"
        "        raise ValueError('too bright')\n"
        "    return cube\n"
    )
    job = load(connection).apply(openeo.UDF(code, runtime="Python")).create_job(out_format="netCDF")
    with pytest.raises(openeo.rest.JobFailedException):
        job.start_and_wait(print=lambda _: None, max_poll_interval=0.5, connection_retry_interval=0.5)
    lines = [(line["level"], line["message"]) for line in job.logs()]
    assert any(level == "info" and "printed" in text for level, text in lines)
    assert any(level == "warning" and "[mine] inspected [1, 2]" in text for level, text in lines)
    assert any(level == "error" and "line 6" in text and "too bright" in text for level, text in lines)


@needs_walls
def test_an_error_of_the_code_names_its_line(connection: Connection, tmp_path: Path) -> None:
    code = "def apply_datacube(cube, context):\n    return cube.nonsense\n"
    with pytest.raises(openeo.rest.OpenEoApiError, match=r"line 2.*nonsense") as caught:
        load(connection).apply(openeo.UDF(code, runtime="Python")).download(tmp_path / "x.nc")
    assert (caught.value.code, caught.value.http_status_code) == ("UdfFailed", 400)
