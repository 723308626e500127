"""Workers are killed at random moments: nothing is lost or damaged, hardly anything is done twice."""

from __future__ import annotations

import os
import random
import signal
import time

import pytest
from tests.recovery.conftest import await_end, is_running

THREADS = len(os.sched_getaffinity(0))


def kill_often(world, nursery, kills, seed):
    """Kill the workers of jobs again and again; return ids, blocks redone in each, seconds to resume."""
    chance = random.Random(seed)  # noqa: S311
    ids, redone, resumed, done = [], [], [], 0
    while done < kills:
        job = world.queue()
        ids.append(job.id)
        world.blocks.unlink(missing_ok=True)
        ended = False
        while not ended:
            since, before = time.monotonic(), len(world.begun())
            pid = nursery(world, pause_s=0.004)
            while len(world.begun()) == before and is_running(pid):
                time.sleep(0.002)
            resumed.append(time.monotonic() - since)
            alive_until = time.monotonic() + chance.uniform(0, 0.25)
            while time.monotonic() < alive_until and is_running(pid):
                time.sleep(0.002)
            if done < kills and is_running(pid):
                os.kill(pid, signal.SIGKILL)
                await_end(pid)
                done += 1
            else:
                await_end(pid)
            ended = world.store.get(job.id).status not in ("queued", "running")
        counts = [world.begun().count(block) for block in set(world.begun())]
        redone.append(sum(counts) - len(counts))
    return ids, redone, resumed


def check_kills(world, nursery, kills, seed, capsys):
    reference = world.queue()
    await_end(nursery(world))
    assert world.store.get(reference.id).status == "finished", world.store.logs(reference.id)
    expected = world.digest(reference.id)
    blocks = len(world.begun())
    assert blocks >= 12
    acknowledged = [world.store.create({"process_graph": world.graph}, title=f"{n}").id for n in range(5)]
    ids, redone, resumed = kill_often(world, nursery, kills, seed)
    for job_id in ids:
        assert world.store.get(job_id).status == "finished", world.store.logs(job_id)
        assert world.digest(job_id) == expected
    assert all(world.store.get(job_id).status == "created" for job_id in acknowledged)
    assert sum(redone) <= kills * THREADS
    assert max(resumed) < 60  # on a busy machine
    left = {path.name for path in world.layout.results.iterdir()}
    assert left == {reference.id, *ids}
    with capsys.disabled():
        print(
            f"\n{kills} kills, {len(ids)} jobs of {blocks} blocks: {sum(redone)} blocks redone "
            f"(at most {THREADS} under way at a time), resumed after {max(resumed):.2f} s at most"
        )


def test_a_job_whose_worker_is_killed_ends_as_if_nothing_had_been(world, nursery, capsys):
    check_kills(world, nursery, 5, 1, capsys)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_five_hundred_killed_workers_lose_nothing(world, nursery, capsys):
    check_kills(world, nursery, 500, 2, capsys)
