"""One small simulated archive, made once: until 23 June, after the flood."""

import pytest

from eocene.testing.simulate import SimulatedArchive, simulate_archive


@pytest.fixture(scope="session")
def simulated(tmp_path_factory) -> SimulatedArchive:
    return simulate_archive(tmp_path_factory.mktemp("simulated") / "world", size=128, dates=12)
