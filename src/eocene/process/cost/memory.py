"""How much memory the windows and stages of a plan take, told from schemas alone.

Nothing is read and no window is computed, so this is quick enough to choose blocks by, and to refuse.
Each figure is meant to be reached by no run: a bound, not a guess.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.edge import edge_dtype
from eocene.cube.source import CubeSource
from eocene.model import Grid, InputError
from eocene.process.callback import Callback
from eocene.process.evaluate import (
    Window,
    find_needs,
    is_leaf,
    need_of_input,
    passes,
    sample,
    share_of_times,
    sub_windows,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from eocene.cube.block import Block
    from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes

_WARP_BYTES = 120
"""A pixel's coordinates in two CRSs and its place in the source, while it is read or resampled."""
_INDEX_BYTES = 33
"""What is remembered of that: rows, columns, and where the source covers the pixel."""

_FLOAT_BYTES = 9
"""A number that a reducer works on, and its mask."""
_REDUCED_BYTES = 48
"""What the standard deviation takes for each of many pixels at once, the most of all reducers: the number,
its deviation, the square of that, and running sums in float64, and masks. The mean takes two thirds of it."""

_SMALL = 64 * 64
"""Pixels of a window of which each is looked at."""

_FRAGMENTS = 1.2
"""What the allocator holds for each byte that is used."""


def value_bytes(block: Block) -> int:
    """Return the bytes of one pixel of a cube, or of a cube without pixels, with its mask."""
    return block.values.size * (block.values.dtype.itemsize + 1)


def cube_bytes(schema: CubeSchema) -> int:
    """Return the bytes of a whole cube with its mask."""
    return math.prod(schema.shape) * (schema.dtype.itemsize + 1)


def _promoted_bytes(block: Block) -> int:
    """Return the bytes of a pixel after integers have become floats, with its mask."""
    return block.values.size * (edge_dtype(block.values.dtype).itemsize + 1)


def needs_of_block(plan: PlanNodes, grid: Grid, target: str) -> dict[str, Window]:
    """Return which window of each node a block needs, found from the edges of the block alone."""
    return find_needs(plan, Window(grid), target, need=_need_by_edges)


def _need_by_edges(planned: PlannedNode, name: str, schema: CubeSchema, window: Window) -> Window:
    grid, extent = window.grid, schema.grid
    if planned.definition.need is None or extent is None:
        return need_of_input(planned, name, schema, window)
    if extent.lattice == grid.lattice:
        return _need_of_parts(planned, name, schema, window, _edges(grid))
    found = _need_of_parts(planned, name, schema, window, _edges(_part_over(grid, extent)))
    hull = over(grid, extent)
    if hull is None:
        return found
    return replace(found, grid=hull if found.grid.shape == (1, 1) else found.grid.union(hull))


def need_nearly(planned: PlannedNode, name: str, schema: CubeSchema, window: Window) -> Window:
    """Return the window of an input that a window needs: exactly if it is small, else to about a pixel."""
    grid, extent = window.grid, schema.grid
    if planned.definition.need is None or extent is None or _pixels(grid) <= _SMALL:
        return need_of_input(planned, name, schema, window)
    if extent.lattice == grid.lattice:
        return _need_of_parts(planned, name, schema, window, _edges(grid))
    # The outermost pixels may lie just beside the extent; then those next to them do not.
    part = _part_over(grid, extent)
    inner = part.pad(-1) if min(part.shape) > 2 else part
    return _need_of_parts(planned, name, schema, window, (*_edges(part), *_edges(inner)))


def _part_over(grid: Grid, extent: Grid) -> Grid:
    """Return what of a grid may lie over an extent, a pixel if nothing does."""
    return over(extent, grid) or replace(grid, width=1, height=1)


def _need_of_parts(
    planned: PlannedNode, name: str, schema: CubeSchema, window: Window, parts: Iterable[Grid]
) -> Window:
    """Return the window that holds what parts of a window need; one pixel stands for nothing."""
    wanted = [need_of_input(planned, name, schema, replace(window, grid=part)) for part in parts]
    is_same = schema.grid is not None and schema.grid.lattice == window.grid.lattice
    grids = [w.grid for w in wanted if is_same or w.grid.shape != (1, 1)]
    return replace(wanted[0], grid=reduce(Grid.union, grids, grids[0])) if grids else wanted[0]


def over(window: Grid, grid: Grid) -> Grid | None:
    """Return the part of a grid that a window on any lattice may lie over, None if they do not meet."""
    if window.lattice == grid.lattice:
        return window.intersect(grid)
    try:
        return grid.lattice.grid_over(window.bounds, window.epsg).intersect(grid)
    except InputError:  # the window reaches beyond what the other CRS can show
        return grid


def _edges(grid: Grid) -> Iterator[Grid]:
    """Yield the outermost rows and columns of a grid."""
    yield replace(grid, height=1)
    if grid.height > 1:
        yield replace(grid, height=1, top=grid.top + grid.height - 1)
        yield replace(grid, width=1)
        yield replace(grid, width=1, left=grid.left + grid.width - 1)


@dataclass(frozen=True)
class WindowCost:
    """What one window takes: bytes that are held while it is computed, and what of it stays remembered."""

    held: int
    remembered: int
    """Bytes of coordinates that are kept when it is done, for a number of windows."""


def window_cost(plan: PlanNodes, grid: Grid, target: str) -> WindowCost:
    """Return what computing a window of a node takes."""
    costs = [_pass_cost(plan, part, target) for part in passes(plan, Window(grid), target)]
    result = value_bytes(plan.by_id[target].schema.probe) * _pixels(grid)
    held = max(cost.held for cost in costs) + 2 * result
    return WindowCost(int(held * _FRAGMENTS), max(cost.remembered for cost in costs))


