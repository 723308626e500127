"""Blocks on a Dask cluster: each a task of its own, so that a worker that is lost costs its blocks only."""

from __future__ import annotations

import secrets
import threading
import time
from importlib import import_module
from typing import TYPE_CHECKING, Any

from eocene.model import UnavailableError
from eocene.process.executors.remote import describe_part, describe_plan, keep, run_task
from eocene.process.executors.threads import blocks_within_budget
from eocene.process.progress import Stopped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from eocene.cube.staged import Store
    from eocene.process.evaluate import Window
    from eocene.process.executors import Progress
    from eocene.process.run import Plan

_CONNECT_S = 10
_POLL_S = 0.5
_PATIENCE_S = 120
"""How long a cluster may be without any worker."""
_AHEAD = 3
"""Tasks under way for each thread of the cluster: one runs, the next ones wait."""
_TRIES = 5
"""How often a task is given to the scheduler again that says it killed its workers."""

_clients: dict[str, Any] = {}
_connecting = threading.Lock()


class ClusterExecutor:
    """Runs the tasks of a plan on a Dask cluster; see :class:`eocene.process.executors.Executor`.

    Client and workers run the same version and see workspace and results under the same paths.

    Parameters
    ----------
    plan : Plan
        Whose blocks.
    address : str
        Of the scheduler, such as tcp://10.0.0.1:8786.
    """

    def __init__(self, plan: Plan, address: str) -> None:
        self._plan = plan
        self._client = connect(address)

    def map(
        self,
        task: str,
        parts: Sequence[Any],
        common: Mapping[str, Any] | None = None,
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> Iterator[Any]:
        """Run a task for each part and yield what it returns, in order."""
        if progress:
            progress(0, len(parts))
        most = blocks_within_budget(self._plan) if task == "compute" else len(parts)
        queue = _Queue(self._client, self._plan, task, dict(common or {}))
        results: dict[int, Any] = {}
        done = 0
        try:
            while done < len(parts):
                if should_stop():
                    raise Stopped
                queue.submit(parts, min(len(parts), done + min(most, _AHEAD * queue.count_threads())))
                results |= queue.collect()
                while done in results:
                    yield results.pop(done)
                    done += 1
                    if progress:
                        progress(done, len(parts))
        finally:
            queue.cancel()

    def fill(
        self,
        store: Store,
        parts: Sequence[Window],
        *,
        progress: Progress | None = None,
        should_stop: Callable[[], bool] = bool,
    ) -> None:
        """Compute parts of the result, and write them into a store of this process."""
        done = self.map("compute", parts, progress=progress, should_stop=should_stop)
        for part, block in zip(parts, done, strict=True):
            store.write(block, part.times)


class _Queue:
    """The tasks of one call of ``map`` that are under way."""

    def __init__(self, client: Any, plan: Plan, task: str, common: dict[str, Any]) -> None:
        from dask.base import tokenize

        self._client = client
        self._name = f"eocene-{task}-{secrets.token_hex(4)}"
        self._plain = describe_plan(plan)
        self._key = tokenize(self._plain)
        self._description: Any = None
        self._task, self._common = task, common
        self._parts: list[Any] = []
        self._running: dict[Any, int] = {}
        self._tries: dict[int, int] = {}
        self._seen = time.monotonic()

    def submit(self, parts: Sequence[Any], end: int) -> None:
        """Hand the parts up to ``end`` to the scheduler."""
        for part in parts[len(self._parts) : end]:
            self._parts.append(describe_part(part))
            self._start(len(self._parts) - 1)

    def _start(self, number: int) -> None:
        tried = self._tries[number] = self._tries.get(number, 0) + 1
        if self._description is None or self._description.status == "error":
            name = f"eocene-plan-{secrets.token_hex(4)}"
            self._description = self._client.submit(keep, self._plain, key=name, pure=False)
        future = self._client.submit(
            run_task, self._description, self._key, self._task, self._parts[number], self._common,
            key=f"{self._name}-{number}-{tried}", pure=False,
        )  # fmt: skip
        self._running[future] = number

    def collect(self) -> dict[int, Any]:
        """Wait a while for tasks to end and return what they gave, by number."""
        try:
            with self._client.as_current():
                ended = _dask().wait([*self._running], timeout=_POLL_S, return_when="FIRST_COMPLETED").done
        except TimeoutError:
            self._check_cluster()
            return {}
        self._seen = time.monotonic()
        found = {}
        for future in ended:
            number = self._running.pop(future)
            if self._is_to_be_tried_again(future, number):
                self._start(number)
            else:
                found[number] = future.result()
        return found

    def _is_to_be_tried_again(self, future: Any, number: int) -> bool:
        """Tell whether the scheduler gave a task up because the workers that ran it were lost."""
        if future.status != "error" or not isinstance(future.exception(), _dask().KilledWorker):
            return False
        if self._tries[number] < _TRIES:
            return True
        raise UnavailableError(
            f"The cluster lost every worker that took {self._task} number {number + 1}.",
            "See the workers' logs; most often their memory is too small for a block.",
            code="InfrastructureBusy",
        )

    def count_threads(self) -> int:
        """Return how many tasks the cluster runs at the same time, at least one."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def _check_cluster(self) -> None:
        """Raise where nothing can be expected any more of the cluster."""
        if self._client.status != "running":
            raise UnavailableError(
                "The connection to the Dask scheduler is lost.",
                "Look whether it still runs, then run the graph again.",
                code="InfrastructureBusy",
            )
        if self._client.nthreads():
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > _PATIENCE_S:
            raise UnavailableError(
                f"The Dask cluster has had no worker for {_PATIENCE_S} s.",
                "Start workers with `dask worker ADDRESS` in an environment with the same Eocene.",
                code="InfrastructureBusy",
            )

    def cancel(self) -> None:
        """Take back what is still under way; a block that is being computed ends, but no other begins."""
        if self._running and self._client.status == "running":
            self._client.cancel([*self._running], force=True)
        self._running.clear()


def connect(address: str) -> Any:
    """Return this process's connection to a scheduler, a ``distributed.Client``.

    Raises
    ------
    UnavailableError
        If the extra is not installed, or the scheduler does not answer.
    """
    distributed = _dask()
    with _connecting:
        client = _clients.get(address)
        if client is None or client.status != "running":
            try:
                client = distributed.Client(address, timeout=_CONNECT_S, set_as_default=False, name="eocene")
            except (OSError, ValueError, ImportError) as error:
                raise UnavailableError(
                    f"The Dask scheduler at {address}, named by EOCENE_SCHEDULER, does not answer: {error}.",
                    "Start it with `dask scheduler`, or unset EOCENE_SCHEDULER to compute in threads.",
                    code="InfrastructureBusy",
                ) from error
            _clients[address] = client
    return client


def _dask() -> Any:
    """Return the package ``distributed``, of which nothing is typed."""
    try:
        return import_module("distributed")
    except ImportError as error:
        raise UnavailableError(
            "EOCENE_SCHEDULER names a Dask scheduler, but Dask is not installed.",
            "Install eocene[cluster], or unset EOCENE_SCHEDULER to compute in threads.",
        ) from error
