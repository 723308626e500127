"""Clients of a server whose disk is full or broken hear so, and find what they had."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.recovery.disk import can_watch

from eocene.jobs import JobStore
from eocene.model import Layout

pytestmark = pytest.mark.skipif(not can_watch(), reason="the kernel does not let processes be watched")

SAID = {"ENOSPC": ("full",), "EIO": ("could not be read or written", "disk I/O error")}


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """What servers answer while their disks fail, by the way they do, and their workspaces."""
    layouts = {kind: Layout(tmp_path_factory.mktemp("disks") / kind) for kind in SAID}
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
