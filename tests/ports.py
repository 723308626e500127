"""Ports for the servers that tests start, each for one test at a time however many run on this machine."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterator

PORTS = range(20_000, 22_000)
"""Below those that a system hands out by itself, to clients and to who binds port 0."""


@contextmanager
def claim_port() -> Iterator[int]:
    """Hold a port on which nothing listens, by a lock that all processes of this user respect.

    The lock ends with the process at the latest, so that nothing has to be cleaned up.
    """
    folder = Path(tempfile.gettempdir()) / f"eocene-ports-{os.getuid()}"
    folder.mkdir(exist_ok=True)
    for port in PORTS:
        with (folder / str(port)).open("w") as lock:
            if _is_ours(lock, port):
                yield port
                return
    raise RuntimeError(f"no port from {PORTS[0]} to {PORTS[-1]} is free")


def _is_ours(lock: TextIO, port: int) -> bool:
    """Tell whether the lock could be taken, and whether nobody who takes no locks listens there."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        socket.create_server(("127.0.0.1", port)).close()
    except OSError:
        return False
    return True
