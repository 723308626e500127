"""Personal access tokens: made by a user for a script, for the own account or one of the user's projects."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, insert, select

from eocene.jobs.accounts.identity import Identity, digest_token
from eocene.jobs.accounts.projects import WRITERS, find_role
from eocene.jobs.accounts.tables import personal_tokens, profiles
from eocene.jobs.accounts.users import invalid_token
from eocene.jobs.job import format_instant
from eocene.jobs.tables import users
from eocene.model import ForbiddenError, InputError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.jobs.database import Database

PERSONAL = "eocene_personal_"
"""How a personal token begins, so that scanners for leaked secrets can know it."""

DAY_S = 86_400
LONGEST_DAYS = 366
_MOST = 100
_SCOPES = ("read", "write")


class PersonalTokens:
    """Tokens that users make; only their digests are kept.

    Parameters
    ----------
    database : Database
        The state.
    clock : callable
        Gives the time in seconds since 1970.
    """

    def __init__(self, database: Database, clock: Callable[[], float]) -> None:
        self._database, self._clock = database, clock

    def create(
        self, user: str, title: str, *, scope: str = "read", days: float = 90, project: str | None = None
    ) -> tuple[str, dict[str, Any]]:
        """Return a new token, which is told only here, and its description.

        Parameters
        ----------
        user : str
            Who makes it.
        title : str
            What it is for, at most 200 characters.
        scope : str
            ``read`` or ``write``.
        days : float
            How long it works, at most 366.
        project : str, optional
            The project that it opens; by default the user's own account.

        Raises
        ------
        InputError
            If a value is not allowed, or the user has 100 tokens.
        NotFoundError
            If the user is unknown, or in no such project.
        ForbiddenError
            If the user may only read in the project and asks to write.
        """
        _check(title, scope, days)
        token, now = PERSONAL + secrets.token_urlsafe(32), self._clock()
        values = {
            "id": secrets.token_hex(6), "digest": digest_token(token), "user": user, "project": project,
            "title": title, "scope": scope, "created": now, "expires": now + days * DAY_S,
        }  # fmt: skip
        with self._database.write() as connection:
            if not connection.scalar(select(users.c.name).where(users.c.name == user)):
                raise NotFoundError(f"There is no user {user[:64]!r}.", "List them with `eocene users list`.")
            if project is not None and find_role(connection, project, user) not in WRITERS:
                _refuse_writing(scope, project)
            connection.execute(delete(personal_tokens).where(personal_tokens.c.expires < now))
            mine = select(personal_tokens.c.id).where(personal_tokens.c.user == user)
            if len(connection.execute(mine).all()) >= _MOST:
                raise InputError(
                    f"You have {_MOST} tokens.", "Revoke one first.", code="InvalidParameterValue"
                )
            connection.execute(insert(personal_tokens).values(values))
        return token, _describe(values)

    def list(self, user: str) -> tuple[dict[str, Any], ...]:
        """Return descriptions of the user's tokens that still work, the oldest first."""
        query = (
            select(personal_tokens)
            .where(personal_tokens.c.user == user, personal_tokens.c.expires >= self._clock())
            .order_by(personal_tokens.c.created, personal_tokens.c.id)
        )
        with self._database.read() as connection:
            return tuple(_describe(dict(row)) for row in connection.execute(query).mappings())

    def revoke(self, user: str, token_id: str) -> None:
        """End a token of the user at once; raises NotFoundError for an unknown one or another user's."""
        mine = (personal_tokens.c.id == token_id) & (personal_tokens.c.user == user)
        with self._database.write() as connection:
            if not connection.execute(delete(personal_tokens).where(mine)).rowcount:
                raise NotFoundError(f"There is no token {token_id[:32]!r}.", "List your tokens first.")

    def find(self, token: str) -> Identity:
        """Return who calls with a token; raises ForbiddenError TokenInvalid.

        Membership is looked up anew: who has left a project is out at once, who may only read there
        any more only reads.
        """
        query = (
            select(personal_tokens, profiles.c.roles, profiles.c.closed)
            .join_from(personal_tokens, profiles, profiles.c.user == personal_tokens.c.user, isouter=True)
            .where(
                personal_tokens.c.digest == digest_token(token), personal_tokens.c.expires >= self._clock()
            )
        )
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
            if row is None or row["closed"]:
                raise invalid_token()
            account, scope = row["user"], row["scope"]
            if row["project"] is not None:
                account = row["project"]
                try:
                    role = find_role(connection, account, row["user"])
                except NotFoundError as error:
                    raise invalid_token() from error
                scope = scope if role in WRITERS else "read"
        return Identity(account, row["user"], "personal", scope, frozenset(row["roles"] or ()))


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    shown = {key: row[key] for key in ("id", "title", "scope")}
    shown |= {key: format_instant(row[key]) for key in ("created", "expires")}
    return shown | ({"project": row["project"]} if row["project"] else {})


def _check(title: str, scope: str, days: float) -> None:
    code = "InvalidParameterValue"
    if not title.strip() or len(title) > 200:
        raise InputError("The title of the token is empty or too long.", "Say what it is for.", code=code)
    if scope not in _SCOPES:
        raise InputError(f"The scope {scope[:20]!r} is unknown.", "Use read or write.", code=code)
    if not 0 < days <= LONGEST_DAYS:
        raise InputError(
            f"A token cannot work for {days} days.", f"Choose at most {LONGEST_DAYS} days.", code=code
        )


def _refuse_writing(scope: str, project: str) -> None:
    if scope != "read":
        raise ForbiddenError(
            f"You may only read in the project {project!r}.",
            "Make a token with the scope read.",
            code="PermissionsInsufficient",
        )
