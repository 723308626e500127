"""The durable store of jobs: what users do with a job, and what a worker does with it."""

from __future__ import annotations

import secrets
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from eocene.jobs.database import open_database
from eocene.jobs.job import ACTIVE, LOCAL_USER, Job, check_level, check_process
from eocene.jobs.leases import (
    NO_LEASE,
    end_lease,
    is_dead,
    renew_lease,
    requeue_lost,
    take_longest_queued,
)
from eocene.jobs.logs import read_logs, write_log
from eocene.jobs.tables import jobs
from eocene.model import InputError, NotFoundError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from eocene.model import Layout

_EDITABLE = ("title", "description", "process", "plan", "budget", "log_level")


class JobStore:
    """Batch jobs of a workspace.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    clock : callable
        Gives the time in seconds since 1970.
    lease_s : float
        A worker that is silent for so long has lost its job to the next one.
    max_attempts : int
        A job whose worker was lost so many times ends in the state error.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        clock: Callable[[], float] = time.time,
        lease_s: float = 30.0,
        max_attempts: int = 3,
    ) -> None:
        self.layout = layout
        self.lease_s = lease_s
        self._clock = clock
        self._max_attempts = max_attempts
        self._database = open_database(layout)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    # What users do.

    def create(
        self,
        process: dict[str, Any],
        *,
        owner: str = LOCAL_USER,
        title: str | None = None,
        description: str | None = None,
        log_level: str = "info",
        **billing: Any,
    ) -> Job:
        """Store a job in the state created; ``billing`` may hold ``plan`` and ``budget``."""
        now = self._clock()
        job = Job(
            id=f"j-{secrets.token_hex(8)}",
            owner=owner,
            title=title,
            description=description,
            process=check_process(process),
            status="created",
            progress=0.0,
            created=now,
            updated=now,
            plan=billing.get("plan"),
            budget=billing.get("budget"),
            log_level=check_level(log_level),
            worker=None,
            lease=None,
            attempts=0,
        )
        with self._database.write() as connection:
            connection.execute(insert(jobs).values(**vars(job)))
            write_log(connection, job.id, now, "info", "The job was created.")
        return job

    def get(self, job_id: str, owner: str | None = None) -> Job:
        """Return a job; another owner's is as unknown as one that does not exist."""
        with self._database.read() as connection:
            return _load(connection, job_id, owner)

    def list(self, owner: str | None = None, *, limit: int | None = None, offset: int = 0) -> tuple[Job, ...]:
        """Return jobs, the newest first."""
        query = select(jobs).order_by(jobs.c.created.desc(), jobs.c.id).limit(limit).offset(offset)
        with self._database.read() as connection:
            rows = connection.execute(query if owner is None else query.where(jobs.c.owner == owner))
            return tuple(Job.from_row(dict(row)) for row in rows.mappings())

    def count(self) -> dict[str, int]:
        """Return how many jobs are in each state."""
        query = select(jobs.c.status, func.count()).group_by(jobs.c.status)
        with self._database.read() as connection:
            return {str(status): int(number) for status, number in connection.execute(query)}

    def update(self, job_id: str, owner: str | None = None, **changes: Any) -> Job:
        """Change title, description, process, plan, budget or log_level of a job at rest.

        Raises
        ------
        StateError
            If the job is queued or running.
        InputError
            If a change names another property, or its value is wrong.
        """
        _check_changes(changes)
        with self._database.write() as connection:
            job = _load(connection, job_id, owner)
            _check_at_rest(job)
            changes |= {"updated": self._clock()}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))
            return _load(connection, job_id, owner)

    def delete(self, job_id: str, owner: str | None = None) -> None:
        """Remove a job, its log and its results; a worker on it stops at its next block."""
        with self._database.write() as connection:
            job = _load(connection, job_id, owner)
            connection.execute(delete(jobs).where(jobs.c.id == job_id))
            self._discard_results(job_id)
            if is_dead(job.worker):  # one that lives removes its own folder when it stops
                self.sweep_leftovers(job_id)

    def queue(self, job_id: str, owner: str | None = None) -> Job:
        """Queue a job; earlier results are discarded. A queued or running job is left as it is."""
        with self._database.write() as connection:
            job = _load(connection, job_id, owner)
            if job.status in ACTIVE:
                return job
            now = self._clock()
            fresh = {"status": "queued", "progress": 0.0, "attempts": 0, "queued": now, "updated": now}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**fresh, **NO_LEASE))
            write_log(connection, job_id, now, "info", "The job was queued.")
            self._discard_results(job_id)
            return _load(connection, job_id, owner)

    def cancel(self, job_id: str, owner: str | None = None) -> Job:
        """Stop a job: a queued one is created again, a running one canceled; others stay as they are."""
        with self._database.write() as connection:
            job = _load(connection, job_id, owner)
            if job.status not in ACTIVE:
                return job
            now = self._clock()
            status = "canceled" if job.status == "running" else "created"
            changes = {"status": status, "updated": now, **NO_LEASE}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))
            write_log(connection, job_id, now, "info", "The job was canceled.")
            return _load(connection, job_id, owner)

    def logs(
        self,
        job_id: str,
        owner: str | None = None,
        *,
        offset: str | None = None,
        level: str = "debug",
        limit: int | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Return log lines as openEO shows them, the oldest first, after the line ``offset``."""
        with self._database.read() as connection:
            _load(connection, job_id, owner)
            return tuple(read_logs(connection, job_id, offset=offset, level=level, limit=limit))

    def results_folder(self, job_id: str) -> Path:
        """Return where the results of a finished job lie."""
        return self.layout.results / job_id

    def _discard_results(self, job_id: str) -> None:
        folder = self.results_folder(job_id)
        doomed = folder.with_name(f".{job_id}.{secrets.token_hex(4)}.old")
        with suppress(FileNotFoundError):
            folder.rename(doomed)
            shutil.rmtree(doomed, ignore_errors=True)

    def sweep_leftovers(self, job_id: str) -> None:
        """Remove the half-written results that workers which are no more left of a job."""
        for leftover in self.results_folder(job_id).parent.glob(f".{job_id}.*"):
            shutil.rmtree(leftover, ignore_errors=True)

    # What a worker does.

    def claim(self, worker: str) -> Job | None:
        """Take the job that has been queued longest, or return None; lost jobs are queued again first."""
        now = self._clock()
        with self._database.write() as connection:
            requeue_lost(connection, now, self._max_attempts)
            job_id = take_longest_queued(connection, worker, now, self.lease_s)
            return None if job_id is None else _load(connection, job_id, None)

    def renew(self, job: Job, progress: float) -> bool:
        """Prolong the lease and note the progress (percent, never backwards); False if it is lost."""
        with self._database.write() as connection:
            return renew_lease(connection, job, progress, self._clock(), self.lease_s)

    def finish(self, job: Job, publish: Callable[[], None]) -> bool:
        """Call ``publish``, which puts the results in place, and end the job; False if the lease is lost."""
        with self._database.write() as connection:
            if not end_lease(connection, job, self._clock(), status="finished", progress=100.0):
                return False
            publish()
            write_log(connection, job.id, self._clock(), "info", "The results are complete.")
        return True

    def fail(self, job: Job, code: str, message: str) -> bool:
        """End the job in the state error, with the reason as last line of its log."""
        with self._database.write() as connection:
            ended = end_lease(connection, job, self._clock(), status="error")
            if ended:
                write_log(connection, job.id, self._clock(), "error", message, code=code)
        return ended

    def release(self, job: Job) -> bool:
        """Give a job back to the queue, unharmed, because its worker has to stop."""
        with self._database.write() as connection:
            changes = {"status": "queued", "attempts": job.attempts - 1}
            ended = end_lease(connection, job, self._clock(), **changes)
            if ended:
                message = "The worker was stopped; the job waits for the next one."
                write_log(connection, job.id, self._clock(), "info", message)
        return ended

    def log(self, job_id: str, level: str, message: str, *, code: str | None = None) -> None:
        """Add a line to the log of a job."""
        with self._database.write() as connection:
            write_log(connection, job_id, self._clock(), level, message, code=code)


def _load(connection: Connection, job_id: str, owner: str | None) -> Job:
    row = connection.execute(select(jobs).where(jobs.c.id == job_id)).mappings().first()
    if row is None or owner not in (None, row["owner"]):
        raise NotFoundError(
            f"The batch job {job_id[:64]!r} does not exist.",
            "List your jobs with GET /jobs.",
            code="JobNotFound",
        )
    return Job.from_row(dict(row))


def _check_at_rest(job: Job) -> None:
    if job.status in ACTIVE:
        raise StateError(
            f"The batch job {job.id!r} is {job.status}.", "Cancel it first, or wait until it has ended."
        )


def _check_changes(changes: dict[str, Any]) -> None:
    if not changes:
        raise InputError(
            "Nothing was given to change.", f"Give one of {', '.join(_EDITABLE)}.", code="NoDataForUpdate"
        )
    for name in changes:
        if name not in _EDITABLE:
            raise InputError(
                f"The property {name[:64]!r} of a job cannot be changed.",
                f"Change one of {', '.join(_EDITABLE)}.",
                code="PropertyNotEditable",
            )
    if "process" in changes:
        check_process(changes["process"])
    if "log_level" in changes:
        check_level(changes["log_level"])
