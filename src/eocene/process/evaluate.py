"""Run a plan on one window: each node once, pixel by pixel on sub-blocks that fit the cache.

What can only be computed from a whole cube is not computed here: it comes from the plan's stages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block, expand
from eocene.cube.staged import keep_in_memory
from eocene.model import Grid, InputError
from eocene.process.allocator import keep_freed_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from eocene.cube.staged import Store
    from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes, Source
    from eocene.process.whole import Stages

    NeedOfInput = Callable[[PlannedNode, str, CubeSchema, "Window"], "Window"]

SUB_BLOCK = (128, 512)
"""Rows and columns of a sub-block at most: whole rows of a block, so few that what they give stays cached,
and so many that threads do not stand in each other's way at the interpreter between two operations."""
_VALUES = 48
"""Values on a pixel, such as four bands of a dozen dates, from which on a sub-block has fewer rows."""
_LAYERS = 36
"""Numbers on a pixel, dates times bands, that are read at once, where the result lets them be cut."""
_OVERLAP = 1.25
"""How many times the pixels of a window its sub-blocks may need together, with those around them."""


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
    result = keep_in_memory(_keep_times(plan.by_id[target].schema.probe, window.times), window.grid)
    evaluate_into(result, plan, window, target, stages)
    return result.read(window.grid)


def evaluate_into(store: Store, plan: PlanNodes, window: Window, target: str, stages: Stages) -> None:
    """Compute a node of the plan on a window, and write it into a store in memory sub-block by sub-block."""
    keep_freed_memory()
    for part in passes(plan, window, target):
        for block in _evaluate(plan, part, target, stages):
            store.write(block, part.times)


def passes(plan: PlanNodes, window: Window, target: str) -> list[Window]:
    """Cut a window along t, if its labels need few dates each, so that not all dates are held at once.

    All parts but the last have as many labels, whatever the window's place.
    """
    times = window.times or plan.by_id[target].schema.times
    pixel = replace(window.grid, width=1, height=1)

    def layers(times: tuple[Any, ...] | None) -> int:
        return _count_layers(plan, find_needs(plan, Window(pixel, times), target))

    most = layers(window.times)
    count = min(-(-most // _LAYERS), len(times))
    if count < 2:
        return [window]
    step = -(-len(times) // count)
    parts = [times[first : first + step] for first in range(0, len(times), step)]
    if 2 * max(layers(part) for part in parts) > most:
        return [window]
    return [Window(window.grid, part) for part in parts]


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


def _evaluate(plan: PlanNodes, window: Window, target: str, stages: Stages) -> Iterator[Block]:
    """Yield the parts of a window, for which what is read is read once."""
    needed = find_needs(plan, window, target)
    task = _Task(plan, _read_leaves(plan, needed, stages), target, stages)
    for sub in sub_windows(plan, needed, window, target):
        wanted = needed if sub == window else _needs_within(plan, needed, sub, target)
        yield _finish(_compute(task, wanted), plan, target, sub)


def sub_windows(
    plan: PlanNodes,
    needed: Mapping[str, Window],
    window: Window,
    target: str,
    need: NeedOfInput | None = None,
) -> list[Window]:
    """Cut a window into sub-blocks; not if they need much more together than the window does."""
    if any(plan.by_id[node].is_heavy for node in needed):
        return [window]
    subs = [Window(sub, window.times) for sub in window.grid.blocks(*sub_block(plan, needed, window.grid))]
    if len(subs) == 1 or any(other.grid.lattice != window.grid.lattice for other in needed.values()):
        return [window]
    if not any(plan.by_id[node].definition.need for node in needed if not is_leaf(plan.by_id[node])):
        return subs
    most = _OVERLAP * _values_of(plan, needed) / _pixels(window)
    worst = max(
        _values_of(plan, find_needs(plan, sub, target, need=need or need_of_input)) / _pixels(sub)
        for sub in sample(subs)
    )
    return subs if worst <= most else [window]


def sample(subs: list[Window]) -> list[Window]:
    """Return the sub-blocks in two corners and in the middle, whose needs may differ in size."""
    return [subs[0], subs[len(subs) // 2], subs[-1]]


def _values_of(plan: PlanNodes, needed: Mapping[str, Window]) -> int:
    """Return how many values the windows of all nodes have."""
    return sum(plan.by_id[node].schema.probe.values.size * _pixels(w) for node, w in needed.items())


def _pixels(window: Window) -> int:
    return window.grid.width * window.grid.height


def sub_block(plan: PlanNodes, needed: Mapping[str, Window], grid: Grid) -> tuple[int, int]:
    """Return rows and columns of a sub-block: fewer rows where a node has many values on each pixel.

    In a narrow window it has as many pixels as in a wide one.
    """
    columns = min(SUB_BLOCK[1], grid.width)
    rows = SUB_BLOCK[0] * SUB_BLOCK[1] // columns
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


def _needs_within(
    plan: PlanNodes, needed: Mapping[str, Window], sub: Window, target: str
) -> Mapping[str, Window]:
    """Return the needs of a sub-block of a window whose needs are known."""
    if all(plan.by_id[node].definition.need is None or is_leaf(plan.by_id[node]) for node in needed):
        return {node: replace(need, grid=sub.grid) for node, need in needed.items()}
    return find_needs(plan, sub, target)


def _join(a: Window, b: Window) -> Window:
    times = None if a.times is None or b.times is None else tuple(dict.fromkeys((*a.times, *b.times)))
    return Window(a.grid.union(b.grid), times)


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
