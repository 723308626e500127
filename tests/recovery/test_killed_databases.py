"""PostgreSQL is killed at random moments while jobs run: workers wait for it, and nothing is lost."""

from __future__ import annotations

import contextlib
import os
import random
import shlex
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest
from tests.recovery.conftest import MEMORY, run_postgres
from tests.recovery.test_killed_servers import Acknowledged, active, await_that
from tests.recovery.test_killed_workers import RESUME_S, measure_life
from tests.recovery.world import await_end, is_running

from eocene.jobs.database import StateUnavailableError


class Victim:
    """A running PostgreSQL server that can be killed with all its processes, and started again."""

    def __init__(self, server):
        self._server, self._again = server, None
        self._data = server.folder / "data"

    def _pid(self):
        return int((self._data / "postmaster.pid").read_text().split("\n")[0])

    def kill(self):
        """End the server as a cut of power would, except that what it gave to the kernel stays."""
        pid = self._pid()
        children = [int(number) for number in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for number in (pid, *children):
            with contextlib.suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        if self._again is None:
            os.waitpid(pid, 0)
        else:
            self._again.wait()
        await_that(lambda: not any(map(is_alive, children)))

    def start(self):
        """Start the server with the options that it had; return when it answers."""
        command = shlex.split((self._data / "postmaster.opts").read_text())
        user = "postgres" if os.getuid() == 0 else None
        with (self._server.folder / "log").open("ab") as log:
            self._again = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self._server.folder, user=user, group=user
            )
        ready = [str(Path(command[0]).with_name("pg_isready")), "-h", str(self._server.folder), "-q"]
        await_that(lambda: subprocess.run(ready, check=False).returncode == 0)

    def stop(self):
        if self._again is not None:
            self._again.send_signal(signal.SIGQUIT)
            self._again.wait(60)


def is_alive(pid):
    """Tell whether a process runs; one that has ended and was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


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
