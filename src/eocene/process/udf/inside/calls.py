"""A process that takes calls from its channel, runs the code, and sends back what came out.

Nobody trusts it once it has run code of a user: that may have changed anything here. The walls stand outside.
"""

from __future__ import annotations

import io
import logging
import mmap
import os
import socket
import sys
from typing import Any

import numpy as np

from . import contract, talk, wire  # the folder is a package of its own inside

_MOST_LINE = 4000


class Caller:
    """The other end: calls come from it, logs and results go to it."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._memory: Any = b""

    def receive(self) -> dict[str, Any]:
        """Return the next message; new shared memory that comes with it is opened."""
        try:
            message, fds = talk.receive(self._channel, 1)
        except EOFError:
            os._exit(0)
        if fds:
            self._memory = mmap.mmap(fds[0], 0)
            os.close(fds[0])
        return dict(message)

    def tell(self, message: dict[str, Any]) -> None:
        """Send a message."""
        talk.send(self._channel, message)

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


def serve(channel: socket.socket) -> None:
    """Answer calls until the other end closes."""
    caller = Caller(channel)
    printed = Printed(caller, "info"), Printed(caller, "warning")
    sys.stdout, sys.stderr = printed
    logging.basicConfig(handlers=[Logged(caller)], level=logging.INFO, force=True)
    logging.getLogger("openeo").setLevel(logging.WARNING)
    logging.getLogger("openeo.udf.debug.user").setLevel(logging.INFO)
    np.random.seed()  # noqa: NPY002 (users call it: all forks of one process would draw the same numbers)
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
