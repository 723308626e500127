"""The most recently used values, each made once even if many ask for it at the same time."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Value = TypeVar("Value")


class Recent(Generic[Value]):
    """A bounded cache that may be used from any thread; ``hits`` and ``misses`` are counted.

    Parameters
    ----------
    size : int
        How many values are kept; the one that was not asked for longest goes first.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.hits, self.misses = 0, 0
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = threading.Lock()
        # Two who ask for one value wait for each other; others only by chance.
        self._making = [threading.Lock() for _ in range(32)]

    def values(self) -> list[Value]:
        """Return what is kept, the least recently used first."""
        with self._lock:
            return list(self._values.values())

    def find(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """Return the value of the key, calling ``make`` if it is not there; errors are not kept."""
        with self._making[hash(key) % len(self._making)]:
            with self._lock:
                if key in self._values:
                    self._values.move_to_end(key)
                    self.hits += 1
                    return self._values[key]
                self.misses += 1
            value = make()
            with self._lock:
                self._values[key] = value
                while len(self._values) > self._size:
                    self._values.popitem(last=False)
            return value
