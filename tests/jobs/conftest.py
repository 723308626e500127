"""What the tests of jobs share: a workspace folder, a clock that is turned by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import insert
from tests.recovery.conftest import database, postgres

from eocene.jobs import JobStore
from eocene.jobs.tables import users
from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.jobs import Accounts


__all__ = ["database", "postgres"]


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
def store(layout: Layout, clock: Clock, database: str) -> Iterator[JobStore]:
    store = JobStore(layout, clock=clock, lease_s=30.0)
    yield store
    store.close()


def add_user(accounts: Accounts, name: str) -> None:
    """Add a user who has no password yet: to hash one takes longer than all else in a test."""
    with accounts.users.database.write() as connection:
        connection.execute(insert(users).values(name=name, password_hash="", created=0.0))
