"""A connection to an address that was checked: encrypted where the URL says so, and limited in time."""

from __future__ import annotations

import select
import socket
import ssl
from functools import lru_cache
from http.client import HTTPConnection, HTTPException, HTTPResponse
from typing import TYPE_CHECKING

from eocene.archive.fetch.watch import watch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch.urls import Url

FAULTS = (HTTPException, OSError)
"""What may happen on a connection."""


class UnreachableError(OSError):
    """No connection to an address could be made."""


class Connection(HTTPConnection):
    """A connection to one address of a URL's host; a certificate is held to the host's name.

    Parameters
    ----------
    url : Url
        Says the name of the host, the port, and whether it is encrypted.
    address : str
        Where it leads, whatever the name resolves to.
    """

    def __init__(self, url: Url, address: str) -> None:
        super().__init__(url.host, url.port)
        self.address, self._is_encrypted = address, url.scheme == "https"

    def exchange(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        body: bytes | None,
        seconds: tuple[float, float],
    ) -> HTTPResponse:
        """Send a request and return its answer once the headers have come.

        Parameters
        ----------
        method, target, headers, body
            As they are sent.
        seconds : tuple of float
            Until a connection stands, and between two pieces of what is sent.

        Raises
        ------
        UnreachableError
            If no connection can be made.
        HTTPException, OSError
            If it is lost or takes too long.
        """
        self.timeout, between = seconds
        try:
            if self.sock is None:
                self.connect()
            self.sock.settimeout(between)
            self.request(method, target, body, dict(headers))
            with watch().limit(self.sock, between):
                return self.getresponse()
        except BaseException:
            self.close()
            raise

    def connect(self) -> None:
        """Connect to the address; of https, check the certificate."""
        try:
            self.sock = socket.create_connection((self.address, self.port), self.timeout)
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._is_encrypted:
                self.sock = tls_context().wrap_socket(self.sock, server_hostname=self.host)
        except ssl.SSLError:
            raise
        except TimeoutError as error:
            raise UnreachableError("its host did not answer in time") from error
        except OSError as error:
            raise UnreachableError(error.strerror or str(error)) from error

    @property
    def is_usable(self) -> bool:
        """Whether it is open and nothing has come that nobody asked for: not even its end."""
        if self.sock is None:
            return False
        poll = select.poll()
        poll.register(self.sock, select.POLLIN)
        return not poll.poll(0)


@lru_cache(maxsize=1)
def tls_context() -> ssl.SSLContext:
    """Return how servers have to prove who they are: by the system's certificates, with TLS 1.2 or newer."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
