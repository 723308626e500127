"""What a piece of work takes of the processors: in its own thread, in those it starts, and behind walls.

Several pieces of work may go on in one process, as in a server; each counts its own.
"""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Spent:
    """Seconds of processor time, counted by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        """What was counted so far."""
        return self._seconds

    def add(self, seconds: float) -> None:
        """Count seconds."""
        with self._lock:
            self._seconds += seconds


OUTSIDE = Spent()
"""What processes took that run code of users for this one; the system does not count them as its children."""
_current: ContextVar[Spent | None] = ContextVar("eocene_spent", default=None)


@contextmanager
def metering() -> Iterator[Spent]:
    """Count what the block takes, in this thread and where :func:`in_thread` leads; it stands at its end."""
    spent = Spent()
    token = _current.set(spent)
    start = time.thread_time()
    try:
        yield spent
    finally:
        spent.add(time.thread_time() - start)
        _current.reset(token)


def count_outside(seconds: float) -> None:
    """Count what another process has taken for this work."""
    OUTSIDE.add(seconds)
    spent = _current.get()
    if spent is not None:
        spent.add(seconds)


def in_thread(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that counts what it takes in another thread for the work that is going on here."""
    spent = _current.get()
    if spent is None:
        return function
    meter = spent

    def count(*given: Any) -> Any:
        start = time.thread_time()
        token = _current.set(meter)
        try:
            return function(*given)
        finally:
            meter.add(time.thread_time() - start)
            _current.reset(token)

    return count
