"""The walls that a fresh process closes around itself before it sees code of a user.

Around all of them stands bubblewrap: no network, a read-only system, nothing of the workspace. What is closed
here keeps them apart from each other and from the process that they are forked from: own numbers of
processes, own mounts, own network, own /tmp; then every capability is dropped, and a filter of system calls
and the limits are set for good. A step that fails ends the process.
Sources: unshare(2), mount(2), capset(2), prctl(2), seccomp(2), setrlimit(2).
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from typing import Any

_OWN = 0x00020000 | 0x04000000 | 0x08000000 | 0x20000000 | 0x40000000
"""CLONE_NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET."""
_NOSUID_NODEV, _BIND, _MOVE, _PRIVATE = 2 | 4, 0x1000 | 0x4000, 0x2000, 0x4000 | 1 << 18
_DIE_WITH_PARENT, _SECCOMP, _NO_NEW_PRIVILEGES = 1, 22, 38
_FILTER = 2
_CAPABILITIES_3 = 0x20080522
STAGE = "/run/own"
"""An empty folder where the own /tmp is laid out before it takes its place."""
CHANNEL = 200
"""The one descriptor beside the standard ones that is left open; no package has taken the number."""

_libc = ctypes.CDLL(None, use_errno=True)


def part() -> None:
    """Let the children of this process live apart from all others."""
    _check(_libc.unshare(_OWN), "unshare")


def close_walls(limits: dict[str, int], below: list[str], program: bytes) -> None:
    """Close the walls around this process, which was just forked by one that has parted.

    Parameters
    ----------
    limits : dict
        Bytes of ``memory`` and of the own ``folder``, and the number of ``files`` in it.
    below : list of str
        Folders below /tmp that hold packages and stay visible.
    program : bytes
        The filter of system calls.

    Raises
    ------
    OSError
        If a wall cannot be closed.
    """
    _check(_libc.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0), "prctl")
    os.setsid()  # a group of its own: kill(0) reaches groups across all walls
    os.closerange(3, CHANNEL)
    os.closerange(CHANNEL + 1, os.sysconf("SC_OPEN_MAX"))
    _lay_out(limits, below)
    os.chdir("/tmp")  # noqa: S108 (inside)
    for which, most in (
        (resource.RLIMIT_AS, limits["memory"]),
        (resource.RLIMIT_FSIZE, limits["folder"]),
        (resource.RLIMIT_NOFILE, 256),
        (resource.RLIMIT_NPROC, 16),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
    ):
        resource.setrlimit(which, (most, most))
    header = struct.pack("<Ii", _CAPABILITIES_3, 0)
    _check(_libc.capset(header, bytes(24)), "capset")
    _check(_libc.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0), "prctl")
    instructions = ctypes.create_string_buffer(program, len(program))
    pointer = ctypes.addressof(instructions)
    given = ctypes.create_string_buffer(struct.pack("@HP", len(program) // 8, pointer))
    _check(_libc.prctl(_SECCOMP, _FILTER, ctypes.byref(given), 0, 0), "seccomp")


def _lay_out(limits: dict[str, int], below: list[str]) -> None:
    """Put an empty folder in memory in the place of /tmp, the packages below it read-only as they are."""
    options = f"size={limits['folder']},nr_inodes={limits['files']},mode=755"
    _mount(None, "/", None, _PRIVATE)
    _mount("tmpfs", STAGE, "tmpfs", _NOSUID_NODEV, options)
    for folder in below:
        place = STAGE + folder.removeprefix("/tmp")  # noqa: S108
        os.makedirs(place, exist_ok=True)  # noqa: PTH103 (few imports, as every fork carries them)
        _mount(folder, place, None, _BIND)
    _mount(STAGE, "/tmp", None, _MOVE)  # noqa: S108


def _mount(source: str | None, target: str, kind: str | None, flags: int, options: str = "") -> None:
    texts = [None if text is None else text.encode() for text in (source, target, kind, options)]
    _check(_libc.mount(texts[0], texts[1], texts[2], ctypes.c_ulong(flags), texts[3]), f"mount {target}")


def _check(status: Any, what: str) -> None:
    if status:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
