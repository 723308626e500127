"""One process behind walls, and the watch over it: limits of time, memory and output, and what it says."""

from __future__ import annotations

import fcntl
import mmap
import os
import time
from typing import TYPE_CHECKING, Any

from eocene.process.udf.inside import talk, wire
from eocene.process.udf.limits import MIB, Limits, UdfError
from eocene.process.udf.nursery import common_nursery
from eocene.process.udf.telling import explain_error, explain_status, pass_on

if TYPE_CHECKING:
    from eocene.process.udf.nursery import Nursery
    from eocene.process.udf.telling import Tell

_TICK_S = 0.2
_MOST_HEARD = 2 * talk.MOST
"""Bytes of messages in one call, the header of the result among them."""


class Ended(Exception):  # noqa: N818 (told to users as UdfError)
    """The process has ended by itself."""


class Sandbox:
    """A process that runs code of one owner; not safe for two threads at once.

    Parameters
    ----------
    limits : Limits
        What it may take.
    nursery : Nursery, optional
        Where it is forked; by default that of this process.
    """

    def __init__(self, limits: Limits, nursery: Nursery | None = None) -> None:
        self.limits = limits
        self._memory: mmap.mmap | None = None
        self._ready = False
        self._look_at = 0.0
        self._heard = 0
        self._child = (nursery or common_nursery()).fork(limits)
        self._channel = self._child.channel
        self._channel.settimeout(_TICK_S)

    @property
    def is_alive(self) -> bool:
        """Whether it can be called."""
        return self._child.is_alive

    @property
    def cpu_s(self) -> float:
        """Processor time that it has taken so far, in seconds; what it took in the end if it has ended."""
        return self._child.cpu_s

    @property
    def pid(self) -> int:
        """Number of the process in which the code runs, as this machine sees it."""
        return self._child.pid

    def wait_ready(self) -> None:
        """Wait until all walls are closed around it.

        Raises
        ------
        UdfError
            If it takes too long or fails.
        """
        if self._ready:
            return
        deadline = time.monotonic() + self.limits.start_s
        with self._guard():
            self._child.wait_born(deadline, self.limits)
            message = self._receive(deadline, 0.0)
            if "ready" not in message:
                raise UdfError(
                    f"The sandbox cannot be closed: {message.get('failed')}.", "Tell the operator."
                )
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
            raise explain_error(message["error"])
        try:
            return wire.unpack(message.get("result"), self._memory or b"")
        except wire.WireError as error:
            raise UdfError(f"What the code gives back cannot be taken: {error}.", "Mend it.") from error

    def kill(self) -> None:
        """End the process, if it lives, and give back what it had."""
        self._child.kill()

    def _guard(self) -> _Guard:
        return _Guard(self)

    def _converse(self, tell: Tell) -> dict[str, Any]:
        """Answer the process until it has a result or an error."""
        deadline, spent, told = time.monotonic() + self.limits.wall_s, self._child.cpu_s, 0
        self._heard = 0
        while True:
            message = self._receive(deadline, spent)
            if "log" in message:
                length = len(str(message["text"])) + 1 if isinstance(message.get("text"), str) else 1
                told += length
                if told <= self.limits.log:
                    pass_on(tell, message)
                elif told - length <= self.limits.log:
                    tell("warning", "The code prints more than is kept; the rest is left out.", "UdfLog")
            elif "need" in message:
                if not isinstance(message["need"], int):
                    raise wire.WireError("a size is no number")
                self._send({"room": message["need"]}, self._make_room(message["need"]))
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
        # Twice as much each time: code may keep all that it was ever given, and nothing else limits that.
        length = max(MIB, min(1 << (size - 1).bit_length(), self.limits.output))
        fd = os.memfd_create("udf", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, length)
        # Sealed, so that nobody can cut it off while this process reads.
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL)
        self._memory = mmap.mmap(fd, length)
        return (fd,)

    def _send(self, message: dict[str, Any], fds: tuple[int, ...]) -> None:
        self._channel.settimeout(self.limits.wall_s)
        try:
            talk.send(self._channel, message, fds)
        finally:
            self._channel.settimeout(_TICK_S)
            for fd in fds:
                os.close(fd)

    def _receive(self, deadline: float, spent: float) -> dict[str, Any]:
        length = talk.read_length(self._read(4, deadline, spent))
        self._heard += length
        if self._heard > _MOST_HEARD:
            raise UdfError("The code prints without end and was stopped.", "Let it print less.")
        return talk.parse(self._read(length, deadline, spent))

    def _read(self, count: int, deadline: float, spent: float) -> bytes:
        """Read so many bytes, and look at the limits now and then, whatever comes."""
        found = bytearray()
        while len(found) < count:
            try:
                more = self._channel.recv(min(MIB, count - len(found)))
            except TimeoutError:
                more = None
            if more == b"":
                raise Ended
            found += more or b""
            if time.monotonic() > self._look_at:
                self._check_limits(deadline, spent)
        return bytes(found)

    def _check_limits(self, deadline: float, spent: float) -> None:
        self._look_at = time.monotonic() + _TICK_S
        limits = self.limits
        excess = ""
        if time.monotonic() > deadline:
            excess = f"ran longer than {limits.wall_s:g} s"
        elif self._child.cpu_s - spent > limits.cpu_s:
            excess = f"took more than {limits.cpu_s:g} s of processor time"
        if excess:
            raise UdfError(
                f"The code {excess} in one call and was stopped.",
                "Let it do less in one call, or call it on smaller pieces.",
            )

    def explain_end(self) -> UdfError:
        """Return the error of a process that has ended by itself."""
        return explain_status(self._child.wait_end())


class _Guard:
    """Ends the process of a sandbox when something goes wrong with it, not with the code."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if error is None:
            return
        ended = isinstance(error, Ended | EOFError | OSError)
        told = self._sandbox.explain_end() if ended else None
        self._sandbox.kill()
        if told is not None:
            raise told from error
        if isinstance(error, wire.WireError | talk.TalkError):
            raise UdfError(f"The process of the code sends what it must not: {error}.", "Mend it.") from error
