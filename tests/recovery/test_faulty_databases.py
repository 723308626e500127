"""At every change of a file that PostgreSQL makes for a small job it is killed, or its disk fails."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

import pytest
from tests.recovery.conftest import MEMORY, run_postgres
from tests.recovery.disk import Fault, can_watch
from tests.recovery.victim import OnFaultyDisk
from tests.recovery.world import await_end, await_that

from eocene.jobs.database import StateUnavailableError

PARTS = 8
"""How many tests share the changes; those of each lie evenly over the whole of a job."""

pytestmark = pytest.mark.skipif(not can_watch(), reason="the kernel does not let processes be watched")


@pytest.fixture
def database(monkeypatch):
    """A database on a server of its own whose disk can be told to fail."""
    with run_postgres() as server:
        url = server.url(server.make_database())
        monkeypatch.setenv("EOCENE_MEMORY", MEMORY)
        monkeypatch.setenv("EOCENE_DATABASE", url)
        victim = OnFaultyDisk(server, url)
        yield victim
        victim.stop()


@dataclass
class Met:
    """What came of faults of the server's disk, one in each of many runs of a job.

    Attributes
    ----------
    changes : int
        How many files the server changed in a run without a fault, each counted as often as it was; the
        fewest of some runs.
    points : list of int
        At which of them a fault was to be met, counted from 1.
    struck, damage : list of str
        What met a fault, and what was not whole then or after the next worker's work.
    created, refused : int
        How many jobs the store said that it had created, and how many it could not create.
    codes : set of str
        Codes of the jobs that ended in the state error.
    resumed : list of float
        Seconds from each time that the server answered again until the job had ended.
    """

    changes: int = 0
    points: list[int] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    created: int = 0
    refused: int = 0
    codes: set[str] = field(default_factory=set)
    resumed: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{len(self.struck)} faults at {len(self.points)} of {self.changes} changes, from "
            f"{self.points[0]} to {self.points[-1]}, {len(self.damage)} damaged; "
            f"{self.created} jobs created and there, {self.refused} refused; "
            f"ended {max(self.resumed):.1f} s after the server answered again at most"
        )


def work_with_fault(world, victim, nursery, fault):
    """Create a job, do one and write all into the tables while the server's disk fails.

    Return the id of the created job if it was acknowledged, what the server changed, and what met the fault.
    """
    victim.write_all()
    victim.watch.arm(fault)
    try:
        created = [world.store.create({"process_graph": world.graph}, title="acknowledged").id]
    except StateUnavailableError:
        created = []
    await_end(nursery(world))
    victim.write_all()
    changes, struck = victim.watch.changes, victim.watch.struck
    victim.heal()
    return created, changes, struck


def finish(world, nursery, met, job_id):
    """Let workers go on until a job has ended; one that ended in an error is queued once more."""

    def is_finished():
        await_end(nursery(world))
        job = world.store.get(job_id)
        if job.status == "error":
            met.codes.add(world.store.logs(job_id)[-1]["code"])
            world.store.queue(job_id)
        return job.status == "finished"

    await_that(lambda: is_calm(is_finished))


def is_calm(ask):
    """Return what a function says, False while the server recovers."""
    try:
        return ask()
    except StateUnavailableError:
        return False


def meet_faults(world, victim, nursery, kind, choose):
    """Meet the fault at the changes that ``choose`` picks of those that can, each time with a new job."""
    met = Met()
    old = world.queue()
    await_end(nursery(world))
    expected = world.digest(old.id)
    undisturbed = []
    for _ in range(3):
        world.queue()
        undisturbed.append(work_with_fault(world, victim, nursery, Fault())[1])
    changes = min(undisturbed[1:], key=len)  # the first also grows the tables; some do more by themselves
    kept = {job.id for job in world.store.list() if job.status == "finished"}
    fault = Fault(kind, 1)
    met.changes = len(changes)
    met.points = choose([n for n, change in enumerate(changes, 1) if fault.strikes(1, change.split()[0])])
    for number in met.points:
        job = world.queue()
        given = Fault(kind, number, lasts=kind == "ENOSPC")
        created, _, struck = work_with_fault(world, victim, nursery, given)
        met.struck += struck[:1]
        since = time.monotonic()
        finish(world, nursery, met, job.id)
        met.resumed.append(time.monotonic() - since)
        there = {job.id: job.title for job in world.store.list() if job.status == "created"}
        met.damage += [f"{number} {struck[:1]}: {one} is lost" for one in created if one not in there]
        faults = world.find_damage(expected, {*kept, job.id}) + victim.find_damage()
        met.damage += [f"{number} {struck[:1]}: {text}" for text in faults]
        met.created += len(created)
        met.refused += not created
        for job_id in (job.id, *created):
            world.store.delete(job_id)
    return met


def test_a_job_outlives_an_error_of_the_servers_disk(database, world, nursery):
    met = meet_faults(world.make_small(), database, nursery, "EIO", lambda points: [points[len(points) // 2]])
    assert met.damage == []
    assert len(met.struck) == 1


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", ["kill", "ENOSPC", "EIO"])
@pytest.mark.parametrize("part", range(PARTS))
def test_a_fault_at_each_write_of_the_server_costs_no_data(database, world, nursery, kind, part, capsys):
    met = meet_faults(world.make_small(), database, nursery, kind, lambda points: points[part::PARTS])
    with capsys.disabled():
        print(f"\nPostgreSQL, {kind}: {met}")
    assert met.damage == []
    assert len(met.struck) >= len(met.points) / 2  # what the server does by itself differs from run to run
    assert met.codes <= {"StorageFailure"}
