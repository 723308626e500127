"""How a worker keeps its job: it tells that it lives and how far it is, and hears when to stop."""

from __future__ import annotations

import faulthandler
import logging
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from eocene.jobs.limits import JobLimits, Meter, Usage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eocene.jobs.job import Job
    from eocene.jobs.queue import JobQueue

_log = logging.getLogger(__name__)

GRACE_S = 1.0
"""How long a computation may go on after it was to stop, where its process can be ended."""

HUNG_S = 120.0
"""A process that can be ended is, after so long without a beat: a library then lets no thread go on."""


class Heartbeat:
    """Keeps a job while its blocks are computed: renews the lease, carries progress and usage.

    Parameters
    ----------
    queue, job
        The job, claimed from this queue.
    stop : threading.Event
        Set when the worker has to stop.
    beat_s : float
        Seconds between two beats; a cancellation is noticed at the next one.
    limits : JobLimits
        What the job may use.
    end_process : callable, optional
        Ends this process where a block does not end in time; without it the end of the block is awaited.
    """

    def __init__(
        self,
        queue: JobQueue,
        job: Job,
        stop: threading.Event,
        beat_s: float,
        *,
        limits: JobLimits | None = None,
        end_process: Callable[[], None] | None = None,
    ) -> None:
        self._queue, self._job, self._stop, self._beat_s = queue, job, stop, beat_s
        self._limits, self._end_process = limits or JobLimits(), end_process
        self._percent = job.progress
        self._meter = Meter(Usage(job.cpu_s or 0.0, job.wall_s or 0.0, job.memory_bytes or 0.0))
        self._renewed = time.monotonic()
        self._done = threading.Event()
        self.lost = threading.Event()
        self.excess = ""

    def note_progress(self, finished: int, total: int) -> None:
        """Note that so many of all blocks are finished; the shown progress never falls."""
        if total > 0:
            # 100 is kept for the moment in which the results are in place.
            self._percent = max(self._percent, min(99.0, 100.0 * finished / total))

    def should_stop(self) -> bool:
        """Tell, between two blocks, whether to go on is pointless."""
        return self.lost.is_set() or self._stop.is_set() or bool(self.excess)

    @contextmanager
    def keep(self) -> Iterator[Heartbeat]:
        """Beat in the background until the block ends."""
        thread = threading.Thread(target=self._run, name=f"beat-{self._job.id}", daemon=True)
        self._watch()  # the computation may let no thread go on before the first beat
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()
            self._beat()
            faulthandler.cancel_dump_traceback_later()

    def _run(self) -> None:
        while not self._done.wait(self._beat_s):
            self._beat()
            if self.should_stop():
                if not self._done.wait(GRACE_S) and self._end_process is not None:
                    self._leave()
                    self._end_process()
                return

    def _watch(self) -> None:
        """End the process if there is no beat for long, by a thread that needs no interpreter."""
        if self._end_process is not None:
            faulthandler.dump_traceback_later(HUNG_S, exit=True)

    def _beat(self) -> None:
        self._watch()
        used, now = self._meter.read(), time.monotonic()
        try:
            if self._queue.renew(self._job, self._percent, used):
                self._renewed = now
            else:
                self.lost.set()
        except Exception:  # noqa: BLE001  the state may be busy for a while; the lease decides, not one beat
            _log.exception("the lease of job %s could not be renewed", self._job.id)
            if time.monotonic() - self._renewed > self._queue.lease_s:
                self.lost.set()  # a worker that reaches the state has the job by now
        self.excess = self.excess or self._limits.find_excess(self._job, used)

    def _leave(self) -> None:
        """Say what becomes of a job whose computation is cut off; one that is lost is somebody else's."""
        if self.lost.is_set():
            return
        if self.excess:
            self._queue.fail(self._job, "PaymentRequired", f"The job was stopped: {self.excess}")
        else:
            self._queue.release(self._job)
