"""A worker publishes whole results or none, and no job is lost with it."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import numpy as np
import pystac
import pytest

from eocene.jobs import JobStore, run_worker
from eocene.model import Grid, InputError, Lattice

PROCESS = {
    "process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}},
}

GRID = Grid(Lattice(32632, (10.0, 10.0)), 50_000, -520_000, 64, 32)
ITEM = {"id": "S2_1", "collection": "sentinel-2-l2a", "properties": {"datetime": "2024-05-02T10:00:00Z"}}


def plan_anything(graph, archive, parameters):
    times = (np.datetime64("2024-05-01", "s"), np.datetime64("2024-06-01", "s"))
    return SimpleNamespace(schema=SimpleNamespace(grid=GRID, times=times), items=[ITEM], given=parameters)


def write_two(plan, folder, *, progress, should_stop):
    (folder / "ndvi.tif").write_bytes(b"pixels")
    progress(1, 2)
    (folder / "ndvi.zarr").mkdir()
    (folder / "ndvi.zarr" / "zarr.json").write_text("{}")
    progress(2, 2)
    return [
        {"key": "ndvi", "href": "ndvi.tif", "type": "image/tiff", "roles": ["data"]},
        {"key": "ndvi-zarr", "href": "ndvi.zarr", "type": "application/vnd+zarr", "roles": ["data"]},
    ]


@pytest.fixture
def store(layout):
    store = JobStore(layout)
    yield store
    store.close()


def work(store, write=write_two, plan=plan_anything, **options):
    options = {"once": True, "beat_s": 0.02, "poll_s": 0.02} | options
    return run_worker(None, store, make_plan=plan, write_results=write, **options)


def test_results_are_whole_with_lineage_and_checksums(store):
    job = store.queue(store.create(PROCESS, title="NDVI").id)
    assert work(store) == 1
    assert store.get(job.id).status == "finished"
    folder = store.results_folder(job.id)
    item = pystac.Item.from_file(str(folder / "item.json"))
    properties = item.properties
    assert properties["processing:expression"]["expression"] == PROCESS
    assert properties["processing:software"]["eocene"]
    assert properties["proj:code"] == "EPSG:32632"
    assert (properties["start_datetime"], properties["end_datetime"]) == (
        "2024-05-01T00:00:00Z",
        "2024-06-01T00:00:00Z",
    )
    digest = hashlib.sha256(b"pixels").hexdigest()
    assert item.assets["ndvi"].extra_fields["file:checksum"] == f"1220{digest}"
    assert item.assets["ndvi"].extra_fields["file:size"] == 6
    assert item.assets["ndvi-zarr"].extra_fields["file:size"] == 2
    sources = [link.target for link in item.links if link.rel == "derived_from"]
    assert sources == ["/stac/collections/sentinel-2-l2a/items/S2_1"]
    collection = json.loads((folder / "collection.json").read_text())
    assert collection["assets"].keys() == {"ndvi", "ndvi-zarr"}
    west, south, east, north = collection["extent"]["spatial"]["bbox"][0]
    assert west < east
    assert south < north
    assert [p.name for p in folder.parent.iterdir()] == [job.id]


def test_defaults_of_the_process_reach_the_plan(store):
    seen = []
    process = PROCESS | {"parameters": [{"name": "year", "default": 2024}, {"name": "free"}]}
    store.queue(store.create(process).id)
    work(store, plan=lambda g, a, p: seen.append(p) or plan_anything(g, a, p))
    assert seen == [{"year": 2024}]


def test_an_error_of_the_user_ends_the_job_with_its_code(store):
    def refuse(graph, archive, parameters):
        raise InputError("There is no band B99.", "Use B04.", code="BandNotFound")

    job = store.queue(store.create(PROCESS).id)
    work(store, plan=refuse)
    assert store.get(job.id).status == "error"
    line = store.logs(job.id)[-1]
    assert (line["code"], line["message"]) == ("BandNotFound", "There is no band B99. Use B04.")
    assert list(store.layout.results.iterdir()) == []


def test_an_unexpected_error_leaks_no_path_and_the_worker_lives_on(store, caplog):
    def explode(plan, folder, *, progress, should_stop):
        raise RuntimeError(f"cannot write {folder}")

    first = store.queue(store.create(PROCESS).id)
    work(store, write=explode)
    second = store.queue(store.create(PROCESS).id)
    work(store)
    assert (store.get(first.id).status, store.get(second.id).status) == ("error", "finished")
    line = store.logs(first.id)[-1]
    assert line["code"] == "Internal"
    assert str(store.layout.root) not in line["message"]
    assert "cannot write" in caplog.text


def run_until_stopped(noted):
    def write(plan, folder, *, progress, should_stop):
        (folder / "half.tif").write_bytes(b"half")
        for block in range(2000):
            progress(block, 2000)
            noted.set()
            if should_stop():
                return []
            time.sleep(0.005)
        return pytest.fail("nobody stopped the worker")

    return write


def test_a_cancellation_is_noticed_between_blocks_and_leaves_nothing(store):
    job = store.queue(store.create(PROCESS).id)
    started = threading.Event()
    thread = threading.Thread(target=work, args=(store, run_until_stopped(started)))
    thread.start()
    started.wait(5)
    time.sleep(0.1)
    store.cancel(job.id)
    thread.join(5)
    assert not thread.is_alive()
    canceled = store.get(job.id)
    assert canceled.status == "canceled"
    assert 0 < canceled.progress < 100
    assert list(store.layout.results.iterdir()) == []


def test_a_stopped_worker_gives_its_job_back_and_the_next_completes_it(store):
    job = store.queue(store.create(PROCESS).id)
    started, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=work, args=(store, run_until_stopped(started)), kwargs={"stop": stop})
    thread.start()
    started.wait(5)
    stop.set()
    thread.join(5)
    assert store.get(job.id).status == "queued"
    work(store)
    assert store.get(job.id).status == "finished"


KILLED = """
import sys, time
from pathlib import Path
from eocene.jobs import JobStore, run_worker
from eocene.model import Layout

def write(plan, folder, *, progress, should_stop):
    (folder / "half.tif").write_bytes(b"half")
    progress(1, 2)
    print("started", flush=True)
    time.sleep(60)

run_worker(None, JobStore(Layout(Path(sys.argv[1]))), once=True, beat_s=0.02,
           make_plan=lambda *a: None, write_results=write)
"""


def test_the_job_of_a_killed_worker_is_completed_by_the_next(store):
    job = store.queue(store.create(PROCESS).id)
    command = [sys.executable, "-c", KILLED, str(store.layout.root)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"started\n"
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    before = store.get(job.id)
    assert (before.status, before.progress) == ("running", 50.0)
    assert not store.results_folder(job.id).exists()
    assert work(store) == 1
    after = store.get(job.id)
    assert (after.status, after.attempts) == ("finished", 2)
    assert [p.name for p in store.layout.results.iterdir()] == [job.id]
    assert not list(store.results_folder(job.id).glob("half*"))
