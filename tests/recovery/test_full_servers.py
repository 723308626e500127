"""Clients of a server whose disk is full or broken hear so, and find what they had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.recovery.disk import Fault, can_watch, run_watched

from eocene.jobs import JobStore
from eocene.model import Layout

pytestmark = pytest.mark.skipif(not can_watch(), reason="the kernel does not let processes be watched")

SAID = {"ENOSPC": ("full",), "EIO": ("could not be read or written", "disk I/O error")}


def ask_servers(folder, *kinds):
    """Return what servers answer while their disks fail, by the way they do, and their workspaces."""
    layouts = {kind: Layout(folder / kind) for kind in kinds}
    for layout in layouts.values():
        layout.root.mkdir()
        layout.marker.write_text("{}")
    roots = [str(layout.root) for layout in layouts.values()]
    command = [sys.executable, str(Path(__file__).with_name("asking.py")), *roots]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    lines = done.stdout.splitlines()
    return {kind: (layouts[kind], json.loads(line)) for kind, line in zip(layouts, lines, strict=True)}


def read_error(status, text):
    """Return status, code and message of an error."""
    body = json.loads(text)
    return status, body.get("code"), body.get("message", text)


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What servers answer whose state lies on the same disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("EOCENE_DATABASE", raising=False)
        return ask_servers(tmp_path_factory.mktemp("disks"), *SAID)


@pytest.mark.parametrize("kind", SAID)
def test_what_cannot_be_written_is_refused_in_words_and_what_was_there_can_be_read(
    answers, kind, monkeypatch
):
    monkeypatch.delenv("EOCENE_DATABASE", raising=False)
    layout, said = answers[kind]
    read = {name: status for name, (status, _) in said.items() if name.startswith("read")}
    refused = {name: read_error(*said[name]) for name in said.keys() - read.keys()}
    assert set(read.values()) == {200}
    assert {error[:2] for error in refused.values()} == {(500, "StorageFailure")}, refused
    assert all(any(word in text for word in SAID[kind]) for _, _, text in refused.values()), refused
    assert said["read a file"][1] == "old"
    assert [job["title"] for job in json.loads(said["read the jobs"][1])["jobs"]] == ["old"]
    store = JobStore(layout)
    assert [(job.title, job.status) for job in store.list()] == [("old", "created")]
    store.close()


@pytest.mark.long
@pytest.mark.parametrize("kind", SAID)
def test_jobs_in_postgres_go_on_while_the_disk_of_files_fails(postgres, kind, tmp_path, monkeypatch):
    monkeypatch.setenv("EOCENE_DATABASE", postgres.url(postgres.make_database()))
    _, said = ask_servers(tmp_path, kind)[kind]
    uploads = {name: read_error(*said[name]) for name in ("upload a file", "replace a file")}
    assert {error[:2] for error in uploads.values()} == {(500, "StorageFailure")}, uploads
    assert all(any(word in text for word in SAID[kind]) for _, _, text in uploads.values()), uploads
    done = {name: said[name][0] for name in ("create a job", "change a job", "start a job", "delete a job")}
    assert list(done.values()) == [201, 204, 202, 204], said
    assert said["read a job"][0] == 404
    assert len(json.loads(said["read the jobs"][1])["jobs"]) == 1
    assert said["read a file"] == [200, "old"]
    assert [file["path"] for file in json.loads(said["read the files"][1])["files"]] == ["old.bin"]


@pytest.mark.parametrize("kind", SAID)
def test_folders_that_cannot_be_removed_now_keep_no_job_from_what_was_asked(kind, tmp_path, monkeypatch):
    monkeypatch.delenv("EOCENE_DATABASE", raising=False)
    layout = Layout(tmp_path)
    store = JobStore(layout)
    deleted, again = (store.create({"process_graph": {"one": {}}}).id for _ in range(2))
    for job_id in (deleted, again):
        (layout.results / job_id).mkdir(parents=True)

    def ask(store):
        store.delete(deleted)
        store.queue(again)
        (tmp_path / "said").write_text("no error")

    watch = run_watched(ask, layout.results, Fault(kind, 1, lasts=True), lambda: [JobStore(layout)])
    assert (tmp_path / "said").exists()
    assert [(job.id, job.status) for job in store.list()] == [(again, "queued")]
    store.sweep()
    store.close()
    assert bool(watch.struck) == (kind == "EIO")  # a full disk lets folders be renamed
    assert not (layout.results / deleted).exists()
