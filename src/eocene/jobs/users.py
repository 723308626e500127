"""Users, their passwords (argon2) and their tokens (hashed, expiring)."""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
import time
from typing import TYPE_CHECKING

from sqlalchemy import delete, func, insert, select, update

from eocene.jobs.database import open_database
from eocene.jobs.job import LOCAL_USER
from eocene.jobs.tables import settings, tokens, users
from eocene.model import ForbiddenError, InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from argon2 import PasswordHasher

    from eocene.model import Layout

TOKEN_LIFE_S = 12 * 3600.0
_NAME = re.compile(r"^[A-Za-z0-9_\-.~]{1,64}$")
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

    Raises
    ------
    UnavailableError
        If argon2-cffi, which hashes passwords, is not installed.
    """

    def __init__(self, layout: Layout, *, clock: Callable[[], float] = time.time) -> None:
        self._hasher = _load_hasher()
        self._clock = clock
        self._database = open_database(layout)
        # An unknown user costs as much time as a wrong password: nobody learns names from the clock.
        self._decoy = self._hasher.hash(secrets.token_urlsafe(16))

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def start_first(self, name: str = LOCAL_USER) -> str | None:
        """Make the first user and return the password, which is told only here; None if there are users."""
        password = secrets.token_urlsafe(12)
        hashed = self._hasher.hash(password)
        with self._database.write() as connection:
            if connection.scalar(select(func.count()).select_from(users)):
                return None
            values = {"name": _check_name(name), "password_hash": hashed, "created": self._clock()}
            connection.execute(insert(users).values(values))
        return password

    def set_password(self, name: str, password: str) -> None:
        """Add a user, or change the password of one; the user's tokens end."""
        if len(password) < 8:
            raise InputError("The password is shorter than 8 characters.", "Choose a longer one.")
        hashed, now = self._hasher.hash(password), self._clock()
        with self._database.write() as connection:
            changed = connection.execute(
                update(users).where(users.c.name == _check_name(name)).values(password_hash=hashed)
            )
            if not changed.rowcount:
                connection.execute(insert(users).values(name=name, password_hash=hashed, created=now))
            connection.execute(delete(tokens).where(tokens.c.user == name))

    def verify(self, name: str, password: str) -> str:
        """Return the user's name if the password is right; raises ForbiddenError CredentialsInvalid."""
        from argon2.exceptions import InvalidHashError, VerificationError

        with self._database.read() as connection:
            hashed = connection.scalar(select(users.c.password_hash).where(users.c.name == name))
        try:
            with _VERIFYING:
                self._hasher.verify(hashed or self._decoy, password)
        except (VerificationError, InvalidHashError):
            hashed = None
        if hashed is None:
            raise ForbiddenError(
                "The user name or the password is wrong.",
                "The password was printed when the server started for the first time.",
            )
        return name

    def issue_token(self, name: str, *, life_s: float = TOKEN_LIFE_S) -> str:
        """Return a new token of the user; only its hash is kept. Expired tokens are forgotten."""
        token, now = secrets.token_urlsafe(32), self._clock()
        with self._database.write() as connection:
            connection.execute(delete(tokens).where(tokens.c.expires < now))
            values = {"digest": _digest(token), "user": name, "created": now, "expires": now + life_s}
            connection.execute(insert(tokens).values(values))
        return token

    def find_by_token(self, token: str) -> str:
        """Return the name of the token's user; raises ForbiddenError TokenInvalid."""
        query = select(tokens.c.user).where(
            tokens.c.digest == _digest(token), tokens.c.expires >= self._clock()
        )
        with self._database.read() as connection:
            name: str | None = connection.scalar(query)
        if name is None:
            raise ForbiddenError(
                "The token is unknown or has expired.",
                "Log in again at /credentials/basic.",
                code="TokenInvalid",
            )
        return name

    def signing_key(self) -> bytes:
        """Return the secret that signs links to results; it is made once a workspace."""
        with self._database.write() as connection:
            query = select(settings.c.value).where(settings.c.name == "signing_key")
            found = connection.scalar(query)
            if found is None:
                found = secrets.token_hex(32)
                connection.execute(insert(settings).values(name="signing_key", value=found))
        return bytes.fromhex(found)


def _digest(token: str) -> str:
    # A token has 256 random bits, so a plain hash is as good as a slow one.
    return hashlib.sha256(token.encode()).hexdigest()


def _check_name(name: str) -> str:
    if not _NAME.match(name):
        raise InputError(
            f"The user name {name[:64]!r} is not allowed.",
            "Use 1 to 64 letters, digits or any of _ - . ~",
        )
    return name


def _load_hasher() -> PasswordHasher:
    try:
        from argon2 import PasswordHasher
    except ModuleNotFoundError as error:
        raise UnavailableError(
            "Passwords need argon2-cffi, which is not installed.", "Run: pip install 'eocene[serve]'"
        ) from error
    return PasswordHasher()
