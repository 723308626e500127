"""A server whose workers run elsewhere: what it sends comes from the store, by ranges and signed links."""

from __future__ import annotations

import hashlib
import io
import time
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from tests.serve.conftest import run_server, start_app
from tests.store.faulty import Proxy, run_proxy
from tests.store.test_archive import BBOX, make_product

from eocene.jobs import JobStore, run_worker
from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.archive.store import Bucket
    from eocene.testing.swift import SwiftServer

API = "/openeo/1.2"
GRAPH = {
    "load": {
        "process_id": "load_collection",
        "arguments": {
            "id": "product",
            "spatial_extent": dict(zip(("west", "south", "east", "north"), BBOX, strict=True)),
            "temporal_extent": None,
        },
        "result": True,
    },
}


@pytest.fixture
def proxy(swift: SwiftServer, store: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    with run_proxy(swift.url) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
        yield between


@pytest.fixture
def server(
    proxy: Proxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[httpx.Client, Archive]]:
    """A server of one folder and no workers; its state lies where other machines reach it, too."""
    monkeypatch.setenv("EOCENE_DATABASE", f"sqlite:///{tmp_path}/state.sqlite")
    layout = Layout(tmp_path / "server")
    layout.root.mkdir()
    layout.marker.write_text("{}")
    app, password = start_app(layout, workers=0)
    archive = app.state.rooms.archive
    archive.ingest(make_product(tmp_path))
    with run_server(app) as url, httpx.Client(base_url=url, timeout=120) as client:
        token = client.get(f"{API}/credentials/basic", auth=("eocene", password)).json()["access_token"]
        client.headers["Authorization"] = f"Bearer basic//{token}"
        yield client, archive


def run_job(client: httpx.Client, archive: Archive, elsewhere: Path) -> str:
    """Run the graph on a machine that shares no folder with the server; return the address of the job."""
    home = client.post(f"{API}/jobs", json={"process": {"process_graph": GRAPH}}).headers["Location"]
    assert client.post(f"{home}/results").status_code == 202
    elsewhere.mkdir(exist_ok=True)
    jobs = JobStore(Layout(elsewhere))
    assert run_worker(archive, jobs, once=True) == 1
    jobs.close()
    assert client.get(home).json()["status"] == "finished", client.get(f"{home}/logs").json()
    return home


def hash_of(data: bytes) -> str:
    return "1220" + hashlib.sha256(data).hexdigest()


def test_results_of_another_machine_are_sent_and_go_with_their_job(
    server: tuple[httpx.Client, Archive], store: Bucket, tmp_path: Path
) -> None:
    client, archive = server
    home = run_job(client, archive, tmp_path / "worker")
    results: dict[str, Any] = client.get(f"{home}/results").json()
    image = next(asset for name, asset in results["assets"].items() if name.endswith(".tif"))
    anybody = {"Authorization": ""}
    whole = client.get(image["href"], headers=anybody)
    assert (whole.headers["content-type"], hash_of(whole.content)) == ("image/tiff", image["file:checksum"])
    part = client.get(image["href"], headers=anybody | {"Range": "bytes=100-199"})
    assert (part.status_code, part.content) == (206, whole.content[100:200])
    assert part.headers["content-range"] == f"bytes 100-199/{len(whole.content)}"
    assert client.get(image["href"].replace("expires=", "expires=9"), headers=anybody).status_code == 403
    packed = client.get(results["assets"]["cube.zarr.zip"]["href"], headers=anybody)
    assert "zarr.json" in zipfile.ZipFile(io.BytesIO(packed.content)).namelist()
    assert client.delete(home).status_code == 204
    assert client.get(image["href"], headers=anybody).status_code == 404
    assert list(store.list("results")) == []


def test_assets_and_files_are_sent_in_ranges_and_what_is_gone_comes_again(
    server: tuple[httpx.Client, Archive], proxy: Proxy
) -> None:
    client, _ = server
    item = client.get("/stac/collections/product/items").json()["features"][0]
    (asset,) = item["assets"].values()
    assert asset["href"].startswith(str(client.base_url))
    whole = client.get(asset["href"])
    assert hash_of(whole.content) == asset["file:checksum"]
    assert client.get(asset["href"], headers={"Range": "bytes=-10"}).content == whole.content[-10:]
    data = bytes(range(256)) * 10
    assert client.put(f"{API}/files/a/%C3%A4.bin", content=data).json()["size"] == len(data)
    assert client.get(f"{API}/files/a/%C3%A4.bin", headers={"Range": "bytes=3-5"}).content == data[3:6]
    assert "store" not in client.get("/health").json()["faults"]
    proxy.choose = lambda *_: "unavailable"
    assert "503" in client.get("/health").json()["faults"]["store"]
    began = time.monotonic()
    answer = client.put(f"{API}/files/b.bin", content=data)
    assert (answer.status_code, answer.json()["code"]) == (503, "StorageFailure")
    assert time.monotonic() - began < 60
    proxy.choose = lambda *_: None
    assert [file["path"] for file in client.get(f"{API}/files").json()["files"]] == ["a/ä.bin"]
