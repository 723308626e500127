"""A download is whole and right, or an error and nothing changed; what was cut off goes on where it was."""

from __future__ import annotations

import hashlib
import os
import random
import shutil
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest

from eocene.archive.fetch import Checksum, digest_file
from eocene.model import DamageError, InputError, StateError
from eocene.testing.faults import Fault, Faults, FaultServer

DATA = np.random.default_rng(6).integers(0, 256, 3_000_000, dtype=np.uint8).tobytes()
SHA = "1220" + hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server(tmp_path):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "scene.zip").write_bytes(DATA)
    with FaultServer(tmp_path / "served") as running:
        yield running


@pytest.fixture
def target(tmp_path):
    return tmp_path / "assets" / "scene.zip"


def fetch(server, target, *, checksum=None, progress=None, **limits):
    server.door(**limits).download(f"{server.url}/scene.zip", target, checksum=checksum, progress=progress)


def test_a_file_arrives_whole_with_nothing_beside_it(server, target):
    told = []
    fetch(server, target, checksum=SHA, progress=lambda have, total: told.append((have, total)))
    assert target.read_bytes() == DATA
    assert list(target.parent.iterdir()) == [target]
    assert told[-1] == (len(DATA), len(DATA))
    assert told == sorted(told)


@pytest.mark.parametrize("kind", ["reset", "truncate", "stall", "drip"])
def test_what_was_cut_off_goes_on_where_it_was(server, target, kind):
    server.faults = Faults([Fault(kind, seconds=0.5)] * 4)  # more often than it is tried without progress
    fetch(server, target, checksum=SHA, stall_s=0.2, attempts=3)
    assert target.read_bytes() == DATA
    assert server.sent_bytes < 2 * len(DATA)  # from its beginning each time, it would be 3
    assert {seen.headers.get("If-Range") for seen in server.seen[1:]} != {None}


def test_faults_of_all_kinds_at_random_leave_the_right_bytes(server, target):
    drawn = [Fault(kind, seconds=0.3) for kind in ("reset", "truncate", "stall", "no answer", "wrong range")]
    drawn += [Fault("status", status=status, headers={"Retry-After": "0"}) for status in (429, 503)]
    for seed in range(6):
        server.faults = Faults(rate=0.7, drawn=drawn, seed=seed)
        fetch(server, target, checksum=SHA, stall_s=0.2, attempts=40)
        assert target.read_bytes() == DATA
        target.unlink()


def test_a_process_that_is_killed_leaves_what_the_next_one_goes_on_from(server, target):
    server.faults = Faults(always=Fault("drip", after=0.4, seconds=0.05))
    child = os.fork()
    if child == 0:  # pragma: no cover (another process, killed)
        fetch(server, target)
        os._exit(0)
    partial = target.with_name("scene.zip.partial")
    deadline = time.monotonic() + 30
    while not (partial.exists() and partial.stat().st_size > 500_000) and time.monotonic() < deadline:
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    have = partial.stat().st_size
    assert not target.exists()
    server.faults, server.seen[:] = Faults(), []
    fetch(server, target, checksum=SHA)
    assert target.read_bytes() == DATA
    assert [seen.headers["Range"] for seen in server.seen] == [f"bytes={have}-"]


def test_an_object_that_changed_meanwhile_is_fetched_from_its_beginning(server, target):
    target.parent.mkdir()
    target.with_name("scene.zip.partial").write_bytes(DATA[:1000])
    target.with_name("scene.zip.partial.tag").write_text('"of an older one"')
    fetch(server, target)
    assert target.read_bytes() == DATA


def test_a_part_of_which_nothing_is_known_is_not_trusted(server, target):
    target.parent.mkdir()
    target.with_name("scene.zip.partial").write_bytes(b"?" * 1000)
    fetch(server, target)
    assert target.read_bytes() == DATA


def test_wrong_bytes_are_fetched_again_and_then_an_error(server, target):
    server.faults = Faults([Fault("wrong bytes")])
    fetch(server, target, checksum=SHA)
    assert target.read_bytes() == DATA
    target.write_bytes(b"as it was")
    server.faults = Faults(always=Fault("wrong bytes"))
    with pytest.raises(DamageError, match="checksum"):
        fetch(server, target, checksum=SHA)
    assert target.read_bytes() == b"as it was"
    assert list(target.parent.iterdir()) == [target]


def test_what_is_too_large_is_refused_before_it_is_fetched(server, target, monkeypatch):
    with pytest.raises(DamageError, match="allowed"):
        fetch(server, target, download_bytes=1_000_000)
    assert list(target.parent.iterdir()) == []
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=20_000_000))
    fetch(server, target)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=17_000_000))
    with pytest.raises(DamageError, match="room"):
        fetch(server, target)
    assert target.with_name("scene.zip.partial").stat().st_size == 0


def test_a_body_without_end_is_cut(server, target):
    server.faults = Faults(always=Fault("endless"))
    with pytest.raises(DamageError, match="larger"):
        fetch(server, target, download_bytes=10_000_000)
    assert not target.exists()
    assert list(target.parent.iterdir()) == []


def test_two_at_once_do_not_write_into_one_file(server, target):
    first = []

    def second(_have, _total):
        if not first:
            first.append(True)
            with pytest.raises(StateError, match="already"):
                fetch(server, target)

    fetch(server, target, progress=second)
    assert first
    assert target.read_bytes() == DATA


def test_checksums_are_read_in_both_spellings_and_nothing_else(tmp_path):
    path = tmp_path / "a"
    path.write_bytes(DATA[:1000])
    for name, code in (("sha256", "1220"), ("sha512", "1340"), ("sha1", "1114"), ("md5", "d50110")):
        digest = hashlib.new(name, DATA[:1000]).hexdigest()
        for text in (f"{name}:{digest}", code + digest, (code + digest).upper()):
            assert str(Checksum.parse(text)) == code + digest
            assert Checksum.parse(text).matches(path)
        assert digest_file(path, name) == Checksum(name, digest)
    generator = random.Random(1)  # noqa: S311
    for _ in range(200):
        text = "".join(generator.choices("0123456789abcdef:sh", k=generator.randrange(80)))
        with pytest.raises(InputError):
            Checksum.parse(text)
