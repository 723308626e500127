"""What workers do with jobs: claim, keep, end or give them back, and tidy up."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select, update

from eocene.jobs.database import StateUnavailableError, open_database
from eocene.jobs.folders import RunFolder, sweep_aside
from eocene.jobs.job import ACTIVE, Job, format_instant
from eocene.jobs.leases import end_lease, renew_lease, requeue_lost, take_longest_queued
from eocene.jobs.logs import write_log
from eocene.jobs.own_processes import list_carried, read_processes
from eocene.jobs.shelf import RESULT, open_shelf
from eocene.jobs.tables import doomed, jobs
from eocene.model import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from eocene.archive.store.published import Published
    from eocene.jobs.limits import Usage
    from eocene.model import Layout

_log = logging.getLogger(__name__)

_EXPIRED = "The results were removed when their time was over; start the job to make them again."


class JobQueue:
    """The jobs of a workspace as its workers see them.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    clock : callable
        Gives the time in seconds since 1970.
    lease_s : float
        A worker that is silent for so long has lost its job to the next one.
    """

    def __init__(
        self,
        layout: Layout,
        *,
        clock: Callable[[], float] = time.time,
        lease_s: float = 20.0,
    ) -> None:
        self.layout = layout
        self.lease_s = lease_s
        self._clock = clock
        self._shelf = open_shelf(layout)
        self._database = open_database(layout)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def ownership(self, account: str) -> Callable[[str], bool]:
        """Return what tells of the id of a job whether it is an account's."""
        mine = select(jobs.c.id).where(jobs.c.owner == account)

        def owns(job_id: str) -> bool:
            with self._database.read() as connection:
                return connection.scalar(mine.where(jobs.c.id == job_id)) is not None

        return owns

    def claim(self, worker: str, max_attempts: int = 3) -> Job | None:
        """Take the job that has been queued longest, or return None; lost jobs are queued again first.

        A job whose worker was lost ``max_attempts`` times without getting further ends in the state error.
        """
        now = self._clock()
        with self._database.write() as connection:
            requeue_lost(connection, now, max_attempts)
            job_id = take_longest_queued(connection, worker, now, self.lease_s)
            return None if job_id is None else load_job(connection, job_id)

    def renew(self, job: Job, progress: float, usage: Usage | None = None) -> bool:
        """Prolong the lease, note progress (percent, never backwards) and usage; False if it is lost."""
        with self._database.write() as connection:
            used = {} if usage is None else usage.columns
            return renew_lease(connection, job, progress, self._clock(), self.lease_s, used)

    def finish(self, job: Job, publish: Callable[[], None], *, keep_s: float | None = None) -> bool:
        """Call ``publish``, which puts the results in place, and end the job; False if the lease is lost.

        Results that are kept for a time only, ``keep_s``, have that said in the job and its log.
        """
        now = self._clock()
        expires = None if keep_s is None else now + keep_s
        with self._database.write() as connection:
            ended = {"status": "finished", "progress": 100.0, "ended": now, "expires": expires}
            if not end_lease(connection, job, now, **ended):
                return False
            publish()
            write_log(connection, job.id, now, "info", "The results are complete.")
            if expires is not None:
                text = f"The results are kept until {format_instant(expires)}, by the operator's choice."
                write_log(connection, job.id, now, "info", text)
            self._doom_run(connection, job)
        self._tidy()
        return True

    def fail(self, job: Job, code: str, message: str) -> bool:
        """End the job in the state error, with the reason as last line of its log."""
        now = self._clock()
        with self._database.write() as connection:
            ended = end_lease(connection, job, now, status="error", ended=now)
            if ended:
                write_log(connection, job.id, now, "error", message, code=code)
                self._doom_run(connection, job)
        self._tidy()
        return ended

    def release(self, job: Job) -> bool:
        """Give a job back to the queue with what is finished of it, because its worker has to stop."""
        with self._database.write() as connection:
            changes = {"status": "queued", "attempts": job.attempts - 1}
            ended = end_lease(connection, job, self._clock(), **changes)
            if ended:
                message = "The worker was stopped; the job waits for the next one."
                write_log(connection, job.id, self._clock(), "info", message)
        return ended

    def log(
        self, job_id: str, level: str, message: str, *, code: str | None = None, data: object = None
    ) -> None:
        """Add a line to the log of a job."""
        with self._database.write() as connection:
            write_log(connection, job_id, self._clock(), level, message, code=code, data=data)

    def expire(self) -> int:
        """Remove the results whose time is over, say so in their jobs, and return how many."""
        now, due = self._clock(), jobs.c.expires < self._clock()
        with self._database.write() as connection:
            rows = [Job.from_row(dict(r)) for r in connection.execute(select(jobs).where(due)).mappings()]
            for job in rows:
                self._doom_result(connection, job)
                if job.status == "finished":
                    write_log(connection, job.id, now, "warning", _EXPIRED)
                    values = {"status": "created", "progress": 0.0, "updated": now}
                    connection.execute(update(jobs).where(jobs.c.id == job.id).values(**values))
        self._tidy(*(job.id for job in rows), status="created")
        return len(rows)

    def sweep(self) -> None:
        """Remove the folders that nobody needs any more, also those that a crash left."""
        with self._database.read() as connection:
            names = list(connection.scalars(select(doomed.c.name)))
        names = [name for name in names if self._remove(name)]
        sweep_aside(self.layout.results)
        if names:
            with self._database.write() as connection:
                connection.execute(delete(doomed).where(doomed.c.name.in_(names)))

    def _remove(self, name: str) -> bool:
        """Remove what was doomed under a name; False if that has to be tried again."""
        job_id, is_result, run = name.partition(RESULT)
        if is_result:
            # A newer result of the job waits for this row, so it is not the one that is withdrawn.
            with self._database.write() as connection:
                connection.execute(select(jobs.c.id).where(jobs.c.id == job_id).with_for_update())
                withdrawn = self._shelf.withdraw(job_id, run)
            return withdrawn and self._shelf.remove(f".{job_id}.{run}")
        return self._shelf.remove(name)

    def leave(self, job: Job) -> None:
        """Remove what a worker wrote after its run had ended; a run that others go on with stays."""
        with self._database.read() as connection:
            current = (jobs.c.id == job.id) & (jobs.c.run == job.run) & jobs.c.status.in_(ACTIVE)
            goes_on = connection.scalar(select(jobs.c.id).where(current)) is not None
        if not goes_on:
            self._shelf.remove(self.run_folder(job).path.name)
            sweep_aside(self.layout.results)

    def own_processes(self, job: Job) -> dict[str, dict[str, Any]]:
        """Return the processes that the owner of a job has defined, and those that it carries, by name."""
        with self._database.read() as connection:
            return read_processes(connection, job.owner) | list_carried(job.process)

    def result(self, job_id: str) -> Published:
        """Return the files of a finished job."""
        return self._shelf.results.find(job_id)

    def results_folder(self, job_id: str) -> Path:
        """Return where the results of a finished job lie in the workspace, if not in an object store."""
        return self.layout.results / job_id

    def run_folder(self, job: Job) -> RunFolder:
        """Return where the work of a job's present run lies."""
        return self._shelf.run_folder(job)

    def _tidy(self, *outdated: str, status: str = "") -> None:
        """Remove what a transaction made superfluous, and the outdated results of jobs still in a state.

        The transaction has happened, and its caller hears so: what fails here is left to a later sweep.
        """
        try:
            for job_id in outdated:
                self._discard_results(job_id, status)
            self.sweep()
        except (OSError, StateUnavailableError):
            _log.warning("what is no longer needed stays for now", exc_info=True)

    def _discard_results(self, job_id: str, status: str) -> None:
        """Take the results away of a job that is still in this state: none that a worker has just made."""
        with self._database.write() as connection:
            current = (jobs.c.id == job_id) & (jobs.c.status == status)
            # What the job says of its results is forgotten with them: a crash between leaves both.
            if connection.execute(update(jobs).where(current).values(expires=None)).rowcount:
                self._shelf.discard(job_id)

    def _doom_run(self, connection: Connection, job: Job) -> None:
        self._doom(connection, self.run_folder(job).path.name)

    def _doom_result(self, connection: Connection, job: Job) -> None:
        for name in self._shelf.name_result(job):
            self._doom(connection, name)

    def _doom(self, connection: Connection, name: str) -> None:
        """Note a folder that is to be removed when the transaction has happened; its name never returns."""
        if connection.scalar(select(doomed.c.name).where(doomed.c.name == name)) is None:
            connection.execute(insert(doomed).values(name=name))


def load_job(connection: Connection, job_id: str, owner: str | None = None, *, lock: bool = False) -> Job:
    """Return a job; raises NotFoundError, also for another owner's. A locked one waits for its writers."""
    query = select(jobs).where(jobs.c.id == job_id)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None or owner not in (None, row["owner"]):
        raise NotFoundError(
            f"The batch job {job_id[:64]!r} does not exist.",
            "List your jobs with GET /jobs.",
            code="JobNotFound",
        )
    return Job.from_row(dict(row))
