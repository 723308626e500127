"""A disk that fails at a chosen write, or a power that does: for one process, whatever it writes with.

The kernel hands each system call of the process that changes a file to a watcher, which lets it happen,
answers with an error in its place, or kills the process before it happens (seccomp user notifications;
source: Linux, Documentation/userspace-api/seccomp_filter.rst and seccomp_unotify(2)). The calls of all
threads are counted together, so that each of them can be met. strace counts each thread and each kind of
call by itself, and meets only the first that gets so far.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import platform
import select
import signal
import socket
import struct
import sys
import traceback
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.process.udf.seccomp import find_processor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BY_HANDLE = ("write", "writev", "pwrite64", "pwritev", "ftruncate", "fallocate", "fsync", "fdatasync")
BY_PATH = {"mkdir": 0, "rename": 0, "unlink": 0, "rmdir": 0, "open": 0, "truncate": 0}
"""Calls that name a file, and which argument does."""
BY_FOLDER = {"mkdirat": 1, "renameat": 1, "renameat2": 1, "unlinkat": 1, "openat": 1}
"""The same where the argument before it is the folder from which a relative path starts."""
NEEDS_ROOM = {"write", "writev", "pwrite64", "pwritev", "ftruncate", "fallocate", "mkdir", "mkdirat", "open",
              "openat"}  # fmt: skip
"""What a full disk refuses."""
ALWAYS_WORKS = {"unlink", "unlinkat", "rmdir"}
"""What no fault is given to but death: an error there leaves a file, and costs no data."""

_RECEIVE, _SEND = 0xC0502100, 0xC0182101
_NOTICE, _ANSWER = struct.Struct("<QIIiIQ6Q"), struct.Struct("<QqiI")
_GO_ON = 1
_SECCOMP = {"x86_64": 317, "aarch64": 277}
_NO_NEW_PRIVILEGES, _SET_FILTER, _NEW_LISTENER = 38, 1, 8
_HERE = 0xFFFFFF9C
"""AT_FDCWD, as the kernel passes it."""
_CREATES = os.O_CREAT | os.O_TRUNC


@dataclass(frozen=True)
class Fault:
    """What goes wrong at the first change of a file from the n-th on that can meet it, from 1; 0 is none.

    Parameters
    ----------
    kind : str
        ``kill``, or the name of an error: ``ENOSPC`` where room is needed, or ``EIO``.
    number : int
        From which change on.
    lasts : bool
        Whether those after it meet the fault, too.
    """

    kind: str = "kill"
    number: int = 0
    lasts: bool = False

    def strikes(self, number: int, call: str) -> bool:
        """Tell whether the change of this number can meet the fault."""
        if not self.number or number < self.number:
            return False
        return self.kind == "kill" or (
            call in NEEDS_ROOM if self.kind == "ENOSPC" else call not in ALWAYS_WORKS
        )


@dataclass
class Watch:
    """What a process changed below a folder, and which of it met the fault: ``call path`` of each."""

    folder: str
    fault: Fault
    changes: list[str] = field(default_factory=list)
    struck: list[str] = field(default_factory=list)

    def arm(self, fault: Fault) -> None:
        """Count from 1 again, and let this fault be the one that is met."""
        self.fault = Fault()
        self.changes, self.struck = [], []
        self.fault = fault

    def follow(self, listener: int, kill: Callable[[], None]) -> None:
        """Decide on each change that the processes make until they have ended; ``kill`` ends them at once."""
        names = {number: name for name, number in _numbers().items()}
        poll = select.poll()
        poll.register(listener, select.POLLIN)
        while not poll.poll()[0][1] & (select.POLLHUP | select.POLLERR):
            notice = bytearray(_NOTICE.size)
            try:
                fcntl.ioctl(listener, _RECEIVE, notice)
                key, thread, _, number, _, _, *arguments = _NOTICE.unpack(notice)
                error = self._decide(names[number], thread, arguments, kill)
                fcntl.ioctl(listener, _SEND, _ANSWER.pack(key, 0, -error, 0 if error else _GO_ON))
            except OSError as gone:
                if gone.errno not in (errno.ENOENT, errno.EINTR):
                    raise

    def _decide(self, call: str, thread: int, arguments: list[int], kill: Callable[[], None]) -> int:
        """Return the error that a call gets, 0 for none; the processes may be killed instead."""
        path = _find_path(call, thread, arguments)
        if not path.startswith(self.folder):
            return 0
        said = f"{call} {path[len(self.folder) + 1 :]}"
        self.changes.append(said)
        if (self.struck and not self.fault.lasts) or not self.fault.strikes(len(self.changes), call):
            return 0
        self.struck.append(said)
        if self.fault.kind != "kill":
            return int(getattr(errno, self.fault.kind))
        kill()
        return errno.EINTR


def run_watched(work, folder: Path, fault: Fault, prepare=tuple) -> Watch:
    """Run a function in a process of its own on a disk that fails so, and return what came of it.

    The arguments of the function are what ``prepare`` returns there, before the disk fails.
    """
    ours, theirs = socket.socketpair()
    pid = _fork()
    if pid == 0:
        code = 1
        try:
            prepared = prepare()
            announce_changes(theirs)
            theirs.close()
            ours.close()
            work(*prepared)
            code = 0
        except Exception:  # noqa: BLE001  (told; this process ends)
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)
    theirs.close()
    watch = Watch(str(folder.resolve()), fault)
    with take_listener(ours) as listener:
        watch.follow(listener, lambda: os.kill(pid, signal.SIGKILL))
    os.waitpid(pid, 0)
    return watch


def announce_changes(to: socket.socket) -> None:
    """Let this process and those that it will start be watched by who holds the other end of a socket."""
    socket.send_fds(to, [b"x"], [_install_filter()])


@contextmanager
def take_listener(ours: socket.socket) -> Iterator[int]:
    """Yield the handle at which a process announces what it changes, which it sends through a socket."""
    with ours:
        _, (listener, *_), _, _ = socket.recv_fds(ours, 1, 1)
    try:
        yield listener
    finally:
        os.close(listener)


def can_watch() -> bool:
    """Tell whether this machine can: its processor, its kernel, and what surrounds this process."""
    if find_processor() is None or platform.machine() not in _SECCOMP:
        return False
    pid = _fork()
    if pid == 0:
        try:
            _install_filter()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitpid(pid, 0)[1] == 0


def _fork() -> int:
    """Fork; that the process may have threads is known, and the child takes none of their locks."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        return os.fork()


