"""The answer of a server: its body comes in pieces, within a time and a size."""

from __future__ import annotations

import time
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from functools import partial
from typing import TYPE_CHECKING, NoReturn, TypeVar

import numpy as np

from eocene.archive.fetch.content import MissingError
from eocene.archive.fetch.response import ProtocolError
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eocene.archive.fetch.connection import Connection
    from eocene.archive.fetch.connections import Pool
    from eocene.archive.fetch.response import Response

T = TypeVar("T")

_PIECE = 256 * 1024
REDIRECTS = (301, 302, 303, 307, 308)
_PASSING = (408, 425, 429, 500, 502, 503, 504)


@dataclass(frozen=True)
class Limits:
    """How long and how much one thing may be asked for.

    Attributes
    ----------
    connect_s, stall_s : float
        Seconds until a connection stands, and between two pieces of an answer.
    total_s : float
        Seconds for all attempts at one range or document.
    attempts : int
        How often it is tried while nothing arrives.
    redirects : int
        How many are followed.
    document_bytes, whole_bytes, download_bytes : int
        Of a JSON document, of an object whose server knows no ranges, of a file.
    """

    connect_s: float = 10.0
    stall_s: float = 30.0
    total_s: float = 300.0
    attempts: int = 6
    redirects: int = 5
    document_bytes: int = 64 * 2**20
    whole_bytes: int = 64 * 2**20
    download_bytes: int = 64 * 2**30


class PassingError(Exception):
    """A fault that may pass; it is asked again.

    Parameters
    ----------
    what : str
        What happened.
    wait_s : float, optional
        Seconds that the server asked to wait.
    progressed : bool
        Whether something of use arrived before.
    """

    def __init__(self, what: str, wait_s: float | None = None, *, progressed: bool = False) -> None:
        super().__init__(what)
        self.wait_s, self.progressed = wait_s, progressed


class Answer:
    """An answer whose headers have come.

    Parameters
    ----------
    response : Response
        Its body is not read.
    connection, pool : Connection, Pool
        Which it came over, and where that goes when the body was read.
    name : str
        What errors call it.
    deadline : float
        On the monotonic clock; the body has to be there by then.
    """

    def __init__(
        self, response: Response, connection: Connection, pool: Pool, name: str, deadline: float
    ) -> None:
        self._response, self._connection, self._pool = response, connection, pool
        self.name, self._deadline = name, deadline
        self.status: int = response.status
        self.headers = response.headers
        if self.headers.get("content-encoding", "identity").lower() != "identity":
            self.close()
            raise DamageError(f"{name!r} is sent packed, which was not asked for.", "Check the server.")

    @property
    def length(self) -> int | None:
        """How many bytes the body has, where the server says so."""
        return self._response.length

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes.

        Raises
        ------
        PassingError
            If it is cut off, stalls or takes too long.
        """
        received, expected = 0, self.length
        while True:
            piece = self._receive(lambda: self._response.read1(_PIECE))
            if not piece:
                break
            received += len(piece)
            yield piece
        if expected is not None and received != expected:
            raise PassingError(f"it was cut off after {received} of {expected} bytes")

    def _receive(self, take: Callable[[], T]) -> T:
        """Return what the connection gives, unless it has taken too long."""
        if time.monotonic() > self._deadline:
            raise PassingError("it takes too long")
        try:
            return take()
        except OSError as error:
            raise PassingError(describe_fault(error)) from error

    def fill(self, size: int) -> memoryview:
        """Return the body, which has so many bytes, copied once only.

        Raises
        ------
        DamageError
            If it is larger.
        PassingError
            If it does not come whole.
        """
        if self.length != size:
            return memoryview(self.body(size))
        view, received = np.empty(size, np.uint8).data, 0
        while received < size:
            count = self._receive(partial(self._response.read_into, view[received:]))
            if not count:
                raise PassingError(f"it was cut off after {received} of {size} bytes")
            received += count
        return view

    def body(self, most: int) -> bytes:
        """Return the body.

        Raises
        ------
        DamageError
            If it is larger than ``most`` bytes.
        PassingError
            If it does not come whole.
        """
        length = self.length
        pieces, received = [], 0
        if length is None or length <= most:
            for piece in self.pieces():
                received += len(piece)
                if received > most:
                    break
                pieces.append(piece)
            else:
                return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self.close()
        raise DamageError(
            f"{self.name!r} is larger than the {most} bytes that were expected or are allowed.",
            "Check the server, or ask for less.",
        )

    def refuse(self) -> NoReturn:
        """Raise the error that the status stands for."""
        if self.status in (404, 410):
            raise MissingError(f"{self.name!r} does not exist.", "Check whether it was moved.")
        if self.status in (401, 403, 407):
            raise DamageError(
                f"{self.name!r} may not be read: its server answers {self.status}.",
                "Give credentials by the environment, or a signed URL that has not expired.",
            )
        raise DamageError(
            f"{self.name!r} cannot be read: its server answers {self.status}.", "Check the URL."
        )

    def close(self) -> None:
        """Give the connection back if all of the body was read, else close it."""
        if self._response.is_read and self._response.keeps_open:
            self._pool.give(self._connection)
        else:
            self._connection.close()


class Arrived:
    """An answer that has come whole, as :class:`Answer` is seen by who takes it.

    Parameters
    ----------
    response : Response
        Its status and headers.
    body : memoryview
        All of the body.
    """

    def __init__(self, response: Response, body: memoryview) -> None:
        self.status, self.headers, self.length = response.status, response.headers, len(body)
        self._body = body

    def fill(self, size: int) -> memoryview:
        """Return the body, which has so many bytes at most."""
        return self._body[:size]

    def body(self, most: int) -> bytes:
        """Return the body, which has so many bytes at most."""
        return bytes(self._body[:most])


def find_fault(status: int, headers: Mapping[str, str]) -> PassingError | None:
    """Return the fault that a status stands for, if it may pass."""
    if status not in _PASSING:
        return None
    return PassingError(f"the server answered {status}", _read_retry_after(headers.get("retry-after")))


def _read_retry_after(text: str | None) -> float | None:
    """Return the seconds that a server asks to wait: a number, or until an instant."""
    if not text:
        return None
    try:
        return max(0.0, float(text) if text.strip().isdigit() else _seconds_until(text))
    except (ValueError, OverflowError, TypeError):
        return None


def _seconds_until(text: str) -> float:
    return parsedate_to_datetime(text).timestamp() - time.time()


def describe_fault(error: BaseException | None) -> str:
    """Return what happened on a connection, in a few words."""
    if isinstance(error, TimeoutError):
        return "the server sent nothing for too long"
    if isinstance(error, ProtocolError):
        return str(error)
    text = str(error or "no answer")
    return text.rpartition(": ")[2][:160].strip("()' ") or type(error).__name__
