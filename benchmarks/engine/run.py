"""Make the archive of a benchmark, and run contenders in processes of their own."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

from data import make_archive

import eocene

HERE = Path(__file__).parent


def run_contender(python: str, script: str, *arguments: object) -> dict[str, Any]:
    """Run a contender in a fresh process and return the line of figures that it printed."""
    command = [python, str(HERE / script), *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def prepare(folder: Path, size: int = 2048, count: int = 12, sensors: tuple[str, ...] = ("s2", "s1")) -> None:
    """Make data and workspace unless they are there."""
    make_archive(folder, size, count, sensors)
    if not (folder / "workspace").exists():
        with eocene.open(folder / "workspace") as workspace:
            for sensor in sensors:
                workspace.archive.ingest(folder / sensor / "collection.json")
