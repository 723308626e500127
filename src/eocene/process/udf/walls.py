"""The outer walls: how bubblewrap is called.

Inside there are the Python of this environment and its packages, read-only, and nothing else: no network, no
/proc, no other process, no file of the workspace, no variable of the environment. The process that is started
there may divide what it sees once more (CAP_SYS_ADMIN of its own namespace, not of the machine); those that
it forks lose that before they run code, see ``inside/cell``.
Source: bwrap(1).
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import sysconfig
from pathlib import Path

from eocene.process.udf.inside.cell import STAGE
from eocene.process.udf.seccomp import assemble_filter, find_processor

_INSIDE = Path(__file__).parent / "inside"
_SCRIPTS = "/run/udf/inside"
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def find_packages() -> list[str]:
    """Return the folders of installed packages of this environment."""
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    folders += [p for p in sys.path if p.endswith(("/site-packages", "/dist-packages"))]
    return list(dict.fromkeys(p for p in folders if Path(p).is_dir()))


def build_command(program: list[str]) -> list[str]:
    """Return the command that runs a program behind the walls.

    Parameters
    ----------
    program : list of str
        A command line for the Python inside, without Python itself.
    """
    command = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--unshare-user", "--as-pid-1"]
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--cap-add", "CAP_SYS_ADMIN"]
    command += ["--uid", "65534", "--gid", "65534", "--hostname", "udf", "--clearenv"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    command += ["--size", str(1 << 20), "--tmpfs", "/tmp"]  # noqa: S108 (inside; packages may lie below)
    for folder in _system_folders():
        command += ["--ro-bind", folder, folder]
    command += ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind", str(_INSIDE), _SCRIPTS]
    command += ["--dir", STAGE, "--size", str(1 << 20), "--tmpfs", "/dev"]
    for device in _DEVICES:
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/"]
    return [*command, "--", os.path.realpath(sys.executable), "-I", "-S", "-B", *program]


def build_program(control: int, *, is_trial: bool) -> list[str]:
    """Return the command line of the script that forks a process for each request on a socket.

    Raises
    ------
    OSError
        If there is no filter of system calls for this processor.
    """
    processor = find_processor()
    if processor is None:
        raise OSError("there is no list of system calls for this processor")
    settings = {
        "control": control,
        "paths": [] if is_trial else find_packages(),
        "below": [folder for folder in _system_folders() if folder.startswith("/tmp/")],  # noqa: S108
        "filter": assemble_filter(processor).hex(),
        "is_trial": is_trial,
    }
    return [f"{_SCRIPTS}/main.py", json.dumps(settings)]


def _system_folders() -> list[str]:
    """Return what Python needs of the system; folders inside others are left out."""
    wanted = ["/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", sys.base_prefix, *find_packages()]
    known = [p for p in dict.fromkeys(wanted) if Path(p).is_dir()]
    return [p for p in known if not any(p != q and Path(p).is_relative_to(q) for q in known)]


def _environment() -> dict[str, str]:
    fixed = {"PATH": "/usr/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108
    return fixed | {"NUMBA_CACHE_DIR": "/tmp/numba"} | dict.fromkeys(_ONE_THREAD, "1")  # noqa: S108
