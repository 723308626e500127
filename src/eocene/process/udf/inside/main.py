"""The process in the sandbox: takes calls from the channel, runs the code, sends back what came out.

``main.py SETTINGS``: JSON with ``channel`` (the number of an open socket), ``paths`` (where packages are) and
``limits`` (memory and file size in bytes). Nobody trusts it once it has run code of a user: that may have
changed anything here. The walls stand outside.
"""

from __future__ import annotations

import io
import json
import logging
import mmap
import os
import resource
import socket
import sys
from importlib import import_module
from typing import Any

_MOST_LINE = 4000


class Caller:
    """The other end: calls come from it, logs and results go to it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._memory: Any = b""

    def receive(self) -> dict[str, Any]:
        """Return the next message; new shared memory that comes with it is opened."""
        head, fds, _, _ = socket.recv_fds(self._channel, 4, 1)
        while len(head) < 4:
            more = self._channel.recv(4 - len(head))
            if not more:
                os._exit(0)
            head += more
        if fds:
            self._memory = mmap.mmap(fds[0], 0)
            os.close(fds[0])
        text = bytearray()
        length = wire.read_length(head)
        while len(text) < length:
            text += self._channel.recv(min(1 << 20, length - len(text)))
        message: dict[str, Any] = wire.parse(bytes(text))
        return message

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        wire.send(self._channel, message)

    def take(self, header: Any) -> Any:
        """Return what lies in the shared memory."""
        return wire.unpack(header, self._memory)

    def give(self, result: Any) -> None:
        """Lay a result into shared memory, after asking for more of it if it is too small."""
        cargo = wire.Cargo()
        header = wire.pack(result, cargo)
        if cargo.size > len(self._memory):
            self.tell({"need": cargo.size})
            self.receive()
        cargo.store(self._memory)
        self.tell({"result": header})


class Printed(io.TextIOBase):
    """Standard output of the code: each line goes to the log."""

    def __init__(self, caller: Caller, level: str) -> None:
        self._caller, self._level, self._line = caller, level, ""

    def writable(self) -> bool:
        """Tell that it can be written to."""
        return True

    def write(self, text: str) -> int:
        """Send whole lines, keep the rest."""
        *lines, self._line = (self._line + text).split("\n")
        if len(self._line) > _MOST_LINE:
            lines, self._line = [*lines, self._line], ""
        for line in filter(str.strip, lines):
            self._caller.tell({"log": self._level, "text": line[:_MOST_LINE]})
        return len(text)

    def finish(self) -> None:
        """Send the line that has no end."""
        if self._line:
            self.write("\n")


class Logged(logging.Handler):
    """What the code logs, by ``inspect`` too."""

    def __init__(self, caller: Caller) -> None:
        super().__init__(logging.INFO)
        self._caller = caller

    def emit(self, record: logging.LogRecord) -> None:
        """Send a record; what ``inspect`` shows stands behind its message."""
        level = {"WARNING": "warning", "ERROR": "error", "CRITICAL": "error"}.get(record.levelname, "info")
        data = getattr(record, "data", None)
        text = record.getMessage() + ("" if data is None else f" {data!r}")
        code = str(getattr(record, "code", ""))[:200]
        self._caller.tell({"log": level, "text": text[:_MOST_LINE], "code": code})


def serve(caller: Caller) -> None:
    """Answer calls until the other end closes."""
    printed = Printed(caller, "info"), Printed(caller, "warning")
    sys.stdout, sys.stderr = printed
    logging.basicConfig(handlers=[Logged(caller)], level=logging.INFO, force=True)
    logging.getLogger("openeo").setLevel(logging.WARNING)
    logging.getLogger("openeo.udf.debug.user").setLevel(logging.INFO)
    contract.warm()
    caller.tell({"ready": True})
    while True:
        call = caller.receive()
        try:
            result = contract.run(call["code"], caller.take(call["data"]), call["context"])
            for stream in printed:
                stream.finish()
            caller.give(result)
        except BaseException as error:  # noqa: BLE001  also exit() and KeyboardInterrupt end the call, not us
            for stream in printed:
                stream.finish()
            caller.tell({"error": contract.explain(error, call["code"])})


def limit(limits: dict[str, int]) -> None:
    """Lower the limits of this process for good; the kernel keeps them, whatever the code does."""
    for which, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["file"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 16),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(which, (most, most))


if __name__ == "__main__":
    settings = json.loads(sys.argv[1])
    sys.path[:0] = [os.path.dirname(os.path.abspath(__file__))]  # noqa: PTH100, PTH120 (before anything else)
    sys.path += settings["paths"]
    sys.modules["psutil"] = None  # type: ignore[assignment]  # it fails without /proc; Dask does without it
    contract = import_module("contract")  # it and wire lie beside this file
    wire = import_module("wire")

    sys.argv[1:] = []
    end = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, fileno=int(settings["channel"]))
    limit(settings["limits"])
    serve(Caller(end))
