"""What was found a short while ago: a small memory that threads share."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable

Key = TypeVar("Key", bound="Hashable")
Found = TypeVar("Found")


class Lately(Generic[Key, Found]):
    """Remembers things for some seconds, those that were noted last; looking one up takes no lock.

    Parameters
    ----------
    most : int
        How many at most.
    seconds : float
        How long each.
    """

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._noted: dict[Key, tuple[float, Found]] = {}  # the oldest first
        self._lock = threading.Lock()

    def get(self, key: Key) -> Found | None:
        """Return what was noted, None if that was not or too long ago."""
        noted = self._noted.get(key)
        return noted[1] if noted is not None and time.monotonic() < noted[0] else None

    def note(self, key: Key, found: Found) -> None:
        """Remember something from now on; what is too old goes."""
        now = time.monotonic()
        with self._lock:
            self._noted.pop(key, None)
            self._noted[key] = now + self._seconds, found
            while len(self._noted) > self._most or next(iter(self._noted.values()))[0] <= now:
                del self._noted[next(iter(self._noted))]

    def forget(self, key: Key) -> None:
        """Remember something no longer."""
        with self._lock:
            self._noted.pop(key, None)

    def clear(self) -> None:
        """Remember nothing."""
        with self._lock:
            self._noted.clear()