def _pass_cost(plan: PlanNodes, window: Window, target: str) -> WindowCost:
    """Return what computing some labels along t takes beside the whole result."""
    needed = find_needs(plan, window, target, need=_need_by_edges)
    shares = {node: share_of_times(plan, node, need) for node, need in needed.items()}
    pixels = {node: math.ceil(_pixels(w.grid) * shares[node]) for node, w in needed.items()}
    leaves = [(n, needed[n.id]) for n in plan.nodes if n.id in needed and is_leaf(n)]
    read = sum(_leaf_bytes(n) * pixels[n.id] for n, _ in leaves)
    reading = max((_reading_bytes(n) * _pixels(w.grid) for n, w in leaves), default=0)
    subs = sub_windows(plan, needed, window, target, need=_need_by_edges)
    if len(subs) > 1:
        parts = [find_needs(plan, sub, target, need=_need_by_edges) for sub in sample(subs)]
        pixels = {n: math.ceil(max(_pixels(p[n].grid) for p in parts) * shares[n]) for n in needed}
    computed = [n for n in plan.nodes if n.id in needed]
    blocks = sum(value_bytes(n.schema.probe) * pixels[n.id] for n in computed)
    working = max((working_bytes(n, pixels) for n in computed), default=0)
    remembered = sum(_INDEX_BYTES * _pixels(w.grid) * count_warps(n) for n, w in leaves)
    remembered += sum(
        _INDEX_BYTES * _pixels(needed[n.id].grid)
        for n in computed
        if n.definition.need is not None and n.definition.heavy is None
    )
    return WindowCost(read + max(reading, blocks + working), remembered)


def _pixels(grid: Grid) -> int:
    return grid.width * grid.height


def _leaf_bytes(planned: PlannedNode) -> int:
    """Return the bytes of a pixel as it is read."""
    if planned.source is None:
        return value_bytes(planned.schema.probe)
    return max(planned.source.bytes_per_pixel(), value_bytes(planned.schema.probe))


def count_warps(planned: PlannedNode) -> int:
    """Return on how many grids in other CRSs the images stand that are laid into a cube."""
    source = planned.source
    if not isinstance(source, CubeSource):
        return 0
    names = [band.name for band in source.bands]
    assets = [i["assets"][n] for i in source.items for n in names if n in i["assets"]]
    other = [a for a in assets if epsg_of(a) != source.grid.epsg]
    return len({(epsg_of(a), tuple(a.get("proj:transform", ()))) for a in other})


def epsg_of(asset: Mapping[str, Any]) -> int | None:
    """Return the EPSG code that an asset names."""
    text = str(asset.get("proj:code", asset.get("proj:epsg", ""))).upper().removeprefix("EPSG:")
    return int(text) if text.isdigit() else None


def _reading_bytes(planned: PlannedNode) -> int:
    """Return the bytes of a pixel that reading takes beside what is read: one image at a time."""
    source = planned.source
    if not isinstance(source, CubeSource):
        return 0
    widest = max(np.dtype(b.dtype).itemsize for b in source.bands)
    finer = max((_ratio(source, a) for i in source.items[:1] for a in i["assets"].values()), default=1.0)
    return math.ceil(8 + widest * (2 + finer)) + (_WARP_BYTES if count_warps(planned) else 0)


def _ratio(source: CubeSource, asset: Mapping[str, Any]) -> float:
    """Return how many pixels of an image may have to be read for one of the cube."""
    transform = asset.get("proj:transform")
    if not transform or epsg_of(asset) != source.grid.epsg:
        return 4.0  # between two pyramid levels
    area = abs(transform[0] * transform[4])
    return float(min(4.0, math.prod(source.grid.lattice.resolution) / area)) if area else 1.0


def working_bytes(planned: PlannedNode, pixels: Mapping[str, int]) -> int:
    """Return what computing a node takes beside its inputs and its result, if these have so many pixels."""
    if is_leaf(planned) and planned.source is not None:
        # One band of all dates in float64, twice: times the scale, plus the offset.
        lead = planned.schema.probe.values.shape
        return 16 * int(lead[0]) * pixels.get(planned.id, 0)
    steps = 2 + sum(count_steps(v) for v in planned.arguments.values())
    given = sum(
        _promoted_bytes(s.probe) * pixels.get(s.node, 0)
        for s in planned.inputs.values()
        if s.grid is not None
    )
    if planned.whole and planned.schema.grid is None:
        numbers = sum(s.probe.values.size * pixels.get(s.node, 0) for s in planned.inputs.values())
        return reducing(planned) * numbers
    warp = _WARP_BYTES if planned.definition.need is not None and planned.definition.heavy is None else 0
    most = max((pixels.get(s.node, 0) for s in planned.inputs.values() if s.grid is not None), default=0)
    made = (2 * _promoted_bytes(planned.schema.probe) + warp) * pixels.get(planned.id, 0)
    return steps * given + made + planned.definition.weigh(planned.arguments) * most


def reducing(planned: PlannedNode) -> int:
    """Return the bytes that a reducer takes for each number that it is given of all pixels at once."""
    steps = sum(count_steps(v) for v in planned.arguments.values())
    return max(_REDUCED_BYTES, (3 + steps) * _FLOAT_BYTES)


def count_steps(value: Any) -> int:
    """Return how many nodes an argument's callbacks have, nested ones included."""
    if isinstance(value, Callback):
        inner = (a for node in value.graph.nodes for a in node.arguments.values())
        return len(value.graph.nodes) + sum(count_steps(a) for a in inner)
    if hasattr(value, "nodes") and hasattr(value, "result"):
        return sum(1 + sum(count_steps(a) for a in n.arguments.values()) for n in value.nodes)
    return 0
