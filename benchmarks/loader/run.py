"""Make the data and the workspace of the benchmark, and run contenders in processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data import make_scenes
from scene import collection, items

import eocene
from eocene.archive.definition import complete_collection

if TYPE_CHECKING:
    from collections.abc import Iterator

HERE = Path(__file__).parent
METER = HERE.parent / "engine"


@contextmanager
def serving(folder: Path, delay: float) -> Iterator[str]:
    """Serve a folder with a delay, and give its address, which contenders may read."""
    command = [sys.executable, str(HERE / "latency.py"), str(folder), str(delay)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout
        try:
            address = f"http://127.0.0.1:{int(server.stdout.readline())}"
            os.environ.update(EOCENE_REMOTE=address, EOCENE_REMOTE_PRIVATE="127.0.0.1")
            yield address
        finally:
            server.kill()


def prepare(folder: Path, name: str, root: str) -> Path:
    """Return a new workspace whose items lie below ``root``, and their list for the peer beside it."""
    make_scenes(folder / "data")
    found = items(root)
    (folder / f"{name}.json").write_text(json.dumps(found))
    place = folder / f"workspace-{name}"
    shutil.rmtree(place, ignore_errors=True)
    with eocene.open(place) as workspace:
        made = complete_collection(collection(), None, found)
        roots = [] if "://" in root else [Path(root)]
        workspace.archive.catalogue.put_items(found, collections=[made], roots=roots)
    return place


def run_contender(python: str, script: str, *arguments: object) -> dict[str, Any]:
    """Run a contender in a fresh process and return the line of figures that it printed."""
    command = [python, str(HERE / script), *map(str, arguments)]
    path = os.pathsep.join([str(METER), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = os.environ | {"PYTHONPATH": path}
    done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-3000:]}")
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return figures


def ask(address: str, what: str) -> Any:
    """Return the figures of a server since it was reset, or reset it."""
    with urllib.request.urlopen(f"{address}/__{what}") as answer:
        return json.loads(answer.read() or "null")
