"""Groups of the kernel (cgroup v2) around processes, where the operator lets us make some.

With them the memory of a process is what it really has, its /tmp included; without, the limit of its address
space and of that folder stand alone. A systemd unit allows them by ``Delegate=memory pids`` and
``DelegateSubgroup=server`` (deploy/eocene.service); elsewhere ``EOCENE_UDF_CGROUP`` names a folder below
/sys/fs/cgroup that may be written to and has both controllers.
Source: Linux, Documentation/admin-guide/cgroup-v2.rst.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from functools import cache
from pathlib import Path

SWITCH = "EOCENE_UDF_CGROUP"
_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")
_PROCESSES = 16


class Group:
    """A group around one process.

    Parameters
    ----------
    folder : Path
        Where the kernel shows it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @classmethod
    def enter(cls, pid: int, memory: int) -> Group | None:
        """Put a process into a group of its own; None where there can be none.

        Parameters
        ----------
        pid : int
            The process.
        memory : int
            Bytes that it may have.
        """
        parent = find_parent()
        if parent is None:
            return None
        group = cls(parent / f"eocene-udf-{secrets.token_hex(8)}")
        try:
            group.folder.mkdir()
            group.set_limits(memory)
            (group.folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            group.remove()
            raise
        return group

    def set_limits(self, memory: int) -> None:
        """Limit memory and processes; when memory is exceeded all of it ends."""
        (self.folder / "memory.max").write_text(str(memory))
        (self.folder / "pids.max").write_text(str(_PROCESSES))
        with suppress(OSError):  # swap may be switched off
            (self.folder / "memory.swap.max").write_text("0")
        (self.folder / "memory.oom.group").write_text("1")

    def remove(self) -> None:
        """Remove it; its process must have ended."""
        with suppress(OSError):
            self.folder.rmdir()


@cache
def find_parent() -> Path | None:
    """Return the folder in which groups with limits can be made; None if there is none."""
    return next((folder for folder in _candidates() if _allows(folder)), None)


def _candidates() -> list[Path]:
    """Return the folder that the operator names, and those around us that systemd has delegated."""
    named = os.environ.get(SWITCH, "")
    found = [Path(named)] if named else []
    with suppress(OSError):
        for line in _OWN.read_text().splitlines():
            if line.startswith("0::/"):
                own = _ROOT / line[4:].strip("/")
                if _is_delegated(own):
                    _move_aside(own)
                found += [folder for folder in (own, own.parent) if _is_delegated(folder)]
    return found


def _move_aside(folder: Path) -> None:
    """Move the processes of a group into one below it: only what holds none can limit those below."""
    with suppress(OSError):
        (folder / "server").mkdir(exist_ok=True)
        for pid in (folder / "cgroup.procs").read_text().split():
            (folder / "server" / "cgroup.procs").write_text(pid)


def _is_delegated(folder: Path) -> bool:
    with suppress(OSError):
        return os.getxattr(folder, "user.delegate") == b"1"
    return False


def _allows(parent: Path) -> bool:
    trial = Group(parent / f"eocene-udf-{secrets.token_hex(8)}")
    try:
        if not {"memory", "pids"} <= set((parent / "cgroup.controllers").read_text().split()):
            return False
        (parent / "cgroup.subtree_control").write_text("+memory +pids")
        trial.folder.mkdir()
        trial.set_limits(1 << 30)
    except OSError:
        return False
    finally:
        trial.remove()
    return True
