"""Limits at the border: how often somebody may ask, with a bucket of tokens for each."""

from __future__ import annotations

import math
import threading
import time
from typing import TYPE_CHECKING

from cachetools import LRUCache, TTLCache

from eocene.jobs.accounts.rates import fill, find_wait
from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from eocene.jobs import Accounts

FAILURES = 60
"""Wrong passwords a minute from one address."""

GUESSES = 10
"""Wrong passwords a minute for one user from one address."""

_REMEMBERED_S = 5.0
_PORTIONS = 20
"""In so many portions a process takes an account's requests of a minute; each costs a transaction."""


class TooManyRequestsError(EoceneError):
    """Somebody asks more often than allowed; ``headers`` say when to come again."""

    code = "TooManyRequests"
    status = 429

    def __init__(self, message: str, wait_s: float) -> None:
        seconds = max(1, math.ceil(wait_s))
        super().__init__(message, f"Try again in {seconds} s.")
        self.headers = {"Retry-After": str(seconds)}


class Buckets:
    """Token buckets: each holds a minute's worth and fills steadily; thread-safe, of this process.

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

    def take(self, key: Hashable, per_minute: int) -> float:
        """Take one from a bucket, if one is in it.

        Returns
        -------
        float
            0, or the seconds until one will be in it; at most 60.
        """
        with self._lock:
            now = self._clock()
            level, then = self._buckets.get(key, (float(per_minute), now))
            level = fill(level, now - then, per_minute)
            wait = find_wait(level, per_minute)
            self._buckets[key] = (level if wait else level - 1, now)
        return wait


class Gate:
    """Counts requests and wrong passwords, and refuses when there are too many.

    Accounts and guesses are counted in the state, by all server processes together; strangers by each process
    for itself, so that they cost no look into the database.

    Parameters
    ----------
    accounts : Accounts
        Says how often an account may ask, looked up anew after some seconds, and counts.
    clock : callable
        Gives the time in seconds.
    """

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._buckets = Buckets(clock=clock)
        self._lock = threading.Lock()
        self._rates: TTLCache[str, int | None] = TTLCache(4096, _REMEMBERED_S, timer=clock)
        self._clock = clock
        self._in_hand: LRUCache[str, int] = LRUCache(20_000)
        self._closed_until: LRUCache[str, float] = LRUCache(20_000)

    def count_request(self, account: str) -> None:
        """Count a request of an account; raises TooManyRequestsError."""
        most = self._find_rate(account)
        if most is not None and (wait := self._take(account, most)):
            raise _refuse(most, wait)

    def count_stranger(self, address: str) -> None:
        """Count a request without good credentials from an address; raises TooManyRequestsError."""
        most = self._accounts.defaults.requests
        if most is not None and (wait := self._buckets.take(("address", address), most)):
            raise _refuse(most, wait)

    def count_wrong_password(self, name: str, address: str) -> None:
        """Count a wrong password."""
        for key, most in _name_guesses(name, address):
            self._accounts.rates.take(key, most)

    def refuse_guesses(self, name: str, address: str) -> None:
        """Raise TooManyRequestsError, before a password is looked at, if too many were wrong."""
        wait = max(self._accounts.rates.look(key, most) for key, most in _name_guesses(name, address))
        if wait:
            raise TooManyRequestsError("Too many wrong passwords came from your address.", wait)

    def _take(self, account: str, most: int) -> float:
        """Take one of the account's requests; they come out of the state some at a time. Return the wait."""
        with self._lock:
            wait = self._closed_until.get(account, 0.0) - self._clock()
            if wait > 0:  # who floods is refused without a look into the database
                return wait
            left = self._in_hand.get(account, 0)
            if left:
                self._in_hand[account] = left - 1
                return 0.0
        taken, wait = self._accounts.rates.take(f"account {account}", most, max(1, most // _PORTIONS))
        with self._lock:
            if taken:
                self._in_hand[account] = self._in_hand.get(account, 0) + taken - 1
            else:
                self._closed_until[account] = self._clock() + wait
        return wait

    def _find_rate(self, account: str) -> int | None:
        with self._lock:
            if account in self._rates:
                return self._rates[account]
        rate = self._accounts.quota(account).requests
        with self._lock:
            self._rates[account] = rate
        return rate


def _refuse(most: int, wait: float) -> TooManyRequestsError:
    return TooManyRequestsError(f"More than {most} requests came within a minute.", wait)


def _name_guesses(name: str, address: str) -> tuple[tuple[str, int], ...]:
    return (f"guesses {address} {name}", GUESSES), (f"failures {address}", FAILURES)
