"""Results whose extent only their pixels tell: computed, kept, and then planned anew at that extent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.process.output.delivery import STEPS
from eocene.process.processes.trimming import positions_with_data
from eocene.process.progress import Steps, steps_of
from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from eocene.cube.staged import Store
    from eocene.process.progress import Progress
    from eocene.process.run import Plan

_BLOCK = 1024


def find_trim(plan: Plan) -> PlannedNode | None:
    """Return the node that trims the result, if the graph ends in one, apart from how it is saved.

    A settled plan has none: it loads what has been trimmed.
    """
    if plan.is_settled:
        return None
    nodes, schema = plan.nodes, plan.nodes.result
    while isinstance(schema, CubeSchema) and schema.grid is not None:
        planned = nodes.by_id[schema.node]
        if planned.definition.id == "trim_cube":
            return planned
        if planned.definition.id not in STEPS:
            return None
        schema = planned.arguments["data"]
    return None


def steps_to_settle(plan: Plan) -> int:
    """Return how many steps :func:`settle` takes; 0 if the extent is known."""
    trim = find_trim(plan)
    if trim is None:
        return 0
    data = trim.arguments["data"]
    kept = 0 if plan.nodes.by_id[data.node].whole else plan.stages.cut(data).blocks
    return steps_of(plan.stages_left()) + kept + 1


def settle(plan: Plan, progress: Progress | None = None, should_stop: Callable[[], bool] = bool) -> Plan:
    """Compute what is trimmed and return the plan that loads it at the extent that has data.

    A plan that does not end in trimming is returned as it is.
    """
    trim = find_trim(plan)
    if trim is None:
        return plan
    steps = Steps(steps_to_settle(plan), progress, should_stop)
    plan.stages.prepare(plan.stages_left(), steps)
    with plan.stages.counting(steps):
        store = trim_store(plan.stages.keep(trim.arguments["data"]))
        steps.take()
    source = replace(store, items=tuple(plan.items))
    schema = CubeSchema(source.probe(), source.grid, trim.id)
    nodes = PlanNodes((replace(trim, schema=schema, source=source),), schema)
    return replace(plan, nodes=nodes, settled_from=plan)


def trim_store(store: Store) -> Store:
    """Return a stored cube without the labels, rows and columns that hold no data."""
    some: dict[str, NDArray[Any]] = {d: np.zeros(len(store.labels[d]), bool) for d in store.form.dims[:-2]}
    some |= {"y": np.zeros(store.grid.height, bool), "x": np.zeros(store.grid.width, bool)}
    dims = store.form.dims
    for window in store.grid.blocks(_BLOCK):
        block = store.read(window)
        valid = np.ones(block.values.shape, bool) if block.valid is None else block.valid
        place = dict(zip(("y", "x"), window.slices_in(store.grid), strict=True))
        for number, dim in enumerate(dims):
            here = valid.any(axis=tuple(n for n in range(len(dims)) if n != number))
            some[dim][place.get(dim, slice(None))] |= here
    kept = positions_with_data(store.form, some)
    rows = kept.pop("y", list(range(store.grid.height)))
    columns = kept.pop("x", list(range(store.grid.width)))
    for dim, positions in kept.items():
        store = store.keep(dim, positions)
    grid = replace(
        store.grid,
        left=store.grid.left + columns[0],
        top=store.grid.top + rows[0],
        width=len(columns),
        height=len(rows),
    )
    return replace(store, grid=grid)
