"""What the tests of rules share: a small catalogue, a feed and a receiver that are really served."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.jobs.events.world import World

from eocene.archive import Archive
from eocene.jobs.events import Rules
from eocene.model import UnavailableError
from eocene.testing.faults import FaultServer
from eocene.testing.postgres import PostgresServer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.jobs.conftest import Clock

    from eocene.model import Layout


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    world = World()
    folder = tmp_path / "served"
    folder.mkdir()
    with FaultServer(folder, route=world.route) as server:
        world.server = server
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("EOCENE_WEBHOOKS", f"{server.url}/hook")
        yield world


@pytest.fixture
def archive(layout: Layout) -> Iterator[Archive]:
    archive = Archive(layout)
    yield archive
    archive.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.long)])
def rules(
    request: pytest.FixtureRequest, layout: Layout, archive: Archive, clock: Clock, monkeypatch: Any
) -> Iterator[Rules]:
    if request.param == "postgres":
        monkeypatch.setenv("EOCENE_DATABASE", request.getfixturevalue("postgres_state"))
    rules = Rules(layout, archive, clock=clock)
    yield rules
    rules.close()


@pytest.fixture
def postgres_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of an empty database in a server of the tests."""
    with tempfile.TemporaryDirectory(prefix="pg", dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        try:
            with PostgresServer(Path(folder) / "s") as server:
                yield server.url(server.make_database())
        except UnavailableError as error:
            pytest.skip(str(error))
