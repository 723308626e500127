"""The durable store of jobs: what users do with a job; what workers do with it is the queue."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from eocene.jobs.accounts.spending import book_run
from eocene.jobs.job import ACTIVE, LOCAL_USER, Job, check_level, check_process
from eocene.jobs.leases import NO_LEASE
from eocene.jobs.logs import read_logs, write_log
from eocene.jobs.queue import JobQueue, load_job
from eocene.jobs.tables import jobs
from eocene.model import InputError, StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

_EDITABLE = ("title", "description", "process", "plan", "budget", "log_level")
_NO_RUN: Mapping[str, None] = dict.fromkeys(
    ("started", "ended", "cpu_s", "wall_s", "memory_bytes", "expires")
)  # fmt: skip


class JobStore(JobQueue):
    """Batch jobs of a workspace, as their owners see them; the parameters are those of the queue."""

    admission: Callable[[Connection, Job], float | None] | None = None
    """Says, in the transaction that queues a job, the budget that it gets, or refuses it."""

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
            return load_job(connection, job_id, owner)

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
            job = load_job(connection, job_id, owner, lock=True)
            _check_at_rest(job)
            changes |= {"updated": self._clock()}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))
            return load_job(connection, job_id, owner)

    def delete(self, job_id: str, owner: str | None = None) -> None:
        """Remove a job, its log and its results; a worker on it stops at its next block."""
        with self._database.write() as connection:
            job = load_job(connection, job_id, owner, lock=True)
            book_run(connection, job, self._clock())
            connection.execute(delete(jobs).where(jobs.c.id == job_id))
            self._doom(connection, job_id)
            self._doom_run(connection, job)
        self._tidy()

    def queue(self, job_id: str, owner: str | None = None) -> Job:
        """Queue a job; earlier results are discarded. A queued or running job is left as it is."""
        with self._database.write() as connection:
            job = load_job(connection, job_id, owner, lock=True)
            if job.status in ACTIVE:
                return job
            now = self._clock()
            fresh = {"status": "queued", "progress": 0.0, "attempts": 0, "queued": now, "updated": now}
            fresh |= {**NO_LEASE, **_NO_RUN, "run": secrets.token_hex(8)}
            book_run(connection, job, now)
            if self.admission is not None:
                fresh["budget"] = self.admission(connection, job)
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**fresh))
            write_log(connection, job_id, now, "info", "The job was queued.")
            self._doom_run(connection, job)
            self._doom_result(connection, job)
            queued = load_job(connection, job_id)
        # After the transaction: a crash in it would cost results that the job still has.
        self._tidy(job_id, status="queued")
        return queued

    def cancel(self, job_id: str, owner: str | None = None) -> Job:
        """Stop a job that is queued or running; one in another state stays as it is.

        A running one of which blocks are finished is canceled, and these are its results; any other one
        is created again, as the openEO API wants it.
        """
        with self._database.write() as connection:
            job = load_job(connection, job_id, owner, lock=True)
            if job.status not in ACTIVE:
                return job
            now, run = self._clock(), self.run_folder(job)
            partial = job.status == "running" and run.has_partial()
            changes = {"status": "canceled" if partial else "created", "updated": now, **NO_LEASE}
            changes |= {"ended": now} if partial else {**_NO_RUN, "progress": 0.0}
            connection.execute(update(jobs).where(jobs.c.id == job_id).values(**changes))
            write_log(connection, job_id, now, "info", "The job was canceled.")
            self._doom_run(connection, job)
            if partial:
                run.publish_partial()
            stopped = load_job(connection, job_id)
        self._tidy()
        return stopped

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
            load_job(connection, job_id, owner)
            return tuple(read_logs(connection, job_id, offset=offset, level=level, limit=limit))


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
