"""At the writes of a small job the worker is killed or the disk is full: old data stay whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

import pytest
from tests.recovery.conftest import await_end, is_running

CALLS = "write,pwrite64,fsync,fdatasync,rename,renameat,renameat2,mkdir,unlink,ftruncate"
FAULTS = {"kill": "signal=KILL:when={n}", "full": "error=ENOSPC:when={n}+"}

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def run_with_fault(world, nursery, folder, fault):
    """Run a worker in which the n-th call of a thread meets the fault; tell whether any thread met it."""
    go, trace = folder / "go", folder / "trace"
    go.unlink(missing_ok=True)
    pid = nursery(world, wait_for=str(go))
    command = ["strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={CALLS}", "-p", str(pid)]
    with subprocess.Popen([*command, "-e", f"inject={CALLS}:{fault}"], stderr=subprocess.PIPE) as tracer:
        deadline = time.monotonic() + 10
        while not is_traced(pid):
            assert tracer.poll() is None, tracer.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.005)
        go.touch()
        try:
            await_end(pid, 30)
        except AssertionError:
            os.kill(pid, signal.SIGKILL)  # a worker that waits for its disk to have room again
            await_end(pid)
        tracer.wait(60)
    return "INJECTED" in trace.read_text() or "SIGKILL" in trace.read_text()


def is_traced(pid):
    with contextlib.suppress(OSError), Path(f"/proc/{pid}/status").open() as file:
        return any(line.startswith("TracerPid:") and line.split()[1] != "0" for line in file)
    return not is_running(pid)


def check_whole(world, old, expected):
    """What was there before is there, and the state can be read to its last page."""
    assert world.digest(old.id) == expected
    assert world.store.get(old.id).status == "finished"
    if world.layout.state.exists():
        with contextlib.closing(sqlite3.connect(world.layout.state)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def check_faults(world, nursery, tmp_path, kind, points):
    """Meet the fault at each point in turn; return how many were met and what the jobs said."""
    old = world.queue()
    await_end(nursery(world))
    expected = world.digest(old.id)
    met, said = 0, set()
    for n in points:
        job = world.queue()
        if not run_with_fault(world, nursery, tmp_path, FAULTS[kind].format(n=n)):
            world.store.delete(job.id)
            break
        met += 1
        check_whole(world, old, expected)
        after = world.store.get(job.id)
        if after.status == "error":
            line = world.store.logs(job.id)[-1]
            said.add((line["code"], line["message"].partition(";")[0]))
            world.store.queue(job.id)
        await_end(nursery(world))
        assert world.store.get(job.id).status == "finished", world.store.logs(job.id)
        assert world.digest(job.id) == expected
        world.store.delete(job.id)
    left = {path.name for path in world.layout.results.iterdir()}
    assert left == {old.id}
    return met, said


def check_kind(world, nursery, tmp_path, capsys, kind, points):
    met, said = check_faults(world, nursery, tmp_path, kind, points)
    assert met
    with capsys.disabled():
        print(f"\n{met} faults of the kind {kind}; jobs that ended in error said: {sorted(said)}")
    assert all(code == "StorageFailure" for code, _ in said)


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize(("kind", "points"), [("kill", (20,)), ("full", (20,))])
def test_a_fault_at_a_write_costs_no_data(small, nursery, tmp_path, capsys, kind, points):
    check_kind(small, nursery, tmp_path, capsys, kind, points)


@pytest.mark.long
@pytest.mark.timeout(7200)
@pytest.mark.parametrize("kind", FAULTS)
def test_a_fault_at_each_write_costs_no_data(small, nursery, tmp_path, capsys, kind):
    check_kind(small, nursery, tmp_path, capsys, kind, range(1, 10_000))


@pytest.fixture
def small(world):
    """The world with a job of one block and one file."""
    extent = world.graph["load"]["arguments"]["spatial_extent"]
    width = (extent["east"] - extent["west"]) / 20
    arguments = world.graph["load"]["arguments"]
    arguments |= {
        "spatial_extent": extent | {"east": extent["west"] + width, "north": extent["south"] + width / 2},
        "temporal_extent": ["2024-01-01", "2024-06-01"],
        "bands": ["B04", "B08"],
    }
    return world
