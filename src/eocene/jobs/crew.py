"""Workers as processes of their own: a job that takes its process down takes nothing else with it.

Each ends when the process that started it does, however that ends: its standard input closes then.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Self

from eocene.jobs.worker import run_worker

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive import Archive
    from eocene.jobs.queue import JobQueue

_log = logging.getLogger(__name__)

CUT_OFF = 75
"""Exit code of a worker that ended itself, because a canceled block would have gone on for long."""
_LOOK_S = 0.2
_STOP_S = 10.0
_LONGEST_PAUSE_S = 30.0


class Member:
    """One worker process, started again when it ends.

    Parameters
    ----------
    root : Path
        The workspace.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: subprocess.Popen[bytes] | None = None
        self._begun, self._pause = 0.0, 0.0

    @property
    def pid(self) -> int | None:
        """Number of the process, None while there is none."""
        return self._process.pid if self._process is not None and self.is_alive() else None

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def look_after(self) -> None:
        """Start the process if there is none; one that ends again and again is given longer pauses."""
        if self.is_alive():
            return
        now = time.monotonic()
        if self._process is not None and self._process.returncode is not None:
            code, lived = self._process.returncode, now - self._begun
            self.dismiss()  # or the pipe to it stays open
            self._process = None
            short = lived < _LONGEST_PAUSE_S and code != CUT_OFF
            self._pause = min(_LONGEST_PAUSE_S, 2 * self._pause + 0.5) if short else 0.0
            _log.warning("a worker ended with %d after %.0f s; another one starts", code, lived)
            self._begun = now
        if now - self._begun >= self._pause:
            self._start()

    def _start(self) -> None:
        command = [sys.executable, "-m", "eocene.cli", "worker", "--attended", "-w", str(self._root)]
        self._process = subprocess.Popen(  # noqa: S603  (no shell, our own words)
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
        )
        self._begun = time.monotonic()

    def dismiss(self) -> None:
        """Tell the process to give its job back and end."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()

    def wait(self, deadline: float) -> None:
        """Wait for the end of the process until an instant of the monotonic clock, then end it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


class Crew:
    """Some workers, for as long as the ``with`` block lasts.

    Parameters
    ----------
    root : Path
        The workspace.
    count : int
        How many.
    """

    def __init__(self, root: Path, count: int) -> None:
        self.members = [Member(root) for _ in range(count)]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="crew", daemon=True)

    def __enter__(self) -> Self:
        if self.members:
            self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        if self.members:
            self._thread.join()
        for member in self.members:
            member.dismiss()
        deadline = time.monotonic() + _STOP_S
        for member in self.members:
            member.wait(deadline)

    def _watch(self) -> None:
        while not self._stop.is_set():
            for member in self.members:
                member.look_after()
            self._stop.wait(_LOOK_S)


def run_attended(archive: Archive, store: JobQueue) -> int:
    """Be a worker of a crew until it dismisses this process; return how many jobs came to an end."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal's Ctrl-C the crew hears, too
    threading.Thread(target=_await_dismissal, args=(stop,), name="dismissal", daemon=True).start()
    return run_worker(archive, store, stop=stop, end_process=lambda: os._exit(CUT_OFF))


def _await_dismissal(stop: threading.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    stop.set()
