"""Warm processes: kept ready, given to one owner each, and ended with it."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eocene.model import UnavailableError
from eocene.process.udf.limits import Limits
from eocene.process.udf.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

IDLE_S = 60.0
"""A process that nobody has called for so long is ended."""


def _count_most() -> int:
    return max(4, 2 * (os.cpu_count() or 1))


@dataclass
class _Rest:
    """A process between two calls of its owner."""

    sandbox: Sandbox
    since: float = field(default_factory=time.monotonic)


class Pool:
    """Gives out processes by owner: one that has run code of an owner is never given to another.

    Parameters
    ----------
    limits : Limits
        Of each process.
    most : int, optional
        Processes of owners at the same time; by default twice the processors, at least 4.
    idle_s : float
        Seconds until a process that is not called is ended.
    start : callable
        Limits → a new process.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        most: int | None = None,
        idle_s: float = IDLE_S,
        start: Callable[[Limits], Any] = Sandbox,
    ) -> None:
        self.limits = limits or Limits()
        self._most, self._idle_s = most or _count_most(), idle_s
        self._start = start
        self._changed = threading.Condition()
        self._resting: dict[str, list[_Rest]] = {}
        self._live = 0
        self._closed = False
        self._reaper: threading.Timer | None = None

    @property
    def owners(self) -> list[str]:
        """Those whose processes rest, waiting for the next call."""
        with self._changed:
            return [owner for owner, rests in self._resting.items() if rests]

    @contextmanager
    def lend(self, owner: str) -> Iterator[Any]:
        """Give a process of the owner for one call; it is kept for the next if it lives.

        Raises
        ------
        UnavailableError
            If all processes are busy for longer than a call may take.
        """
        sandbox = self._take(owner)
        try:
            yield sandbox
        finally:
            self._put_back(owner, sandbox)

    def release(self, owner: str) -> None:
        """End the processes of an owner that are not in a call."""
        with self._changed:
            rests = self._resting.pop(owner, [])
            self._live -= len(rests)
            self._changed.notify_all()
        for rest in rests:
            rest.sandbox.kill()

    def close(self) -> None:
        """End all processes."""
        with self._changed:
            self._closed = True
            owners = list(self._resting)
        for owner in owners:
            self.release(owner)
        if self._reaper:
            self._reaper.cancel()

    def _take(self, owner: str) -> Any:
        deadline = time.monotonic() + self.limits.wall_s + self.limits.start_s
        with self._changed:
            while True:
                rests = self._resting.get(owner)
                if rests:
                    sandbox = rests.pop().sandbox
                    if sandbox.is_alive:
                        return sandbox
                    self._live -= 1
                    continue
                if self._live < self._most or self._end_oldest():
                    self._live += 1
                    break
                if not self._changed.wait(deadline - time.monotonic()):
                    raise UnavailableError(
                        "All processes for code of users are busy.", "Try again later.", code="ServiceBusy"
                    )
        try:
            sandbox = self._start(self.limits)
            sandbox.wait_ready()
        except BaseException:
            with self._changed:
                self._live -= 1
                self._changed.notify()
            raise
        return sandbox

    def _put_back(self, owner: str, sandbox: Any) -> None:
        with self._changed:
            keep = sandbox.is_alive and not self._closed
            if keep:
                self._resting.setdefault(owner, []).append(_Rest(sandbox))
                self._schedule()
            else:
                self._live -= 1
            self._changed.notify()
        if not keep:
            sandbox.kill()

    def _end_oldest(self) -> bool:
        """End the process that has rested longest, whoever's it is; tell whether there was one."""
        found = [(rests[0].since, owner) for owner, rests in self._resting.items() if rests]
        if not found:
            return False
        _, owner = min(found)
        self._resting[owner].pop(0).sandbox.kill()
        self._live -= 1
        return True

    def _schedule(self) -> None:
        if self._reaper is None:
            self._reaper = threading.Timer(self._idle_s / 2, self._reap)
            self._reaper.daemon = True
            self._reaper.start()

    def _reap(self) -> None:
        """End what has rested for too long, and look again later if something is left."""
        ended = []
        with self._changed:
            self._reaper = None
            for owner in list(self._resting):
                old = [r for r in self._resting[owner] if time.monotonic() - r.since > self._idle_s]
                ended += old
                self._resting[owner] = [r for r in self._resting[owner] if r not in old]
                if not self._resting[owner]:
                    del self._resting[owner]
            self._live -= len(ended)
            if self._resting and not self._closed:
                self._schedule()
            self._changed.notify_all()
        for rest in ended:
            rest.sandbox.kill()
