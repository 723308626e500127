"""Results of jobs in a real object store: all of them or none, whatever the store or the worker does."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.store.faulty import Proxy, run_proxy

from eocene.jobs import JobStore, run_worker, shelf
from eocene.model import Layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive.store import Bucket
    from eocene.testing.swift import SwiftServer

ADD = {"process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}}}
LARGE = 9 << 20
"""Bytes: two parts, so that there is something between the first and the last."""


def make_files(run: str) -> dict[str, bytes]:
    return {"ndvi.tif": run.encode() * 1000, "large.bin": bytes(LARGE), "cube.zarr/c/0": b"a block"}


def write(plan: Any, folder: Path, info: Any, *, work: Path, progress: Any, should_stop: Any) -> None:
    folder.mkdir()
    for name, data in make_files(info.created).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    document = {"links": [], "assets": {"cube": {"href": "./cube.zarr"}}}
    (folder / "collection.json").write_text(json.dumps(document))


def work(jobs: JobStore) -> int:
    return run_worker(
        None, jobs, once=True, beat_s=0.05, poll_s=0.05, make_plan=lambda *_: None, write_results=write
    )


@pytest.fixture
def jobs(store: Bucket, tmp_path: Path) -> Iterator[JobStore]:
    opened = JobStore(Layout(tmp_path))
    yield opened
    opened.close()


@pytest.fixture
def proxy(swift: SwiftServer, store: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """The store behind a proxy that can fail."""
    with run_proxy(swift.url) as between:
        monkeypatch.setenv("AWS_ENDPOINT_URL", between.url)
        yield between


def read_all(jobs: JobStore, job_id: str) -> dict[str, bytes]:
    result = jobs.result(job_id)
    found = {}
    for name in ("ndvi.tif", "large.bin", "cube.zarr/c/0", "collection.json"):
        if name in result:
            content = result.open(name)
            found[name] = content.read(0, content.size)
    return found


def is_whole(jobs: JobStore, job_id: str) -> bool:
    found = read_all(jobs, job_id)
    found.pop("collection.json")
    started = found["ndvi.tif"][: len(found["ndvi.tif"]) // 1000].decode()
    return found == make_files(started)


def test_results_lie_in_the_store_alone_and_go_with_their_job(jobs: JobStore, store: Bucket) -> None:
    job = jobs.queue(jobs.create(ADD).id)
    assert work(jobs) == 1
    assert jobs.get(job.id).status == "finished"
    assert is_whole(jobs, job.id)
    assert jobs.result(job.id).is_folder("cube.zarr")
    assert jobs.result(job.id).list("cube.zarr") == ["cube.zarr/c/0"]
    assert list(jobs.layout.results.iterdir()) == []
    first = {entry.name for entry in store.list("results")}
    jobs.queue(job.id)
    assert list(store.list("results")) == []
    assert work(jobs) == 1
    assert is_whole(jobs, job.id)
    assert len({entry.name for entry in store.list("results")} - first) == 4
    jobs.delete(job.id)
    assert list(store.list("")) == []


def test_faults_that_pass_cost_nothing(jobs: JobStore, proxy: Proxy) -> None:
    faults = iter(["unavailable", None, "lost", "unavailable", None, "lost"])
    proxy.choose = lambda method, _: next(faults, None) if method in ("PUT", "POST") else None
    job = jobs.queue(jobs.create(ADD).id)
    assert work(jobs) == 1
    assert (jobs.get(job.id).status, next(faults, "all")) == ("finished", "all")
    assert is_whole(jobs, job.id)


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("unavailable", "503"),
        pytest.param("stall", "cannot be written", marks=pytest.mark.long),
        pytest.param("cut", "cannot be written", marks=pytest.mark.long),
    ],
)
def test_a_store_that_stays_away_ends_the_job_with_the_reason_and_shows_nothing(
    jobs: JobStore, proxy: Proxy, monkeypatch: pytest.MonkeyPatch, fault: str, reason: str
) -> None:
    monkeypatch.setattr(shelf, "_PATIENCE_S", 0.0)
    monkeypatch.setattr(jobs._shelf.results.bucket, "_patience_s", 0.4)  # type: ignore[attr-defined]
    job = jobs.queue(jobs.create(ADD).id)
    proxy.choose = lambda method, target: fault if method == "PUT" and target.endswith("ndvi.tif") else None
    assert work(jobs) == 1
    line = jobs.logs(job.id, level="error")[-1]
    assert (jobs.get(job.id).status, line["code"]) == ("error", "StorageFailure")
    assert reason in line["message"]
    proxy.choose = lambda *_: None
    jobs.queue(job.id)
    assert work(jobs) == 1
    assert is_whole(jobs, job.id)


def test_wrong_keys_are_told_at_once(jobs: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    job = jobs.queue(jobs.create(ADD).id)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    assert work(jobs) == 1
    assert "refuses the keys" in jobs.logs(job.id, level="error")[-1]["message"]


def test_a_job_can_be_deleted_while_the_store_is_away(
    jobs: JobStore, store: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.queue(jobs.create(ADD).id)
    assert work(jobs) == 1
    monkeypatch.setattr(jobs._shelf.results.bucket, "_patience_s", 0.4)  # type: ignore[attr-defined]
    proxy.choose = lambda *_: "unavailable"
    jobs.delete(job.id)
    proxy.choose = lambda *_: None
    jobs.sweep()
    assert list(store.list("")) == []


def test_a_new_result_outlives_the_late_removal_of_the_old_one(
    jobs: JobStore, store: Bucket, proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobs.queue(jobs.create(ADD).id)
    assert work(jobs) == 1
    old = {entry.name for entry in store.list("results")}
    monkeypatch.setattr(jobs._shelf.results.bucket, "_patience_s", 0.4)  # type: ignore[attr-defined]
    proxy.choose = lambda *_: "unavailable"
    jobs.queue(job.id)
    proxy.choose = lambda method, target: "unavailable" if method == "DELETE" or "delete" in target else None
    assert work(jobs) == 1
    assert old < {entry.name for entry in store.list("results")} | {f"results/{job.id}/published.json"}
    proxy.choose = lambda *_: None
    jobs.sweep()
    assert is_whole(jobs, job.id)
    assert old & {entry.name for entry in store.list("results")} == {f"results/{job.id}/published.json"}


WORKER = """
import sys
from pathlib import Path
from eocene.jobs import JobStore
from eocene.model import Layout
from tests.store.test_results import work
work(JobStore(Layout(Path(sys.argv[1]))))
"""


@pytest.mark.parametrize(
    "moment",
    [
        "last part",
        *(pytest.param(name, marks=pytest.mark.long) for name in ("first part", "small file", "manifest")),
    ],
)
def test_a_worker_killed_while_it_sends_leaves_nothing_half_and_the_next_goes_on(
    jobs: JobStore, store: Bucket, proxy: Proxy, repository: Path, moment: str
) -> None:
    place = {"first part": "partNumber=1", "last part": "partNumber=2", "small file": "ndvi.tif",
             "manifest": "published.json"}[moment]  # fmt: skip
    reached = threading.Event()

    def choose(method: str, target: str) -> str | None:
        if method != "PUT" or place not in target or reached.is_set():
            return None
        reached.set()
        return "stall"

    proxy.choose = choose
    job = jobs.queue(jobs.create(ADD).id)
    environment = os.environ | {"PYTHONPATH": str(repository)}
    worker = subprocess.Popen([sys.executable, "-c", WORKER, str(jobs.layout.root)], env=environment)
    try:
        assert reached.wait(60)
        assert read_all(jobs, job.id) == {}
    finally:
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    assert jobs.get(job.id).status == "running"
    assert read_all(jobs, job.id) == {}
    there, before = [entry.name for entry in store.list("results")], len(proxy.seen)
    assert work(jobs) == 1
    assert jobs.get(job.id).status == "finished"
    assert is_whole(jobs, job.id)
    again = [target.partition("?")[0] for method, target in proxy.seen[before:] if method == "PUT"]
    assert [name for name in there if any(target.endswith(name) for target in again)] == []
