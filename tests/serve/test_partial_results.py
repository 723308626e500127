"""What a job has finished can be had while it runs, and under the same links all of it afterwards."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
import xarray as xr
from tests.serve.conftest import make_ndvi, read_error, run_server, start_app
from zarr.storage import ZipStore

from eocene.archive import Archive
from eocene.jobs import JobStore
from eocene.jobs.worker import run_worker
from eocene.process.output.results import write_results

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.model import Layout

OPENEO = "/openeo/1.2"


@pytest.fixture
def client(workspace: Layout) -> Iterator[httpx.Client]:
    """A client of a server without workers."""
    app, _ = start_app(workspace, workers=0, user="halfway")
    users = app.state.rooms.users
    users.set_password("halfway", "a long password")
    with run_server(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        login = client.get(f"{OPENEO}/credentials/basic", auth=("halfway", "a long password")).json()
        client.headers["Authorization"] = f"Bearer basic//{login['access_token']}"
        yield client


class Held:
    """A worker that stands still after each block until it is let go."""

    def __init__(self, workspace: Layout) -> None:
        self._go = threading.Event()
        self._thread = threading.Thread(target=self._work, args=(workspace,))
        self._thread.start()

    def _work(self, workspace: Layout) -> None:
        archive, store = Archive(workspace), JobStore(workspace)
        run_worker(archive, store, once=True, write_results=self._write)
        store.close()
        archive.close()

    def _write(self, *given: Any, progress: Any, **more: Any) -> Any:
        def wait(done: int, total: int) -> None:
            progress(done, total)
            assert not done or self._go.wait(300)

        return write_results(*given, progress=wait, **more)

    def let_go(self) -> None:
        self._go.set()
        self._thread.join()


def ask_until_there(client: httpx.Client, address: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while (answer := client.get(address)).status_code != 200:
        assert read_error(answer) == (400, "JobNotFinished")
        assert time.monotonic() < deadline
        time.sleep(0.1)
    return answer.json()


def read_cube(client: httpx.Client, href: str, path: Path) -> Any:
    path.write_bytes(client.get(href, headers={"Authorization": ""}).raise_for_status().content)
    with ZipStore(path, mode="r") as packed, xr.open_zarr(packed, consolidated=False) as cube:
        return cube["data"].to_numpy()


def test_the_finished_blocks_of_a_running_job_are_there(
    client: httpx.Client, workspace: Layout, extent: dict[str, Any], tmp_path: Path
) -> None:
    body = {"process": {"process_graph": make_ndvi(extent)}}
    home = client.post(f"{OPENEO}/jobs", json=body).headers["Location"]
    assert read_error(client.get(f"{home}/results?partial=true")) == (400, "JobNotStarted")
    client.post(f"{home}/results")
    assert read_error(client.get(f"{home}/results?partial=true")) == (400, "JobNotFinished")  # queued
    worker = Held(workspace)
    try:
        half = ask_until_there(client, f"{home}/results?partial=true")
        assert half["openeo:status"] == "running"
        assert read_error(client.get(f"{home}/results")) == (400, "JobNotFinished")
        href = half["assets"]["cube.zarr.zip"]["href"]
        first = read_cube(client, href, tmp_path / "half.zip")
        canonical = next(link["href"] for link in half["links"] if link["rel"] == "canonical")
        assert client.get(canonical, headers={"Authorization": ""}).json()["id"] == half["id"]
    finally:
        worker.let_go()
    whole = client.get(f"{home}/results?partial=true").json()
    assert whole.get("openeo:status") == "finished", whole
    last = read_cube(client, whole["assets"]["cube.zarr.zip"]["href"], tmp_path / "whole.zip")
    np.testing.assert_array_equal(read_cube(client, href, tmp_path / "again.zip"), last)
    is_there = np.isfinite(first)
    assert is_there.any()
    np.testing.assert_array_equal(first[is_there], last[is_there])
