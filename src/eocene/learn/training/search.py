"""Hyper-parameter search that waits for nobody: who is free takes the next trial, and weak trials stop early.

Source: Li et al. 2020, "A system for massively parallel hyperparameter tuning" (ASHA), arXiv:1810.05934; the
trials are proposed and stopped by optuna.
"""

from __future__ import annotations

import json
import time
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from eocene.learn.extra import import_extra
from eocene.learn.training.space import suggest
from eocene.model.files import write_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

TRIALS = "trials.jsonl"
_REDUCTION = 3


@dataclass(frozen=True)
class Trial:
    """One trial as it ended.

    Parameters
    ----------
    number : int
    settings : mapping
    score : float
        The lower the better; of the last rung that it reached.
    epochs : int
        How far it was trained.
    state : str
        "complete" or "stopped".
    seconds : float
        Since the search began.
    """

    number: int
    settings: Mapping[str, Any]
    score: float
    epochs: int
    state: str
    seconds: float


@dataclass(frozen=True)
class Plan:
    """How to search.

    Parameters
    ----------
    space : mapping
        As ``suggest`` takes it.
    trials, workers : int
    rungs : sequence of int
        Epochs after each of which a trial may be stopped; the last one ends it.
    seed : int
    guided : bool
        Propose by what was found so far (TPE); else at random, the same trials whatever their order.
    synchronous : bool
        Wait for all trials of a round before the next one begins; to compare with.
    """

    space: Mapping[str, Any]
    trials: int
    workers: int
    rungs: Sequence[int]
    seed: int = 0
    guided: bool = True
    synchronous: bool = False


def first_done(running: Collection[Future[float]]) -> set[Future[float]]:
    """Wait for one of several, and return all that are done by then."""
    return wait(running, return_when=FIRST_COMPLETED).done


def search(
    measure: Callable[[int, Mapping[str, Any], int], float],
    plan: Plan,
    executor: Executor,
    *,
    folder: Path | None = None,
    wait_for: Callable[[Collection[Future[float]]], set[Future[float]]] = first_done,
) -> list[Trial]:
    """Run trials side by side and return them, the best first.

    Parameters
    ----------
    measure : callable
        ``measure(number, settings, epochs)`` trains a trial up to so many epochs, from where it was left, and
        gives its score. It is called in the executor.
    plan : Plan
    executor : Executor
        Threads, processes, or the workers of a Dask cluster (``client.get_executor()``).
    folder : Path, optional
        Where the record of the trials goes, a JSON line each.
    wait_for : callable
        How to wait for a future.
    """
    return _Search(measure, plan, executor, folder).run(wait_for)


class _Search:
    """The state of one search."""

    def __init__(
        self, measure: Callable[..., float], plan: Plan, executor: Executor, folder: Path | None
    ) -> None:
        self.measure, self.plan, self.executor, self.folder = measure, plan, executor, folder
        self.optuna = import_extra("optuna")
        self.optuna.logging.set_verbosity(self.optuna.logging.ERROR)
        samplers = self.optuna.samplers
        sampler = (samplers.TPESampler if plan.guided else samplers.RandomSampler)(seed=plan.seed)
        halving = self.optuna.pruners.SuccessiveHalvingPruner(
            min_resource=plan.rungs[0], reduction_factor=_REDUCTION
        )
        self.study = self.optuna.create_study(sampler=sampler, pruner=halving)
        self.running: dict[Future[float], tuple[Any, int]] = {}
        self.ended: list[Trial] = []
        self.asked, self.begun = 0, time.monotonic()

    def run(self, wait_for: Callable[[Collection[Future[float]]], set[Future[float]]]) -> list[Trial]:
        while self._fill():
            for future in wait_for(set(self.running)):
                self._judge(*self.running.pop(future), future.result())
        return sorted(self.ended, key=lambda t: (t.state != "complete", t.score, t.number))

    def _fill(self) -> bool:
        """Give every free worker a new trial; return whether any runs."""
        if not (self.plan.synchronous and self.running):
            while len(self.running) < self.plan.workers and self.asked < self.plan.trials:
                trial = self.study.ask()
                suggest(trial, self.plan.space)
                self.asked += 1
                self._submit(trial, 0)
        return bool(self.running)

    def _submit(self, trial: Any, rung: int) -> None:
        future = self.executor.submit(self.measure, trial.number, dict(trial.params), self.plan.rungs[rung])
        self.running[future] = (trial, rung)

    def _judge(self, trial: Any, rung: int, score: float) -> None:
        """Go on with a trial, stop it, or end it."""
        epochs = self.plan.rungs[rung]
        trial.report(score, epochs)
        last = rung == len(self.plan.rungs) - 1
        if not last and not trial.should_prune():
            self._submit(trial, rung + 1)
            return
        states = self.optuna.trial.TrialState
        self.study.tell(trial, score if last else None, state=states.COMPLETE if last else states.PRUNED)
        state, seconds = "complete" if last else "stopped", round(time.monotonic() - self.begun, 3)
        self.ended.append(Trial(trial.number, dict(trial.params), score, epochs, state, seconds))
        if self.folder is not None:
            lines = "".join(json.dumps(asdict(one)) + "\n" for one in self.ended)
            write_text(self.folder / TRIALS, lines)


def choose_rungs(epochs: int) -> tuple[int, ...]:
    """Return at which epochs trials are judged: a ninth, a third, and all."""
    return tuple(sorted({max(1, epochs // 9), max(1, epochs // 3), epochs}))
