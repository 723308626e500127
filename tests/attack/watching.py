"""Watches that see what must not happen: files opened, hosts asked, programs started."""

from __future__ import annotations

import ctypes
import os
import struct
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_OPENED, _ALL = 0x20, 0x1 | 0x2 | 0x4 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass
class Seen:
    """What this process did while it was watched; paths, addresses, host names and programs."""

    opened: list[str] = field(default_factory=list)
    connected: list[Any] = field(default_factory=list)
    resolved: list[str] = field(default_factory=list)
    started: list[str] = field(default_factory=list)

    def note(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Take an audit event of Python down."""
        if event == "open":
            self.opened.append(str(arguments[0]))
        elif event == "socket.connect":
            self.connected.append(arguments[1])
        elif event == "socket.getaddrinfo":
            self.resolved.append(str(arguments[0]))
        elif event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn"):
            self.started.append(str(arguments[0]))


_watching: list[Seen] = []


def _listen(event: str, arguments: tuple[Any, ...]) -> None:
    for seen in _watching:
        seen.note(event, arguments)


sys.addaudithook(_listen)  # it cannot be taken away again, so there is one


@contextmanager
def watch_python() -> Iterator[Seen]:
    """Yield what Python code does from now on."""
    seen = Seen()
    _watching.append(seen)
    try:
        yield seen
    finally:
        _watching.remove(seen)


class FolderWatch:
    """Sees each file of some folders that is opened, read or changed, by native code too (inotify)."""

    def __init__(self, *folders: Path) -> None:
        self._queue = _libc.inotify_init1(os.O_NONBLOCK)
        self._folders = {_libc.inotify_add_watch(self._queue, os.fsencode(f), _ALL): f for f in folders}
        assert self._queue >= 0
        assert min(self._folders) >= 0

    def touched(self) -> list[str]:
        """Return the files that something was done with since the last call."""
        found = []
        while True:
            try:
                data = os.read(self._queue, 65_536)
            except BlockingIOError:
                return found
            position = 0
            while position < len(data):
                watched, _mask, _cookie, length = _EVENT.unpack_from(data, position)
                name = data[position + _EVENT.size :][:length].rstrip(b"\0").decode()
                found.append(f"{self._folders[watched]}/{name}")
                position += _EVENT.size + length

    def close(self) -> None:
        """Stop watching."""
        os.close(self._queue)
