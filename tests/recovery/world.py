"""A workspace with a job of some dozens of blocks, and what may happen to its workers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import sqlite3
import time
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from eocene.jobs import JobStore
    from eocene.jobs.job import Job
    from eocene.model import Layout

THREADS = len(os.sched_getaffinity(0))
"""How many blocks a worker computes at a time."""
PATIENCE_S = 300
"""How long a busy machine may take for anything."""
_MARKS = re.compile(r"j-[0-9a-f]{16}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


@dataclass
class World:
    """A workspace of its own with its jobs; ``begun`` is the file in which workers note what they begin."""

    layout: Layout
    graph: dict[str, Any]
    store: JobStore
    notes: Path

    def make_small(self) -> World:
        """Return the same workspace with a job of one block and one file."""
        graph = deepcopy(self.graph)
        arguments = graph["load"]["arguments"]
        extent = arguments["spatial_extent"]
        width = (extent["east"] - extent["west"]) / 20
        extent |= {"east": extent["west"] + width, "north": extent["south"] + width / 2}
        return World(self.layout, graph, self.store, self.notes)

    def queue(self) -> Job:
        """Create a job and queue it."""
        return self.store.queue(self.store.create({"process_graph": self.graph}, title="kept").id)

    def begun(self) -> list[str]:
        """Return the blocks and files that were begun, in order, with repetitions."""
        return self.notes.read_text().split("\n")[:-1] if self.notes.exists() else []

    def digest(self, job_id: str) -> dict[str, str]:
        """Hash all files of a result, by name; in JSON the job's name and instants are left out."""
        folder, found = self.store.results_folder(job_id), {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            content = path.read_bytes()
            if path.suffix == ".json" and "cube.zarr" not in path.parts:
                content = _MARKS.sub("*", content.decode()).encode()
            name = _MARKS.sub("*", path.relative_to(folder).as_posix())
            found[name] = hashlib.sha256(content).hexdigest()
        return found

    def find_damage(self, expected: dict[str, str], finished: Iterable[str]) -> list[str]:
        """Say what is not as it should be: a state that cannot be read, results that are others or too many.

        ``finished`` are the jobs that must have ended well; nothing else may lie among the results.
        """
        found, finished = [], set(finished)
        for job_id in finished:
            status = self.store.get(job_id).status
            if status != "finished":
                found.append(f"{job_id} is {status}: {self.store.logs(job_id)[-1]['message']}")
            elif others := {name for name, _ in self.digest(job_id).items() ^ expected.items()}:
                found.append(f"{job_id} has not the files of an undisturbed job: {', '.join(sorted(others))}")
        if self.layout.state.exists():
            with contextlib.closing(sqlite3.connect(self.layout.state)) as connection:
                said = connection.execute("PRAGMA integrity_check").fetchone()[0]
            found += [f"state.sqlite: {said}"] if said != "ok" else []
        left = {path.name for path in self.layout.results.iterdir()} - finished
        return found + [f"{name} was left among the results" for name in sorted(left)]


def write_order(world: World, order: dict[str, Any]) -> str:
    """Return the line that orders a worker for a world, in this process's environment."""
    settings = {name: os.environ.get(name) for name in ("EOCENE_MEMORY", "EOCENE_DATABASE")}
    place = {"root": str(world.layout.root), "notes": str(world.notes), "settings": settings}
    return json.dumps(place | order) + "\n"


def is_running(pid: int) -> bool:
    """Tell whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def await_end(pid: int, seconds: float = 120) -> None:
    """Wait until a process has ended."""
    deadline = time.monotonic() + seconds
    while is_running(pid):
        if time.monotonic() > deadline:
            raise TimeoutError("a worker did not come to an end")
        time.sleep(0.005)


def await_that(holds: Callable[[], object], seconds: float = PATIENCE_S) -> float:
    """Wait until a condition holds; return how many seconds it took."""
    since = time.monotonic()
    while not holds():
        if time.monotonic() - since > seconds:
            raise TimeoutError(f"{holds} did not hold within {seconds} s")
        time.sleep(0.02)
    return time.monotonic() - since
