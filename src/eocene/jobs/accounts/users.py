"""Users, their passwords (argon2), their sessions (hashed, expiring tokens) and who they are elsewhere."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from functools import cached_property
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select, update

from eocene.jobs.accounts.identity import ROLES, digest_token
from eocene.jobs.accounts.tables import personal_tokens, profiles, projects
from eocene.jobs.database import open_database
from eocene.jobs.job import LOCAL_USER, format_instant
from eocene.jobs.tables import settings, tokens, users
from eocene.model import ForbiddenError, InputError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from argon2 import PasswordHasher
    from sqlalchemy import Connection

    from eocene.jobs.database import Database
    from eocene.model import Layout

TOKEN_LIFE_S = 12 * 3600.0
SESSION = "eocene_session_"
"""How a token of a login begins, so that it is known for what it is wherever it turns up."""

_NAME = re.compile(r"[A-Za-z0-9_\-.]{1,64}")
# A verification takes 64 MiB; more at once would let anyone exhaust the memory by wrong passwords.
_VERIFYING = threading.BoundedSemaphore(2)


class Users:
    """Who may process on this workspace.

    Parameters
    ----------
    layout : Layout
        The workspace; its folder must exist.
    clock : callable
        Gives the time in seconds since 1970.

    Whatever needs a password raises UnavailableError if argon2-cffi, which hashes them, is not installed.
    """

    def __init__(self, layout: Layout, *, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self.database: Database = open_database(layout)

    def close(self) -> None:
        """Give the connections back."""
        self.database.close()

    @cached_property
    def _hasher(self) -> PasswordHasher:
        try:
            from argon2 import PasswordHasher
        except ModuleNotFoundError as error:
            raise UnavailableError(
                "Passwords need argon2-cffi, which is not installed.", "Run: pip install 'eocene[serve]'"
            ) from error
        return PasswordHasher()

    @cached_property
    def _decoy(self) -> str:
        """Hash that an unknown user's password is compared with: nobody learns names from the clock."""
        return self._hasher.hash(secrets.token_urlsafe(16))

    # Accounts.

    def start_first(self, name: str = LOCAL_USER) -> str | None:
        """Make the first user and return the password, which is told only here; None if there are users."""
        password = secrets.token_urlsafe(12)
        hashed = self._hasher.hash(password)
        with self.database.write() as connection:
            if connection.scalar(select(func.count()).select_from(users)):
                return None
            values = {"name": check_name(name), "password_hash": hashed, "created": self._clock()}
            connection.execute(insert(users).values(values))
        return password

    def set_password(self, name: str, password: str) -> None:
        """Add a user, or change the password of one, who is let in again; the user's tokens end.

        Raises
        ------
        InputError
            If the name or the password is not allowed, or the user logs in at a provider.
        """
        if len(password) < 8:
            raise InputError("The password is shorter than 8 characters.", "Choose a longer one.")
        check_name(name)
        hashed, now = self._hasher.hash(password), self._clock()
        with self.database.write() as connection:
            changed = connection.execute(
                update(users).where(users.c.name == name).values(password_hash=hashed)
            )
            if not changed.rowcount:
                connection.execute(insert(users).values(name=name, password_hash=hashed, created=now))
            connection.execute(update(profiles).where(profiles.c.user == name).values(closed=False))
            _end_tokens(connection, name)

    def admit(
        self, issuer: str, subject: str, *, prefix: str, title: str | None, roles: Iterable[str]
    ) -> str:
        """Return the name of who an OpenID provider calls ``subject``, noting title and roles.

        The first time a user is made. Its name has a ``~``, which no local name may have, and the
        identity is unique in the database; a name that is taken nevertheless is refused.

        Raises
        ------
        ForbiddenError
            TokenInvalid, if the operator closed the account.
        """
        identity = hashlib.sha256(f"{issuer}\n{subject}".encode()).hexdigest()
        mine = (profiles.c.issuer == issuer) & (profiles.c.subject == subject)
        noted = {"title": title, "roles": sorted(roles)}
        with self.database.read() as connection:
            row = connection.execute(select(profiles).where(mine)).mappings().first()
        if row is None:
            with self.database.write() as connection:
                row = connection.execute(select(profiles).where(mine)).mappings().first()
                if row is None:
                    name = f"{prefix}~{identity[:24]}"
                    values = {"name": name, "password_hash": "", "created": self._clock()}
                    connection.execute(insert(users).values(values))
                    values = {"user": name, "issuer": issuer, "subject": subject, "limits": {}, **noted}
                    connection.execute(insert(profiles).values(values))
                    return name
        if row["closed"]:
            raise _closed()
        if any(row[key] != value for key, value in noted.items()):
            with self.database.write() as connection:
                connection.execute(update(profiles).where(mine).values(noted))
        return str(row["user"])

    def close_account(self, name: str) -> None:
        """Let a user in no more: password and tokens end. What the user made stays, as does the name."""
        with self.database.write() as connection:
            changed = connection.execute(update(users).where(users.c.name == name).values(password_hash=""))
            if not changed.rowcount:
                raise _unknown(name)
            save_profile(connection, name, closed=True)
            _end_tokens(connection, name)

    def set_roles(self, name: str, roles: Iterable[str]) -> None:
        """Give a user these roles and no others; raises InputError for an unknown one, NotFoundError."""
        given = sorted(set(roles))
        if unknown := set(given) - ROLES:
            raise InputError(
                f"The role {min(unknown)!r} is unknown.", f"Use one of {', '.join(sorted(ROLES))}."
            )
        with self.database.write() as connection:
            save_profile(connection, name, roles=given)

    def roles(self, name: str) -> frozenset[str]:
        """Return the roles of a user; of one who logs in at a provider, those of the last login."""
        with self.database.read() as connection:
            found = connection.scalar(select(profiles.c.roles).where(profiles.c.user == name))
        return frozenset(found or ())

    def title(self, name: str) -> str:
        """Return how a user is called where people read it."""
        with self.database.read() as connection:
            return connection.scalar(select(profiles.c.title).where(profiles.c.user == name)) or name

    def list(self) -> tuple[dict[str, Any], ...]:
        """Return name, title, kind, roles and limits of all accounts, the oldest first; no secrets."""
        query = (
            select(users.c.name, users.c.created, profiles, projects.c.name.label("project"))
            .join_from(users, profiles, profiles.c.user == users.c.name, isouter=True)
            .join(projects, projects.c.name == users.c.name, isouter=True)
            .order_by(users.c.created, users.c.name)
        )
        with self.database.read() as connection:
            return tuple(_describe(dict(row)) for row in connection.execute(query).mappings())

    # Sessions.

    def verify(self, name: str, password: str) -> str:
        """Return the user's name if the password is right; raises ForbiddenError CredentialsInvalid."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self.database.read() as connection:
            hashed = connection.scalar(select(users.c.password_hash).where(users.c.name == name))
        decoy = self._decoy  # also where it isn't needed: the first login takes longer for everybody
        try:
            with _VERIFYING:
                self._hasher.verify(hashed or decoy, password)
        except (VerificationError, InvalidHashError):
            hashed = None
        if not hashed:
            raise ForbiddenError(
                "The user name or the password is wrong.",
                "The password was printed when the server started for the first time.",
            )
        return name

    def issue_token(self, name: str, *, life_s: float = TOKEN_LIFE_S) -> str:
        """Return a new token of the user; only its hash is kept. Expired tokens are forgotten."""
        token, now = SESSION + secrets.token_urlsafe(32), self._clock()
        with self.database.write() as connection:
            connection.execute(delete(tokens).where(tokens.c.expires < now))
            values = {"digest": digest_token(token), "user": name, "created": now, "expires": now + life_s}
            connection.execute(insert(tokens).values(values))
        return token

    def find_by_token(self, token: str) -> str:
        """Return the name of the token's user; raises ForbiddenError TokenInvalid."""
        query = select(tokens.c.user).where(
            tokens.c.digest == digest_token(token), tokens.c.expires >= self._clock()
        )
        with self.database.read() as connection:
            name: str | None = connection.scalar(query)
        if name is None:
            raise invalid_token()
        return name

    def signing_key(self) -> bytes:
        """Return the secret that signs links to results; it is made once a workspace."""
        with self.database.write() as connection:
            query = select(settings.c.value).where(settings.c.name == "signing_key")
            found = connection.scalar(query)
            if found is None:
                found = secrets.token_hex(32)
                connection.execute(insert(settings).values(name="signing_key", value=found))
        return bytes.fromhex(found)


