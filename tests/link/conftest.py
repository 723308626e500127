from __future__ import annotations

import pytest

pytest.importorskip("pyoxigraph", reason="the extra 'link' is not installed")

from tests.link.world import World, make_world


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    return make_world(tmp_path_factory.mktemp("world"), seed=7)
