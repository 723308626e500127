"""Limits at the border: how often somebody may ask, with a bucket of tokens for each."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from cachetools import LRUCache, TTLCache

from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from eocene.jobs import Accounts

FAILURES = 60
"""Wrong passwords a minute from one address."""

GUESSES = 10
"""Wrong passwords a minute for one user from one address."""

_REMEMBERED_S = 5.0


class TooManyRequestsError(EoceneError):
    """Somebody asks more often than allowed; ``headers`` say when to come again."""

    code = "TooManyRequests"
    status = 429

    def __init__(self, message: str, wait_s: float) -> None:
        seconds = max(1, math.ceil(wait_s))
        super().__init__(message, f"Try again in {seconds} s.")
        self.headers = {"Retry-After": str(seconds)}


class Buckets:
    """Token buckets: each holds a minute's worth and fills steadily; thread-safe, of one process.

    Parameters
    ----------
    most : int
        How many are kept; the one that was used longest ago is forgotten, which makes it full.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(self, most: int = 20_000, clock: Callable[[], float] = time.monotonic) -> None:
        self._buckets: LRUCache[Hashable, tuple[float, float]] = LRUCache(most)
        self._clock = clock
        self._lock = threading.Lock()

    def take(self, key: Hashable, per_minute: int, *, look: bool = False) -> float:
        """Take one from a bucket, or only look whether one is in it.

        Returns
        -------
        float
            0, or the seconds until one will be in it; at most 60.
        """
        if per_minute <= 0:
            return 60.0
        with self._lock:
            now = self._clock()
            left, then = self._buckets.get(key, (float(per_minute), now))
            left = min(float(per_minute), left + (now - then) * per_minute / 60)
            taken = 0 if look or left < 1 else 1
            self._buckets[key] = (left - taken, now)
        return 0.0 if left >= 1 else (1 - left) * 60 / per_minute


class Gate:
    """Counts requests and wrong passwords, and refuses when there are too many.

    Parameters
    ----------
    accounts : Accounts
        Says how often an account may ask; looked up anew after some seconds.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._buckets = Buckets(clock=clock)
        self._lock = threading.Lock()
        self._rates: TTLCache[str, int | None] = TTLCache(4096, _REMEMBERED_S, timer=clock)

    def count_request(self, account: str) -> None:
        """Count a request of an account; raises TooManyRequestsError."""
        self._count(("account", account), self._find_rate(account))

    def count_stranger(self, address: str) -> None:
        """Count a request without good credentials from an address; raises TooManyRequestsError."""
        self._count(("address", address), self._accounts.defaults.requests)

    def count_wrong_password(self, name: str, address: str) -> None:
        """Count a wrong password."""
        for key, most in _name_guesses(name, address):
            self._buckets.take(key, most)

    def refuse_guesses(self, name: str, address: str) -> None:
        """Raise TooManyRequestsError, before a password is looked at, if too many were wrong."""
        wait = max(self._buckets.take(key, most, look=True) for key, most in _name_guesses(name, address))
        if wait:
            raise TooManyRequestsError("Too many wrong passwords came from your address.", wait)

    def _find_rate(self, account: str) -> int | None:
        with self._lock:
            if account in self._rates:
                return self._rates[account]
        rate = self._accounts.quota(account).requests
        with self._lock:
            self._rates[account] = rate
        return rate

    def _count(self, key: Hashable, most: int | None) -> None:
        if most is not None and (wait := self._buckets.take(key, most)):
            raise TooManyRequestsError(f"More than {most} requests came within a minute.", wait)


def _name_guesses(name: str, address: str) -> tuple[tuple[Hashable, int], ...]:
    return (("guesses", name, address), GUESSES), (("failures", address), FAILURES)
