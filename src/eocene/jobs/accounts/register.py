"""All about accounts behind one door: one database, one answer to "who is this token?"."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from eocene.jobs.accounts.audit import AuditLog
from eocene.jobs.accounts.identity import Identity
from eocene.jobs.accounts.projects import Projects
from eocene.jobs.accounts.quota import Quota
from eocene.jobs.accounts.tables import profiles
from eocene.jobs.accounts.tokens import PERSONAL, PersonalTokens
from eocene.jobs.accounts.users import Users, save_profile
from eocene.jobs.job import ACTIVE
from eocene.jobs.tables import jobs

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any

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
        self._layout, self.defaults = layout, defaults or Quota()
        self.users = Users(layout, clock=clock)
        self._database = self.users.database
        self.tokens = PersonalTokens(self._database, clock)
        self.projects = Projects(self._database, clock)
        self.audit = AuditLog(self._database, clock)

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
            own = connection.scalar(select(profiles.c.limits).where(profiles.c.user == account))
        return self.defaults.override(own or {})

    def set_quota(self, account: str, limits: dict[str, Any]) -> None:
        """Say limits for one account, in place of what was said before; raises InputError, NotFoundError."""
        Quota().override(limits)
        with self._database.write() as connection:
            save_profile(connection, account, limits=limits)

    def count_active_jobs(self, account: str) -> int:
        """Return how many jobs of an account are queued or running."""
        query = select(func.count()).where(jobs.c.owner == account, jobs.c.status.in_(ACTIVE))
        with self._database.read() as connection:
            return int(connection.scalar(query) or 0)

    def measure_storage(self, account: str) -> int:
        """Return the bytes that the results and uploaded files of an account take."""
        query = select(jobs.c.id).where(jobs.c.owner == account)
        with self._database.read() as connection:
            ids = connection.scalars(query).all()
        folders = [self._layout.results / job for job in ids] + [self._layout.files / account]
        return sum(size for folder in folders for size in _list_sizes(folder))


def _list_sizes(folder: Path) -> Iterator[int]:
    for path in folder.rglob("*"):
        try:
            status = path.lstat()
        except FileNotFoundError:
            continue  # a job may be deleted meanwhile
        yield status.st_size
