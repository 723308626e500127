"""PostgreSQL is killed at random moments while jobs run: workers wait for it, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import threading
import time

import pytest
from tests.recovery.conftest import MEMORY, run_postgres
from tests.recovery.test_killed_servers import Acknowledged, active
from tests.recovery.test_killed_workers import RESUME_S, measure_life
from tests.recovery.victim import Victim
from tests.recovery.world import await_end, await_that, is_running

from eocene.jobs.database import StateUnavailableError


@pytest.fixture
def database(monkeypatch):
    """A database on a server of its own, which forgets nothing that it has committed."""
    with run_postgres() as server:
        victim = Victim(server)
        monkeypatch.setenv("EOCENE_MEMORY", MEMORY)
        monkeypatch.setenv("EOCENE_DATABASE", server.url(server.make_database()))
        yield victim
        victim.stop()


class Asker:
    """Does through the store what clients do through the server."""

    def __init__(self, world):
        self._world = world

    def ask(self, acknowledged, number):
        store = self._world.store
        job = store.create({"process_graph": self._world.graph}, title=f"first {number}").id
        if number % 3 == 0:
            store.delete(job)
            acknowledged.deleted.append(job)
        elif number % 3 == 1:
            store.update(job, title=f"second {number}")
            acknowledged.created[job] = f"second {number}"
        else:
            acknowledged.created[job] = f"first {number}"

    def find_lost(self, acknowledged):
        there = {job.id: job.title for job in self._world.store.list() if job.status == "created"}
        lost = [job for job, title in acknowledged.created.items() if there.get(job) != title]
        return lost + [job for job in acknowledged.deleted if job in there]


def kill_databases(world, victim, kills, seed):
    """Kill the server again and again; return what was acknowledged, and the seconds until work went on."""
    chance = random.Random(seed)  # noqa: S311
    asker, acknowledged, resumed, number = Asker(world), Acknowledged(), [], 0
    for _ in range(kills):
        world.queue()
        killer = threading.Timer(chance.uniform(0, 2), victim.kill)
        killer.start()
        with contextlib.suppress(StateUnavailableError):
            while killer.is_alive():
                asker.ask(acknowledged, number)
                number += 1
        killer.join()
        victim.start()
        back, since = time.time(), time.monotonic()
        await_that(lambda back=back: not active(world) or any(job.updated > back for job in active(world)))
        resumed.append(time.monotonic() - since)
    await_that(lambda: not active(world))
    return acknowledged, asker.find_lost(acknowledged), resumed


@pytest.mark.parametrize("kills", [2, pytest.param(60, marks=(pytest.mark.long, pytest.mark.timeout(3600)))])
def test_a_killed_database_has_what_it_acknowledged_and_workers_wait_for_it(
    database, world, nursery, kills, capsys
):
    reference, _ = measure_life(world, nursery)
    expected = world.digest(reference.id)
    worker = nursery(world, once=False)
    acknowledged, lost, resumed = kill_databases(world, database, kills, seed=kills)
    survived = is_running(worker)
    os.kill(worker, signal.SIGKILL)
    await_end(worker)
    with capsys.disabled():
        print(
            f"\n{kills} times PostgreSQL killed: {len(acknowledged)} acknowledged things, {len(lost)} lost; "
            f"at work again {max(resumed):.1f} s after it was back at most"
        )
    world.store.sweep()  # what the worker was removing when it was ended
    assert lost == []
    assert survived
    finished = {job.id for job in world.store.list() if job.status != "created"}
    assert len(finished) >= kills
    assert world.find_damage(expected, finished) == []
    assert max(resumed) <= RESUME_S
