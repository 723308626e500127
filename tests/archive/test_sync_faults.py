"""Through a proxy that fails in every way, and killed anywhere, a mirror ends right or says what is wrong."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import closing

import numpy as np
import pytest

from eocene.archive import Archive, Search
from eocene.archive.mirror.sync_source import Wanted
from eocene.model import EoceneError, Layout
from eocene.testing.faults import Fault, Faults

from .sync_source import StacSource

S2 = Wanted("s2")
KINDS = [Fault(kind, seconds=0.2) for kind in ("reset", "truncate", "stall", "no answer", "wrong range")]
KINDS += [Fault("status", status=status, headers={"Retry-After": "0"}) for status in (429, 503, 502)]
KINDS += [Fault("wrong bytes")] * 3


class Proxy(Faults):
    """Fails at random; what it has corrupted once, it does not corrupt in the same way again."""

    def __init__(self, rate: float, seed: int) -> None:
        super().__init__(rate=rate, drawn=KINDS, seed=seed)
        self._corrupted: set[str] = set()

    def choose(self, path: str) -> Fault | None:
        fault = super().choose(path)
        if fault is not None and fault.kind == "wrong bytes":
            if path in self._corrupted:
                return None
            self._corrupted.add(path)
        return fault


@pytest.fixture(params=[True, False], ids=["checksums", "no checksums"])
def source(request, tmp_path, products, monkeypatch):
    made = StacSource(tmp_path / "source", products, scenes=5, checksums=request.param)
    monkeypatch.setenv("EOCENE_REMOTE_PRIVATE", made.server.host)
    with made.server:
        yield made


def check_pixels(archive, source):
    """Compare every pixel that the mirror has; return how many items it has."""
    items = archive.catalogue.search(Search(collections=("s2",)))
    for item in items:
        assert item["id"] in source.items
        for band, asset in item["assets"].items():
            raster = archive.open_raster(asset)
            np.testing.assert_array_equal(raster.read(raster.levels[0]), source.pixels[item["id"], band])
    return len(items)


def mirror_through(archive, source, rate, seed):
    """Run until all is there, each time to a report or a named error; return how many items are right."""
    errors = []
    for run in range(8):
        source.server.faults = Proxy(rate, 1000 * run + seed)
        try:
            report = archive.sync(source.server.url, S2)
            errors += [fault["error"] for fault in report.failed]
        except EoceneError as error:
            errors.append(str(error))
        if check_pixels(archive, source) == len(source.items):
            break
    source.server.faults = Faults()
    assert archive.sync(source.server.url, S2).failed == []
    assert archive.verify().is_sound
    assert all("http://127.0.0.1" in text or "source" in text for text in errors), errors
    return check_pixels(archive, source)


def test_through_faults_of_all_kinds_there_is_no_wrong_pixel(archive, source):
    assert mirror_through(archive, source, 0.25, seed=3) == len(source.items)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20))
def test_through_many_more_faults_there_is_no_wrong_pixel(archive, source, seed):
    assert mirror_through(archive, source, 0.1 + 0.02 * seed, seed) == len(source.items)


@pytest.mark.parametrize("path", ["/search", "/collections/s2", "/", "/data/scene-0/red.tif"])
def test_one_wrong_byte_anywhere_is_noticed(archive, source, path):
    class Once(Faults):
        def choose(self, asked):
            return super().choose(asked) if asked == path else None

    source.server.faults = Once([Fault("wrong bytes")])
    report = archive.sync(source.server.url, S2)
    assert report.failed == []
    assert check_pixels(archive, source) == 5
    assert archive.catalogue.collection("s2")["license"] == "CC-BY-4.0"


def test_a_broken_file_that_nothing_vouches_for_is_not_kept(archive, source):
    """The proxy corrupts the same byte each time, so two readings agree; packed pixels tell."""

    class Always(Faults):
        def choose(self, asked):
            return super().choose(asked) if asked == "/data/scene-0/red.tif" else None

    source.server.faults = Always(always=Fault("wrong bytes"))
    (fault,) = archive.sync(source.server.url, S2).failed
    assert "scene-0" in fault["error"]
    assert check_pixels(archive, source) == 4
    source.server.faults = Faults()
    report = archive.sync(source.server.url, S2)
    assert (report.added, report.failed) == (1, [])
    assert check_pixels(archive, source) == 5


def test_bytes_that_are_always_others_are_a_named_error(archive, source):
    server = source.server
    for path in server.folder.rglob("red.tif"):
        path.write_bytes(b"not what it was" + path.read_bytes()[15:])
    report = archive.sync(server.url, S2)
    assert len(report.failed) == 5
    assert all("red" in fault["error"] for fault in report.failed)
    assert check_pixels(archive, source) == 0


def fingerprint(layout):
    """Return all that a mirror holds: files with their bytes, and the catalogue."""
    with closing(Archive(layout)) as archive:
        catalogue = archive.catalogue
        known = catalogue.collections(), catalogue.search(Search(sortby=("id",))), catalogue.roots()
    files = sorted(path for path in layout.assets.rglob("*") if path.is_file())
    return known, {str(path): path.read_bytes() for path in files}


def kill_at(layout, source, request, delay):
    """Mirror in another process, and kill it when so many requests have come."""
    source.server.seen.clear()
    child = os.fork()
    if child == 0:  # pragma: no cover (killed)
        try:
            with closing(Archive(layout)) as archive:
                archive.sync(source.server.url, S2)
        finally:
            os._exit(0)
    deadline = time.monotonic() + 60
    while source.server.requests < request and time.monotonic() < deadline:
        if os.waitpid(child, os.WNOHANG)[0]:
            return
        time.sleep(0.001)
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def check_kills(source, tmp_path, points, seed):
    """Kill a mirror at random points; return of each whether, resumed, it ended as one that was not."""
    layout = Layout(tmp_path / "workspace")
    with closing(Archive(layout)) as archive:
        archive.sync(source.server.url, S2)
    whole = fingerprint(layout)
    requests = source.server.requests
    generator = random.Random(seed)  # noqa: S311 (no secret)
    ends = []
    for _ in range(points):
        shutil.rmtree(layout.root)
        layout.root.mkdir()
        for _ in range(generator.choice((1, 1, 2))):
            kill_at(layout, source, generator.randint(1, requests), generator.uniform(0, 0.05))
        with closing(Archive(layout)) as archive:
            report = archive.sync(source.server.url, S2)
            assert report.failed == []
            assert report.added + report.unchanged == 5
            assert check_pixels(archive, source) == 5
        ends.append(fingerprint(layout) == whole)
    return ends


def test_killed_at_random_points_it_resumes_and_ends_the_same(source, tmp_path):
    source.server.latency_s = 0.002
    assert check_kills(source, tmp_path, 3, seed=1) == [True] * 3


@pytest.mark.long
def test_killed_at_fifty_random_points_it_resumes_and_ends_the_same(source, tmp_path):
    source.server.latency_s = 0.002
    assert check_kills(source, tmp_path, 25, seed=2) == [True] * 25  # with and without checksums
