"""One process behind walls, and the watch over it: limits of time, memory and output, and what it says."""

from __future__ import annotations

import fcntl
import json
import mmap
import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eocene.process.udf.inside import wire
from eocene.process.udf.limits import MIB, Limits, UdfError
from eocene.process.udf.walls import build_command, build_program, open_filter

if TYPE_CHECKING:
    from collections.abc import Callable

    Tell = Callable[[str, str, str], None]
    """Is told (level, text, code) of a line for the log."""

_TICK_S = 0.2
_TICKS = os.sysconf("SC_CLK_TCK")
_SIGNALS = {4: "an illegal instruction", 6: "abort", 7: "a bus error", 8: "an arithmetic fault",
            9: "kill", 11: "a segmentation fault", 31: "a forbidden system call"}  # fmt: skip


class Ended(Exception):  # noqa: N818 (told to users as UdfError)
    """The process has ended by itself."""


class Sandbox:
    """A process that runs code of one owner; not safe for two threads at once.

    Parameters
    ----------
    limits : Limits
        What it may take.

    Notes
    -----
    The kernel ends it with the thread that has made it, so make it in one that lasts.
    """

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._memory: mmap.mmap | None = None
        self._pid = 0
        self._ready = False
        self._channel, theirs = socket.socketpair()
        seccomp = open_filter()
        self._info, info = os.pipe()
        try:
            self._process = subprocess.Popen(  # noqa: S603 (no text of a user)
                build_command(limits, build_program(limits, theirs.fileno()), seccomp, info),
                pass_fds=[theirs.fileno(), seccomp, info], env={}, cwd="/",
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
        except BaseException:
            self._channel.close()
            os.close(self._info)
            raise
        finally:
            theirs.close()
            os.close(seccomp)
            os.close(info)
        self._channel.settimeout(_TICK_S)

    @property
    def is_alive(self) -> bool:
        """Whether it can be called."""
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Number of the process in which the code runs, as this machine sees it."""
        return self._pid

    def wait_ready(self) -> None:
        """Wait until its packages are imported.

        Raises
        ------
        UdfError
            If it takes too long or fails.
        """
        if self._ready:
            return
        deadline = time.monotonic() + self.limits.start_s
        self._pid = _read_pid(self._info, deadline)
        with self._guard():
            self._receive(deadline, 0.0)
        self._ready = True

    def call(self, code: str, data: Any, context: Any, tell: Tell) -> Any:
        """Run code on data.

        Parameters
        ----------
        code : str
            The source.
        data : DataArray, GeoDataFrame or plain value
            What it works on.
        context : plain value
            What the user passes on.
        tell : callable
            Is told each line of the log.

        Raises
        ------
        UdfError
            If the code fails or exceeds a limit; in the latter case the process is ended.
        """
        self.wait_ready()
        try:
            cargo = wire.Cargo()
            header = wire.pack(data, cargo)
        except wire.WireError as error:
            raise UdfError(f"The data cannot be given to code: {error}.", "Convert them first.") from error
        with self._guard():
            fds = self._make_room(cargo.size)
            cargo.store(self._memory)
            self._send({"code": code, "data": header, "context": context}, fds)
            message = self._converse(tell)
        if "error" in message:
            raise _fail(message["error"])
        try:
            return wire.unpack(message.get("result"), self._memory or b"")
        except wire.WireError as error:
            raise UdfError(f"What the code gives back cannot be taken: {error}.", "Mend it.") from error

    def kill(self) -> None:
        """End the process, if it lives, and give back what it had."""
        with suppress(OSError):
            self._process.kill()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._channel.close()
        if self._info >= 0:
            os.close(self._info)
            self._info = -1

    def _guard(self) -> _Guard:
        return _Guard(self)

    def _converse(self, tell: Tell) -> dict[str, Any]:
        """Answer the process until it has a result or an error."""
        deadline, spent, told = time.monotonic() + self.limits.wall_s, self._cpu_s(), 0
        while True:
            message = self._receive(deadline, spent)
            if "log" in message:
                told += len(str(message.get("text", ""))) + 1
                if told <= self.limits.log:
                    _tell(tell, message)
                elif told - len(str(message.get("text", ""))) - 1 <= self.limits.log:
                    tell("warning", "The code prints more than is kept; the rest is left out.", "UdfLog")
            elif "need" in message:
                need = message["need"]
                if not isinstance(need, int):
                    raise wire.WireError("a size is no number")
                self._send({"room": need}, self._make_room(need))
            else:
                return message

    def _make_room(self, size: int) -> tuple[int, ...]:
        """Make the shared memory at least so large; return its descriptor if it is new, to be sent once."""
        if size > self.limits.output:
            raise UdfError(
                f"The code takes or gives {size / 1e6:,.0f} MB in one piece; "
                f"at most {self.limits.output / 1e6:,.0f} MB are allowed.",
                "Call it in apply_neighborhood or apply_dimension, which hand in pieces.",
            )
        if self._memory is not None and size <= len(self._memory):
            return ()
        length = max(MIB, 1 << (size - 1).bit_length()) if size <= 256 * MIB else -(-size // MIB) * MIB
        fd = os.memfd_create("udf", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, length)
        # Sealed, so that nobody can cut it off while this process reads.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        self._memory = mmap.mmap(fd, length)
        return (fd,)

    def _send(self, message: dict[str, Any], fds: tuple[int, ...]) -> None:
        self._channel.settimeout(self.limits.wall_s)
        try:
            wire.send(self._channel, message, fds)
        finally:
            self._channel.settimeout(_TICK_S)
            for fd in fds:
                os.close(fd)

    def _receive(self, deadline: float, spent: float) -> dict[str, Any]:
        length = wire.read_length(self._read(4, deadline, spent))
        return wire.parse(self._read(length, deadline, spent))

    def _read(self, count: int, deadline: float, spent: float) -> bytes:
        """Read so many bytes, and look at the limits whenever nothing comes for a while."""
        found = bytearray()
        while len(found) < count:
            try:
                more = self._channel.recv(min(MIB, count - len(found)))
            except TimeoutError:
                more = None
            if more == b"":
                raise Ended
            found += more or b""
            if time.monotonic() > deadline:
                raise UdfError(
                    f"The code ran longer than {self.limits.wall_s:g} s in one call and was stopped.",
                    "Let it do less in one call, or call it on smaller pieces.",
                )
            if more is None and self._cpu_s() - spent > self.limits.cpu_s:
                raise UdfError(
                    f"The code took more than {self.limits.cpu_s:g} s of processor time in one call "
                    "and was stopped.",
                    "Let it do less in one call, or call it on smaller pieces.",
                )
        return bytes(found)

    def _cpu_s(self) -> float:
        """Return the processor time that the process has taken so far, in seconds."""
        try:
            fields = Path(f"/proc/{self._pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def explain_end(self) -> UdfError:
        """Return the error of a process that has ended by itself."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(5)
        status = self._process.returncode
        number = -status if status is not None and status < 0 else (status or 0) - 128
        how = _SIGNALS.get(number, f"status {status}")
        return UdfError(
            f"The process of the code ended in the middle of a call: {how}.",
            "Look for code that exits, crashes in a library, or takes too much memory.",
        )


class _Guard:
    """Ends the process of a sandbox when something goes wrong with it, not with the code."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            return
        ended = isinstance(error, Ended | OSError)
        told = self._sandbox.explain_end() if ended else None
        self._sandbox.kill()
        if told is not None:
            raise told from error
        if isinstance(error, wire.WireError):
            raise UdfError(f"The process of the code sends what it must not: {error}.", "Mend it.") from error


def _read_pid(info: int, deadline: float) -> int:
    """Return the number that bubblewrap tells; 0 if it tells none."""
    text = b""
    while time.monotonic() < deadline and b"}" not in text:
        more = os.read(info, 4096)
        if not more:
            break
        text += more
    try:
        return int(json.loads(text)["child-pid"])
    except (ValueError, KeyError, TypeError):
        return 0


def _tell(tell: Tell, message: dict[str, Any]) -> None:
    level = message["log"] if message["log"] in ("info", "warning", "error") else "info"
    tell(level, str(message.get("text", "")), str(message.get("code") or "User"))


def _fail(error: Any) -> UdfError:
    """Return the code's own error, with its line."""
    told = error if isinstance(error, dict) else {}
    kind, message, text = (str(told.get(k, "")) for k in ("type", "message", "text"))
    line = told.get("line")
    line = line if isinstance(line, int) else 0
    where = f" in line {line}" + (f" ({text!r})" if text else "") if line else ""
    if kind == "MemoryError":
        message = message or "more memory than the code may take"
    return UdfError(f"The code failed{where}: {kind}: {message}.", "Mend the code.", line=line)
