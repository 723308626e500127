"""One connection of the fault server."""

from __future__ import annotations

import gzip
import re
import socket
import struct
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import lru_cache
from hashlib import file_digest
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from eocene.testing.faults.plan import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.testing.faults.server import FaultServer

_RANGE = re.compile(r"bytes=(\d+)-(\d*)")
_PIECE = 64 * 1024
_ANOTHER = '"another"'
_SETTLE_S = 0.02
"""Before a reset, which throws away what the other side has not read yet."""


@lru_cache(maxsize=4096)
def _hash_file(path: Path, _size: int, _changed: int) -> str:
    """Return the entity tag of a file; remembered until its size or time of change is another."""
    with path.open("rb") as stream:
        return f'"{file_digest(stream, "sha256").hexdigest()[:16]}"'


@dataclass
class Answer:
    """What is sent.

    Attributes
    ----------
    status : int
        Of HTTP.
    body : bytes
        Whole.
    headers : dict
        Besides Content-Length.
    """

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


class Handler(BaseHTTPRequestHandler):
    """Answers from the folder of its server, and fails as its faults say."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    @property
    def _owner(self) -> FaultServer:
        return self.server.owner  # type: ignore[attr-defined,no-any-return]

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer(b"")

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))))

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""

    def _answer(self, body: bytes) -> None:
        from eocene.testing.faults.server import Seen

        self._owner.note(Seen(self.command, self.path, dict(self.headers)))
        fault = self._owner.faults.choose(urlsplit(self.path).path)
        if fault and fault.kind == "no answer":
            self._cut()
        elif fault and fault.kind == "slow headers":
            self._drip(b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000, fault)
            self._cut()
        elif fault and fault.kind in ("status", "redirect"):
            self._send(Answer(fault.status, b"no", dict(fault.headers)), None)
        else:
            route = self._owner.route
            found = route(self.command, self.path, body) if route else None
            self._send(found or self._read_file(fault), fault)

    def _read_file(self, fault: Fault | None) -> Answer:
        path = self._owner.folder / unquote(urlsplit(self.path).path).lstrip("/")
        if not path.is_file():
            return Answer(404, b"no such file")
        status = path.stat()
        tag = _hash_file(path, status.st_size, status.st_mtime_ns)
        if fault and fault.kind == "replaced":
            tag = _ANOTHER
        headers = {"ETag": tag, "Last-Modified": formatdate(status.st_mtime, usegmt=True)}
        if self.headers.get("If-Match", tag) != tag and tag != _ANOTHER:
            return Answer(412, b"", headers)
        found = _RANGE.fullmatch(self.headers.get("Range", ""))
        if not found or self.headers.get("If-Range", tag) != tag or (fault and fault.kind == "no ranges"):
            return Answer(200, path.read_bytes(), headers)
        first, last = int(found[1]), min(int(found[2] or status.st_size), status.st_size - 1)
        if first >= status.st_size:
            return Answer(416, b"", headers | {"Content-Range": f"bytes */{status.st_size}"})
        if fault and fault.kind == "wrong range":
            first, last = max(0, first - 1), max(0, last - 1)
        told = {"Content-Range": f"bytes {first}-{last}/{status.st_size}"}
        with path.open("rb") as stream:
            stream.seek(first)
            return Answer(206, stream.read(last + 1 - first), headers | told)

    def _send(self, answer: Answer, fault: Fault | None) -> None:
        kind = fault.kind if fault else ""
        body = answer.body
        if kind == "wrong bytes" and body:
            middle = len(body) // 2
            body = body[:middle] + bytes([body[middle] ^ 0x10]) + body[middle + 1 :]
        if kind == "packed":
            body, answer.headers["Content-Encoding"] = gzip.compress(body), "gzip"
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if kind == "many headers":
            for number in range(90):
                self.send_header(f"X-{number}", "x" * 12_000)
        if kind == "endless":
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if fault and kind in ("reset", "truncate", "stall", "drip", "endless"):
            self._break_off(body, fault)
        else:
            self._write(body)

    def _break_off(self, body: bytes, fault: Fault) -> None:
        if fault.kind == "endless":
            while not self._owner.stopping.is_set():
                self._write(body or b"x" * _PIECE)
        self._write(body[: int(len(body) * fault.after)])
        self.wfile.flush()
        if fault.kind == "reset":
            self._owner.stopping.wait(_SETTLE_S)
        elif fault.kind == "stall":
            self._owner.stopping.wait(fault.seconds)
        elif fault.kind == "drip":
            self._drip(body[int(len(body) * fault.after) :], fault)
        self._cut(gently=fault.kind == "truncate")

    def _drip(self, data: bytes, fault: Fault) -> None:
        for byte in data:
            self._write(bytes([byte]))
            if self._owner.stopping.wait(fault.seconds):
                break

    def _write(self, data: bytes) -> None:
        self.wfile.write(data)
        self._owner.count(len(data))

    def _cut(self, *, gently: bool = False) -> None:
        """Close the connection: with a reset, or gently as after a whole answer."""
        self.close_connection = True
        if not gently:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.shutdown(socket.SHUT_WR) if gently else self.connection.close()
