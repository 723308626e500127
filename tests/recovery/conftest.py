"""What the tests of recovery share: a workspace with a job of some dozens of blocks, on both databases."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from eocene.archive import Archive
from eocene.jobs import JobStore
from eocene.model import Layout, UnavailableError
from eocene.testing.simulate import simulate_archive

MEMORY = "45MB"
"""Of so little memory the engine makes blocks of 64² pixels."""
MARKS = re.compile(r"j-[0-9a-f]{16}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def make_graph(extent):
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
        "save": {
            "process_id": "save_result",
            "arguments": {"data": {"from_node": "ndvi"}, "format": "GTiff"},
            "result": True,
        },
    }


@pytest.fixture(scope="session")
def stocked(tmp_path_factory):
    """A workspace with a simulated archive, and the graph of its whole extent; to be copied."""
    folder = tmp_path_factory.mktemp("stocked")
    simulate_archive(folder / "archive", size=256, dates=2, seed=0)
    layout = Layout(folder / "workspace")
    layout.root.mkdir()
    layout.marker.write_text("{}")
    archive = Archive(layout)
    archive.ingest(folder / "archive")
    found = archive.catalogue.collection("sentinel-2-l2a")
    archive.catalogue.close()
    west, south, east, north = found["extent"]["spatial"]["bbox"][0]
    return layout, make_graph({"west": west, "south": south, "east": east, "north": north})


@pytest.fixture(scope="session")
def postgres():
    """A server, and a maker of databases on it."""
    pytest.importorskip("psycopg", reason="the extra eocene[postgres] is not installed")
    from eocene.testing.postgres import PostgresServer

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg"))
        Path(folder).chmod(0o755)
        try:
            server = stack.enter_context(PostgresServer(Path(folder) / "server"))
        except UnavailableError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(params=["sqlite", "postgres"])
def database(request, monkeypatch):
    """Let the state of jobs lie here or there."""
    monkeypatch.setenv("EOCENE_MEMORY", MEMORY)
    monkeypatch.delenv("EOCENE_DATABASE", raising=False)
    if request.param == "postgres":
        server = request.getfixturevalue("postgres")
        monkeypatch.setenv("EOCENE_DATABASE", server.url(server.make_database()))
    return request.param


@dataclass
class World:
    """A workspace of its own with its jobs, and what may be killed there."""

    layout: Layout
    graph: dict
    store: JobStore
    blocks: Path
    started: list = field(default_factory=list)

    def queue(self, title="kept"):
        return self.store.queue(self.store.create({"process_graph": self.graph}, title=title).id)

    def begun(self):
        """The blocks that were begun, in order, with repetitions."""
        return self.blocks.read_text().split("\n")[:-1] if self.blocks.exists() else []

    def finished(self, job):
        """How many blocks of a running job are noted as finished."""
        folder = self.store.run_folder(self.store.get(job.id)).path / "finished"
        return len(list(folder.glob("write-*.json")))

    def digest(self, job_id):
        """Content of all files of a result by name; in JSON the job's name and instants are left out."""
        folder, found = self.store.results_folder(job_id), {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            content = path.read_bytes()
            if path.suffix == ".json" and "cube.zarr" not in path.parts:
                content = MARKS.sub("*", content.decode()).encode()
            name = MARKS.sub("*", path.relative_to(folder).as_posix())
            found[name] = hashlib.sha256(content).hexdigest()
        return found


@pytest.fixture
def world(stocked, database, tmp_path):
    stock, graph = stocked
    layout = Layout(tmp_path / "workspace")
    shutil.copytree(stock.root, layout.root)
    store = JobStore(layout, lease_s=5.0)
    yield World(layout, deepcopy(graph), store, tmp_path / "blocks")
    store.close()


@pytest.fixture
def nursery(database):
    """Forks workers: ``nursery(world)`` gives the number of the process of one."""
    command = [sys.executable, str(Path(__file__).with_name("nursery.py"))]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ
    ) as process:

        def fork(world, **order):
            order = {"root": str(world.layout.root), "blocks": str(world.blocks)} | order
            process.stdin.write(json.dumps(order) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield fork
        process.stdin.close()


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def await_end(pid, seconds=60):
    deadline = time.monotonic() + seconds
    while is_running(pid):
        assert time.monotonic() < deadline, "the worker did not come to an end"
        time.sleep(0.005)
