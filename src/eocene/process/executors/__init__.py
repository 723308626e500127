"""Where the blocks of a plan are computed: threads of this process, or a Dask cluster."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from eocene.process.executors.tasks import is_inside_task
from eocene.process.executors.threads import ThreadExecutor, map_blocks
from eocene.process.progress import Progress, Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eocene.cube.staged import Store
    from eocene.process.evaluate import Window
    from eocene.process.run import Plan

__all__ = ["VARIABLE", "Executor", "Progress", "Stopped", "ThreadExecutor", "executor_for", "map_blocks"]

VARIABLE = "EOCENE_SCHEDULER"


class Executor(Protocol):
    """Runs the tasks of a plan, some at a time."""

    def map(
        self,
        task: str,
        parts: Sequence[Any],
        common: Mapping[str, Any] | None = None,
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> Iterator[Any]:
        """Run a task for each part and yield what it returns, in the order of the parts.

        Parameters
        ----------
        task : str
            The name of one of :mod:`eocene.process.executors.tasks`.
        parts : sequence
            What each call is about: the window of a block, or plain JSON.
        common : mapping, optional
            Further arguments, the same for each call, plain JSON.
        progress : callable, optional
            Called with (finished, all), which never falls: parts, and where stages are computed first
            the steps of these.
        should_stop : callable
            Asked between two parts; :class:`Stopped` is raised where it says so.
        """

    def fill(
        self,
        store: Store,
        parts: Sequence[Window],
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> None:
        """Compute parts of the result into a store in memory that holds all of it; otherwise as ``map``."""


def executor_for(plan: Plan, workers: int | None = None) -> Executor:
    """Return what runs a plan: the cluster that ``EOCENE_SCHEDULER`` names, or the threads of this process.

    What a task itself asks for is computed where the task runs, and ``workers`` asks for so many threads.

    Raises
    ------
    UnavailableError
        If the cluster cannot be reached or used.
    """
    address = os.environ.get(VARIABLE, "").strip()
    if not address or workers or plan.is_settled or is_inside_task():
        return ThreadExecutor(plan, workers)
    from eocene.process.executors.cluster import ClusterExecutor

    return ClusterExecutor(plan, address)
