"""Whatever is killed at whatever step: each event has one row, one job and one notice, and none is lost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from tests.jobs.events.world import watch

from eocene.jobs import JobStore
from eocene.model import Layout

MEMORY = Path("/dev/shm")  # noqa: S108 (a kill of a process loses no page of a disk, and thousands of commits wait)
SCRIPT = Path(__file__).with_name("crashing.py")


@pytest.fixture
def layout(tmp_path):
    """A workspace where a commit costs no turn of a disk, if the machine has such a place."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else tmp_path) as folder:
        yield Layout(Path(folder))


def crash(rules, layout, outside, *, kills=0, seed=0):
    """Let a scheduler be killed while the feed goes on, and count what came of it."""
    when = watch(outside)["when"] | {"url": f"{outside.server.url}/quakes.json"}
    rule = rules.create(watch(outside, when=when))
    feed = outside.server.folder / "quakes.json"
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(Path(__file__).parents[3]), os.environ.get("PYTHONPATH")))
        )
    }
    done = subprocess.run(
        [sys.executable, str(SCRIPT), str(layout.root), str(feed), str(kills), str(seed)],
        capture_output=True, text=True, timeout=7200, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    store = JobStore(layout)
    jobs = Counter(job.description for job in store.list())
    store.close()
    events = Counter(event["event"]["id"] for event in rules.events(rule.id, limit=100_000))
    return told, events, jobs, Counter(outside.keys)


def hold_to_once(told, events, jobs, keys):
    expected = {f"us{number}" for number in range(1, told["earthquakes"] + 1)}
    assert set(events) == expected
    assert set(events.values()) == set(jobs.values()) == {1}
    assert len(jobs) == len(keys) == len(expected)


def test_kills_at_random_steps_lose_and_double_nothing(rules, layout, outside):
    told, events, jobs, keys = crash(rules, layout, outside, kills=8, seed=7)
    assert told["killed"] == 8
    hold_to_once(told, events, jobs, keys)


@pytest.mark.long
@pytest.mark.timeout(7300)
def test_a_kill_at_each_step_of_a_scheduler_loses_and_doubles_nothing(rules, layout, outside):
    told, events, jobs, keys = crash(rules, layout, outside)
    assert told["killed"] >= 30
    hold_to_once(told, events, jobs, keys)


@pytest.mark.long
@pytest.mark.timeout(7300)
def test_500_kills_at_random_steps_while_feeds_break_lose_and_double_nothing(rules, layout, outside):
    told, events, jobs, keys = crash(rules, layout, outside, kills=500, seed=1)
    assert told["killed"] == 500
    hold_to_once(told, events, jobs, keys)
    repeated = keys.total() - len(keys)
    assert repeated <= told["killed"]  # sent, and killed before that was noted: known by the same key
    print(f"{told['earthquakes']} events, {told['killed']} kills, {repeated} repeated under the same key")
