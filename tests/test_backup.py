"""A backup of a workspace at work is one moment of it: whole, checked, never at the cost of the last one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

import eocene
from eocene.jobs.backup import BackupFolder, back_up, restore_workspace
from eocene.model import DamageError, InputError, Layout, NotFoundError
from tests.backups import (
    back_up_under_load,
    check_it_agrees_with_itself,
    check_it_has_what_was_acknowledged,
    check_unchanged_jobs_are_the_same,
    describe,
    finish_a_job,
    small_graph,
)
from tests.command import SCRIPT, call


@pytest.fixture(scope="module")
def template(simulated_world, tmp_path_factory) -> Path:
    """A workspace with a user, an uploaded file, a finished job and a waiting one."""
    with eocene.open(tmp_path_factory.mktemp("template") / "workspace") as ws:
        ws.ingest(simulated_world.folder)
        ws.users.set_password("ada", "correct horse")
        (ws.layout.files / "ada").mkdir(parents=True)
        (ws.layout.files / "ada" / "7.lock").write_text("a file of Ada's, whatever its name")
        finish_a_job(ws)
        ws.jobs.queue(ws.jobs.create({"process_graph": small_graph()}, owner="ada").id)
        return ws.layout.root


@pytest.fixture
def layout(template, tmp_path) -> Layout:
    """A copy of it, which may be changed."""
    return Layout(shutil.copytree(template, tmp_path / "workspace"))


def test_what_is_restored_elsewhere_is_what_was_there(layout, tmp_path):
    before = describe(layout.root)
    saved = back_up(layout, tmp_path / "backups")
    restore_workspace(tmp_path / "backups", tmp_path / "elsewhere" / "workspace")
    assert describe(tmp_path / "elsewhere" / "workspace") == before
    assert len(before["results"]) > 2
    assert saved.written_bytes > sum(p.stat().st_size for p in layout.results.rglob("*") if p.is_file()) * 0.5
    assert not (layout.root / ".backup").exists()


def test_a_backup_under_load_agrees_with_itself(layout, simulated_world, tmp_path):
    moments = back_up_under_load(layout, tmp_path / "backups", simulated_world, backups=3)
    live = describe(layout.root)
    finished = 0
    for name, moment in moments.items():
        restored = tmp_path / "restored" / name
        restore_workspace(tmp_path / "backups", restored, name=name)
        finished += check_it_agrees_with_itself(restored)
        check_it_has_what_was_acknowledged(restored, moment)
    assert finished >= 2 * len(moments)
    check_unchanged_jobs_are_the_same(live, describe(restored))


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


def test_a_backup_names_the_store_that_keeps_objects_and_restore_asks_for_it(layout, tmp_path, monkeypatch):
    monkeypatch.setenv("EOCENE_STORE", "s3://bucket/prefix")
    snapshot = back_up(layout, tmp_path / "backups").snapshot
    assert snapshot.store == "s3://bucket/prefix"
    monkeypatch.delenv("EOCENE_STORE")
    with pytest.raises(InputError, match="lie in s3://bucket/prefix") as caught:
        restore_workspace(tmp_path / "backups", tmp_path / "new")
    assert "EOCENE_STORE" in caught.value.remedy
    assert not (tmp_path / "new").exists()
    monkeypatch.setenv("EOCENE_STORE", "s3://copy/prefix")
    assert restore_workspace(tmp_path / "backups", tmp_path / "new") == snapshot


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
