"""What a server sends back over a connection: headers by a strict parser, the body as it comes."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

if TYPE_CHECKING:
    import socket

MOST_HEADERS = 64 * 2**10
"""Bytes of the headers of an answer; also what is read at once until they are there."""


class ProtocolError(OSError):
    """What came is not HTTP/1, or it ended too early."""


class Response:
    """The answer to a GET, POST or PUT.

    Of a body whose length is declared, nothing but its beginning passes through the parser: it goes from the
    socket to where it is wanted.

    Parameters
    ----------
    sock : socket
        Over which it comes; nothing is read yet.

    Attributes
    ----------
    status : int
        The final one; what is said before it (100, 103) is passed over. 0 until the headers are there.
    headers : dict of str
        By their names in lower case; those of one name are joined by commas.
    length : int or None
        The bytes of the body, where the server declares it.
    keeps_open : bool
        Whether the server takes another request over the connection.

    Raises
    ------
    ProtocolError
        If it is not HTTP/1, or the connection ends before the headers do.
    OSError
        If the connection is lost or takes too long.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._sock, self._parser = sock, HttpResponseParser(self)
        self.status, self.keeps_open = 0, False
        self.headers: dict[str, str] = {}
        self._pieces: deque[bytes] = deque()
        self._is_whole = False
        self._received = 0
        self.length: int | None = None
        self._left: int | None = None

    def read_headers(self) -> None:
        """Wait for the headers."""
        while not self.status:
            self.receive()

    def receive(self) -> None:
        """Take what comes next of the headers; the status is there when they are."""
        if self._received > MOST_HEADERS:
            raise ProtocolError("its headers are too long")
        self._received += self._parse(self._sock.recv(MOST_HEADERS))
        if self.status:
            self._begin_body()

    def _begin_body(self) -> None:
        declared = self.headers.get("content-length")
        self.length = None if declared is None or self._is_chunked else int(declared)
        self._left = None if self.length is None else self.length - sum(map(len, self._pieces))

    @property
    def is_read(self) -> bool:
        """Whether all of the body was taken."""
        return not self._pieces and (self._is_whole or self._left == 0)

    def read1(self, most: int) -> bytes:
        """Return what comes next of the body, at most so many bytes, or nothing at its end.

        A body whose length is declared may end too early.
        """
        while not self._pieces and not self._is_whole:
            if self._left is not None:
                data = self._sock.recv(min(most, self._left)) if self._left else b""
                self._left -= len(data)
                return data
            if self._is_chunked:
                self._parse(self._sock.recv(most))
            elif data := self._sock.recv(most):
                return data
            else:
                self._is_whole = True
        return self._pieces.popleft() if self._pieces else b""

    def read_into(self, view: memoryview) -> int:
        """Put what comes next of a body of declared length into a buffer that holds all that is left of it.

        Returns how many bytes came: none if it ends too early.
        """
        if self._pieces or self._left is None:
            piece = self.read1(len(view))
            view[: len(piece)] = piece
            return len(piece)
        count = self._sock.recv_into(view) if view else 0
        self._left -= count
        return count

    @property
    def _is_chunked(self) -> bool:
        return self.headers.get("transfer-encoding", "").lower().endswith("chunked")

    def _parse(self, data: bytes) -> int:
        if not data:
            raise ProtocolError(
                "the answer was cut off" if self.status else "the server closed the connection"
            )
        try:
            self._parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade) as error:
            raise ProtocolError(f"the answer is not HTTP/1 ({error})") from error
        return len(data)

    # What follows is called by the parser.

    def on_message_begin(self) -> None:
        """Refuse a second answer: nobody asked for it."""
        if self._is_whole:
            raise ProtocolError("there are two answers")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        known = self.headers.get(key)
        self.headers[key] = text if known is None else f"{known}, {text}"

    def on_headers_complete(self) -> None:
        """Take the status; that of an answer that is not the final one is forgotten with its headers."""
        status = self._parser.get_status_code()
        if status < 200:
            self.headers.clear()
        else:
            self.status, self.keeps_open = status, self._parser.should_keep_alive()

    def on_body(self, piece: bytes) -> None:
        """Take a piece of the body."""
        self._pieces.append(piece)

    def on_message_complete(self) -> None:
        """Note that there is no more."""
        self._is_whole = bool(self.status)
