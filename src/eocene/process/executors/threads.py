"""Blocks in threads, as many at a time as the memory budget allows."""

from __future__ import annotations

import os
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from eocene.process.allocator import give_back_memory
from eocene.process.evaluate import Window
from eocene.process.executors.tasks import TASKS, inside_task
from eocene.process.foresight import foresee_reads
from eocene.process.metering import in_thread
from eocene.process.progress import Stopped, part_of, steps_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from eocene.cube.staged import Store
    from eocene.process.progress import Progress
    from eocene.process.run import Plan

_Part = TypeVar("_Part")
_Result = TypeVar("_Result")


class ThreadExecutor:
    """Runs the tasks of a plan in threads of this process; see :class:`eocene.process.executors.Executor`.

    Parameters
    ----------
    plan : Plan
        Whose blocks.
    workers : int, optional
        At most so many threads; by default as many as this process may use processors.
    """

    def __init__(self, plan: Plan, workers: int | None = None) -> None:
        self._plan = plan
        self._workers = workers

    def map(
        self,
        task: str,
        parts: Sequence[Any],
        common: Mapping[str, Any] | None = None,
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> Iterator[Any]:
        """Run a task for each part and yield what it returns, in order.

        What the plan computes once is computed first, and counts like parts.
        """
        work = partial(TASKS[task], self._plan, **(common or {}))
        return self._run(work, parts, progress, should_stop)

    def fill(
        self,
        store: Store,
        parts: Sequence[Window],
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> None:
        """Compute parts of the result straight into their places: what fills new memory is dear."""
        for _ in self._run(partial(self._plan.compute_into, store), parts, progress, should_stop):
            pass

    def _run(
        self,
        work: Callable[[Any], Any],
        parts: Sequence[Any],
        progress: Progress | None,
        should_stop: Callable[[], bool],
    ) -> Iterator[Any]:
        before = steps_of(self._plan.stages_left())
        total = before + len(parts)
        self._plan.prepare(part_of(progress, 0, before, total), should_stop)
        windows = [part.grid for part in parts if isinstance(part, Window)]
        if windows:
            foresee_reads(self._plan.nodes, windows, self._plan.schema.node)
        cut = self._plan.cut
        workers = min(self._workers or count_processors(), cut.workers if cut else 1)

        def run(part: Any) -> Any:
            with inside_task():
                return work(part)

        told = part_of(progress, before, total, total)
        return map_blocks(run, parts, told, workers=workers, should_stop=should_stop)


def count_processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def blocks_within_budget(plan: Plan) -> int:
    """Return how many finished blocks of a plan may be held at the same time, at least one."""
    return max(1, plan.budget // (4 * max(1, plan.cut.result if plan.cut else 1)))


def map_blocks(
    compute: Callable[[_Part], _Result],
    parts: Sequence[_Part],
    progress: Progress | None = None,
    *,
    workers: int | None = None,
    most: int | None = None,
    should_stop: Callable[[], bool] = bool,
) -> Iterator[_Result]:
    """Compute something for each part, the window of a block for instance, in threads; yield in order.

    Parameters
    ----------
    compute : callable
        part → result.
    parts : sequence
        What to compute.
    progress : callable, optional
        Called with (finished parts, all parts).
    workers : int, optional
        Threads; by default as many as this process may use processors.
    most : int, optional
        At most so many results are computed or held, that which is yielded included; by default one
        more than there are threads.
    should_stop : callable
        Asked before each result is handed on; then :class:`Stopped` is raised.
    """
    count = workers or count_processors()
    ahead = min(most or count + 1, count + 1)
    if progress:
        progress(0, len(parts))
    pending, compute = iter(parts), in_thread(compute)
    with ThreadPoolExecutor(min(count, ahead), thread_name_prefix="eocene-block") as pool:
        waiting: deque[Future[_Result]] = deque()
        try:
            for done in range(1, len(parts) + 1):
                for part in _take(pending, ahead - len(waiting)):
                    waiting.append(pool.submit(compute, part))
                if should_stop():
                    raise Stopped
                yield waiting.popleft().result()
                if progress:
                    progress(done, len(parts))
        finally:
            for future in waiting:
                future.cancel()
            give_back_memory()


def _take(parts: Iterator[_Part], count: int) -> Iterator[_Part]:
    """Yield at most ``count`` further parts."""
    for _, part in zip(range(count), parts, strict=False):
        yield part
