"""A killed worker process costs nobody a job: the next worker completes it with real pixels."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import rasterio
from tests.serve.conftest import make_ndvi

from eocene.archive import Archive
from eocene.jobs import JobStore, run_worker
from eocene.model import Layout

WORKER = """
import sys, time
from pathlib import Path
from eocene.archive import Archive
from eocene.jobs import JobStore, run_worker
from eocene.model import Layout
from eocene.process.output import results

layout = Layout(Path(sys.argv[1]))

def write(plan, folder, info, *, progress, **more):
    def slow(done, total):
        progress(done, total)
        print(done, flush=True)
        time.sleep(1000 if done else 0)
    return results.write_results(plan, folder, info, progress=slow, **more)

run_worker(Archive(layout), JobStore(layout), once=True, beat_s=0.02, write_results=write)
"""


def test_a_killed_workers_job_is_completed_by_the_next_with_whole_files(simulated, tmp_path, extent):
    layout = Layout(tmp_path)
    archive, store = Archive(layout), JobStore(layout)
    archive.ingest(simulated)
    job = store.queue(store.create({"process_graph": make_ndvi(extent)}).id)
    with subprocess.Popen([sys.executable, "-c", WORKER, str(tmp_path)], stdout=subprocess.PIPE) as process:
        while process.stdout.readline().strip() != b"1":
            assert process.poll() is None
        time.sleep(0.2)
        os.kill(process.pid, signal.SIGKILL)
    assert store.get(job.id).status == "running"
    assert not store.results_folder(job.id).exists()
    assert run_worker(archive, store, once=True) == 1
    assert store.get(job.id).status == "finished"
    assert [path.name for path in layout.results.iterdir()] == [job.id]
    files = sorted(store.results_folder(job.id).glob("*.tif"))
    assert files
    for file in files:
        with rasterio.open(file) as raster:
            assert raster.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert raster.read(1).size
    archive.catalogue.close()
    store.close()
