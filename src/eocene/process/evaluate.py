"""Run a plan on one window: each node once, pixel by pixel on sub-blocks that fit the cache.

What can only be computed from a whole cube is not computed here: it comes from the plan's stages.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.model import Grid, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes, Source
    from eocene.process.whole import Stages

    NeedOfInput = Callable[[PlannedNode, str, CubeSchema, "Window"], "Window"]

SUB_BLOCK = (64, 512)
"""Rows and columns of a sub-block at most: whole rows of a block, so few that what they give stays cached."""
_VALUES = 40
"""Values on a pixel, such as three bands of a dozen dates, from which on a sub-block has fewer rows."""


_LAYERS = 36
"""Numbers on a pixel, dates times bands, that are read at once, where the result lets them be cut."""


@dataclass(frozen=True)
class Window:
    """A part of a cube: a grid, and the labels along t, None for all."""

    grid: Grid
    times: tuple[Any, ...] | None = None


@dataclass(frozen=True)
class Leaf:
    """What was read for a node: stored numbers of a window, which its source decodes."""

    source: Source
    grid: Grid
    numbers: Any


def evaluate(plan: PlanNodes, window: Window, target: str, stages: Stages) -> Block:
    """Compute a node of the plan, one that has pixels, on a window.

    The values are those of any other window where the two overlap, bit for bit.
    """
    parts = passes(plan, window, target)
    if len(parts) == 1:
        return _evaluate(plan, window, target, stages)
    times = window.times or plan.by_id[target].schema.times
    return join_times((_evaluate(plan, part, target, stages) for part in parts), times)


def passes(plan: PlanNodes, window: Window, target: str, *, need: NeedOfInput | None = None) -> list[Window]:
    """Cut a window along t, if its labels need few dates each, so that not all dates are held at once."""
    times = window.times or plan.by_id[target].schema.times

    def layers(part: Window) -> int:
        return _count_layers(plan, find_needs(plan, part, target, need=need or need_of_input))

    most = layers(window)
    count = min(-(-most // _LAYERS), len(times))
    if count < 2:
        return [window]
    starts = [len(times) * number // count for number in range(count + 1)]
    parts = [Window(window.grid, times[i:j]) for i, j in pairwise(starts)]
    return parts if 2 * max(layers(part) for part in parts) <= most else [window]


def _count_layers(plan: PlanNodes, needed: Mapping[str, Window]) -> int:
    """Return how many numbers are read for a pixel: dates times bands."""
    return sum(
        int(plan.by_id[node].schema.probe.values.size * share_of_times(plan, node, need))
        for node, need in needed.items()
        if is_leaf(plan.by_id[node])
    )


def share_of_times(plan: PlanNodes, node: str, need: Window) -> float:
    """Return which part of a node's labels along t is needed."""
    known = len(plan.by_id[node].schema.times)
    return 1.0 if need.times is None or not known else len(need.times) / known


def join_times(parts: Iterable[Block], times: tuple[Any, ...]) -> Block:
    """Return blocks that follow each other along t as one, of which no more than one is held beside it."""
    first = 0
    for part in parts:
        axis = part.index("t")
        if not first:
            shape = (*part.values.shape[:axis], len(times), *part.values.shape[axis + 1 :])
            values, valid = np.empty(shape, part.values.dtype), np.ones(shape, bool)
        last = first + part.values.shape[axis]
        place = (slice(None),) * axis + (slice(first, last),)
        values[place] = part.values
        valid[place] = True if part.valid is None else part.valid
        first = last
    return part.with_(values=values, valid=None if valid.all() else valid, labels={**part.labels, "t": times})


def _evaluate(plan: PlanNodes, window: Window, target: str, stages: Stages) -> Block:
    needed = find_needs(plan, window, target)
    leaves = _read_leaves(plan, needed, stages)
    task = _Task(plan, leaves, target, stages)
    if not is_local(plan, needed, window, target):
        return _finish(_compute(task, needed), plan, target, window)
    parts = []
    for sub in window.grid.blocks(*sub_block(plan, needed)):
        block = _compute(task, _move(needed, sub))
        parts.append((sub, _finish(block, plan, target, Window(sub, window.times))))
    return parts[0][1] if len(parts) == 1 else _assemble(parts, window.grid)


def is_local(plan: PlanNodes, needed: Mapping[str, Window], window: Window, target: str) -> bool:
    """Tell whether a window can be computed part by part, each from the same part of every node.

    A need that ends at the border of the cube may be the window itself, and yet more than a part of it.
    """
    if any(need.grid != window.grid for need in needed.values()):
        return False
    if not any(plan.by_id[n].definition.need for n in needed if not is_leaf(plan.by_id[n])):
        return True
    subs = [Window(sub, window.times) for sub in window.grid.blocks(*sub_block(plan, needed))]
    return all(need.grid == sub.grid for sub in subs for need in find_needs(plan, sub, target).values())


