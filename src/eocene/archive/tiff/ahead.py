"""What will be wanted next, fetched meanwhile: many requests under way, few bytes waiting."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

Thing = TypeVar("Thing")
Found = TypeVar("Found")

MOST_REQUESTS = 16
"""Threads that wait for answers, of the whole process."""
MOST_BYTES = 8 * 2**20
"""What one reader has fetched or is fetching and has not taken yet, but for the piece that reaches it."""

_pool: list[ThreadPoolExecutor] = []


def requests_pool() -> ThreadPoolExecutor:
    """Return the threads of this process that wait for answers."""
    if not _pool:
        _pool.append(ThreadPoolExecutor(MOST_REQUESTS, thread_name_prefix="eocene-fetch"))
    return _pool[0]


os.register_at_fork(after_in_child=_pool.clear)  # threads do not live on in a child


class Ahead(Generic[Thing, Found]):
    """Does pieces of work that wait for others, in threads, some pieces before they are asked for.

    Parameters
    ----------
    wanted : iterable of (thing, int, callable or None) or None
        What is wanted, the bytes that are fetched for it, and what fetches them, if anything has to; taken
        in this order. None where what comes next is only known once what was taken has been dealt with.
    """

    def __init__(self, wanted: Iterable[tuple[Thing, int, Callable[[], Found] | None] | None]) -> None:
        self._left = iter(wanted)
        self._running: deque[tuple[Thing, int, Future[Found] | None]] = deque()
        self._bytes = 0

    def __iter__(self) -> Iterator[tuple[Thing, Found | None]]:
        """Yield each thing with what was fetched for it, or raise what fetching it raised."""
        while True:
            self._start()
            if not self._running:
                return
            thing, size, future = self._running.popleft()
            try:
                found = future.result() if future else None
            finally:
                self._bytes -= size
            self._start()
            yield thing, found

    def close(self) -> None:
        """Forget what is left."""
        self._left = iter(())
        while self._running:
            *_, future = self._running.popleft()
            if future:
                future.cancel()

    def _start(self) -> None:
        """Begin what there is room for."""
        while self._bytes < MOST_BYTES and len(self._running) < MOST_REQUESTS:
            piece = next(self._left, None)
            if piece is None:
                return
            thing, size, work = piece
            self._running.append((thing, size, requests_pool().submit(work) if work else None))
            self._bytes += size
