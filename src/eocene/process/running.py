"""Run a plan to its end: what it computes once, then its blocks, laid together in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.cube.staged import keep_in_memory
from eocene.process.cost.estimate import refuse_if_too_large
from eocene.process.executors import executor_for
from eocene.process.people import to_people
from eocene.process.progress import Progress, part_of
from eocene.process.schema import CubeSchema
from eocene.process.settle import settle, steps_to_settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from eocene.cube.block import Block
    from eocene.process.run import Plan


def run_plan(
    plan: Plan,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
    workers: int | None = None,
) -> Any:
    """Return the whole result as people see it: see :meth:`eocene.process.run.Plan.run`."""
    refuse_if_too_large(plan)
    result = plan.nodes.result
    if plan.is_cube:
        plan, left = settle_first(plan, progress, should_stop)
        as_nan = plan.schema.probe.values.dtype.kind == "f"
        result = collect(plan, left, should_stop, workers, masked=not as_nan)
    elif isinstance(result, CubeSchema):
        plan.prepare(progress, should_stop)
        result = plan.stages.get(result.node)
    return to_people(result)


def settle_first(
    plan: Plan, progress: Progress | None, should_stop: Callable[[], bool]
) -> tuple[Plan, Progress | None]:
    """Return the plan whose extent is known, and the progress of what is left to do: as much again."""
    steps = steps_to_settle(plan)
    if not steps:
        return plan, progress
    settled = settle(plan, part_of(progress, 0, steps, 2 * steps), should_stop)
    return settled, part_of(progress, steps, 2 * steps, 2 * steps)


def collect(
    plan: Plan,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] = bool,
    workers: int | None = None,
    *,
    masked: bool = True,
) -> Block:
    """Return a whole cube in memory: with a mask, or floats that are NaN where there is no data."""
    store = keep_in_memory(plan.schema.probe, plan.grid, masked=masked)
    executor_for(plan, workers).fill(store, list(plan.parts()), progress=progress, should_stop=should_stop)
    return store.read(plan.grid)
