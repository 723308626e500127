"""Blocks in threads: in order, within the budget, stopped between two of them."""

from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from eocene.process import Stopped, make_plan
from eocene.process.executors import ThreadExecutor, executor_for, map_blocks
from eocene.process.executors.tasks import inside_task
from eocene.process.run import Plan
from tests.process.graphs import load

if TYPE_CHECKING:
    from eocene.cube.staged import Store
    from eocene.process.evaluate import Window
    from eocene.workspace import Workspace


class Held:
    """Counts the results that exist: those being computed, those that wait, and that which is used."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def add(self, change: int) -> None:
        with self._lock:
            self.now += change
            self.most = max(self.most, self.now)


@pytest.mark.parametrize(("workers", "most"), [(1, 1), (2, 2), (4, 2), (4, 3), (2, 100)])
def test_results_come_in_order_and_no_more_of_them_are_held_than_allowed(workers: int, most: int) -> None:
    held = Held()

    def compute(number: int) -> int:
        held.add(1)
        time.sleep(0.002 * (number % 3))
        return number

    found = []
    for number in map_blocks(compute, range(30), workers=workers, most=most):
        time.sleep(0.001)
        found.append(number)
        held.add(-1)
    assert found == list(range(30))
    assert held.most <= min(most, workers + 1)


def test_progress_counts_from_none_to_all() -> None:
    seen: list[tuple[int, int]] = []
    list(map_blocks(lambda n: n, range(7), lambda done, total: seen.append((done, total)), workers=3))
    assert seen == [(number, 7) for number in range(8)]


def test_nothing_more_is_begun_once_it_is_stopped() -> None:
    begun: list[int] = []
    seen: list[int] = []

    def compute(number: int) -> None:
        begun.append(number)

    with pytest.raises(Stopped):
        list(
            map_blocks(
                compute,
                range(100),
                lambda done, _: seen.append(done),
                workers=2,
                should_stop=lambda: 5 in seen,
            )
        )
    assert seen == [0, 1, 2, 3, 4, 5]
    assert len(begun) <= 8


def test_an_error_of_a_part_ends_the_rest() -> None:
    begun: list[int] = []

    def compute(number: int) -> int:
        begun.append(number)
        if number == 3:
            raise ValueError("part 3 is wrong")
        return number

    with pytest.raises(ValueError, match="part 3"):
        list(map_blocks(compute, range(100), workers=2))
    assert len(begun) < 10


def test_a_plan_that_is_cut_for_one_worker_computes_one_block_at_a_time_and_the_same_result(
    world: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Plan, "block_size", 64)
    plan = make_plan({"load": {**load(bands=["B04"]), "result": True}}, world.archive)
    expected = plan.run()
    held = Held()
    compute_into = Plan.compute_into

    def counted(self: Plan, store: Store, part: Window) -> None:
        held.add(1)
        try:
            compute_into(self, store, part)
        finally:
            held.add(-1)

    monkeypatch.setattr(Plan, "compute_into", counted)
    assert plan.cut is not None
    monkeypatch.setattr(Plan, "cut", replace(plan.cut, workers=1))
    assert make_plan(plan.graph.source, world.archive).run().identical(expected)
    assert held.most == 1


def test_a_task_gives_nothing_to_a_cluster_again(world: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EOCENE_SCHEDULER", "tcp://127.0.0.1:1")
    plan = make_plan({"load": {**load(bands=["B04"]), "result": True}}, world.archive)
    with inside_task():
        assert isinstance(executor_for(plan), ThreadExecutor)
