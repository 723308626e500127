"""Projects that share: an account of its own, which its members enter with tokens made for it.

A project has jobs, services, files and limits as a user has, so every part of the service that knows
whose a thing is knows projects, too. Nobody logs in as a project: a member makes a personal token for
it, and the audit log names the member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from eocene.jobs.accounts.tables import members, projects
from eocene.jobs.accounts.users import check_name
from eocene.jobs.job import format_instant
from eocene.jobs.tables import users
from eocene.model import ConflictError, ForbiddenError, InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from eocene.jobs.database import Database

ROLES = ("owner", "member", "viewer")
"""An owner names the members, a member works, a viewer reads."""

WRITERS = ("owner", "member")
PREFIX = "project~"
"""How the account of a project begins; no local user may have such a name."""

_LONGEST = 64 - len(PREFIX)


class Projects:
    """Projects and their members.

    Parameters
    ----------
    database : Database
        The state.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def create(self, name: str, owner: str, title: str | None = None) -> dict[str, Any]:
        """Make a project with its first owner; raises InputError or, if the name is taken, ConflictError."""
        if len(name) > _LONGEST:
            raise InputError(f"The project name {name[:64]!r} is too long.", f"Use {_LONGEST} characters.")
        account, now = PREFIX + check_name(name), self._clock()
        with self._database.write() as connection:
            if connection.scalar(select(users.c.name).where(users.c.name == account)):
                raise ConflictError(f"The project {account!r} is there already.", "Choose another name.")
            _check_user(connection, owner)
            connection.execute(insert(users).values(name=account, password_hash="", created=now))
            connection.execute(insert(projects).values(name=account, title=title or name, created=now))
            connection.execute(insert(members).values(project=account, user=owner, role="owner"))
            return _describe(connection, account, "owner")

    def list(self, user: str) -> tuple[dict[str, Any], ...]:
        """Return the projects of a user with their members."""
        query = select(members.c.project, members.c.role).where(members.c.user == user)
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(members.c.project)).all()
            return tuple(_describe(connection, project, role) for project, role in rows)

    def get(self, project: str, user: str) -> dict[str, Any]:
        """Return a project of a user; raises NotFoundError."""
        with self._database.read() as connection:
            return _describe(connection, project, find_role(connection, project, user))

    def set_member(self, project: str, owner: str, user: str, role: str | None) -> None:
        """Give a user a role in a project, or none any more.

        Raises
        ------
        NotFoundError
            If ``owner`` is in no such project, or there is no such user.
        ForbiddenError
            If ``owner`` does not own it; anybody may leave, though.
        InputError
            If the role is unknown.
        ConflictError
            If nobody would own the project.
        """
        if role is not None and role not in ROLES:
            raise InputError(f"The role {role[:20]!r} is unknown.", f"Use one of {', '.join(ROLES)}.")
        with self._database.write() as connection:
            mine = find_role(connection, project, owner)
            if mine != "owner" and not (role is None and user == owner):
                raise ForbiddenError(
                    f"You do not own the project {project!r}.",
                    "Ask an owner.",
                    code="PermissionsInsufficient",
                )
            _check_user(connection, user)
            this = (members.c.project == project) & (members.c.user == user)
            connection.execute(delete(members).where(this))
            if role is not None:
                connection.execute(insert(members).values(project=project, user=user, role=role))
            owners = (members.c.project == project) & (members.c.role == "owner")
            if not connection.scalar(select(func.count()).select_from(members).where(owners)):
                raise ConflictError("A project needs an owner.", "Name another owner first.")


def find_role(connection: Connection, project: str, user: str) -> str:
    """Return the role of a user in a project; raises NotFoundError, also for who is not in it."""
    mine = (members.c.project == project) & (members.c.user == user)
    role: str | None = connection.scalar(select(members.c.role).where(mine))
    if role is None:
        raise NotFoundError(f"There is no project {project[:64]!r}.", "List your projects first.")
    return role


def _check_user(connection: Connection, name: str) -> None:
    is_person = ~users.c.name.in_(select(projects.c.name))
    if not connection.scalar(select(users.c.name).where(users.c.name == name, is_person)):
        raise NotFoundError(f"There is no user {name[:64]!r}.", "Ask for the user_id of GET /me.")


def _describe(connection: Connection, project: str, role: str) -> dict[str, Any]:
    row = connection.execute(select(projects).where(projects.c.name == project)).mappings().one()
    listed = connection.execute(
        select(members.c.user, members.c.role).where(members.c.project == project).order_by(members.c.user)
    )
    return {
        "id": project,
        "title": row["title"],
        "created": format_instant(row["created"]),
        "role": role,
        "members": {row.user: row.role for row in listed},
    }
