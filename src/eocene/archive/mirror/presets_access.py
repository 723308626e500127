"""How providers let their files be fetched: openly, by signed URLs, or with a token.

Tokens are held in memory until they expire; they go into requests alone, never into the catalogue, a log or
the text of an error.

Sources: Microsoft Planetary Computer, "Using tokens for data access"; Copernicus Data Space Ecosystem,
"Access token" (https://documentation.dataspace.copernicus.eu/APIs/Token.html).
"""

from __future__ import annotations

import os
import threading
import time
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

from eocene.archive.fetch.urls import parse_url
from eocene.model.errors import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.archive.fetch import Door

_EARLY_S = 60.0
"""So long before its end a token is renewed."""


class Access(Protocol):
    """How an asset is asked for."""

    @property
    def prefixes(self) -> tuple[str, ...]:
        """What must be reachable besides the assets."""

    def prepare(self, door: Door, href: str) -> tuple[str, dict[str, str]]:
        """Return the URL and headers of a request for an asset.

        Raises
        ------
        InputError
            If credentials are missing in the environment.
        DamageError
            If the provider does not give a token.
        """

    def forget(self) -> None:
        """Ask for new tokens: those at hand were refused."""


class OpenAccess:
    """Files that anybody may fetch."""

    prefixes: tuple[str, ...] = ()

    def prepare(self, door: Door, href: str) -> tuple[str, dict[str, str]]:
        """Return the URL as it is."""
        return href, {}

    def forget(self) -> None:
        """Do nothing: there are no tokens."""


@dataclass
class _Tokens:
    """Tokens by what they are for, with the time at which they end."""

    kept: dict[str, tuple[str, float]] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: str, ask: Callable[[], tuple[str, float]]) -> str:
        with self.lock:
            token, end = self.kept.get(key, ("", 0.0))
            if time.time() > end - _EARLY_S:
                token, end = self.kept[key] = ask()
            return token

    def clear(self) -> None:
        with self.lock:
            self.kept.clear()


@dataclass(frozen=True)
class SignedAccess:
    """Azure blobs, for each container of which a server gives a signature.

    Parameters
    ----------
    url : str
        Where signatures are: ``URL/ACCOUNT/CONTAINER``.
    key : str
        The environment variable with a subscription key, which is optional.
    """

    url: str
    key: str = "PC_SDK_SUBSCRIPTION_KEY"
    _tokens: _Tokens = field(default_factory=_Tokens, repr=False, compare=False)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The server of signatures."""
        return (self.url,)

    def prepare(self, door: Door, href: str) -> tuple[str, dict[str, str]]:
        """Return the URL with a signature."""
        url = parse_url(href)
        container = url.path.split("/")[1]
        place = f"{self.url}/{url.host.partition('.')[0]}/{container}"
        token = self._tokens.get(place, lambda: self._ask(door, place))
        return f"{href}{'&' if url.query else '?'}{token}", {}

    def forget(self) -> None:
        """Ask for new signatures."""
        self._tokens.clear()

    def _ask(self, door: Door, place: str) -> tuple[str, float]:
        secret = os.environ.get(self.key)
        answer = door.get_json(place, headers={"Ocp-Apim-Subscription-Key": secret} if secret else None)
        token, expiry = _read(answer, "token", place), _read(answer, "msft:expiry", place)
        try:
            return token, datetime.fromisoformat(expiry).timestamp()
        except ValueError as error:
            raise _no_token(place) from error


@dataclass(frozen=True)
class TokenAccess:
    """Files behind OpenID Connect, with the name and password of the environment.

    Parameters
    ----------
    url : str
        The token endpoint.
    client : str
        The public client that tokens are for.
    user, password : str
        The environment variables.
    """

    url: str
    client: str
    user: str
    password: str
    _tokens: _Tokens = field(default_factory=_Tokens, repr=False, compare=False)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """The token endpoint."""
        return (self.url,)

    def prepare(self, door: Door, href: str) -> tuple[str, dict[str, str]]:
        """Return the URL as it is, and a token."""
        if href.startswith("s3:"):
            return href, {}  # signed with the keys of the environment
        token = self._tokens.get(self.url, lambda: self._ask(door))
        return href, {"Authorization": f"Bearer {token}"}

    def forget(self) -> None:
        """Ask for a new token."""
        self._tokens.clear()

    def _ask(self, door: Door) -> tuple[str, float]:
        user, password = os.environ.get(self.user), os.environ.get(self.password)
        if not user or not password:
            raise InputError(
                f"Assets of {parse_url(self.url).host!r} are only given to registered users.",
                f"Register there, and set {self.user} and {self.password} in the environment.",
                code="CredentialsMissing",
            )
        form = {
            "grant_type": "password",
            "client_id": self.client,
            "username": user,
            "password": password,
        }
        answer = door.get_json(self.url, "POST", urlencode(form).encode())
        lasts = answer.get("expires_in", 0) if isinstance(answer, dict) else 0
        seconds = float(lasts) if isinstance(lasts, int | float) else 0.0
        return _read(answer, "access_token", self.url), time.time() + seconds


def _read(answer: Any, name: str, place: str) -> str:
    value = answer.get(name) if isinstance(answer, dict) else None
    if not isinstance(value, str) or not value or not value.isascii() or not value.isprintable():
        raise _no_token(place)
    return value


def _no_token(place: str) -> DamageError:
    return DamageError(f"{place!r} gives no usable token.", "Try again later, or check the preset.")
