"""Leases: how exactly one worker holds a job, and how a job outlives its worker.

A lease is a secret that stands in the job's row beside the time until which it is good. Whatever
a worker writes is written only where its secret still stands, so a job that was canceled, deleted
or given to another worker is out of its reach in the same moment.

The functions work inside a transaction of the caller.
"""

from __future__ import annotations

import os
import secrets
import socket
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from eocene.jobs.logs import write_log
from eocene.jobs.tables import jobs

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection

    from eocene.jobs.job import Job

NO_LEASE: dict[str, None] = {"worker": None, "lease": None, "lease_until": None}
"""The columns of a job that nobody holds."""


def take_longest_queued(connection: Connection, worker: str, now: float, lease_s: float) -> str | None:
    """Give the job that has been queued longest to the worker; return its id, None if there is none."""
    longest = select(jobs.c.id).where(jobs.c.status == "queued").order_by(jobs.c.queued, jobs.c.id)
    job_id: str | None = connection.scalar(longest.limit(1))
    if job_id is None:
        return None
    taken = {
        "status": "running",
        "worker": worker,
        "lease": secrets.token_hex(16),
        "lease_until": now + lease_s,
        "attempts": jobs.c.attempts + 1,
        "updated": now,
    }
    # The state is asked again: on PostgreSQL another worker may have come between.
    still_queued = (jobs.c.id == job_id) & (jobs.c.status == "queued")
    if not connection.execute(update(jobs).where(still_queued).values(taken)).rowcount:
        return None
    write_log(connection, job_id, now, "info", "Processing started.")
    return job_id


def renew_lease(connection: Connection, job: Job, progress: float, now: float, lease_s: float) -> bool:
    """Prolong the lease and raise the progress (percent); False if the lease is lost."""
    further = update(jobs).where(_held(job), jobs.c.progress < progress)
    connection.execute(further.values(progress=min(progress, 100.0)))
    renewed = update(jobs).where(_held(job)).values(lease_until=now + lease_s, updated=now)
    return bool(connection.execute(renewed).rowcount)


def end_lease(connection: Connection, job: Job, now: float, **changes: Any) -> bool:
    """Change a job and let go of it; False, and nothing is changed, if the lease is lost."""
    ended = update(jobs).where(_held(job)).values(updated=now, **changes, **NO_LEASE)
    return bool(connection.execute(ended).rowcount)


def requeue_lost(connection: Connection, now: float, max_attempts: int) -> None:
    """Queue running jobs again whose worker is silent, or dead on this machine."""
    running = select(jobs).where(jobs.c.status == "running")
    for row in connection.execute(running).mappings().all():
        if (row["lease_until"] or 0.0) >= now and not is_dead(row["worker"]):
            continue
        given_up = row["attempts"] >= max_attempts
        message = (
            f"The worker stopped without a word {row['attempts']} times; the job was given up."
            if given_up
            else "The worker stopped without a word; the job was queued again."
        )
        changes = {"status": "error" if given_up else "queued", "updated": now, **NO_LEASE}
        connection.execute(update(jobs).where(jobs.c.id == row["id"]).values(**changes))
        write_log(connection, row["id"], now, "error" if given_up else "warning", message)


def name_worker(number: int = 0) -> str:
    """Return a name that says where a worker runs: host, process and number."""
    return f"{socket.gethostname()}:{os.getpid()}:{number}"


def is_dead(worker: str | None) -> bool:
    """Tell whether the worker ran in a process of this machine that is gone; otherwise unknown, so False."""
    host, _, rest = (worker or "").partition(":")
    number = rest.partition(":")[0]
    if host != socket.gethostname() or not number.isdigit():
        return False
    try:
        os.kill(int(number), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False


def _held(job: Job) -> ColumnElement[bool]:
    return (jobs.c.id == job.id) & (jobs.c.lease == job.lease) & (jobs.c.status == "running")
