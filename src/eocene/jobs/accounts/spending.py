"""What accounts spend, and whether they may start another job: exact also when many start at once.

A job that starts reserves what is left of the account's credits, or its own budget if that is less; the
worker stops it there. So the jobs of an account can never spend more than it has, however many run. A result
that is computed at once books what it is expected to take, and in the end what it took.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, insert, select, update

from eocene.jobs.accounts.tables import spending
from eocene.jobs.job import ACTIVE, credits_of
from eocene.jobs.tables import jobs, users
from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection, Row

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
    rows = _list_active(connection, job.owner, job.id)
    if quota.jobs is not None and len(rows) >= quota.jobs:
        raise TooManyJobsError(
            f"{len(rows)} of your batch jobs are queued or running, which is as many as you may have.",
            "Wait for one to end, or cancel one.",
        )
    left = _measure_left(connection, job.owner, quota, rows)
    if left is None:
        return job.budget
    return left if job.budget is None else min(left, job.budget)


def reserve(connection: Connection, account: str, quota: Quota, cpu_s: float, now: float) -> str:
    """Book what a result that is computed at once is expected to take; return what :func:`settle` needs.

    Raises
    ------
    CreditsError
        If less than that is left of the account's credits.
    """
    left = _measure_left(connection, account, quota, _list_active(connection, account))
    if left is not None and credits_of(cpu_s) > left:
        raise CreditsError(
            f"The result is expected to cost {credits_of(cpu_s):.3g} credits; {left:.3g} of your "
            f"{quota.credits:g} are left that no job has reserved.",
            "Ask for a smaller area, fewer dates or a coarser resolution, or ask the operator for more.",
        )
    day = f"results of {time.strftime('%Y-%m-%d', time.gmtime(now))}"  # one row a day, not one a result
    if not settle(connection, account, day, cpu_s):
        connection.execute(insert(spending).values(user=account, job=day, time=now, cpu_s=cpu_s))
    return day


def settle(connection: Connection, account: str, day: str, cpu_s: float) -> bool:
    """Add processor time, less if negative, to what results of a day took; tell whether it is there."""
    of_day = (spending.c.user == account) & (spending.c.job == day)
    taken = spending.c.cpu_s + cpu_s
    return connection.execute(update(spending).where(of_day).values(cpu_s=taken)).rowcount > 0


def _list_active(connection: Connection, account: str, but: str = "") -> Sequence[Row[Any, Any]]:
    """Return budget and processor time of the account's active jobs; what else writes for it waits."""
    # Where several transactions write at once, those of one account wait for each other here.
    connection.execute(select(users.c.name).where(users.c.name == account).with_for_update())
    others = (jobs.c.owner == account) & jobs.c.status.in_(ACTIVE) & (jobs.c.id != but)
    return connection.execute(select(jobs.c.budget, jobs.c.cpu_s).where(others)).all()


def _measure_left(
    connection: Connection, account: str, quota: Quota, rows: Sequence[Row[Any, Any]]
) -> float | None:
    """Return the credits that no job has reserved, None without a limit; raises CreditsError if none."""
    if quota.credits is None:
        return None
    reserved = sum(max((budget or 0.0) - credits_of(cpu_s or 0.0), 0.0) for budget, cpu_s in rows)
    left = quota.credits - measure_spent(connection, account) - reserved
    if left <= 0:
        raise CreditsError(
            f"None of your {quota.credits:g} credits is left, or other jobs have reserved the rest.",
            "Wait for your jobs, give them smaller budgets, or ask the operator for more.",
        )
    return left