def check_name(name: str) -> str:
    """Return the name if a local user or project may have it; raises InputError."""
    if not _NAME.fullmatch(name):
        raise InputError(
            f"The user name {name[:64]!r} is not allowed.", "Use 1 to 64 letters, digits or any of _ - ."
        )
    return name


def save_profile(connection: Connection, name: str, **changes: Any) -> None:
    """Change the profile of a user, making it if there is none; raises NotFoundError."""
    if not connection.scalar(select(users.c.name).where(users.c.name == name)):
        raise _unknown(name)
    changed = connection.execute(update(profiles).where(profiles.c.user == name).values(changes))
    if not changed.rowcount:
        values = {"user": name, "roles": [], "limits": {}} | changes
        connection.execute(insert(profiles).values(values))


def invalid_token() -> ForbiddenError:
    """Return the error of a token that opens nothing, whatever the reason."""
    return ForbiddenError(
        "The token is unknown or has expired.", "Log in again, or make a new token.", code="TokenInvalid"
    )


def _end_tokens(connection: Connection, name: str) -> None:
    for table in (tokens, personal_tokens):
        connection.execute(delete(table).where(table.c.user == name))


def _describe(row: dict[str, Any]) -> dict[str, Any]:
    kind = "project" if row["project"] else "oidc" if row["issuer"] else "local"
    shown = {"name": row["name"], "kind": kind, "created": format_instant(row["created"])}
    shown |= {"roles": row["roles"] or [], "limits": row["limits"] or {}, "closed": bool(row["closed"])}
    optional = ("title", "issuer", "subject")
    return shown | {key: row[key] for key in optional if row[key] is not None}


def _closed() -> ForbiddenError:
    return ForbiddenError(
        "The account is closed.", "Ask the operator to open it again.", code="PermissionsInsufficient"
    )


def _unknown(name: str) -> NotFoundError:
    return NotFoundError(f"There is no user {name[:64]!r}.", "List them with `eocene users list`.")
