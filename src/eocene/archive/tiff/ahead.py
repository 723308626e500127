"""What will be wanted next, fetched meanwhile: many requests under way, few bytes waiting."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")

MOST_REQUESTS = 16
"""Threads that wait for answers, of the whole process."""
MOST_BYTES = 8 * 2**20
"""What one reader has fetched or is fetching and has not taken yet."""

_pool: list[ThreadPoolExecutor] = []


def requests_pool() -> ThreadPoolExecutor:
    """Return the threads of this process that wait for answers."""
    if not _pool:
        _pool.append(ThreadPoolExecutor(MOST_REQUESTS, thread_name_prefix="eocene-fetch"))
    return _pool[0]


os.register_at_fork(after_in_child=_pool.clear)  # threads do not live on in a child


class Ahead(Generic[T]):
    """Does pieces of work that wait for others, in threads, some pieces before they are asked for.

    Parameters
    ----------
    wanted : iterable of (int, callable)
        The bytes that each piece brings, and the piece; taken in this order. Of what brings nothing, no
        thread is used.
    """

    def __init__(self, wanted: Iterable[tuple[int, Callable[[], T]]]) -> None:
        self._left: Iterator[tuple[int, Callable[[], T]]] = iter(wanted)
        self._next: tuple[int, Callable[[], T]] | None = next(self._left, None)
        self._running: deque[tuple[int, Future[T]]] = deque()
        self._bytes = 0
        self._start()

    def take(self) -> T:
        """Return what the next piece brought, or raise what it raised."""
        size, future = self._running.popleft()
        try:
            return future.result()
        finally:
            self._bytes -= size
            self._start()

    def close(self) -> None:
        """Forget the pieces that are left."""
        self._next = None
        while self._running:
            self._running.popleft()[1].cancel()

    def _start(self) -> None:
        """Begin what there is room for, one piece at least."""
        while self._next and (
            not self._running
            or (self._bytes + self._next[0] <= MOST_BYTES and len(self._running) < MOST_REQUESTS)
        ):
            size, work = self._next
            self._running.append((size, requests_pool().submit(work)))
            self._bytes += size
            self._next = next(self._left, None)
