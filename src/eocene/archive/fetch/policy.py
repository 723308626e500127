"""What the operator lets this process reach over the network; by default nothing."""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eocene.archive.fetch.refusal import refuse_url
from eocene.archive.fetch.urls import Url, parse_url

if TYPE_CHECKING:
    from collections.abc import Iterable

REMOTE, PRIVATE = "EOCENE_REMOTE", "EOCENE_REMOTE_PRIVATE"


@dataclass(frozen=True)
class Policy:
    """Prefixes of URLs that may be read, and hosts that may have private addresses.

    Parameters
    ----------
    prefixes : tuple of Url
        Where a URL has to lie.
    private : frozenset of str
        Hosts, as ``host`` or ``host:port``, that may be on loopback or a private network.
    """

    prefixes: tuple[Url, ...] = ()
    private: frozenset[str] = frozenset()

    @classmethod
    def of(cls, prefixes: Iterable[str] = ()) -> Policy:
        """Return the policy of the environment, with these prefixes besides.

        ``EOCENE_REMOTE`` lists prefixes, ``EOCENE_REMOTE_PRIVATE`` hosts, separated by commas.

        Raises
        ------
        InputError
            If one of them is not a plain URL.
        """
        found = [parse_url(text) for text in (*_list(REMOTE), *prefixes)]
        return cls(tuple(dict.fromkeys(found)), frozenset(h.lower() for h in _list(PRIVATE)))

    def widen(self, prefixes: Iterable[str]) -> Policy:
        """Return this policy with more prefixes."""
        added = tuple(parse_url(prefix) for prefix in prefixes)
        return replace(self, prefixes=tuple(dict.fromkeys((*self.prefixes, *added))))

    def admit(self, text: str) -> Url:
        """Return the URL that a text spells, if it may be asked for.

        Raises
        ------
        InputError
            If it is not plain, or lies below none of the prefixes.
        """
        url = parse_url(text)
        if not self.covers(url):
            raise refuse_url(url.name, "it lies below none of the allowed prefixes")
        return url

    def covers(self, url: Url) -> bool:
        """Tell whether a URL lies below one of the prefixes."""
        return any(url.is_below(prefix) for prefix in self.prefixes)

    def allows_private(self, url: Url) -> bool:
        """Tell whether the host of a URL may have a private address."""
        return url.host in self.private or f"{url.host}:{url.port}" in self.private


def _list(variable: str) -> list[str]:
    return [part.strip() for part in os.environ.get(variable, "").split(",") if part.strip()]
