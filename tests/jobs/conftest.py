"""What the tests of jobs share: a workspace folder, a clock that is turned by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eocene.jobs import JobStore
from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    return Layout(tmp_path)


@pytest.fixture
def store(layout: Layout, clock: Clock) -> Iterator[JobStore]:
    store = JobStore(layout, clock=clock, lease_s=30.0)
    yield store
    store.close()
