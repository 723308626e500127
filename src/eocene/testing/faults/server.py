"""The server: a folder over HTTP/1.1 with ranges, entity tags and conditions, a latency, and faults."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import Door, Limits, Policy
from eocene.archive.fetch.urls import parse_url
from eocene.testing.faults.handler import Answer, Handler
from eocene.testing.faults.plan import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

Route = Callable[[str, str, bytes], Answer | None]
"""Answers some requests itself: (method, target, body) to an answer, or None for the files of the folder."""


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    target: str
    headers: Mapping[str, str] = field(repr=False)


class FaultServer:
    """Serves a folder on 127.0.0.1 until it is left; a context manager.

    Parameters
    ----------
    folder : Path
        What is served.
    faults : Faults, optional
        Which requests fail; may be replaced at any time.
    latency_s : float
        How long each request waits for its answer.
    route : callable, optional
        Answers requests that are not for files, such as searches of a STAC API.
    tls : ssl.SSLContext, optional
        With it the server speaks https.

    Examples
    --------
    >>> with FaultServer(folder, Faults([Fault("reset")])) as server:  # doctest: +SKIP
    ...     door.open(f"{server.url}/scene.tif")
    """

    def __init__(
        self,
        folder: Path,
        faults: Faults | None = None,
        *,
        latency_s: float = 0.0,
        route: Route | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.folder, self.faults, self.latency_s, self.route = folder, faults or Faults(), latency_s, route
        self.seen: list[Seen] = []
        self.sent_bytes = 0
        self.stopping = threading.Event()
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), self)
        self._scheme = "http" if tls is None else "https"
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    @property
    def host(self) -> str:
        """The host and port, as in ``EOCENE_REMOTE_PRIVATE``."""
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        """The address of the folder, without a slash at its end."""
        return f"{self._scheme}://{self.host}"

    @property
    def requests(self) -> int:
        """How many have come."""
        return len(self.seen)

    def environment(self) -> dict[str, str]:
        """Return the variables with which an operator lets this server be read."""
        return {"EOCENE_REMOTE": f"{self.url}/", "EOCENE_REMOTE_PRIVATE": self.host}

    def door(self, **limits: Any) -> Door:
        """Return a door that lets this server through and nothing else, with limits as in ``Limits``."""
        policy = Policy((parse_url(f"{self.url}/"),), frozenset({self.host}))
        return Door((), policy, Limits(**limits))

    def note(self, seen: Seen) -> None:
        """Count a request, after the latency."""
        with self._lock:
            self.seen.append(seen)
        if self.latency_s:
            time.sleep(self.latency_s)

    def count(self, sent: int) -> None:
        """Count bytes of bodies."""
        with self._lock:
            self.sent_bytes += sent

    def __enter__(self) -> FaultServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], owner: FaultServer) -> None:
        self.owner = owner
        super().__init__(address, Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of the server."""
