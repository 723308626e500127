"""A backup of a workspace at work is one moment of it: whole, checked, never at the cost of the last one."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import eocene
from eocene.jobs import run_worker
from eocene.jobs.backup import BackupFolder, back_up, restore_workspace
from eocene.model import DamageError, InputError, Layout, NotFoundError
from tests.command import SCRIPT, call

if TYPE_CHECKING:
    from collections.abc import Callable

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


@pytest.fixture(scope="module")
def template(simulated_world, tmp_path_factory) -> Path:
    """A workspace with a user, an uploaded file, a finished job and a waiting one."""
    with eocene.open(tmp_path_factory.mktemp("template") / "workspace") as ws:
        ws.ingest(simulated_world.folder)
        ws.users.set_password("ada", "correct horse")
        (ws.layout.files / "ada").mkdir(parents=True)
        (ws.layout.files / "ada" / "7.lock").write_text("a file of Ada's, whatever its name")
        first, second = (ws.jobs.create({"process_graph": small_graph()}, owner="ada") for _ in range(2))
        ws.jobs.queue(first.id)
        run_worker(ws.archive, ws.jobs, once=True)
        ws.jobs.queue(second.id)
        return ws.layout.root


@pytest.fixture
def layout(template, tmp_path) -> Layout:
    """A copy of it, which may be changed."""
    return Layout(shutil.copytree(template, tmp_path / "workspace"))


class Load:
    """Somebody ingests, somebody adds users and files, and jobs come, are run, deleted and queued again."""

    def __init__(self, layout: Layout, product: Path) -> None:
        self._layout, self._product, self._stop = layout, product, threading.Event()
        self.errors: list[BaseException] = []
        self.turns = dict.fromkeys(("_ingest", "_make_users", "_order"), 0)
        names = (*self.turns, "_work")
        self._threads = [threading.Thread(target=self._repeat, args=(name,)) for name in names]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def _repeat(self, name: str) -> None:
        try:
            with eocene.open(self._layout.root) as ws:
                while not self._stop.is_set():
                    getattr(self, name)(ws, self.turns.get(name, 0))
                    self.turns[name] = self.turns.get(name, 0) + 1
                    self._stop.wait(0.2)
        except BaseException as error:  # noqa: BLE001  told by the test
            self.errors.append(error)

    def _ingest(self, ws: eocene.Workspace, turn: int) -> None:
        ws.ingest(self._product, collection=f"copies-{turn % 5}", datetime="2024-06-01")

    def _make_users(self, ws: eocene.Workspace, turn: int) -> None:
        ws.users.set_password(f"user-{turn}", "correct horse")

    def _order(self, ws: eocene.Workspace, turn: int) -> None:
        ws.jobs.queue(ws.jobs.create({"process_graph": small_graph()}, owner="user").id)
        done = [job.id for job in ws.jobs.list("user") if job.status == "finished"]
        if turn % 3 == 0 and done:
            ws.jobs.delete(random.choice(done))  # noqa: S311
        elif done:
            ws.jobs.queue(random.choice(done))  # noqa: S311

    def _work(self, ws: eocene.Workspace, _turn: int) -> None:
        run_worker(ws.archive, ws.jobs, stop=self._stop)


def wait_until(condition: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.02)


def test_what_is_restored_elsewhere_is_what_was_there(layout, tmp_path):
    before = describe(layout.root)
    saved = back_up(layout, tmp_path / "backups")
    restore_workspace(tmp_path / "backups", tmp_path / "elsewhere" / "workspace")
    assert describe(tmp_path / "elsewhere" / "workspace") == before
    assert len(before["results"]) > 2
    assert saved.written_bytes > sum(p.stat().st_size for p in layout.results.rglob("*") if p.is_file()) * 0.5
    assert not (layout.root / ".backup").exists()


def test_a_backup_under_load_agrees_with_itself(layout, simulated_world, tmp_path):
    product = next((simulated_world.folder / S2).rglob("*B04*.tif"))
    with Load(layout, product) as load:
        for number in range(4):
            wait_until(lambda: load.errors or all(count > 2 * number for count in load.turns.values()))  # noqa: B023
            back_up(layout, tmp_path / "backups")
    assert load.errors == []
    folder = BackupFolder(tmp_path / "backups")
    assert len(folder.names()) == 4
    finished = 0
    for name in folder.names():
        restored = tmp_path / "restored" / name
        restore_workspace(tmp_path / "backups", restored, name=name)
        finished += check_it_agrees_with_itself(restored)
    assert finished > 3
    live, last = describe(layout.root), describe(restored)
    kept = {
        j
        for j, (job, _) in last["jobs"].items()
        if job.status == "finished" and live["jobs"].get(j) == last["jobs"][j]
    }
    assert kept
    for path, digest in last["results"].items():
        if path.split("/")[0] in kept:
            assert live["results"][path] == digest


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


def test_the_second_backup_writes_only_what_is_new(layout, tmp_path):
    first = back_up(layout, tmp_path / "backups")
    second = back_up(layout, tmp_path / "backups")
    assert second.written_bytes < 0.2 * first.written_bytes
    with eocene.open(layout.root) as ws:
        (job,) = (j for j in ws.jobs.list() if j.status == "finished")
        ws.jobs.delete(job.id)
    restore_workspace(tmp_path / "backups", tmp_path / "old", name=first.snapshot.name)
    assert job.id in describe(tmp_path / "old")["jobs"]


@pytest.mark.parametrize("victim", ["collection.json", "state.sqlite", "catalogue.sqlite", "7.lock"])
def test_a_flipped_byte_is_found_and_named_and_nothing_appears(layout, tmp_path, victim):
    snapshot = back_up(layout, tmp_path / "backups").snapshot
    entry = next(e for e in snapshot.files if e.path.endswith(victim))
    place = BackupFolder(tmp_path / "backups").place(entry)
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.chmod(0o600)
    place.write_bytes(data)
    with pytest.raises(DamageError, match=entry.path.replace(".", r"\.")):
        restore_workspace(tmp_path / "backups", tmp_path / "new")
    said = call("backup", tmp_path / "backups", "--check")
    assert said.code == 1
    assert f'"damaged": ["{entry.path}"' in said.out
    assert not [p for p in tmp_path.iterdir() if "new" in p.name]


def test_a_damaged_list_and_a_missing_file_are_named(layout, tmp_path):
    snapshot = back_up(layout, tmp_path / "backups").snapshot
    path = tmp_path / "backups" / "backups" / f"{snapshot.name}.json"
    text = path.read_text()
    path.write_text(text.replace('"mode": 4', '"mode": 5', 1))
    with pytest.raises(DamageError, match=path.name):
        restore_workspace(tmp_path / "backups", tmp_path / "new")
    path.write_text(text)
    BackupFolder(tmp_path / "backups").place(snapshot.files[0]).unlink()
    with pytest.raises(DamageError, match=snapshot.files[0].path):
        restore_workspace(tmp_path / "backups", tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_killed_backup_leaves_the_old_ones_whole_and_the_next_goes_through(layout, tmp_path):
    whole = back_up(layout, tmp_path / "backups").snapshot
    with eocene.open(layout.root) as ws:
        (ws.layout.files / "ada" / "large").write_bytes(os.urandom(48 << 20))
    for delay in (0.3, 0.45, 0.6, 0.8):
        command = [SCRIPT, "backup", tmp_path / "backups", "-w", layout.root]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            time.sleep(delay)
            process.send_signal(signal.SIGKILL)
    folder = BackupFolder(tmp_path / "backups")
    assert whole.name in folder.names()
    assert all(folder.find_damage(folder.read(name)) == [] for name in folder.names())
    last = back_up(layout, tmp_path / "backups", keep=1)
    assert folder.names() == [last.snapshot.name]
    assert folder.find_damage(last.snapshot) == []
    objects = {p.name for p in (tmp_path / "backups" / "objects").rglob("*") if p.is_file()}
    assert objects == {entry.sha256 for entry in last.snapshot.entries}
    assert not (layout.root / ".backup").exists()


def test_the_commands_back_up_and_restore(layout, tmp_path):
    made = call("backup", tmp_path / "b", "-w", layout.root).json
    again = call("backup", tmp_path / "b", "-w", layout.root, "--keep", 1).json
    assert again["forgotten"] == [made["backup"]]
    assert call("backup", tmp_path / "b", "--check").json["damaged"] == []
    assert call("restore", tmp_path / "b", tmp_path / "w").json["backup"] == again["backup"]
    assert call("jobs", "-w", tmp_path / "w").json == call("jobs", "-w", layout.root).json


def test_places_that_hold_something_else_are_left_alone(layout, tmp_path):
    back_up(layout, tmp_path / "backups")
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "a.txt").write_text("years of work")
    with pytest.raises(InputError, match="not a folder of backups"):
        back_up(layout, tmp_path / "thesis")
    with pytest.raises(InputError, match="not empty"):
        restore_workspace(tmp_path / "backups", tmp_path / "thesis")
    with pytest.raises(NotFoundError, match="no backup"):
        restore_workspace(tmp_path / "nothing", tmp_path / "new")
    with pytest.raises(NotFoundError, match="There are"):
        restore_workspace(tmp_path / "backups", tmp_path / "new", name="2020")
    assert (tmp_path / "thesis" / "a.txt").read_text() == "years of work"
