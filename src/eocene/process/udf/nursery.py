"""Where fresh processes come from: one that has imported the packages, and of which they are forked.

To import what code of users needs takes a second of processor time; a fork takes some milliseconds. The one
that they are forked from never runs code of anybody, and each closes the inner walls around itself before it
does (``inside/cell``).
"""

from __future__ import annotations

import atexit
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import weakref
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.process.udf.groups import Group
from eocene.process.udf.inside import talk
from eocene.process.udf.limits import Limits, UdfError
from eocene.process.udf.walls import build_command, build_program

if TYPE_CHECKING:
    from typing import IO

_TICKS = os.sysconf("SC_CLK_TCK")
_END_S = 10.0


class Child:
    """A fresh process behind the walls; it ends with this object.

    Parameters
    ----------
    channel : socket
        Calls go there.
    status : socket
        Its keeper tells there how it has ended, and ends it when this end is closed.
    """

    def __init__(self, channel: socket.socket, status: socket.socket) -> None:
        self.channel = channel
        self.pid = 0
        self._cpu_s = 0.0
        self._status = status
        self._group: Group | None = None
        weakref.finalize(self, _close, channel, status)

    def wait_born(self, deadline: float, limits: Limits) -> None:
        """Wait until it is there, and limit what it takes of the machine; raises EOFError, OSError."""
        self._status.settimeout(max(0.1, deadline - time.monotonic()))
        message, fds = talk.receive(self._status, 1)
        if not fds:
            raise OSError(str(message.get("failed", "it has no number")))
        found = re.search(r"^Pid:\s*(\d+)", Path(f"/proc/self/fdinfo/{fds[0]}").read_text(), re.MULTILINE)
        os.close(fds[0])
        self.pid = int(found[1]) if found else 0
        self._group = Group.enter(self.pid, limits.memory)
        with suppress(OSError):  # rather this one than the server, when the machine has no memory left
            Path(f"/proc/{self.pid}/oom_score_adj").write_text("1000")

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        try:
            self._status.setblocking(False)
            self._status.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return True
        except OSError:
            pass
        return False

    @property
    def cpu_s(self) -> float:
        """The processor time that it has taken, in seconds, as it was last seen."""
        with suppress(OSError, IndexError):
            fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
            self._cpu_s = max(self._cpu_s, (int(fields[11]) + int(fields[12])) / _TICKS)
        return self._cpu_s

    def wait_end(self) -> int | None:
        """Wait until it has ended; return its status, None if nobody tells it."""
        with suppress(OSError, EOFError, ValueError):
            self._status.settimeout(_END_S)
            status = talk.receive(self._status)[0].get("status")
            return status if isinstance(status, int) else None
        return None

    def kill(self) -> None:
        """End it, if it lives."""
        with suppress(OSError):
            self._status.shutdown(socket.SHUT_WR)
            self.wait_end()
        _close(self.channel, self._status)
        if self._group:
            self._group.remove()


class Nursery:
    """Forks fresh processes; safe for many threads.

    Parameters
    ----------
    is_trial : bool
        Import nothing: the processes only show that there can be walls.
    """

    def __init__(self, *, is_trial: bool = False) -> None:
        self._is_trial = is_trial
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._complaints: IO[bytes] | None = None
        self._home = 0

    def fork(self, limits: Limits) -> Child:
        """Return a fresh process, which may have to be waited for.

        Raises
        ------
        UdfError
            If there can be none.
        """
        ours, theirs = socket.socketpair()
        told, tell = socket.socketpair()
        child = Child(ours, told)
        wanted = {"memory": limits.memory, "folder": limits.folder, "files": limits.files}
        with theirs, tell, self._lock:
            try:
                talk.send(self._reach(), wanted, (theirs.fileno(), tell.fileno()))
            except OSError as error:
                raise UdfError(f"No process can be made for the code: {error}.", self.complaint()) from error
        return child

    def complaint(self) -> str:
        """Return the last line that bubblewrap or the process said when it failed; empty if none."""
        if self._complaints is None:
            return ""
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").strip().splitlines()
        return lines[-1][:200] if lines else ""

    def close(self) -> None:
        """End the process and all that were forked of it."""
        with self._lock:
            if self._control:
                self._control.close()
            if self._process and self._home == os.getpid():
                self._process.kill()
                self._process.wait(_END_S)
            if self._complaints:
                self._complaints.close()
            self._process = self._control = self._complaints = None

    def _reach(self) -> socket.socket:
        """Return the way to the process, after starting one if none lives or another process started it."""
        lives = self._process is not None and self._home == os.getpid() and self._process.poll() is None
        if self._control is None or not lives:
            if self._control:
                self._control.close()
            self._control, theirs = socket.socketpair()
            self._home, self._complaints = os.getpid(), tempfile.TemporaryFile()  # noqa: SIM115 (kept)
            started: Future[subprocess.Popen[bytes]] = Future()
            threading.Thread(
                target=_start, args=(started, theirs, self._complaints, self._is_trial),
                name="eocene-udf", daemon=True,
            ).start()  # fmt: skip
            self._process = started.result()
        return self._control


def _start(
    started: Future[subprocess.Popen[bytes]], theirs: socket.socket, complaints: IO[bytes], is_trial: bool
) -> None:
    """Start the process in a thread that lasts as long: the kernel ends it with the thread."""
    try:
        with theirs:
            program = build_program(theirs.fileno(), is_trial=is_trial)
            process = subprocess.Popen(  # noqa: S603 (no text of a user)
                build_command(program), pass_fds=[theirs.fileno()], env={}, cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=complaints,
            )  # fmt: skip
    except BaseException as error:  # noqa: BLE001  raised where the process is waited for
        started.set_exception(error)
    else:
        started.set_result(process)
        process.wait()


@cache
def common_nursery() -> Nursery:
    """Return the one of this process."""
    nursery = Nursery()
    atexit.register(nursery.close)
    return nursery


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        one.close()
