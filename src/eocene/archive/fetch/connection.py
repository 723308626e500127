"""A connection to an address that was checked: encrypted where the URL says so, and limited in time."""

from __future__ import annotations

import re
import select
import socket
import ssl
from functools import lru_cache
from typing import TYPE_CHECKING

from eocene.archive.fetch.response import Response
from eocene.archive.fetch.watch import watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch.urls import Url

_NOT_IN_TARGET = re.compile(r"[^\x21-\x7e]")
_NOT_IN_HEADER = re.compile(r"[^\t\x20-\x7e\x80-\xff]")


class UnreachableError(OSError):
    """No connection to an address could be made."""


class Connection:
    """A connection to one address of a URL's host; a certificate is held to the host's name.

    Parameters
    ----------
    url : Url
        Says the name of the host, the port, and whether it is encrypted.
    address : str
        Where it leads, whatever the name resolves to.

    Attributes
    ----------
    sock : socket or None
        Over which it goes once it stands.
    """

    def __init__(self, url: Url, address: str) -> None:
        self._url, self._address = url, address
        self.sock: socket.socket | None = None

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: tuple[float, float],
    ) -> Response:
        """Send a request and return its answer once the headers have come.

        Parameters
        ----------
        method, target, headers, body
            As they are sent; the length of the body is told.
        seconds : tuple of float
            Until a connection stands, and between two pieces of what is sent.

        Raises
        ------
        UnreachableError
            If no connection can be made.
        OSError
            If it is lost or takes too long, or what comes is no answer.
        ValueError
            If what is to be sent holds characters that would end it.
        """
        message = compose_request(method, target, headers, body)
        connect_s, between_s = seconds
        try:
            sock = self.sock = self.sock or self._connect(connect_s)
            sock.settimeout(between_s)
            sock.sendall(message)
            with watch().limit(sock, between_s):
                response = Response(sock)
                response.read_headers()
                return response
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close it; it connects anew when it is used again."""
        if self.sock is not None:
            self.sock.close()
        self.sock = None

    def _connect(self, seconds: float) -> socket.socket:
        """Connect to the address; of https, check the certificate."""
        try:
            sock = socket.create_connection((self._address, self._url.port), seconds)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return self._encrypt(sock) if self._url.scheme == "https" else sock
        except ssl.SSLError:
            raise
        except TimeoutError as error:
            raise UnreachableError("its host did not answer in time") from error
        except OSError as error:
            raise UnreachableError(error.strerror or str(error)) from error

    def _encrypt(self, sock: socket.socket) -> socket.socket:
        try:
            return tls_context().wrap_socket(sock, server_hostname=self._url.host)
        except BaseException:
            sock.close()
            raise

    @property
    def is_usable(self) -> bool:
        """Whether it is open and nothing has come that nobody asked for: not even its end."""
        if self.sock is None:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


def compose_request(method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return a request as it is sent.

    Raises
    ------
    ValueError
        If the target or a header holds characters that would end it.
    """
    lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if body is not None or method != "GET":
        lines.append(f"Content-Length: {len(body or b'')}")
    if _NOT_IN_TARGET.search(target) or _NOT_IN_HEADER.search("".join(lines)):
        raise ValueError("a URL or a header holds a control character")
    return "\r\n".join((*lines, "", "")).encode("latin-1") + (body or b"")


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return how servers have to prove who they are: by the system's certificates, with TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
