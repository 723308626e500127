"""One demonstration on a small world, run as a user runs it; its figures and its workspace."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

SIZE = "128"


def demo_command(folder: Path, *options: str) -> list[str]:
    command = [sys.executable, "-m", "eocene.cli", "demo", "--no-serve", "--size", SIZE]
    return [*command, "--folder", str(folder), *options]


@dataclass(frozen=True)
class Demo:
    """What a demonstration left behind and said."""

    folder: Path
    stdout: str
    stderr: str

    @property
    def workspace(self) -> Path:
        return self.folder / "workspace"

    @property
    def archive(self) -> Path:
        return self.folder / f"archive-{SIZE}"

    @cached_property
    def figures(self) -> dict[str, Any]:
        return json.loads(self.stdout.splitlines()[-1])

    def output(self, name: str) -> Path:
        return self.workspace / self.figures["outputs"][name]

    def result(self, name: str, ending: str) -> Path:
        """Return the one file of a job's results that ends so."""
        (found,) = self.output(name).glob(f"*{ending}")
        return found


def run_demo_command(folder: Path) -> Demo:
    done = subprocess.run(demo_command(folder), capture_output=True, text=True, check=False, timeout=200)
    assert done.returncode == 0, done.stderr
    return Demo(folder, done.stdout, done.stderr)


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    """A finished demonstration; made once, also where several workers run the tests."""
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "demo"
    with shared.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = shared / "told.json"
        if not told.exists():
            made = run_demo_command(shared)
            told.write_text(json.dumps([made.stdout, made.stderr]))
        return Demo(shared, *json.loads(told.read_text()))
