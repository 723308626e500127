"""The walls of the sandbox: how bubblewrap is called, and whether it can be.

Inside there are the Python of this environment and its packages, read-only, a /tmp of its own in memory,
and nothing else: no network, no /proc, no other process, no file of the workspace, no variable of the
environment.
Source: bwrap(1).
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from eocene.process.udf.seccomp import assemble_filter, find_processor

if TYPE_CHECKING:
    from eocene.process.udf.limits import Limits

_INSIDE = Path(__file__).parent / "inside"
_SCRIPTS = "/run/udf"
_TRIAL_S = 20
_DEVICES = ("null", "zero", "full", "random", "urandom")
_ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")


def find_packages() -> list[str]:
    """Return the folders of installed packages of this environment."""
    folders = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    folders += [p for p in sys.path if p.endswith(("/site-packages", "/dist-packages"))]
    return list(dict.fromkeys(p for p in folders if Path(p).is_dir()))


def build_command(limits: Limits, program: list[str], seccomp: int, info: int | None = None) -> list[str]:
    """Return the command that runs a program behind the walls.

    Parameters
    ----------
    limits : Limits
        Of which the size of /tmp is kept here.
    program : list of str
        A command line for the Python inside, without Python itself.
    seccomp, info : int
        File descriptors: of the filter of system calls, and, if any, into which bwrap writes the number of
        the process.
    """
    command = [shutil.which("bwrap") or "bwrap", "--unshare-all", "--unshare-user", "--as-pid-1"]
    command += ["--die-with-parent", "--new-session", "--cap-drop", "ALL", "--uid", "65534", "--gid", "65534"]
    command += ["--hostname", "udf", "--clearenv"]
    for name, value in _environment().items():
        command += ["--setenv", name, value]
    command += ["--size", str(limits.folder), "--tmpfs", "/tmp"]  # noqa: S108 (inside; packages may lie below)
    for folder in _system_folders():
        command += ["--ro-bind", folder, folder]
    command += ["--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64"]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--ro-bind", str(_INSIDE), _SCRIPTS]
    command += ["--size", str(1 << 20), "--tmpfs", "/dev"]
    for device in _DEVICES:
        command += ["--dev-bind", f"/dev/{device}", f"/dev/{device}"]
    command += ["--remount-ro", "/dev", "--remount-ro", "/", "--chdir", "/tmp"]  # noqa: S108
    command += ["--seccomp", str(seccomp)]
    command += [] if info is None else ["--info-fd", str(info)]
    return [*command, "--", os.path.realpath(sys.executable), "-I", "-S", "-B", *program]


def build_program(limits: Limits, channel: int) -> list[str]:
    """Return the command line of the script that answers calls on a socket."""
    settings = {
        "channel": channel,
        "paths": find_packages(),
        "limits": {"memory": limits.memory, "file": limits.folder},
    }
    return [f"{_SCRIPTS}/main.py", json.dumps(settings)]


def open_filter() -> int:
    """Return a file descriptor of the filter for this processor; the caller closes it."""
    processor = find_processor()
    if processor is None:
        raise OSError("there is no list of system calls for this processor")
    with tempfile.TemporaryFile() as file:
        file.write(assemble_filter(processor))
        file.seek(0)
        return os.dup(file.fileno())


@cache
def find_obstacle() -> str | None:
    """Return why there can be no sandbox here; None if a trial has worked. It is tried once in a process."""
    if not sys.platform.startswith("linux"):
        return f"the sandbox needs Linux, and this is {sys.platform}"
    if find_processor() is None:
        return "there is no filter of system calls for this processor"
    if shutil.which("bwrap") is None:
        return "bubblewrap is not installed (Debian package bubblewrap)"
    if find_spec("openeo") is None:
        return "the Python package openeo is not installed (pip install 'eocene[udf]')"
    return _try_walls()


def _try_walls() -> str | None:
    from eocene.process.udf.limits import Limits

    seccomp = open_filter()
    try:
        done = subprocess.run(  # noqa: S603 (no text of a user)
            build_command(Limits(), ["-c", ""], seccomp),
            pass_fds=[seccomp], env={}, stdin=subprocess.DEVNULL, capture_output=True, timeout=_TRIAL_S,
            check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap cannot be run: {error}"
    finally:
        os.close(seccomp)
    if done.returncode == 0:
        return None
    told = done.stderr.decode(errors="replace").strip().splitlines()
    return f"bubblewrap cannot make a sandbox here: {told[-1][:200] if told else done.returncode}"


def _system_folders() -> list[str]:
    """Return what Python needs of the system; folders inside others are left out."""
    wanted = ["/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", sys.base_prefix, *find_packages()]
    known = [p for p in dict.fromkeys(wanted) if Path(p).is_dir()]
    return [p for p in known if not any(p != q and Path(p).is_relative_to(q) for q in known)]


def _environment() -> dict[str, str]:
    fixed = {"PATH": "/usr/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}  # noqa: S108
    return fixed | {"NUMBA_CACHE_DIR": "/tmp/numba"} | dict.fromkeys(_ONE_THREAD, "1")  # noqa: S108
