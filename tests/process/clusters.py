"""Dask clusters of real processes on this machine, for tests and benchmarks."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from eocene.process.executors.cluster import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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
        environment = {**os.environ, **ONE_THREAD}
        environment.pop("EOCENE_SCHEDULER", None)
        self._processes.append(
            subprocess.Popen(
                command, stdout=self._log, stderr=self._log, env=environment, start_new_session=True
            )
        )

    def start_workers(self, count: int) -> None:
        """Start workers and wait until the scheduler knows them."""
        self._start("dask_worker", "--nworkers", str(count), "--nthreads", "1", "--memory-limit", "0")
        while not self._file.exists():
            time.sleep(0.05)
        import json

        self.address = json.loads(self._file.read_text())["address"]
        connect(self.address).wait_for_workers(count, timeout=60)

    def worker_pids(self) -> list[int]:
        """Return the processes of the workers that live now."""
        found: dict[str, Any] = connect(self.address).run(os.getpid, on_error="ignore")
        return sorted(found.values())

    def kill_worker(self, number: int) -> None:
        """Kill a worker as the kernel would that has run out of memory."""
        pids = self.worker_pids()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pids[number % len(pids)], signal.SIGKILL)

    def close(self) -> None:
        """Stop everything."""
        if self.address:
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
