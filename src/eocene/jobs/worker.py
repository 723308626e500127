"""The worker: takes jobs from the queue, runs their plans and publishes what came out."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from eocene.jobs.assets import gather_assets
from eocene.jobs.database import StateUnavailableError
from eocene.jobs.heartbeat import Heartbeat
from eocene.jobs.job import format_instant
from eocene.jobs.leases import name_worker
from eocene.jobs.limits import JobLimits
from eocene.jobs.logs import carry_log
from eocene.model import EoceneError
from eocene.model.files import name_disk_fault, sweep_leftovers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.jobs.job import Job
    from eocene.jobs.queue import JobQueue

_log = logging.getLogger(__name__)
_TIDY_S = 60.0


class MakePlan(Protocol):
    """How a graph becomes a plan; ``eocene.process.make_plan`` unless a test brings its own."""

    def __call__(
        self, graph: dict[str, Any], archive: Any, parameters: dict[str, Any] | None, **more: Any
    ) -> Any:
        """Return the plan; raise every error of the user."""


class WriteResults(Protocol):
    """How a plan becomes a folder: ``write_results`` of the engine, unless a test brings its own."""

    def __call__(
        self, plan: Any, folder: Path, info: Any, *, work: Path, progress: Any, should_stop: Any
    ) -> Any:
        """Write files, STAC items and ``collection.json`` into the folder; go on with what ``work`` holds."""


@dataclass(frozen=True)
class Bench:
    """What a worker works with, and the work: taking jobs from the queue one after the other.

    Parameters
    ----------
    archive, store
        Where the plans read, and where the jobs wait.
    make_plan, write_results
        The engine.
    limits : JobLimits
        What each job may use.
    stop : threading.Event
        Set when the worker has to stop.
    beat_s, poll_s : float
        Seconds between two beats of its heart, and between two looks at an empty queue.
    end_process : callable or None
        Ends the process where a block does not end in time.
    """

    archive: Archive
    store: JobQueue
    make_plan: MakePlan
    write_results: WriteResults
    limits: JobLimits = field(default_factory=JobLimits)
    stop: threading.Event = field(default_factory=threading.Event)
    beat_s: float = 0.5
    poll_s: float = 0.5
    end_process: Callable[[], None] | None = None

    def work(self, name: str, *, once: bool) -> int:
        """Run jobs until told to stop, or ``once`` until none is queued; return how many came to an end."""
        ended, tidied = 0, float("-inf")
        held: Job | None = None
        while not self.stop.is_set():
            try:
                if held is not None:  # of which it could not be said what became
                    self.store.release(held)
                    held = None
                if time.monotonic() - tidied > _TIDY_S:
                    self.store.expire()
                    self.store.sweep()
                    tidied = time.monotonic()
                held = self.store.claim(name, self.limits.attempts)
                if held is not None:
                    ended += _run_job(self, held)
                    held = None
                    continue
            except StateUnavailableError:
                if once:
                    raise
                # A full disk or a lost connection may come back; the job's lease looks after the job.
                _log.exception("the state cannot be used; the worker tries again")
            if once:
                break
            self.stop.wait(self.poll_s)
        return ended

    def plan(self, job: Job) -> Any:
        """Return the plan of a job as its owner means it: with the owner's processes and uploaded files."""
        archive = self.archive and self.archive.of(job.owner, self.store.ownership(job.owner))
        own = self.store.own_processes(job)
        more = {"processes": own} if own else {}
        return self.make_plan(job.graph, archive, job.parameters or None, **more)


