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
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update

from eocene.jobs.logs import write_log
from eocene.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import ColumnElement, Connection

    from eocene.jobs.job import Job

NO_LEASE: dict[str, None] = {"worker": None, "lease": None, "lease_until": None}
"""The columns of a job that nobody holds."""


def take_longest_queued(connection: Connection, worker: str, now: float, lease_s: float) -> str | None:
    """Give the job that has been queued longest to the worker; return its id, None if there is none."""
    longest = select(jobs.c.id).where(jobs.c.status == "queued").order_by(jobs.c.queued, jobs.c.id)
    # On PostgreSQL a row that another worker is just taking is passed over; SQLite has one writer anyway.
    job_id: str | None = connection.scalar(longest.limit(1).with_for_update(skip_locked=True))
    if job_id is None:
        return None
    taken = {
        "status": "running",
        "worker": worker,
        "lease": secrets.token_hex(16),
        "lease_until": now + lease_s,
        "attempts": jobs.c.attempts + 1,
        "updated": now,
        "started": func.coalesce(jobs.c.started, now),
    }
    connection.execute(update(jobs).where(jobs.c.id == job_id).values(taken))
    write_log(connection, job_id, now, "info", "Processing started.")
    return job_id


def renew_lease(
    connection: Connection, job: Job, progress: float, now: float, lease_s: float, used: Mapping[str, float]
) -> bool:
    """Prolong the lease, raise the progress (percent) and note what was used; False if the lease is lost.

    Who gets further is no danger to workers: the attempts are counted from there again.
    """
    further = update(jobs).where(_held(job), jobs.c.progress < progress)
    connection.execute(further.values(progress=min(progress, 100.0), attempts=1))
    renewed = update(jobs).where(_held(job)).values(lease_until=now + lease_s, updated=now, **used)
    return bool(connection.execute(renewed).rowcount)


def end_lease(connection: Connection, job: Job, now: float, **changes: Any) -> bool:
    """Change a job and let go of it; False, and nothing is changed, if the lease is lost."""
    ended = update(jobs).where(_held(job)).values(updated=now, **changes, **NO_LEASE)
    return bool(connection.execute(ended).rowcount)


def requeue_lost(connection: Connection, now: float, max_attempts: int) -> None:
    """Queue running jobs again whose worker is silent, or dead on this machine."""
    running = select(jobs).where(jobs.c.status == "running").with_for_update(skip_locked=True)
    for row in connection.execute(running).mappings().all():
        if (row["lease_until"] or 0.0) >= now and not is_dead(row["worker"]):
            continue
        given_up = row["attempts"] >= max_attempts
        message = (
            f"The worker stopped without a word {row['attempts']} times, most often for want of memory; "
            "the job was given up."
            if given_up
            else "The worker stopped without a word; the job was queued again and goes on where it was."
        )
        changes = {"status": "error" if given_up else "queued", "updated": now, **NO_LEASE}
        changes |= {"ended": now} if given_up else {}
        connection.execute(update(jobs).where(jobs.c.id == row["id"]).values(**changes))
        write_log(connection, row["id"], now, "error" if given_up else "warning", message)


def name_worker(number: int = 0) -> str:
    """Return a name that says where a worker runs: host, process and number."""
    return f"{_this_machine()}:{os.getpid()}:{number}"


@cache
def _this_machine() -> str:
    """Return a name within which process numbers are unique.

    Containers of one host have their own numbers, and hosts may have one name: "localhost", that of an image.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()}/{boot}/{Path('/proc/self/ns/pid').stat().st_ino}"
    except OSError:
        return socket.gethostname()


def is_dead(worker: str | None) -> bool:
    """Tell whether the worker ran in a process of this machine that is gone; otherwise unknown, so False."""
    host, _, rest = (worker or "").partition(":")
    number = rest.partition(":")[0]
    if host != _this_machine() or not number.isdigit():
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
