"""A demonstration that is killed leaves a workspace that the next run completes, to the same figures."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import geopandas as gpd
import pytest
import rasterio
from tests.apps.conftest import Demo, demo_command, run_demo_command

import eocene

LIGHT = """
import json, sys
from dataclasses import replace
from pathlib import Path
import eocene
from eocene.apps import demo, steps, study
from eocene.learn import ModelSpec
study.SIMULATED = replace(study.SIMULATED, spec=ModelSpec(settings={"n_estimators": 3}))
folder = Path(sys.argv[1])
with eocene.open(folder / "workspace") as ws:
    made = demo.run_demo(ws.layout, steps.Steps(), simulated=folder / "archive-128", size=128)
print(json.dumps(made))
"""


def light_command(folder: Path) -> list[str]:
    """The demonstration with a forest of three trees, which leaves more time to kill it elsewhere."""
    return [sys.executable, "-c", LIGHT, str(folder)]


def run_and_kill(command: list[str], *, after: int, wait_s: float) -> bool:
    """Start a command and kill it ``wait_s`` after its step number ``after`` has ended.

    Returns whether it was still running then.
    """
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    assert process.stderr is not None
    for _ in range(after):
        process.stderr.readline()
    rest = threading.Thread(target=process.stderr.read, daemon=True)
    rest.start()
    time.sleep(wait_s)
    alive = process.poll() is None
    process.kill()
    assert process.wait() in (-signal.SIGKILL, 0)
    rest.join()
    process.stderr.close()
    return alive


def finish(command: list[str], folder: Path) -> Demo:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    return Demo(folder, done.stdout, done.stderr)


def comparable(figures: dict[str, Any]) -> dict[str, Any]:
    """Return the figures without times and the ids that chance gives to jobs."""
    kept = {k: v for k, v in figures.items() if k not in ("seconds", "outputs", "steps")}
    kept |= {k: figures["outputs"][k] for k in ("dataset", "model", "parcels", "graph")}
    return {**kept, "steps": [(step["name"], step["outcome"]) for step in figures["steps"]]}


def assert_same_results(first: Demo, second: Demo) -> None:
    assert comparable(first.figures) == comparable(second.figures)
    assert gpd.read_parquet(first.output("parcels")).equals(gpd.read_parquet(second.output("parcels")))
    for name, ending in (("map", "_class.tif"), ("map", "_confidence.tif"), ("ndvi", "2024-06_data.tif")):
        pixels = []
        for demo in (first, second):
            with rasterio.open(demo.result(name, ending)) as file:
                pixels.append(file.read().tobytes())
        assert pixels[0] == pixels[1]


def assert_nothing_is_left_over(demo: Demo) -> None:
    """No half-written file in the workspace, and every job ended, also one whose worker was killed."""
    assert [path for path in demo.workspace.rglob(".*") if path.is_file()] == []
    with eocene.open(demo.workspace, create=False) as ws:
        assert len(ws.layers.list()) == 5
        assert {job.status for job in ws.jobs.list()} == {"finished"}
        assert {path.name for path in ws.layout.results.glob("j-*")} == {job.id for job in ws.jobs.list()}


def test_a_demo_killed_twice_is_completed_by_the_next_run(demo, tmp_path):
    chance = random.Random(2)  # noqa: S311
    for name in ("killed", "calm"):  # that a simulation goes on where it was cut off is tested beside it
        shutil.copytree(demo.archive, tmp_path / name / demo.archive.name)
    killed = light_command(tmp_path / "killed")
    assert run_and_kill(killed, after=1, wait_s=chance.uniform(0, 1.5))
    assert run_and_kill(killed, after=chance.choice([3, 4]), wait_s=chance.uniform(0, 0.5))
    completed = finish(killed, tmp_path / "killed")
    calm = finish(light_command(tmp_path / "calm"), tmp_path / "calm")
    assert_same_results(calm, completed)
    assert_nothing_is_left_over(completed)


@pytest.mark.long
@pytest.mark.timeout(1200)
def test_a_demo_killed_at_many_moments_is_completed_by_the_next_run(demo, tmp_path):
    chance = random.Random(int(os.environ.get("EOCENE_SEED", "0")))  # noqa: S311
    killed = 0
    for after in (0, 1, 2, 4, 6, 7):
        killed += run_and_kill(demo_command(tmp_path / "d"), after=after, wait_s=chance.uniform(0, 3))
    assert killed >= 3
    completed = run_demo_command(tmp_path / "d")
    assert_same_results(demo, completed)
    assert_nothing_is_left_over(completed)


@pytest.mark.long
def test_a_finished_demo_runs_again_on_its_workspace_within_a_minute(demo, tmp_path):
    shutil.copytree(demo.folder, tmp_path / "d")
    again = run_demo_command(tmp_path / "d")
    assert_same_results(demo, again)
    assert again.figures["seconds"] <= 60
