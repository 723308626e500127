"""What the tests of recovery share: worlds on both databases, and workers that start fast."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
from copy import deepcopy
from pathlib import Path

import pytest
from tests.recovery.world import World, write_order
from tests.serve.conftest import make_ndvi

from eocene.archive import Archive
from eocene.jobs import JobStore
from eocene.model import Layout, UnavailableError
from eocene.testing.simulate import simulate_archive

MEMORY = "45MB"
"""Of so little memory the engine makes blocks of 64² pixels."""


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
    return layout, make_ndvi({"west": west, "south": south, "east": east, "north": north})


@contextlib.contextmanager
def run_postgres(**options):
    """Run a server of one's own in a folder with a short name."""
    pytest.importorskip("psycopg", reason="the extra eocene[postgres] is not installed")
    from eocene.testing.postgres import PostgresServer

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="pg"))
        Path(folder).chmod(0o755)
        try:
            server = stack.enter_context(PostgresServer(Path(folder) / "server", **options))
        except UnavailableError as error:
            pytest.skip(str(error))
        yield server


@pytest.fixture(scope="session")
def postgres():
    """A server, and a maker of databases on it."""
    with run_postgres() as server:
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


@pytest.fixture
def world(stocked, database, tmp_path):
    """A copy of the stocked workspace whose jobs nobody has touched."""
    stock, graph = stocked
    layout = Layout(tmp_path / "workspace")
    shutil.copytree(stock.root, layout.root)
    store = JobStore(layout, lease_s=5.0)
    yield World(layout, deepcopy(graph), store, tmp_path / "notes")
    store.close()


@pytest.fixture(scope="session")
def nursery(tmp_path_factory):
    """Forks workers: ``nursery(world)`` gives the number of the process of one."""
    folder = tmp_path_factory.mktemp("nursery")
    command = [sys.executable, str(Path(__file__).with_name("nursery.py")), str(folder / "modules")]
    with (folder / "log").open("wb") as log, subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True
    ) as process:  # fmt: skip

        def fork(world, **order):
            process.stdin.write(write_order(world, order))
            process.stdin.flush()
            return int(process.stdout.readline())

        yield fork
        process.stdin.close()
