"""Workers are killed at random moments: nothing is lost or damaged, hardly anything is done twice."""

from __future__ import annotations

import os
import random
import signal
import time
from dataclasses import dataclass, field

import pytest
from tests.recovery.world import THREADS, await_end, is_running

RESUME_S = 30


@dataclass
class Killings:
    """What came of killing the workers of jobs again and again.

    Attributes
    ----------
    ids : list of str
        The jobs, each of which was worked on until it ended.
    kills : int
        How many workers were killed.
    redone : list of int
        What each further worker of a job began again: blocks and files that one before it had begun.
    resumed : list of float
        Seconds from the start of each worker to the first block or file that it began.
    """

    ids: list[str] = field(default_factory=list)
    kills: int = 0
    redone: list[int] = field(default_factory=list)
    resumed: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.kills} workers killed in {len(self.ids)} jobs: {sum(self.redone)} parts redone, "
            f"at most {max(self.redone)} for a kill; at work again after {max(self.resumed):.2f} s at most"
        )


def measure_life(world, nursery):
    """Do one job undisturbed; return it and how long its worker lived, in seconds."""
    job, since = world.queue(), time.monotonic()
    await_end(nursery(world))
    return job, time.monotonic() - since


def kill_workers(world, nursery, kills, seed):
    """Kill workers at moments drawn from the length of a whole life until enough are dead."""
    chance = random.Random(seed)  # noqa: S311
    lives_s = [measure_life(world, nursery)[1]]
    told = Killings()
    while told.kills < kills:
        job = world.queue()
        told.ids.append(job.id)
        world.notes.unlink(missing_ok=True)
        while world.store.get(job.id).status in ("queued", "running"):
            most_s = chance.uniform(0, min(lives_s)) if told.kills < kills else 600
            lives_s += live_worker(world, nursery, told, most_s)
    return told


def live_worker(world, nursery, told, life_s):
    """Let a worker live for some seconds, and note what it did; return how long it lived if it did all."""
    before, since, began = world.begun(), time.monotonic(), False
    pid = nursery(world)
    while is_running(pid) and time.monotonic() - since < life_s:
        if not began and len(world.begun()) > len(before):
            began = True
            told.resumed.append(time.monotonic() - since)
        time.sleep(0.003)
    whole = [] if before or is_running(pid) else [time.monotonic() - since]
    if is_running(pid):
        os.kill(pid, signal.SIGKILL)
        told.kills += 1
    await_end(pid)
    told.redone.append(len(set(before) & set(world.begun()[len(before) :])))
    return whole


@pytest.mark.parametrize("kills", [6, pytest.param(500, marks=(pytest.mark.long, pytest.mark.timeout(7200)))])
def test_jobs_whose_workers_are_killed_end_as_if_nothing_had_been(world, nursery, kills, capsys):
    reference, _ = measure_life(world, nursery)
    expected = world.digest(reference.id)
    assert len(set(world.begun())) >= 12  # enough for kills between them
    acknowledged = [world.store.create({"process_graph": world.graph}, title=f"{n}").id for n in range(5)]
    told = kill_workers(world, nursery, kills, seed=kills)
    with capsys.disabled():
        print(f"\n{told}")
    finished = [job.id for job in world.store.list() if job.id not in acknowledged]
    assert world.find_damage(expected, finished) == []
    assert {reference.id, *told.ids} < set(finished)
    assert {world.store.get(job_id).status for job_id in acknowledged} == {"created"}
    assert max(told.redone) <= THREADS
    assert max(told.resumed) <= RESUME_S
