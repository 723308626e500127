"""Where a remote object lies, and how it is asked for."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Protocol

from eocene.archive.fetch.client import Request

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from eocene.archive.fetch.urls import Url


class Place(Protocol):
    """A remote object."""

    @property
    def name(self) -> str:
        """What errors call it, without credentials."""

    @property
    def key(self) -> Hashable:
        """What only a place has that is asked for in the same way, credentials included."""

    def identify(self) -> str:
        """Return what no other object is called, even where only credentials tell them apart."""

    def ask(self, headers: Mapping[str, str]) -> Request:
        """Return the request for its bytes."""


class WebPlace:
    """An object with an http or https URL.

    Parameters
    ----------
    url : Url
        As the policy has admitted it.
    headers : mapping, optional
        Sent with each request, such as a token; to its own origin only.
    """

    def __init__(self, url: Url, headers: Mapping[str, str] | None = None) -> None:
        self.name = url.name
        self._url, self._headers = url, dict(headers or {})
        self.key = (url, *sorted(self._headers.items()))

    def identify(self) -> str:
        """Return its name, with a hash of its whole query if it has one."""
        if not self._url.query:
            return self.name
        return f"{self.name}#{hashlib.sha256(self._url.query.encode()).hexdigest()[:16]}"

    def ask(self, headers: Mapping[str, str]) -> Request:
        """Return the request for its bytes."""
        return Request(self._url, headers={**self._headers, **headers})
