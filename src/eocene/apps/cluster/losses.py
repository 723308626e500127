"""Hosts that are lost while they work: ended by SIGKILL, with everything that runs on them."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from eocene.jobs import JobStore
from eocene.process.executors.cluster import connect

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.model import Layout
    from eocene.testing.hosts import Host, Lab


@dataclass(frozen=True)
class Loss:
    """A host that was killed: which, for what kind of work, during which job, and what it was at."""

    host: str
    kind: str
    job: str
    doing: str


class Losses:
    """Kills one host of each kind as soon as it is seen to work, each in a job of its own.

    Parameters
    ----------
    lab : Lab
        Whose hosts.
    layout : Layout
        The workspace, whose state says which worker has a job.
    scheduler : str
        Address of the Dask scheduler.
    """

    def __init__(self, lab: Lab, layout: Layout, scheduler: str) -> None:
        self._lab, self._layout, self._scheduler = lab, layout, scheduler
        self.happened: list[Loss] = []
        self._to_come: list[tuple[str, Callable[[str, float], tuple[Host, str] | None]]] = [
            ("Dask worker", self._find_busy),
            ("job worker", self._find_holder),
        ]

    @property
    def missing(self) -> list[str]:
        """The kinds of which no host was killed."""
        return [kind for kind, _ in self._to_come]

    def watch(self, job: str, status: str, progress: float) -> None:
        """Look at a job, and kill the host whose turn it is if it is at work on it."""
        if status != "running" or not self._to_come or any(loss.job == job for loss in self.happened):
            return
        kind, find = self._to_come[0]
        found = find(job, progress)
        if found is not None:
            host, doing = found
            host.kill()
            self._to_come.pop(0)
            when = time.strftime("%H:%M:%S")
            self.happened.append(Loss(host.name, kind, job, f"{doing}, at {progress:.0f} % ({when})"))

    def _find_busy(self, _job: str, _progress: float) -> tuple[Host, str] | None:
        """Return the Dask worker that has most tasks of ours under way."""
        at_work: dict[str, Any] = connect(self._scheduler).processing()
        counts = {worker: sum("eocene-" in str(key) for key in keys) for worker, keys in at_work.items()}
        busiest = max(counts, key=lambda worker: counts[worker], default=None)
        if busiest is None or not counts[busiest]:
            return None
        return self._host_at(str(urlsplit(busiest).hostname)), f"blocks under way: {counts[busiest]}"

    def _find_holder(self, job: str, progress: float) -> tuple[Host, str] | None:
        """Return the host whose worker has the job, once a part of it is done."""
        if progress <= 0:
            return None
        with closing(JobStore(self._layout)) as store:
            worker = store.get(job).worker
        if worker is None:
            return None
        machine, number, _ = worker.split(":")
        name = machine.partition("/")[0]
        return next((host, "had the job") for host in self._lab.hosts if host.runs(name, int(number)))

    def _host_at(self, address: str) -> Host:
        return next(host for host in self._lab.hosts if host.address == address)
