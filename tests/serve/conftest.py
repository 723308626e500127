"""A simulated workspace behind a real server, as its clients see it."""

from __future__ import annotations

import contextlib
import io
import json
import socket
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import uvicorn

import eocene
from eocene.archive import Archive
from eocene.model import Layout
from eocene.serve import create_app
from eocene.testing.simulate import simulate_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fastapi import FastAPI

SPECIFICATION = Path(__file__).parents[2].parent / "shared" / "spec" / "openapi-1.2.0.yaml"


@dataclass(frozen=True)
class Running:
    """A server under test."""

    url: str
    user: str
    password: str
    app: FastAPI
    client: httpx.Client
    token: str

    def as_user(self, **headers: str) -> dict[str, str]:
        return {"Authorization": f"Bearer basic//{self.token}"} | headers

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.client.get(path, **options)

    def post(self, path: str, body: Any, **options: Any) -> httpx.Response:
        return self.client.post(path, json=body, headers=self.as_user(), **options)


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated archive: two tiles of 128² pixels, eight dates."""
    folder = tmp_path_factory.mktemp("simulated") / "archive"
    simulate_archive(folder, size=128, dates=8, seed=0)
    return folder


@pytest.fixture(scope="session")
def workspace(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Layout:
    """A workspace with the simulated archive in its catalogue."""
    layout = Layout(tmp_path_factory.mktemp("workspace"))
    layout.marker.write_text("{}")
    archive = Archive(layout)
    archive.ingest(simulated)
    archive.catalogue.close()
    return layout


@pytest.fixture
def folder(simulated: Path, tmp_path: Path) -> Path:
    """A workspace of one's own with the simulated archive and the user ada, for servers in processes."""
    with eocene.open(tmp_path / "workspace") as ws:
        ws.archive.ingest(simulated)
        ws.users.set_password("ada", "correct horse")
    return tmp_path / "workspace"


@contextlib.contextmanager
def run_server(app: FastAPI) -> Iterator[str]:
    """Serve the application on a free port for as long as the block lasts."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    # Said to be TCP, or asyncio leaves out TCP_NODELAY and every small answer waits 40 ms.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listening:
        listening.bind(("127.0.0.1", 0))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        deadline = time.monotonic() + 30
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)


def start_app(layout: Layout, **choices: Any) -> tuple[FastAPI, str]:
    """Make an application and return it with the password that it printed."""
    printed = io.StringIO()
    with contextlib.redirect_stderr(printed):
        app = create_app(layout, **choices)
    return app, printed.getvalue().partition("password ")[2].partition(" ")[0]


@pytest.fixture(scope="session")
def running(workspace: Layout) -> Iterator[Running]:
    """The server of the workspace, with a worker and a logged-in user."""
    app, password = start_app(workspace)
    with run_server(app) as url, httpx.Client(base_url=url, timeout=60) as client:
        answer = client.get("/openeo/1.2/credentials/basic", auth=("eocene", password))
        yield Running(url, "eocene", password, app, client, answer.json()["access_token"])


@pytest.fixture(scope="module")
def server(running: Running) -> Iterator[Running]:
    """The same server, where a module's tests leave no file or process of the user's to those of others."""
    yield running
    for path, kept in (("files", "files"), ("process_graphs", "processes")):
        assert running.get(f"/openeo/1.2/{path}", headers=running.as_user()).json()[kept] == []


@pytest.fixture(scope="session")
def specification() -> dict[str, Any]:
    """The openEO API as OpenAPI; tests that need it are skipped without it."""
    if not SPECIFICATION.exists():
        pytest.skip("the openEO specification is not beside the checkout")
    import yaml

    return yaml.safe_load(SPECIFICATION.read_text())


@pytest.fixture(scope="session")
def extent(running: Running) -> dict[str, Any]:
    """A small box inside the simulated Sentinel-2 tiles."""
    collection = running.get("/stac/collections/sentinel-2-l2a").json()
    west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
    x, y = west + (east - west) / 4, south + (north - south) / 2
    return {"west": x - 0.002, "south": y - 0.002, "east": x + 0.002, "north": y + 0.002}


def make_ndvi(extent: dict[str, Any], **save: Any) -> dict[str, Any]:
    """Return the graph of the monthly median NDVI of an area."""
    pixel = {"process_id": "median", "arguments": {"data": {"from_parameter": "data"}}, "result": True}
    return {
        "load": {
            "process_id": "load_collection",
            "arguments": {
                "id": "sentinel-2-l2a",
                "spatial_extent": extent,
                "temporal_extent": ["2024-01-01", "2025-01-01"],
                "bands": ["B04", "B08"],
            },
        },
        "ndvi": {
            "process_id": "ndvi",
            "arguments": {"data": {"from_node": "load"}, "nir": "B08", "red": "B04"},
        },
        "month": {
            "process_id": "aggregate_temporal_period",
            "arguments": {
                "data": {"from_node": "ndvi"},
                "period": "month",
                "reducer": {"process_graph": {"median": pixel}},
            },
        },
        "save": {
            "process_id": "save_result",
            "arguments": {"data": {"from_node": "month"}, "format": "GTiff"} | save,
            "result": True,
        },
    }


def read_error(response: httpx.Response) -> tuple[int, str]:
    """Return status and openEO code of an error, after checking its form."""
    body = json.loads(response.content)
    assert body.keys() == {"id", "code", "message", "links"}
    assert body["message"]
    return response.status_code, body["code"]
