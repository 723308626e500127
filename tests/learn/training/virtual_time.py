"""Workers whose time is counted and not spent."""

from __future__ import annotations

from concurrent.futures import Executor, Future


class VirtualWorkers(Executor):
    """Answers at once, and says when the answer would have been there.

    ``seconds(number, settings, epochs, before)`` tells how long a trial takes from epoch ``before`` on.
    """

    def __init__(self, seconds) -> None:
        self.seconds, self.now = seconds, 0.0
        self.ends: dict[Future, float] = {}
        self.reached: dict[int, int] = {}

    def submit(self, fn, /, number, settings, epochs):
        future: Future = Future()
        future.set_result(fn(number, settings, epochs))
        before = self.reached.get(number, 0)
        self.ends[future] = self.now + self.seconds(settings, epochs - before)
        self.reached[number] = epochs
        return future

    def wait_for(self, running):
        self.now = min(self.ends[future] for future in running)
        return {future for future in running if self.ends[future] <= self.now}
