"""All about accounts behind one door: one database, one answer to "who is this token?"."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import select

from eocene.archive.store.results import open_results
from eocene.jobs.accounts.audit import AuditLog
from eocene.jobs.accounts.identity import Identity
from eocene.jobs.accounts.projects import Projects
from eocene.jobs.accounts.quota import Quota
from eocene.jobs.accounts.rates import Rates
from eocene.jobs.accounts.spending import admit_job, measure_spent, reserve, settle
from eocene.jobs.accounts.tables import profiles
from eocene.jobs.accounts.tokens import PERSONAL, PersonalTokens
from eocene.jobs.accounts.users import Users, save_profile
from eocene.jobs.stored_uploads import open_uploads
from eocene.jobs.tables import jobs
from eocene.model import EoceneError
from eocene.process.metering import Spent, metering

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

    from sqlalchemy import Connection

    from eocene.jobs.job import Job
    from eocene.model import Layout


class Accounts:
    """The accounts of a workspace.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    defaults : Quota, optional
        Quota of users for whom no others are said; by default none.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(
        self, layout: Layout, defaults: Quota | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        self._layout, self.defaults, self._clock = layout, defaults or Quota(), clock
        self._results = open_results(layout)
        self.users = Users(layout, clock=clock)
        self._database = self.users.database
        self.tokens = PersonalTokens(self._database, clock)
        self.projects = Projects(self._database, clock)
        self.audit = AuditLog(self._database, clock)
        self.rates = Rates(self._database, clock)

    def close(self) -> None:
        """Give the connections back."""
        self.users.close()

    def find_by_token(self, token: str) -> Identity:
        """Return who calls with a token of this server; raises ForbiddenError TokenInvalid."""
        if token.startswith(PERSONAL):
            return self.tokens.find(token)
        name = self.users.find_by_token(token)
        return Identity(name, name, "session", roles=self.users.roles(name))

    def quota(self, account: str) -> Quota:
        """Return what an account may use: the operator's defaults, with what was said of it in place."""
        with self._database.read() as connection:
            return self._read_quota(connection, account)

    def set_quota(self, account: str, limits: dict[str, Any]) -> None:
        """Say limits for one account, in place of what was said before; raises InputError, NotFoundError."""
        Quota().override(limits)
        with self._database.write() as connection:
            save_profile(connection, account, limits=limits)

    def admit_job(self, connection: Connection, job: Job) -> float | None:
        """Return the budget of a job that is to be queued; raises what ``spending.admit_job`` does."""
        return admit_job(connection, job, self._read_quota(connection, job.owner))

    @contextmanager
    def booking(self, account: str, expected_s: float) -> Iterator[Spent]:
        """Let an account pay what the block computes, which is expected to take so many seconds.

        Raises
        ------
        CreditsError
            If the account has not so much left; then the block is not entered.
        """
        with self._database.write() as connection:
            day = reserve(
                connection, account, self._read_quota(connection, account), expected_s, self._clock()
            )
        spent = Spent()
        try:
            with metering() as spent:
                yield spent
        finally:
            with self._database.write() as connection:
                settle(connection, account, day, spent.seconds - expected_s)

    def credits_left(self, account: str) -> float | None:
        """Return what an account may still spend; None if there is no limit."""
        with self._database.read() as connection:
            most = self._read_quota(connection, account).credits
            return None if most is None else max(most - measure_spent(connection, account), 0.0)

    def storage_left(self, account: str) -> int | None:
        """Return the bytes by which an account's files may grow, not below 0; None if there is no limit."""
        most = self.quota(account).storage
        return None if most is None else max(most - self.measure_storage(account), 0)

    def check_storage(self, account: str) -> None:
        """Raise StorageQuotaError if nothing more fits."""
        if self.storage_left(account) == 0:
            raise StorageQuotaError(
                f"Your storage of {self.quota(account).storage} bytes is full.",
                "Delete jobs or files, or ask the operator for more.",
            )

    def measure_storage(self, account: str) -> int:
        """Return the bytes that the results and uploaded files of an account take."""
        query = select(jobs.c.id, jobs.c.run).where(jobs.c.owner == account)
        with self._database.read() as connection:
            runs = connection.execute(query).all()
        uploaded = open_uploads(replace(self._layout, account=account))
        return uploaded.measure() + sum(self._results.measure(job, run) for job, run in runs)

    def _read_quota(self, connection: Connection, account: str) -> Quota:
        own = connection.scalar(select(profiles.c.limits).where(profiles.c.user == account))
        return self.defaults.override(own or {})


class StorageQuotaError(EoceneError):
    """An account's results and files take as much as they may."""

    code = "StorageQuotaExceeded"
    status = 400
