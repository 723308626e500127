"""Results whose extent only their pixels tell: computed, kept, and then planned anew at that extent."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.process.delivery import STEPS
from eocene.process.processes.trimming import positions_with_data
from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.cube.staged import Store
    from eocene.process.whole import Stages

_BLOCK = 1024


def find_trim(nodes: PlanNodes) -> PlannedNode | None:
    """Return the node that trims the result, if the graph ends in one, apart from how it is saved."""
    schema = nodes.result
    while isinstance(schema, CubeSchema) and schema.grid is not None:
        planned = nodes.by_id[schema.node]
        if planned.definition.id == "trim_cube":
            return planned
        if planned.definition.id not in STEPS:
            return None
        schema = planned.arguments["data"]
    return None


def settle(nodes: PlanNodes, trim: PlannedNode, stages: Stages) -> PlanNodes:
    """Compute what is trimmed, and return nodes that load it at the extent that has data."""
    items = {(i.get("collection"), i["id"]): i for n in nodes.nodes if n.source for i in n.source.items}
    source = replace(trim_store(stages.keep(trim.arguments["data"])), items=tuple(items.values()))
    schema = CubeSchema(source.probe(), source.grid, trim.id)
    return PlanNodes((replace(trim, schema=schema, source=source),), schema)


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
