"""A limit on the time that the headers of an answer take: a server may not keep a reader by single bytes.

The timeout of a socket starts anew with each byte, so one thread looks at all connections that wait for
headers, and cuts those that have waited too long.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_LOOK_S = 0.25


class Watch:
    """Cuts connections whose time is over."""

    def __init__(self) -> None:
        self._waiting: dict[socket.socket, float] = {}
        self._changed = threading.Condition()
        self._is_idle = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def limit(self, connection: socket.socket, seconds: float) -> Iterator[None]:
        """Cut a connection if the block takes longer than this; reading from it fails then."""
        with self._changed:
            self._waiting[connection] = time.monotonic() + seconds
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="fetch-watch", daemon=True)
                self._thread.start()
            elif self._is_idle:
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._waiting.pop(connection, None)

    def _look(self) -> None:
        while True:
            with self._changed:
                self._is_idle = not self._waiting
                self._changed.wait(None if self._is_idle else _LOOK_S)
                self._is_idle = False
                now = time.monotonic()
                late = [connection for connection, end in self._waiting.items() if end < now]
                for connection in late:
                    del self._waiting[connection]
            for connection in late:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)


_watch = [Watch()]


def watch() -> Watch:
    """Return the watch of this process."""
    return _watch[0]


def start_watch() -> None:
    """Start anew, in a process that has just been forked: threads are not taken along."""
    _watch[0] = Watch()
