"""Requests over connections that stand already: one thread sees to all of them.

A thread for each would be woken for every piece that arrives, and would have to get the interpreter back each
time. What does not go smoothly here is given back to the client, which has all the other ways.
"""

from __future__ import annotations

import selectors
import ssl
import threading
import time
from collections import deque
from typing import TYPE_CHECKING, Protocol

import numpy as np

from eocene.archive.fetch.response import ProtocolError, Response

if TYPE_CHECKING:
    import socket

    from eocene.archive.fetch.connection import Connection
    from eocene.archive.fetch.connections import Pool

_LOOK_S = 0.25
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError)


class Errand(Protocol):
    """What wants a range of an object.

    Attributes
    ----------
    size : int
        Bytes of the range; an object that ends earlier has fewer.
    stall_s : float
        How long nothing may come.
    deadline : float
        On the monotonic clock; all has to be there by then.
    """

    size: int
    stall_s: float
    deadline: float

    def depart(self) -> tuple[Pool, Connection, bytes] | None:
        """Return a connection and what is to be sent over it, None if that cannot be said."""

    def arrive(self, response: Response, body: memoryview) -> None:
        """Take the answer, which is a range (206) that has come whole."""

    def fail(self, error: Exception | None, response: Response | None) -> None:
        """Learn that no such answer came: what happened and what did come, if it was asked for at all."""


class Express:
    """Sends errands over connections that stand, and takes their answers as they come.

    Parameters
    ----------
    slots : semaphore
        Held by each request that is under way.
    """

    def __init__(self, slots: threading.BoundedSemaphore) -> None:
        self._slots = slots
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, _Exchange] = {}
        self._waiting: deque[Errand] = deque()
        self._lock = threading.Lock()
        self._is_busy = threading.Event()
        self._thread: threading.Thread | None = None

    def send(self, errand: Errand) -> None:
        """Begin an errand: now, or in the slot of one that is under way."""
        if self._slots.acquire(blocking=False):
            self._begin(errand)
            return
        with self._lock:
            if self._running:
                self._waiting.append(errand)
                return
        errand.fail(None, None)  # others hold all slots, and may for long

    def _begin(self, errand: Errand | None) -> None:
        """Begin an errand in a slot that is held, or the first of those that wait which can be begun."""
        while errand is not None and not self._start(errand):
            errand.fail(None, None)
            errand = self._next()
        if errand is None:
            self._slots.release()

    def _next(self) -> Errand | None:
        with self._lock:
            return self._waiting.popleft() if self._waiting else None

    def _start(self, errand: Errand) -> bool:
        """Return whether an errand is under way."""
        found = errand.depart()
        if found is None:
            return False
        pool, connection, message = found
        sock = connection.sock
        if sock is None:
            return False
        try:
            sock.settimeout(0)
            if sock.send(message) != len(message):
                raise ProtocolError("the request is too long")
        except OSError:
            connection.close()
            return False
        exchange, number = _Exchange(errand, pool, connection, sock), sock.fileno()
        with self._lock:
            self._running[number] = exchange
            if not self._is_busy.is_set():
                self._is_busy.set()
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="fetch-express", daemon=True)
                self._thread.start()
        self._selector.register(number, selectors.EVENT_READ)
        return True

    def _run(self) -> None:
        looked = time.monotonic()
        while True:
            self._is_busy.wait()
            for key, _ in self._selector.select(_LOOK_S):
                self._go_on(key.fd)
            now = time.monotonic()
            if now > looked + _LOOK_S:
                looked = now
                with self._lock:
                    late = [number for number, exchange in self._running.items() if exchange.late_at < now]
                for number in late:
                    self._go_on(number)

    def _go_on(self, number: int) -> None:
        """Take what has come of an answer; if that is its end, begin what waits."""
        exchange = self._running[number]
        error: Exception | None = None
        try:
            exchange.go_on()
        except _NOT_YET:
            if time.monotonic() < exchange.late_at:
                return
            error = TimeoutError()
        except Exception as fault:  # noqa: BLE001  one answer must not end the thread of all
            error = fault
        self._selector.unregister(number)
        with self._lock:
            del self._running[number]
            if not self._running:
                self._is_busy.clear()
        exchange.end(error)
        self._begin(self._next())


class _Exchange:
    """A request under way."""

    def __init__(self, errand: Errand, pool: Pool, connection: Connection, sock: socket.socket) -> None:
        self._errand, self._pool, self._connection = errand, pool, connection
        self._response = Response(sock)
        self._body: memoryview | None = None
        self._filled = 0
        self._stay()

    def go_on(self) -> None:
        """Take what has come, and return when that was all.

        Raises
        ------
        BlockingIOError, SSLWantReadError
            If there is more to come.
        OSError
            If it is another answer, or is cut off.
        """
        while not self._response.status:
            self._response.receive()
        if self._body is None:
            self._body = self._expect()
        while self._filled < len(self._body):
            count = self._response.read_into(self._body[self._filled :])
            if not count:
                raise ProtocolError("it was cut off")
            self._filled += count
            self._stay()

    def _expect(self) -> memoryview:
        """Return memory for the body, if it is what was asked for."""
        length, packing = self._response.length, self._response.headers.get("content-encoding", "identity")
        if self._response.status != 206 or length is None or length > self._errand.size:
            raise ProtocolError("it is another answer")
        if packing.lower() != "identity":
            raise ProtocolError("it is packed")
        return np.empty(length, np.uint8).data

    def end(self, error: Exception | None) -> None:
        """Give the connection back, and the answer to who asked."""
        if error is None and self._response.keeps_open:
            self._pool.give(self._connection)
        else:
            self._connection.close()
        if error is None and self._body is not None:
            self._errand.arrive(self._response, self._body)
        else:
            self._errand.fail(error, self._response)

    def _stay(self) -> None:
        self.late_at = min(time.monotonic() + self._errand.stall_s, self._errand.deadline)
