"""Run a plan on one window: each node once, pixel by pixel on sub-blocks that fit the cache."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.cube.source import CubeSource
from eocene.model import Grid, InputError
from eocene.process.plan import CubeSchema, TableSchema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.cube.source import Leaf
    from eocene.process.plan import PlannedNode, PlanNodes

SUB_BLOCK = (64, 256)
"""Rows and columns of a sub-block: about 12 dates of it in float32 fit the second-level cache."""


@dataclass(frozen=True)
class Window:
    """A part of a cube: a grid, and the labels along t, None for all."""

    grid: Grid
    times: tuple[Any, ...] | None = None


def evaluate(plan: PlanNodes, window: Window, target: str | None = None) -> Block:
    """Compute a node of the plan on a window.

    The values are those of any other window where the two overlap, bit for bit.
    """
    result = target or plan.result
    needed = find_needs(plan, window, result)
    leaves = _read_leaves(plan, needed)
    local = all(need.grid == window.grid for need in needed.values())
    if not local:
        return _finish(_compute(plan, needed, leaves, result), plan, result, window)
    parts = []
    for sub in window.grid.blocks(*SUB_BLOCK):
        block = _compute(plan, _move(needed, sub), leaves, result)
        parts.append((sub, _finish(block, plan, result, Window(sub, window.times))))
    return parts[0][1] if len(parts) == 1 else _assemble(parts, window.grid)


def find_needs(plan: PlanNodes, window: Window, result: str) -> dict[str, Window]:
    """Return, for each node that the result needs, the window of it that is needed."""
    nodes = plan.by_id
    needed = {result: window}
    for planned in reversed(plan.nodes):
        if planned.id not in needed:
            continue
        mine = needed[planned.id]
        for name, other in planned.inputs().items():
            schema = nodes[other].schema
            if isinstance(schema, TableSchema):
                continue
            wanted = _need_of_input(planned, name, schema, mine)
            needed[other] = _join(needed[other], wanted) if other in needed else wanted
    return needed


def _need_of_input(planned: PlannedNode, name: str, schema: CubeSchema, window: Window) -> Window:
    definition = planned.definition
    arguments = planned.arguments
    grid = window.grid
    if definition.need is not None and (name == "data" or schema.grid.lattice != grid.lattice):
        grid = definition.need(grid, {**arguments, "data": schema})
    elif schema.grid.lattice != grid.lattice:
        grid = Grid(schema.grid.lattice, schema.grid.left, schema.grid.top, 1, 1)
    if window.times is None or "t" not in schema.dims or definition.times is None:
        return Window(grid)
    return Window(grid, definition.times(window.times, {**arguments, "data": schema}))


def _join(a: Window, b: Window) -> Window:
    times = None if a.times is None or b.times is None else tuple(dict.fromkeys((*a.times, *b.times)))
    return Window(a.grid.union(b.grid), times)


def _move(needed: Mapping[str, Window], grid: Grid) -> dict[str, Window]:
    return {node: Window(grid, need.times) for node, need in needed.items()}


def _read_leaves(plan: PlanNodes, needed: Mapping[str, Window]) -> dict[str, tuple[CubeSource, Leaf]]:
    """Read the stored numbers under the needed windows, clipped to what each source covers."""
    leaves = {}
    for planned in plan.nodes:
        if planned.source is None or planned.id not in needed:
            continue
        need = needed[planned.id]
        source = planned.source.at_dates(need.times)
        inside = source.grid.intersect(need.grid) or Grid(
            source.grid.lattice, need.grid.left, need.grid.top, 0, 0
        )
        leaves[planned.id] = (source, source.read(inside))
    return leaves


def _compute(
    plan: PlanNodes, needed: Mapping[str, Window], leaves: Mapping[str, tuple[CubeSource, Leaf]], result: str
) -> Block:
    blocks: dict[str, Block] = {}
    for planned in plan.nodes:
        if planned.id not in needed:
            continue
        grid = needed[planned.id].grid
        if planned.source is not None:
            source, leaf = leaves[planned.id]
            inside = leaf.grid.intersect(grid)
            block = source.decode(leaf, inside) if inside else _no_data(source, grid)
            blocks[planned.id] = block.crop(grid)
        else:
            blocks[planned.id] = _compute_node(plan, planned, blocks, needed[planned.id])
        if planned.id == result:
            break
    return blocks[result]


def _no_data(source: CubeSource, grid: Grid) -> Block:
    """Return a window that the source does not touch."""
    probe = source.probe()
    shape = (*probe.values.shape[:-2], *grid.shape)
    return probe.with_(values=np.zeros(shape, probe.values.dtype), valid=np.zeros(shape, bool), grid=grid)


def _compute_node(
    plan: PlanNodes, planned: PlannedNode, blocks: Mapping[str, Block], window: Window
) -> Block:
    nodes = plan.by_id
    given = {}
    for name, other in planned.inputs().items():
        schema = nodes[other].schema
        block = blocks[other]
        if isinstance(schema, CubeSchema) and block.grid is not None:
            wanted = _need_of_input(planned, name, schema, window)
            block = _keep_times(_clip_to_schema(block, schema).crop(wanted.grid), wanted.times)
        given[name] = block
    result: Block = planned.call(given, window.grid)
    return result.crop(window.grid)


def _clip_to_schema(block: Block, schema: CubeSchema) -> Block:
    """Cut off what lies outside the input's own extent, so that it is no-data there."""
    if block.grid is None or block.grid.intersect(schema.grid) == block.grid:
        return block
    inside = block.grid.intersect(schema.grid)
    return block.crop(inside) if inside else block.with_(valid=np.zeros(block.values.shape, bool))


def _finish(block: Block, plan: PlanNodes, result: str, window: Window) -> Block:
    """Bring a result into the form that the schema promises."""
    schema = plan.by_id[result].schema
    dims = schema.dims if isinstance(schema, CubeSchema) else block.dims
    if isinstance(schema, CubeSchema):
        block = _clip_to_schema(block, schema).crop(window.grid)
    block = expand(block, dims)
    return _keep_times(block, window.times)


def _keep_times(block: Block, times: tuple[Any, ...] | None) -> Block:
    """Keep the wanted labels along t; another user of the block may have wanted more of them."""
    if times is None or "t" not in block.dims or block.labels["t"] == times:
        return block
    places = {label: position for position, label in enumerate(block.labels["t"])}
    for time in times:
        if time not in places:
            raise InputError(
                f"There is no label {time!s} along t.",
                f"There are {len(places)}, such as {', '.join(str(t) for t in list(places)[:3])}.",
                code="LabelNotAvailable",
            )
    return block.take("t", [places[t] for t in times])


def _assemble(parts: list[tuple[Grid, Block]], grid: Grid) -> Block:
    first = parts[0][1]
    lead = first.values.shape[:-2]
    values = np.empty((*lead, *grid.shape), first.values.dtype)
    valid = None
    if any(b.valid is not None for _, b in parts):
        valid = np.ones(values.shape, bool)
    for sub, block in parts:
        place = (..., *sub.slices_in(grid))
        values[place] = block.values
        if valid is not None and block.valid is not None:
            valid[place] = block.valid
    return first.with_(values=values, valid=valid, grid=grid)
