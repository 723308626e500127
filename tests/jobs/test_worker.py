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

import pytest

from eocene.jobs import JobStore, run_worker
from eocene.model import InputError

PROCESS = {
    "process_graph": {"add1": {"process_id": "add", "arguments": {"x": 1, "y": 2}, "result": True}},
}


def plan_anything(graph, archive, parameters):
    return (graph, parameters)


def write_two(plan, folder, info, *, work, progress, should_stop):
    folder.mkdir()
    (folder / "ndvi.tif").write_bytes(b"pixels")
    progress(1, 2)
    (folder / "cube.zarr").mkdir()
    (folder / "cube.zarr" / "zarr.json").write_text("{}")
    progress(2, 2)
    item = {"id": "may", "assets": {"NDVI": {"href": "./ndvi.tif", "file:size": 6}}}
    (folder / "may.json").write_text(json.dumps(item))
    collection = {
        "id": info.id,
        "title": info.title,
        "links": [{"rel": "item", "href": "./may.json"}, {"rel": "derived_from", "href": "/stac/x"}],
        "assets": {"cube": {"href": "./cube.zarr", "roles": ["data"]}},
    }
    (folder / "collection.json").write_text(json.dumps(collection))


@pytest.fixture
def store(layout):
    store = JobStore(layout)
    yield store
    store.close()


def work(store, write=write_two, plan=plan_anything, **options):
    options = {"once": True, "beat_s": 0.02, "poll_s": 0.02} | options
    return run_worker(None, store, make_plan=plan, write_results=write, **options)


def test_results_are_whole_and_the_collection_names_every_file(store):
    job = store.queue(store.create(PROCESS, title="NDVI").id)
    assert work(store) == 1
    assert store.get(job.id).status == "finished"
    folder = store.results_folder(job.id)
    collection = json.loads((folder / "collection.json").read_text())
    assert (collection["id"], collection["title"]) == (job.id, "NDVI")
    assert collection["assets"]["ndvi.tif"] == {"href": "./ndvi.tif", "file:size": 6}
    line = f"{hashlib.sha256(b'{}').hexdigest()} zarr.json\n"
    assert collection["assets"]["cube.zarr"] == {
        "href": "./cube.zarr",
        "roles": ["data"],
        "file:size": 2,
        "eocene:tree_checksum": f"1220{hashlib.sha256(line.encode()).hexdigest()}",
    }
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


def test_what_storing_did_to_the_values_is_in_the_log_of_the_job(store):
    def write(plan, folder, info, *, work, progress, should_stop):
        write_two(plan, folder, info, work=work, progress=progress, should_stop=should_stop)
        document = json.loads((folder / "collection.json").read_text())
        document["eocene:warnings"] = ["3 values lay outside the range of uint8 and were clipped to it."]
        (folder / "collection.json").write_text(json.dumps(document))

    job = store.queue(store.create(PROCESS).id)
    work(store, write=write)
    lines = [line["message"] for line in store.logs(job.id) if line["level"] == "warning"]
    assert lines == ["3 values lay outside the range of uint8 and were clipped to it."]


def test_an_unexpected_error_leaks_no_path_and_the_worker_lives_on(store, caplog):
    def explode(plan, folder, info, *, work, progress, should_stop):
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
    def write(plan, folder, info, *, work, progress, should_stop):
        (work / "half.tif").write_bytes(b"half")
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
    started.wait(60)
    time.sleep(0.1)
    store.cancel(job.id)
    thread.join(5)
    assert not thread.is_alive()
    canceled = store.get(job.id)
    assert (canceled.status, canceled.progress) == ("created", 0.0)
    assert list(store.layout.results.iterdir()) == []


def test_a_stopped_worker_gives_its_job_back_and_the_next_completes_it(store):
    job = store.queue(store.create(PROCESS).id)
    started, stop = threading.Event(), threading.Event()
    thread = threading.Thread(target=work, args=(store, run_until_stopped(started)), kwargs={"stop": stop})
    thread.start()
    started.wait(60)
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

def write(plan, folder, info, *, work, progress, should_stop):
    (work / "half.tif").write_bytes(b"half")
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
    assert after.status == "finished"
    assert any("goes on where it was" in line["message"] for line in store.logs(job.id))
    assert [p.name for p in store.layout.results.iterdir()] == [job.id]
    assert not list(store.results_folder(job.id).glob("half*"))


HUNG = """
import ctypes, os, sys
from pathlib import Path
from eocene.jobs import JobStore, heartbeat, run_worker
from eocene.model import Layout

heartbeat.HUNG_S = 2

def write(plan, folder, info, *, work, progress, should_stop):
    ctypes.PyDLL(None).sleep(600)

run_worker(None, JobStore(Layout(Path(sys.argv[1]))), once=True, beat_s=0.02, make_plan=lambda *a: None,
           write_results=write, end_process=lambda: os._exit(3))
"""


def test_a_worker_in_which_a_library_lets_no_thread_go_on_ends_and_the_next_completes_its_job(store):
    job = store.queue(store.create(PROCESS).id)
    ended = subprocess.run(
        [sys.executable, "-c", HUNG, str(store.layout.root)], check=False, capture_output=True, text=True
    )
    assert ended.returncode == 1
    assert "Timeout" in ended.stderr
    assert work(store) == 1
    assert store.get(job.id).status == "finished"
