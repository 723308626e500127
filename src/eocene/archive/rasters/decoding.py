"""Libraries that damaged files make crash run in processes of their own, which are replaced when they die."""

from __future__ import annotations

import atexit
import json
import os
import select
import subprocess
import sys
import threading
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from eocene.archive.rasters import decoding_worker
from eocene.archive.rasters.decoding_worker import FRAME, LENGTH
from eocene.model.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_MOST_WORKERS = max(1, min(4, os.cpu_count() or 1))
_SLOWEST_S = 60.0
_LARGEST_ANSWER = 2**31


class DecodingError(Exception):
    """Something cannot be decoded; the text says why."""


class _Worker:
    """One process, used by one thread at a time."""

    def __init__(self, script: Path) -> None:
        environment = {
            k: v for k, v in os.environ.items() if k in ("PATH", "LD_LIBRARY_PATH", "LANG", "LC_ALL")
        }
        self._process = subprocess.Popen(  # noqa: S603  its own interpreter, its own script, no shell
            [sys.executable, "-I", decoding_worker.__file__, str(script)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
        )

    def ask(self, command: bytes, messages: Sequence[bytes]) -> bytes:
        """Return the answer; raises DecodingError, or OSError where the process died or does not answer."""
        stdin = self._process.stdin
        assert stdin is not None  # noqa: S101  it was opened as a pipe
        stdin.write(FRAME.pack(command, sum(len(m) + LENGTH.size for m in messages)))
        for message in messages:
            stdin.write(LENGTH.pack(len(message)) + message)
        stdin.flush()
        latest = time.monotonic() + _SLOWEST_S
        sign, length = FRAME.unpack(self._read(FRAME.size, latest))
        if length > _LARGEST_ANSWER:
            raise OSError("it answers more than a message can hold")
        content = self._read(length, latest)
        if sign != b"+":
            raise DecodingError(content.decode("utf-8", "replace"))
        return content

    def _read(self, length: int, latest: float) -> bytes:
        stdout = self._process.stdout
        assert stdout is not None  # noqa: S101
        parts, left = [], length
        poll = select.poll()  # unlike select.select it takes any number of a descriptor
        poll.register(stdout, select.POLLIN)
        while left:
            ready = poll.poll(1000 * max(0.0, latest - time.monotonic()))
            part = os.read(stdout.fileno(), min(left, 2**20)) if ready else b""
            if not part:
                raise OSError("decoding took too long" if not ready else "it makes the decoder crash")
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue  # what was not yet written cannot be any more
        self._process.wait()


class DecodingPool:
    """Processes of one kind; they start when they are needed and stay for what comes next.

    Parameters
    ----------
    script : Path
        The reader that they run: see :mod:`eocene.archive.rasters.decoding_worker`.
    module, extra : str
        The library that it needs, and what of Eocene brings it.
    """

    def __init__(self, script: Path, module: str, extra: str) -> None:
        self._script, self._module, self._extra = script, module, extra
        self._idle: list[_Worker] = []
        self._places = threading.Semaphore(_MOST_WORKERS)
        self._owner = os.getpid()
        atexit.register(self.close)

    def _check(self) -> None:
        if find_spec(self._module) is None:
            raise UnavailableError(
                f"The library {self._module}, which reads this format, is not installed.",
                f"Install eocene[{self._extra}].",
            )

    def ask(self, command: bytes, texts: Sequence[str]) -> bytes:
        """Return the answer to a request of texts; raises DecodingError as :meth:`_ask`."""
        return self._ask(command, [json.dumps(text).encode() for text in texts])

    def _ask(self, command: bytes, messages: Sequence[bytes]) -> bytes:
        if os.getpid() != self._owner:  # after a fork the pipes belong to another
            self._idle, self._places, self._owner = [], threading.Semaphore(_MOST_WORKERS), os.getpid()
        with self._places:
            try:
                worker = self._idle.pop()
            except IndexError:
                self._check()
                worker = _Worker(self._script)
            try:
                content = worker.ask(command, messages)
            except DecodingError:
                self._idle.append(worker)
                raise
            except OSError as error:
                worker.close()
                raise DecodingError(str(error)) from error
            except BaseException:
                worker.close()
                raise
            self._idle.append(worker)
            return content

    def close(self) -> None:
        """End the processes."""
        while self._idle and os.getpid() == self._owner:
            self._idle.pop().close()
