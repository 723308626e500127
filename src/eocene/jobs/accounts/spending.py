"""What accounts spend, and whether they may start another job: exact also when many start at once.

A job that starts reserves what is left of the account's credits, or its own budget if that is less; the
worker stops it there. So the jobs of an account can never spend more than it has, however many run.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import func, insert, select

from eocene.jobs.accounts.tables import spending
from eocene.jobs.job import ACTIVE, credits_of
from eocene.jobs.tables import jobs, users
from eocene.model import EoceneError

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from eocene.jobs.accounts.quota import Quota
    from eocene.jobs.job import Job

_RETRY_S = 30


class TooManyJobsError(EoceneError):
    """As many jobs of the account as allowed are queued or running; ``headers`` say when to ask again."""

    code = "TooManyRequests"
    status = 429
    headers = {"Retry-After": str(_RETRY_S)}  # noqa: RUF012  never changed


class CreditsError(EoceneError):
    """The account has no credits left."""

    code = "PaymentRequired"
    status = 402


def book_run(connection: Connection, job: Job, now: float) -> None:
    """Keep what a run took before its job forgets it, because it is deleted or starts anew."""
    if job.cpu_s:
        connection.execute(insert(spending).values(user=job.owner, job=job.id, time=now, cpu_s=job.cpu_s))


def measure_spent(connection: Connection, account: str) -> float:
    """Return the credits that all jobs of an account have taken, deleted ones and earlier runs, too."""
    booked = select(func.sum(spending.c.cpu_s)).where(spending.c.user == account)
    present = select(func.sum(jobs.c.cpu_s)).where(jobs.c.owner == account)
    return credits_of((connection.scalar(booked) or 0.0) + (connection.scalar(present) or 0.0))


def admit_job(connection: Connection, job: Job, quota: Quota) -> float | None:
    """Return the budget with which a job may be queued, in credits; None is no limit.

    Raises
    ------
    TooManyJobsError
        If the account has as many jobs queued or running as it may.
    CreditsError
        If nothing of its credits is left that no other job has reserved.
    """
    # Where several transactions write at once, those of one account wait for each other here.
    connection.execute(select(users.c.name).where(users.c.name == job.owner).with_for_update())
    others = (jobs.c.owner == job.owner) & jobs.c.status.in_(ACTIVE) & (jobs.c.id != job.id)
    rows = connection.execute(select(jobs.c.budget, jobs.c.cpu_s).where(others)).all()
    if quota.jobs is not None and len(rows) >= quota.jobs:
        raise TooManyJobsError(
            f"{len(rows)} of your batch jobs are queued or running, which is as many as you may have.",
            "Wait for one to end, or cancel one.",
        )
    if quota.credits is None:
        return job.budget
    reserved = sum(max((budget or 0.0) - credits_of(cpu_s or 0.0), 0.0) for budget, cpu_s in rows)
    left = quota.credits - measure_spent(connection, job.owner) - reserved
    if left <= 0:
        raise CreditsError(
            f"None of your {quota.credits:g} credits is left, or other jobs have reserved the rest.",
            "Wait for your jobs, give them smaller budgets, or ask the operator for more.",
        )
    return left if job.budget is None else min(left, job.budget)
