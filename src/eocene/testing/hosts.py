"""Hosts that are not there: each a set of Linux namespaces on this machine, all on one network.

A host has a network, a name and processes of its own; it shares the disk with the others and nothing else.
Its first process holds the namespaces. The kernel ends it with the process that made it, however that ends,
and everything else of the host with it: no interface, bridge or process stays behind.
Sources: ip-link(8), unshare(1), nsenter(1), network_namespaces(7), pid_namespaces(7).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Self

from eocene.model.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAMS = {"ip": "iproute2", "unshare": "util-linux", "nsenter": "util-linux", "setpriv": "util-linux"}
"""What is called, and the Debian package of each."""

_NEW_NETWORK = 0x40000000  # CLONE_NEWNET, <linux/sched.h>
_INIT = 'echo "$1" > /proc/sys/kernel/hostname && echo ready && exec sleep infinity'
_STOP_S = 10.0


@dataclass
class Host:
    """One host: its name, its address, and the words that come before a command that runs on it.

    Parameters
    ----------
    name, address : str
        As the others know it.
    folder : Path
        Where its logs lie.
    prefix : sequence of str
        Words that start a command on it; empty where it is no more than an address.
    """

    name: str
    address: str
    folder: Path
    prefix: tuple[str, ...] = ()
    is_alive: bool = True
    _holder: subprocess.Popen[bytes] | None = None
    _running: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def start(self, name: str, command: Sequence[str], environment: Mapping[str, str]) -> None:
        """Start a program; what it says goes to ``NAME.log`` in the folder of the host."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running.append(
                subprocess.Popen(  # noqa: S603  (no shell, our own words)
                    [*_end_with_us(), *self.prefix, *command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**environment},
                    start_new_session=True,
                )
            )

    def ended(self) -> list[int]:
        """Return the exit codes of programs that came to an end by themselves."""
        return [process.returncode for process in self._running if process.poll() is not None]

    def runs(self, machine: str, number: int) -> bool:
        """Tell whether a process that names itself so, by its host name and number, is one of this host."""
        if self.prefix:
            return machine == self.name
        with suppress(ProcessLookupError):
            return os.getsid(number) in {process.pid for process in self._running}
        return False

    def kill(self) -> None:
        """End every process of the host by SIGKILL, as when its power fails."""
        self.is_alive = False
        if self._holder is not None:
            _kill_tree(self._holder)
        for process in self._running:
            _kill_tree(process)
        self._running.clear()


class Lab:
    """Hosts on one network, for as long as the ``with`` block lasts; this process is on that network, too.

    Parameters
    ----------
    folder : Path
        Where each host has a folder.
    names : sequence of str
        Of the hosts.
    loopback : bool
        Let the hosts be addresses 127.0.1.1, 127.0.1.2, … of this machine, without namespaces: no root is
        needed, and nothing is apart but the processes.

    Raises
    ------
    UnavailableError
        If namespaces cannot be had; it says what is missing.
    """

    def __init__(self, folder: Path, names: Sequence[str], *, loopback: bool = False) -> None:
        self._network = "127.0.1" if loopback else "10.77.0"
        self.loopback = loopback
        self.hosts = [
            Host(name, f"{self._network}.{number}", folder / name)
            for number, name in enumerate(names, start=1)
        ]
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        if not self.loopback:
            check_namespaces()
        with ExitStack() as stack:
            for host in self.hosts:
                stack.callback(host.kill)
            if not self.loopback:
                stack.callback(_return_to, os.open("/proc/thread-self/ns/net", os.O_RDONLY))
                _make_network()
                _ip("link add lab type bridge", f"addr add {self._network}.254/24 dev lab", "link set lab up")
                for number, host in enumerate(self.hosts, start=1):
                    _make_host(host, number)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def __getitem__(self, name: str) -> Host:
        """Return a host by its name."""
        return next(host for host in self.hosts if host.name == name)


def check_namespaces() -> None:
    """Raise UnavailableError, saying what is missing, where hosts cannot be made on this machine."""
    missing = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if missing:
        raise UnavailableError(
            "The programs that make network namespaces are missing.",
            f"Install the Debian packages {' and '.join(sorted(missing))}.",
        )
    tried = subprocess.run(
        ["unshare", "--net", "--uts", "--mount", "--pid", "--fork", "true"],  # noqa: S607
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if os.geteuid() != 0 or tried.returncode:
        reason = tried.stderr.strip() or "this is not root"
        raise UnavailableError(
            f"Hosts as network namespaces need root with CAP_SYS_ADMIN and CAP_NET_ADMIN: {reason}.",
            "Run it as root; or let the hosts be no more than addresses of the loopback device: --loopback.",
        )


def _make_host(host: Host, number: int) -> None:
    """Start the first process of a host and connect it with the bridge."""
    command = [
        *_end_with_us(), "unshare", "--net", "--uts", "--mount", "--pid", "--fork", "--kill-child",
        "--mount-proc", "--", "sh", "-c", _INIT, "sh", host.name,
    ]  # fmt: skip
    holder = subprocess.Popen(  # noqa: S603  (our own words)
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, start_new_session=True
    )
    host._holder = holder
    with holder.stdout or BytesIO() as said:
        ready = said.readline() == b"ready\n"
    if not ready:
        raise UnavailableError(f"The host {host.name} does not start.", "See what the kernel forbids.")
    first = Path(f"/proc/{holder.pid}/task/{holder.pid}/children").read_text().split()[0]
    enter = ("nsenter", f"--target={first}", "--net", "--uts", "--mount", "--pid")
    _ip(f"link add lab{number} type veth peer name eth0 netns {first}", f"link set lab{number} master lab up")
    _ip(f"addr add {host.address}/24 dev eth0", "link set eth0 up", "link set lo up", on=enter)
    host.prefix = enter


def _make_network() -> None:
    """Take this thread into a network of its own, empty but for the loopback device."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_NEW_NETWORK):
        raise OSError(ctypes.get_errno(), "unshare")
    _ip("link set lo up")


def _return_to(network: int) -> None:
    """Take this thread back to the network that an open file stands for."""
    try:
        ctypes.CDLL(None).setns(network, _NEW_NETWORK)
    finally:
        os.close(network)


def _ip(*commands: str, on: Sequence[str] = ()) -> None:
    done = subprocess.run(  # noqa: S603  (our own words)
        [*on, "ip", "-batch", "-"], input="\n".join(commands), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise UnavailableError(f"ip failed: {done.stderr.strip()}", "See what the kernel forbids.")


def _end_with_us() -> tuple[str, ...]:
    """Return the words that let the kernel end a program with the process that started it."""
    return ("setpriv", "--pdeathsig", "KILL", "--") if shutil.which("setpriv") else ()


def _kill_tree(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(_STOP_S)
