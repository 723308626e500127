"""Dask clusters of real processes on this machine, and a job for them, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from unittest import mock

import numpy as np

from eocene.model import UnavailableError
from eocene.process.executors.cluster import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.process import Plan

ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")


class LocalCluster:
    """A scheduler and workers of one thread each; a worker that dies is started again by its nanny."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "scheduler.json"
        self._file.unlink(missing_ok=True)
        self._log = (folder / "cluster.log").open("wb")
        self._processes: list[subprocess.Popen[bytes]] = []
        self._start("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
        self.address = ""

    def _start(self, module: str, *options: str) -> None:
        command = [sys.executable, "-W", "ignore", "-m", f"distributed.cli.{module}"]
        command += ["--scheduler-file", str(self._file), "--no-dashboard", *options]
        # A task is given up as soon as one worker was lost that had it, so that starting again is tested.
        environment = {**os.environ, **ONE_THREAD, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"}
        environment["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] = "False"  # as deploy/ has it
        environment.pop("EOCENE_SCHEDULER", None)
        self._processes.append(
            subprocess.Popen(
                command, stdout=self._log, stderr=self._log, env=environment, start_new_session=True
            )
        )

    def start_workers(self, count: int) -> None:
        """Start workers and wait until the scheduler knows them."""
        self._start("dask_worker", "--nworkers", str(count), "--nthreads", "1", "--memory-limit", "0")
        while not self.address:
            time.sleep(0.05)
            with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):  # not there, or half of it
                self.address = json.loads(self._file.read_text())["address"]
        connect(self.address).wait_for_workers(count, timeout=60)

    def worker_pids(self) -> list[int]:
        """Return the processes of the workers that live now."""
        found: dict[str, Any] = connect(self.address).run(os.getpid, on_error="ignore")
        return sorted(found.values())

    def cpu_seconds(self) -> list[float]:
        """Return the processor time that each worker has taken."""
        taken: dict[str, float] = connect(self.address).run(time.process_time)
        return [taken[worker] for worker in sorted(taken)]

    def kill_worker(self, number: int) -> None:
        """Kill a worker as the kernel would that has run out of memory."""
        pids = self.worker_pids()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[number % len(pids)], signal.SIGKILL)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Halt all of its processes meanwhile, so that they take nothing from what is measured."""
        for process in self._processes:
            os.killpg(process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in self._processes:
                os.killpg(process.pid, signal.SIGCONT)

    def close(self) -> None:
        """Stop everything."""
        if self.address:
            with contextlib.suppress(UnavailableError):
                connect(self.address).close()
        for process in reversed(self._processes):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        self._log.close()


@contextmanager
def local_cluster(folder: Path, workers: int) -> Iterator[LocalCluster]:
    """Yield a cluster and stop it at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    cluster = LocalCluster(folder)
    try:
        cluster.start_workers(workers)
        yield cluster
    finally:
        cluster.close()


def compute_bound_graph(steps: int) -> dict[str, Any]:
    """Return a graph that computes ``steps`` sines and logarithms of every value, then medians over time."""
    chain: dict[str, Any] = {}
    value: dict[str, str] = {"from_parameter": "x"}
    for number in range(steps):
        process, arguments = ("sin", {"x": value}) if number % 2 else ("ln", {"x": value})
        chain[f"s{number}"] = {"process_id": process, "arguments": arguments}
        chain[f"a{number}"] = {
            "process_id": "add", "arguments": {"x": {"from_node": f"s{number}"}, "y": 2.5}
        }  # fmt: skip
        value = {"from_node": f"a{number}"}
    chain[f"a{steps - 1}"]["result"] = True
    median = {
        "m": {"process_id": "median", "arguments": {"data": {"from_parameter": "data"}}, "result": True}
    }
    reduce = {"data": {"from_node": "apply"}, "dimension": "t", "reducer": {"process_graph": median}}
    return {
        "load": {
            "process_id": "load_collection",
            "arguments": {"id": "sentinel-2-l2a", "bands": ["B04", "B08"], "spatial_extent": None,
                          "temporal_extent": ["2024-03-01", "2024-10-01"]},
        },
        "apply": {"process_id": "apply",
                  "arguments": {"data": {"from_node": "load"}, "process": {"process_graph": chain}}},
        "median": {"process_id": "reduce_dimension", "arguments": reduce, "result": True},
    }  # fmt: skip


@contextmanager
def simulated_plan(folder: Path, size: int, steps: int) -> Iterator[Plan]:
    """Yield the plan of the graph on a simulated season."""
    import eocene
    from eocene.process import make_plan
    from eocene.process.run import Plan
    from eocene.testing.simulate import simulate_archive

    world = simulate_archive(folder / "archive", size=size)
    with eocene.open(folder / "workspace") as workspace:
        workspace.archive.ingest(world.folder)
        with mock.patch.object(Plan, "block_size", 128):
            yield make_plan(compute_bound_graph(steps), workspace.archive)


def measure(plan: Plan, cluster: LocalCluster) -> tuple[float, Any]:
    """Return the seconds of a run on the cluster, and its values."""
    os.environ["EOCENE_SCHEDULER"] = cluster.address
    try:
        started = time.perf_counter()
        values = plan.run().values
        return time.perf_counter() - started, values
    finally:
        del os.environ["EOCENE_SCHEDULER"]


def measure_with_kills(plan: Plan, cluster: LocalCluster, calm_s: float, kills: int) -> tuple[float, Any]:
    """Return the same for a run in which workers are killed at random moments."""
    random = np.random.default_rng(5)
    moments = sorted(random.uniform(0.05, 0.9, kills) * calm_s)
    begun = time.perf_counter()

    def kill() -> None:
        for moment in moments:
            time.sleep(max(0.0, begun + moment - time.perf_counter()))
            cluster.kill_worker(int(random.integers(2)))

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        return measure(plan, cluster)
    finally:
        killer.join()
