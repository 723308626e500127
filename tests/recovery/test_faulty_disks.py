"""At every change of a file that a small job makes the worker is killed or the disk fails."""

from __future__ import annotations

import json
import re
import time
from collections import Counter
from dataclasses import dataclass, field

import pytest
from tests.recovery.disk import Fault, can_watch
from tests.recovery.world import await_end

KINDS = {"kill": ("kill", "root"), "full": ("ENOSPC", "results"), "all full": ("ENOSPC", "root"),
         "broken": ("EIO", "root")}  # fmt: skip
"""What goes wrong, and below which folder of the workspace."""

PARTS = 8
"""How many tests share the changes of a file; those of each lie evenly over the whole of a job."""

NUMBER = re.compile(r"[0-9a-f]{8}")

pytestmark = pytest.mark.skipif(not can_watch(), reason="the kernel does not let processes be watched")


@dataclass
class Met:
    """What came of faults, one in each of many runs of a job.

    Attributes
    ----------
    changes : int
        How many files were changed in a run without a fault, each counted as often as it was.
    points : list of int
        At which of them a fault was to be met, counted from 1.
    struck : list of str
        What met a fault.
    damage : list of str
        What was not whole then, or after the next worker's work.
    said : Counter
        Code and message of the jobs that ended in the state error.
    resumed : list of float
        Seconds that each next worker took to end what the job had left to do, its start included.
    """

    changes: int = 0
    points: list[int] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)
    said: Counter[tuple[str, str]] = field(default_factory=Counter)
    resumed: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{len(self.struck)} faults at {len(self.points)} of {self.changes} changes of files, from "
            f"{self.points[0]} to {self.points[-1]}, {len(self.damage)} damaged; "
            f"ended {max(self.resumed):.1f} s after the next worker's start at most; "
            f"the jobs that could say so said {dict(self.said)}"
        )


def run_with_fault(world, nursery, kind, number):
    """Run a worker in which the change of this number meets the fault; return what the watcher saw."""
    what, where = KINDS[kind]
    report = world.notes.with_name("report")
    report.unlink(missing_ok=True)
    pid = nursery(
        world,
        fault={"kind": what, "number": number, "lasts": what == "ENOSPC"},
        disk=str(getattr(world.layout, where)),
        report=str(report),
    )
    await_end(pid)
    return json.loads(report.read_text())


def meet_faults(world, nursery, kind, choose):
    """Meet the fault at the changes that ``choose`` picks of those that can, each time in a new job."""
    met = Met()
    old = world.queue()
    await_end(nursery(world))
    expected = world.digest(old.id)
    world.queue()
    changes = run_with_fault(world, nursery, kind, 0)["changes"]
    met.changes = len(changes)
    fault = Fault(KINDS[kind][0], 1)
    met.points = choose([n for n, change in enumerate(changes, 1) if fault.strikes(1, change.split()[0])])
    kept = {job.id for job in world.store.list()}
    met.damage += world.find_damage(expected, kept)
    for number in met.points:
        job = world.queue()
        struck = run_with_fault(world, nursery, kind, number)["struck"][:1]
        met.struck += struck
        if world.digest(old.id) != expected:
            met.damage.append(f"{number}: the older results have changed")
        if world.store.get(job.id).status == "error":
            line = world.store.logs(job.id)[-1]
            met.said[line["code"], NUMBER.sub("…", line["message"])] += 1
            world.store.queue(job.id)
        since = time.monotonic()
        await_end(nursery(world))
        met.resumed.append(time.monotonic() - since)
        met.damage += [f"{number} {struck}: {text}" for text in world.find_damage(expected, {*kept, job.id})]
        world.store.delete(job.id)
    return met


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_a_write_costs_no_data(world, nursery, kind):
    met = meet_faults(world.make_small(), nursery, kind, lambda points: [points[len(points) // 2]])
    assert met.damage == []
    assert len(met.struck) == 1
    assert {code for code, _ in met.said} <= {"StorageFailure"}


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("part", range(PARTS))
def test_a_fault_at_each_write_costs_no_data(world, nursery, kind, part, capsys):
    met = meet_faults(world.make_small(), nursery, kind, lambda points: points[part::PARTS])
    with capsys.disabled():
        print(f"\n{kind}: {met}")
    assert met.damage == []
    assert len(met.struck) >= 0.8 * len(met.points)  # the number of changes differs from run to run
    assert {code for code, _ in met.said} <= {"StorageFailure"}
