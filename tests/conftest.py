"""What every room's tests share: how hypothesis works, and which optional things the machine has."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.testing.simulate import SimulatedArchive
    from eocene.workspace import Workspace

# Two cores shared with other work: a deadline would only measure the neighbours.
settings.register_profile(
    "eocene",
    deadline=None,
    max_examples=60,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("CI")),
)
settings.load_profile("eocene")

REPOSITORY = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the source tree."""
    return REPOSITORY


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real products beside the checkout; tests that need it are skipped without it."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"real products are not beside the checkout ({folder.name} is missing)")
    return folder


@pytest.fixture(scope="session")
def simulated_world(tmp_path_factory: pytest.TempPathFactory) -> SimulatedArchive:
    """A simulated archive: two overlapping tiles of 128² pixels in two UTM zones, 24 dates."""
    from eocene.testing.simulate import simulate_archive

    return simulate_archive(tmp_path_factory.mktemp("world") / "archive", size=128)


@pytest.fixture(scope="session")
def world(simulated_world: SimulatedArchive, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
    """A workspace that holds the simulated archive; tests may add jobs and models to it."""
    import eocene

    with eocene.open(tmp_path_factory.mktemp("world") / "workspace") as workspace:
        workspace.archive.ingest(simulated_world.folder)
        yield workspace


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of Chromium; tests that need it are skipped without it."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        found = shutil.which(name)
        if found:
            return found
    pytest.skip("Chromium is not installed")