def run_worker(
    archive: Archive,
    store: JobQueue,
    *,
    once: bool = False,
    number: int = 0,
    make_plan: MakePlan | None = None,
    write_results: WriteResults | None = None,
    limits: JobLimits | None = None,
    **knobs: Any,
) -> int:
    """Run jobs until told to stop.

    Parameters
    ----------
    archive, store
        Where the plans read, and where the jobs wait.
    once : bool
        Return when no job is queued, instead of waiting for more.
    number : int
        Tells the workers of one process apart.
    make_plan, write_results : callable, optional
        The engine; by default the rooms process and cube.
    limits : JobLimits, optional
        What each job may use; by default what ``EOCENE_JOBS`` says.
    **knobs
        As :class:`Bench` has them: ``stop``, ``beat_s``, ``poll_s``, ``end_process``.

    Returns
    -------
    int
        How many jobs this worker ended, well or not.

    Raises
    ------
    StateUnavailableError
        With ``once``, if the state cannot be read or written; else the worker tries again.
    """
    engine = _load_engine(make_plan, write_results)
    bench = Bench(archive, store, *engine, limits or JobLimits.of_environment(), **knobs)
    return bench.work(name_worker(number), once=once)


def _run_job(bench: Bench, job: Job) -> bool:
    """Run one job to its end and tell whether it came to one; whatever fails, the worker lives on."""
    store, run = bench.store, bench.store.run_folder(job)
    heart = Heartbeat(
        store, job, bench.stop, bench.beat_s, limits=bench.limits, end_process=bench.end_process
    )
    try:
        with heart.keep(), carry_log(store, job):
            if not run.is_published():
                _compute(bench, job, heart)
                run.stage(heart.should_stop)
        if heart.should_stop():
            return _stop_early(store, job, heart)
        return store.finish(job, run.publish, keep_s=bench.limits.keep_s)
    except StateUnavailableError:
        raise
    except Exception as error:  # noqa: BLE001  whatever a graph meets, the next job must not suffer
        return (
            _stop_early(store, job, heart) if heart.should_stop() else store.fail(job, *_explain(job, error))
        )
    finally:
        store.leave(job)


def _compute(bench: Bench, job: Job, heart: Heartbeat) -> None:
    """Write the results of a job into its run's folder; what an earlier worker finished of them is kept."""
    run = bench.store.run_folder(job)
    if run.complete.exists():
        return
    made = run.path / "made"
    if not made.exists():
        _write(bench, job, heart, made)
    if heart.should_stop():
        return
    sweep_leftovers(made)
    for line in gather_assets(made).get("eocene:warnings", []):
        bench.store.log(job.id, "warning", line)
    made.rename(run.complete)


def _write(bench: Bench, job: Job, heart: Heartbeat, folder: Path) -> None:
    """Compute the plan of a job into a folder, which is there when all is."""
    run = bench.store.run_folder(job)
    run.path.mkdir(parents=True, exist_ok=True)
    plan = bench.plan(job)
    bench.limits.check_estimate(job, plan)
    make_info = import_module("eocene.process.output.results").ResultInfo
    info = make_info(job.id, job.title or "", format_instant(job.started or job.created), job.parameters)
    bench.write_results(
        plan, folder, info, work=run.path, progress=heart.note_progress, should_stop=heart.should_stop
    )


def _stop_early(store: JobQueue, job: Job, heart: Heartbeat) -> bool:
    """Leave a job that was canceled, deleted or taken over; end one that is too dear; give back any other."""
    if heart.lost.is_set():
        return False
    if heart.excess:
        return store.fail(job, "PaymentRequired", f"The job was stopped: {heart.excess}")
    store.release(job)
    return False


def _explain(job: Job, error: Exception) -> tuple[str, str]:
    """Return code and message of what ended a job, in words for its owner."""
    if isinstance(error, EoceneError):
        return error.code, str(error)
    number = secrets.token_hex(4)
    _log.error("job %s failed (%s)", job.id, number, exc_info=error)
    fault = name_disk_fault(error)
    code, text = (fault.code, str(fault)) if fault else ("Internal", "An unexpected error.")
    return code, f"{text} The worker's own log tells more under {number}."


def _load_engine(
    make_plan: MakePlan | None, write_results: WriteResults | None
) -> tuple[MakePlan, WriteResults]:
    # The engine is loaded late: numba is heavy, and a test may bring an engine of its own.
    if make_plan is None:
        make_plan = import_module("eocene.process").make_plan
    if write_results is None:
        write_results = import_module("eocene.process.output.results").write_results
    return make_plan, write_results
