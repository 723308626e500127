"""A worker that cannot tell that it lives stops in time: by then another one has its job."""

from __future__ import annotations

import itertools
import os
import socket
import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest
from sqlalchemy import text

from eocene.jobs import JobStore
from eocene.jobs.heartbeat import Heartbeat
from eocene.jobs.leases import is_dead, name_worker

LEASE_S = 1.0


@pytest.fixture
def kept(layout, monkeypatch):
    """A job that runs, and a heart that beats for it."""
    monkeypatch.delenv("EOCENE_DATABASE", raising=False)
    store = JobStore(layout, lease_s=LEASE_S)
    job = store.queue(store.create({"process_graph": {"a": {"process_id": "e", "arguments": {}}}}).id)
    claimed = store.claim("here")
    assert claimed is not None
    assert claimed.id == job.id
    heart = Heartbeat(store, claimed, threading.Event(), 0.05)
    with heart.keep():
        yield store, heart
        rename(store, "away", "jobs", missing_ok=True)
    store.close()


def rename(store: JobStore, old: str, new: str, *, missing_ok: bool = False) -> None:
    """Take the table of jobs away, or bring it back: no lease is renewed without it."""
    with store._database.write() as connection:
        there = "SELECT count(*) FROM sqlite_master WHERE name = :name"
        if not missing_ok or connection.scalar(text(there), {"name": old}):
            connection.execute(text(f"ALTER TABLE {old} RENAME TO {new}"))


def test_a_worker_that_cannot_renew_its_lease_has_lost_it_when_it_ends(kept):
    store, heart = kept
    rename(store, "jobs", "away")
    assert heart.lost.wait(60)
    assert heart.should_stop()


def test_a_beat_that_took_longer_than_the_lease_loses_only_a_job_that_another_has_taken(layout, monkeypatch):
    monkeypatch.delenv("EOCENE_DATABASE", raising=False)
    store = JobStore(layout, lease_s=0.0, clock=itertools.count(1.0).__next__)
    store.queue(store.create({"process_graph": {"a": {"process_id": "e", "arguments": {}}}}).id)
    claimed = store.claim("here")
    slow, late = (Heartbeat(store, claimed, threading.Event(), 60.0) for _ in range(2))
    with slow.keep():
        pass  # its last beat is at the end
    taken = store.claim("there")
    with late.keep():
        pass
    store.close()
    assert not slow.lost.is_set()
    assert taken.id == claimed.id
    assert late.lost.is_set()


def test_only_processes_of_this_very_machine_are_known_to_be_dead():
    told = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True
    )
    pid = int(told.stdout)
    here = name_worker().replace(f":{os.getpid()}:", f":{pid}:")
    namespace = Path("/proc/self/ns/pid").stat().st_ino
    namesake = f"{socket.gethostname()}/{uuid.uuid4()}/{namespace}:{pid}:0"
    assert is_dead(here)
    assert not is_dead(namesake)
    assert not is_dead(name_worker())
