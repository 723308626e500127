"""A proxy before an object store that fails on demand, as stores and networks do."""

from __future__ import annotations

import http.client
import threading
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.ports import claim_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Choose = Callable[[str, str], str | None]


class Proxy:
    """Passes requests on; what ``choose`` says of (method, target) happens instead.

    ``unavailable`` answers 503, ``stall`` says nothing until the end, ``lost`` passes the request on and cuts
    the connection in place of the answer, ``cut`` cuts it at once.
    """

    def __init__(self, target: str, port: int) -> None:
        self.target, self.url = target, f"http://127.0.0.1:{port}"
        self.choose: Choose = lambda method, target: None
        self.seen: list[tuple[str, str]] = []
        self.ending = threading.Event()
        self.server = ThreadingHTTPServer(("127.0.0.1", port), type("Bound", (Handler,), {"proxy": self}))
        self.server.daemon_threads = True


@contextmanager
def run_proxy(target: str) -> Iterator[Proxy]:
    """Run a proxy before a server for as long as the block lasts."""
    with claim_port() as port:
        proxy = Proxy(target, port)
        thread = threading.Thread(target=proxy.server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield proxy
        finally:
            proxy.ending.set()
            proxy.server.shutdown()
            proxy.server.server_close()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """One connection; its class gets the proxy when it is made."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    proxy: Proxy

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.proxy.seen.append((self.command, self.path))
        fault = self.proxy.choose(self.command, self.path)
        if fault == "unavailable":
            self.answer(503, {}, b"")
        elif fault == "stall":
            self.proxy.ending.wait()
        elif fault != "cut":
            answer = self.pass_on(body)
            if fault is None:
                self.answer(*answer)
        self.close_connection = self.close_connection or fault in ("stall", "lost", "cut")

    do_PUT = do_GET  # noqa: N815
    do_POST = do_GET  # noqa: N815
    do_DELETE = do_GET  # noqa: N815
    do_HEAD = do_GET  # noqa: N815

    def answer(self, status: int, headers: dict[str, str], body: bytes) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if self.command != "HEAD":
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def pass_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection(urlsplit(self.proxy.target).netloc, timeout=60)
        own = {"transfer-encoding", "connection"} | ({"content-length"} if self.command != "HEAD" else set())
        try:
            connection.request(self.command, self.path, body, dict(self.headers))
            answer = connection.getresponse()
            kept = {name: value for name, value in answer.getheaders() if name.lower() not in own}
            return answer.status, kept, answer.read()
        finally:
            connection.close()

    def log_message(self, *_: object) -> None:
        """Say nothing."""