def _numbers() -> dict[str, int]:
    """Return the numbers of the calls that change files on this processor."""
    allowed = find_processor().allowed
    return {name: allowed[name] for name in (*BY_HANDLE, *BY_PATH, *BY_FOLDER) if name in allowed}


def _install_filter() -> int:
    """Let the kernel announce what this process changes; return the handle that it announces it at."""
    load, equal, common, give = 0x20, 0x15, 0x45, 0x06
    allow, announce = 0x7FFF0000, 0x7FC00000
    program = [(load, 0, 0, 0)]
    for name, number in _numbers().items():
        if name in ("open", "openat"):  # only where a file may come to be
            program += [(equal, 0, 4, number), (load, 0, 0, 16 + 8 * (1 + (name == "openat")))]
            program += [(common, 0, 1, _CREATES), (give, 0, 0, announce), (give, 0, 0, allow)]
        else:
            program += [(equal, 0, 1, number), (give, 0, 0, announce)]
    program.append((give, 0, 0, allow))
    packed = b"".join(struct.pack("<HBBI", *line) for line in program)
    buffer = ctypes.create_string_buffer(packed, len(packed))
    head = struct.pack("<HxxxxxxQ", len(program), ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "the kernel refuses to bar new privileges")
    listener = libc.syscall(_SECCOMP[platform.machine()], _SET_FILTER, _NEW_LISTENER, head)
    if listener < 0:
        raise OSError(ctypes.get_errno(), "the kernel refuses the filter")
    return int(listener)


def _find_path(call: str, thread: int, arguments: list[int]) -> str:
    """Return which file a call changes, "" if that cannot be told."""
    try:
        if call in BY_HANDLE:
            return str(Path(f"/proc/{thread}/fd/{arguments[0] & 0xFFFFFFFF}").readlink())
        place = BY_PATH.get(call, BY_FOLDER.get(call, 0))
        with Path(f"/proc/{thread}/mem").open("rb", 0) as memory:
            memory.seek(arguments[place])
            path = os.fsdecode(memory.read(4096).partition(b"\0")[0])
        start = arguments[0] & 0xFFFFFFFF if call in BY_FOLDER else _HERE
        folder = "cwd" if start == _HERE else f"fd/{start}"
        return str(Path(f"/proc/{thread}/{folder}").readlink() / path)
    except OSError:
        return ""


if __name__ == "__main__":  # a socket's number and a command: it becomes the command, whose changes are told
    with socket.socket(fileno=int(sys.argv[1])) as told:
        announce_changes(told)
    os.execvp(sys.argv[2], sys.argv[2:])  # noqa: S606  (without a shell: that is meant)
