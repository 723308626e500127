"""Workspaces that are backed up: what they hold, somebody who works in one meanwhile, what must come back."""

from __future__ import annotations

import hashlib
import json
import random
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import eocene
from eocene.jobs import run_worker
from eocene.jobs.backup import back_up

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.model import Layout
    from eocene.testing.simulate import SimulatedArchive

S2 = "sentinel-2-l2a"


def small_graph() -> dict[str, Any]:
    time_span = ["2024-06-01", "2024-06-20"]
    arguments = {"id": S2, "bands": ["B04"], "spatial_extent": None, "temporal_extent": time_span}
    return {
        "load": {"process_id": "load_collection", "arguments": arguments},
        "save": {
            "process_id": "save_result", "result": True,
            "arguments": {"data": {"from_node": "load"}, "format": "GTiff"},
        },
    }  # fmt: skip


def hash_files(folder: Path) -> dict[str, str]:
    """Return path → SHA-256 of all files but those of work in progress."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.relative_to(folder).parts[0].startswith(".")
    }


def describe(root: Path) -> dict[str, Any]:
    """Return what a workspace answers about itself: items, jobs with logs, users, results by checksum."""
    with eocene.open(root, create=False) as ws:
        return {
            "items": [i.to_dict(transform_hrefs=False) for i in ws.search(sortby=["+id"])],
            "collections": ws.archive.catalogue.collections(),
            "jobs": {j.id: (j, ws.jobs.logs(j.id)) for j in ws.jobs.list()},
            "results": hash_files(root / "results"),
            "files": hash_files(root / "files"),
            "ada": ws.users.verify("ada", "correct horse"),
            "key": ws.users.signing_key(),
        }


_LEFT_ALONE = 2
"""So many finished jobs of the user who is busy there are at any time."""


@dataclass(frozen=True)
class Known:
    """What had been acknowledged at one moment: names of users and collections, ids of jobs."""

    users: frozenset[str]
    collections: frozenset[str]
    jobs: frozenset[str]


class Load:
    """Somebody ingests, somebody adds users, and jobs come, are run, deleted and queued again."""

    def __init__(self, layout: Layout, product: Path) -> None:
        self._layout, self._product, self._stop = layout, product, threading.Event()
        self._users: list[str] = []
        self._collections: list[str] = []
        self._jobs: list[str] = []
        self._finished = 0
        self.deleted: set[str] = set()
        self.errors: list[BaseException] = []
        work = (self._ingest, self._make_user, self._order, self._work)
        self._threads = [threading.Thread(target=self._repeat, args=(step,)) for step in work]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def know(self) -> Known:
        """Return what has been acknowledged until now."""
        return Known(frozenset(self._users), frozenset(self._collections), frozenset(self._jobs))

    def has_come_round(self, times: int) -> bool:
        """Tell whether each kind of work was done so often, or one failed."""
        done = min(map(len, (self._users, self._collections, self._jobs)))
        return bool(self.errors) or (done >= times and self._finished >= _LEFT_ALONE)

    def _repeat(self, step: Callable[[eocene.Workspace], None]) -> None:
        try:
            with eocene.open(self._layout.root) as ws:
                while not self._stop.is_set():
                    step(ws)
                    self._stop.wait(0.2)
        except BaseException as error:  # noqa: BLE001  told by the test
            self.errors.append(error)

    def _ingest(self, ws: eocene.Workspace) -> None:
        name = f"copies-{len(self._collections) % 5}"
        ws.ingest(self._product, collection=name, datetime="2024-06-01")
        self._collections.append(name)

    def _make_user(self, ws: eocene.Workspace) -> None:
        name = f"user-{len(self._users)}"
        ws.users.set_password(name, "correct horse")
        self._users.append(name)

    def _order(self, ws: eocene.Workspace) -> None:
        job = ws.jobs.create({"process_graph": small_graph()}, owner="user").id
        ws.jobs.queue(job)
        self._jobs.append(job)
        done = [job.id for job in ws.jobs.list("user") if job.status == "finished"]
        self._finished = len(done)
        if len(done) <= _LEFT_ALONE:
            return
        if len(self._jobs) % 3 == 0:
            self.deleted.add(done[0])
            ws.jobs.delete(done[0])
        else:
            ws.jobs.queue(random.choice(done))  # noqa: S311

    def _work(self, ws: eocene.Workspace) -> None:
        run_worker(ws.archive, ws.jobs, stop=self._stop)


def finish_a_job(ws: eocene.Workspace) -> None:
    """Run a job of somebody who is not busy: it stays as it is, whatever the others do."""
    ws.jobs.queue(ws.jobs.create({"process_graph": small_graph()}, owner="ada").id)
    assert run_worker(ws.archive, ws.jobs, once=True) == 1


def back_up_under_load(
    layout: Layout, target: Path, world: SimulatedArchive, *, backups: int
) -> dict[str, tuple[Known, frozenset[str]]]:
    """Make backups while others work; return what each must hold, and the jobs that it need not."""
    product = next((world.folder / S2).rglob("*B04*.tif"))
    moments = {}
    with Load(layout, product) as load:
        for number in range(backups):
            wait_until(lambda: load.has_come_round(1 + 2 * number))  # noqa: B023
            known = load.know()
            name = back_up(layout, target).snapshot.name
            moments[name] = (known, frozenset(load.deleted))
    assert load.errors == []
    assert len(moments) == backups
    return moments


def wait_until(condition: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.02)


def check_it_agrees_with_itself(root: Path) -> int:
    """Finished jobs have the files that their results name, as these say; return how many jobs these are."""
    with eocene.open(root, create=False) as ws:
        finished = [job.id for job in ws.jobs.list() if job.status == "finished"]
        for job in finished:
            folder = root / "results" / job
            assets = json.loads((folder / "collection.json").read_text())["assets"]
            assert assets
            for asset in assets.values():
                file = folder / asset["href"]
                if file.is_file():
                    digest = hashlib.sha256(file.read_bytes()).hexdigest()
                    assert asset["file:checksum"] == f"1220{digest}"
                else:
                    assert any(file.rglob("zarr.json"))
        assert ws.verify(S2).is_sound
        assert ws.users.verify("ada", "correct horse") == "ada"
        return len(finished)


def check_it_has_what_was_acknowledged(root: Path, moment: tuple[Known, frozenset[str]]) -> None:
    """What users had been told to be there before the backup is in it, but for what they deleted since."""
    known, deleted = moment
    with eocene.open(root, create=False) as ws:
        assert known.users <= {user["name"] for user in ws.users.list()}
        assert known.collections <= {c["id"] for c in ws.archive.catalogue.collections()}
        assert known.jobs - deleted <= {job.id for job in ws.jobs.list()}


def check_unchanged_jobs_are_the_same(live: dict[str, Any], restored: dict[str, Any]) -> None:
    """Jobs that have not changed since the backup have the same results, by checksum; there are such jobs."""
    kept = {
        name
        for name, (job, logs) in restored["jobs"].items()
        if job.status == "finished" and live["jobs"].get(name) == (job, logs)
    }
    assert kept
    for path, digest in restored["results"].items():
        if path.split("/")[0] in kept:
            assert live["results"][path] == digest
