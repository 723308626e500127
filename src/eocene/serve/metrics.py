"""What a server counts and measures, in the text format of Prometheus."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from prometheus_client.core import Metric

    from eocene.jobs.crew import Member
    from eocene.serve.fair import FairQueue
    from eocene.serve.rooms import Rooms

BUCKETS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
STATES = ("created", "queued", "running", "finished", "error", "canceled")

disable_created_metrics()  # type: ignore[no-untyped-call]  # would double the number of lines


class Metrics:
    """Counts requests by route; every method may be called from any thread."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._requests = Counter(
            "eocene_requests", "Requests by method, route and status.", ("method", "route", "status"),
            registry=self._registry,
        )  # fmt: skip
        self._seconds = Histogram(
            "eocene_request_seconds",
            "Time to answer.",
            ("route",),
            buckets=BUCKETS_S,
            registry=self._registry,
        )
        self.in_progress = Gauge(
            "eocene_requests_in_progress", "Requests being answered.", registry=self._registry
        )

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request that took so many seconds."""
        self._requests.labels(method, route, status).inc()
        self._seconds.labels(route).observe(seconds)

    def render(self, *more: Collector) -> bytes:
        """Return all that was counted as text, with what others measure now."""
        moment = CollectorRegistry()
        for collector in more:
            moment.register(collector)
        return generate_latest(self._registry) + generate_latest(moment)


class RoomsNow(Collector):
    """What can be measured when it is asked for: jobs, workers, queues, caches.

    Parameters
    ----------
    rooms : Rooms
        The rooms of the server.
    workers : sequence of Member
        Its worker processes.
    queues : mapping
        Queues of expensive requests by their names.
    """

    def __init__(self, rooms: Rooms, workers: Sequence[Member], queues: dict[str, FairQueue]) -> None:
        self._rooms, self._workers, self._queues = rooms, workers, queues

    def collect(self) -> Iterator[Metric]:
        """Yield the families."""
        counts = self._rooms.store.count()
        states = {status: counts.get(status, 0) for status in STATES}
        yield _gauge("eocene_jobs", "Batch jobs by state.", "status", states)
        yield GaugeMetricFamily("eocene_job_queue_length", "Jobs that wait for a worker.", states["queued"])
        blocks = sum(1 for _ in self._rooms.layout.results.glob(".*/finished/*.json"))
        yield GaugeMetricFamily(
            "eocene_worker_blocks", "Finished blocks of jobs that are not at their end.", blocks
        )
        alive = sum(worker.is_alive() for worker in self._workers)
        yield GaugeMetricFamily("eocene_workers", "Worker processes of this server that live.", alive)
        memory = {str(n): _resident(worker.pid) for n, worker in enumerate(self._workers)}
        yield _gauge("eocene_worker_memory_bytes", "Resident memory of workers.", "worker", memory)
        lengths = {name: queue.length for name, queue in self._queues.items()}
        yield _gauge("eocene_requests_waiting", "Requests that wait for their turn.", "queue", lengths)
        yield from self._measure_caches()

    def _measure_caches(self) -> Iterator[Metric]:
        caches = {"tiles": self._rooms.drawing.cache, "features": self._rooms.features}
        for kind, told in (("hits", "found"), ("misses", "made")):
            family = CounterMetricFamily(
                f"eocene_cache_{kind}", f"Values that were {told} in caches.", labels=["cache"]
            )
            for name, cache in caches.items():
                family.add_metric([name], getattr(cache, kind))
            yield family


def _gauge(name: str, text: str, label: str, values: dict[str, int]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values.items():
        family.add_metric([key], value)
    return family


def _resident(pid: int | None) -> int:
    """Return the memory of a process in bytes; 0 where it cannot be told."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