def sub_block(plan: PlanNodes, needed: Mapping[str, Window]) -> tuple[int, int]:
    """Return rows and columns of a sub-block: fewer rows where a node has many values on each pixel."""
    rows, columns = SUB_BLOCK
    sizes = [
        plan.by_id[node].schema.probe.values.size * share_of_times(plan, node, need)
        for node, need in needed.items()
    ]
    widest = max(1, int(max(sizes)))
    return (rows if widest <= _VALUES else max(1, rows * _VALUES // widest)), columns


@dataclass(frozen=True)
class _Task:
    """What stays the same for the sub-blocks of a window."""

    plan: PlanNodes
    leaves: Mapping[str, Leaf]
    target: str
    stages: Stages


def is_leaf(planned: PlannedNode) -> bool:
    """Tell whether a node with pixels is read rather than computed: it loads, or is a stage's result."""
    return planned.source is not None or planned.whole


def need_of_input(planned: PlannedNode, name: str, schema: CubeSchema, window: Window) -> Window:
    """Return the window of an input that a window of a node needs."""
    definition = planned.definition
    arguments = {**planned.arguments, "data": schema}
    grid = window.grid
    extent: Any = schema.grid
    if definition.need is not None and (name == "data" or extent.lattice != grid.lattice):
        grid = definition.need(grid, arguments)
    if window.times is None or "t" not in schema.dims or definition.times is None:
        return Window(grid)
    return Window(grid, definition.times(window.times, arguments))


def find_needs(
    plan: PlanNodes, window: Window, target: str, *, need: NeedOfInput = need_of_input
) -> dict[str, Window]:
    """Return, for each node with pixels that the target needs, the window of it that is needed."""
    needed = {target: window}
    for planned in reversed(plan.nodes):
        if planned.id not in needed or is_leaf(planned):
            continue
        mine = needed[planned.id]
        for name, schema in planned.inputs.items():
            if schema.grid is None:
                continue
            wanted = need(planned, name, schema, mine)
            other = schema.node
            needed[other] = _join(needed[other], wanted) if other in needed else wanted
    return needed


def _join(a: Window, b: Window) -> Window:
    times = None if a.times is None or b.times is None else tuple(dict.fromkeys((*a.times, *b.times)))
    return Window(a.grid.union(b.grid), times)


def _move(needed: Mapping[str, Window], grid: Grid) -> dict[str, Window]:
    return {node: Window(grid, need.times) for node, need in needed.items()}


def _read_leaves(plan: PlanNodes, needed: Mapping[str, Window], stages: Stages) -> dict[str, Leaf]:
    """Read what the needed windows hold, clipped to what each source covers."""
    leaves = {}
    for planned in plan.nodes:
        if planned.id not in needed or not is_leaf(planned):
            continue
        need = needed[planned.id]
        source: Source = planned.source if planned.source is not None else stages.get(planned.id)
        source = source.at_dates(need.times)
        inside = source.grid.intersect(need.grid) or Grid(
            source.grid.lattice, need.grid.left, need.grid.top, 0, 0
        )
        leaves[planned.id] = Leaf(source, inside, source.read(inside) if inside.width else None)
    return leaves


def _compute(task: _Task, needed: Mapping[str, Window]) -> Block:
    blocks: dict[str, Block] = {}
    for planned in task.plan.nodes:
        if planned.id not in needed:
            continue
        window = needed[planned.id]
        if planned.id in task.leaves:
            leaf = task.leaves[planned.id]
            inside = leaf.grid.intersect(window.grid)
            block = leaf.source.decode(leaf.numbers, inside) if inside else _no_data(leaf.source, window.grid)
            blocks[planned.id] = block.crop(window.grid)
        else:
            blocks[planned.id] = _compute_node(task, planned, blocks, window)
        if planned.id == task.target:
            break
    return blocks[task.target]


def _no_data(source: Source, grid: Grid) -> Block:
    """Return a window that the source does not touch."""
    probe = source.probe()
    shape = (*probe.values.shape[:-2], *grid.shape)
    return probe.with_(values=np.zeros(shape, probe.values.dtype), valid=np.zeros(shape, bool), grid=grid)


def _compute_node(task: _Task, planned: PlannedNode, blocks: Mapping[str, Block], window: Window) -> Block:
    given = {}
    for name, schema in planned.inputs.items():
        if schema.grid is None:
            given[name] = task.stages.get(schema.node)
            continue
        wanted = need_of_input(planned, name, schema, window)
        block = _clip_to_schema(blocks[schema.node], schema).crop(wanted.grid)
        given[name] = _keep_times(block, wanted.times)
    result: Block = planned.call(given, window.grid)
    return result.crop(window.grid)


def _clip_to_schema(block: Block, schema: CubeSchema) -> Block:
    """Cut off what lies outside the input's own extent, so that it is no-data there."""
    if block.grid is None or schema.grid is None or block.grid.intersect(schema.grid) == block.grid:
        return block
    inside = block.grid.intersect(schema.grid)
    return block.crop(inside) if inside else block.with_(valid=np.zeros(block.values.shape, bool))


def _finish(block: Block, plan: PlanNodes, result: str, window: Window) -> Block:
    """Bring a result into the form that the schema promises."""
    schema = plan.by_id[result].schema
    block = expand(_clip_to_schema(block, schema).crop(window.grid), schema.dims)
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
