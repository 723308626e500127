"""The worker: takes jobs from the queue, runs their plans and publishes what came out."""

from __future__ import annotations

import logging
import secrets
import shutil
import threading
import time
from contextlib import contextmanager
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from eocene.jobs.assets import gather_assets
from eocene.jobs.job import format_instant
from eocene.jobs.leases import name_worker
from eocene.model import EoceneError
from eocene.model.files import sync_folder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.jobs.job import Job
    from eocene.jobs.store import JobStore

_log = logging.getLogger(__name__)


class MakePlan(Protocol):
    """How a graph becomes a plan; ``eocene.process.make_plan`` unless a test brings its own."""

    def __call__(self, graph: dict[str, Any], archive: Any, parameters: dict[str, Any] | None) -> Any:
        """Return the plan; raise every error of the user."""


class WriteResults(Protocol):
    """How a plan becomes a folder: ``write_results`` of the engine, unless a test brings its own."""

    def __call__(self, plan: Any, folder: Path, info: Any, *, progress: Any, should_stop: Any) -> Any:
        """Write files, STAC items and ``collection.json`` into the folder."""


class Lease:
    """Keeps a job while its blocks are computed: renews the lease and carries the progress.

    Parameters
    ----------
    store, job
        The job, claimed from this store.
    stop : threading.Event
        Set when the worker has to stop.
    beat_s : float
        Seconds between two renewals; a cancellation is noticed at the next one.
    """

    def __init__(self, store: JobStore, job: Job, stop: threading.Event, beat_s: float) -> None:
        self._store, self._job, self._stop, self._beat_s = store, job, stop, beat_s
        self._percent = job.progress
        self._done = threading.Event()
        self.lost = threading.Event()

    def note_progress(self, finished: int, total: int) -> None:
        """Note that so many of all blocks are finished; the shown progress never falls."""
        if total > 0:
            # 100 is kept for the moment in which the results are in place.
            self._percent = max(self._percent, min(99.0, 100.0 * finished / total))

    def should_stop(self) -> bool:
        """Tell, between two blocks, whether to go on is pointless."""
        return self.lost.is_set() or self._stop.is_set()

    @contextmanager
    def keep(self) -> Iterator[Lease]:
        """Renew the lease in the background until the block ends."""
        thread = threading.Thread(target=self._beat, name=f"lease-{self._job.id}", daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._done.set()
            thread.join()

    def _beat(self) -> None:
        while not self._done.wait(self._beat_s):
            try:
                if not self._store.renew(self._job, self._percent):
                    self.lost.set()
                    return
            except Exception:  # noqa: BLE001  the state may be busy for a while; the lease decides, not one beat
                _log.exception("the lease of job %s could not be renewed", self._job.id)


def run_worker(  # noqa: PLR0913  each is a knob that a test or an operator turns
    archive: Archive,
    store: JobStore,
    *,
    once: bool = False,
    stop: threading.Event | None = None,
    make_plan: MakePlan | None = None,
    write_results: WriteResults | None = None,
    number: int = 0,
    poll_s: float = 0.5,
    beat_s: float = 1.0,
) -> int:
    """Run jobs until told to stop.

    Parameters
    ----------
    archive : Archive
        Where the plans read.
    store : JobStore
        Where the jobs wait.
    once : bool
        Return when no job is queued, instead of waiting for more.
    stop : threading.Event, optional
        Set it to stop after the present block; an unfinished job goes back to the queue.
    make_plan, write_results : callable, optional
        The engine; by default the rooms process and cube.
    number : int
        Tells the workers of one process apart.
    poll_s : float
        Seconds between two looks at an empty queue.
    beat_s : float
        Seconds between two renewals of a lease.

    Returns
    -------
    int
        How many jobs this worker ended, well or not.
    """
    stop = stop or threading.Event()
    engine = _load_engine(make_plan, write_results)
    name, ended = name_worker(number), 0
    while not stop.is_set():
        try:
            job = store.claim(name)
            if job is not None:
                ended += _run_job(archive, store, job, engine, Lease(store, job, stop, beat_s))
        except SQLAlchemyError:
            if once:
                raise
            # A full disk or a lost connection may come back; the job's lease looks after the job.
            _log.exception("the state cannot be used; the worker tries again")
            job = None
        if job is None and once:
            break
        if job is None:
            stop.wait(poll_s)
    return ended


def _run_job(
    archive: Archive, store: JobStore, job: Job, engine: tuple[MakePlan, WriteResults], lease: Lease
) -> bool:
    """Run one job to its end and tell whether it came to one; whatever fails, the worker lives on."""
    folder = _open_folder(store, job)
    try:
        with lease.keep():
            warnings = _compute(archive, job, folder, engine, lease)
            if lease.should_stop():
                return _stop_early(store, job, lease)
            for line in warnings:
                store.log(job.id, "warning", line)
            gather_assets(folder)
        return store.finish(job, lambda: _publish(folder, store.results_folder(job.id)))
    except EoceneError as error:
        return (
            _stop_early(store, job, lease) if lease.should_stop() else store.fail(job, error.code, str(error))
        )
    except Exception:  # noqa: BLE001  whatever a graph meets, the next job must not suffer
        if lease.should_stop():
            return _stop_early(store, job, lease)
        number = secrets.token_hex(4)
        _log.exception("job %s failed unexpectedly (%s)", job.id, number)
        message = f"An unexpected error; the worker's own log tells more under {number}."
        return store.fail(job, "Internal", message)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _compute(
    archive: Archive, job: Job, folder: Path, engine: tuple[MakePlan, WriteResults], lease: Lease
) -> list[str]:
    """Write the results of a job and return what its owner has to know about them."""
    make_plan, write_results = engine
    plan = make_plan(job.graph, archive, job.parameters or None)
    make_info = import_module("eocene.process.output.results").ResultInfo
    info = make_info(job.id, job.title or "", format_instant(time.time()), job.parameters)
    collection = write_results(
        plan, folder, info, progress=lease.note_progress, should_stop=lease.should_stop
    )
    warnings: list[str] = collection.get("eocene:warnings", []) if collection else []
    return warnings


def _stop_early(store: JobStore, job: Job, lease: Lease) -> bool:
    """Leave a job that was canceled, deleted or taken over; give it back if the worker itself must stop."""
    if not lease.lost.is_set():
        store.release(job)
    return False


def _open_folder(store: JobStore, job: Job) -> Path:
    """Make the folder that becomes the results, and sweep away what earlier workers left of this job."""
    root = store.results_folder(job.id).parent
    root.mkdir(parents=True, exist_ok=True)
    store.sweep_leftovers(job.id)
    folder = root / f".{job.id}.{secrets.token_hex(4)}"
    folder.mkdir()
    return folder


def _publish(folder: Path, target: Path) -> None:
    # A worker that died between renaming and saying so leaves results that are now made again.
    if target.exists():
        shutil.rmtree(target)
    folder.rename(target)
    sync_folder(target.parent)


def _load_engine(
    make_plan: MakePlan | None, write_results: WriteResults | None
) -> tuple[MakePlan, WriteResults]:
    # The engine is loaded late: numba is heavy, and a test may bring an engine of its own.
    if make_plan is None:
        make_plan = import_module("eocene.process").make_plan
    if write_results is None:
        write_results = import_module("eocene.process.output.results").write_results
    return make_plan, write_results
