"""How a plan is cut into blocks so that it stays within the memory budget."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from eocene.cube.inside import find_window
from eocene.model import EoceneError
from eocene.process.cost.memory import cube_bytes, over, reducing, value_bytes, window_cost, working_bytes
from eocene.process.executors.threads import count_processors
from eocene.process.methods.outlines import outlines
from eocene.process.methods.zone_pixels import Zone, windows_read

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eocene.model import Grid
    from eocene.process.schema import CubeSchema, PlannedNode, PlanNodes

SIZES = (512, 256, 128, 64)
LARGE = (2048, 1024)
"""Larger ones, where what lies around a block is dear to compute: see ProcessDefinition.heavy."""
_LARGE_BYTES = 640 * 2**20
_BLOCKS_A_WORKER = 2
"""That large blocks must leave: fewer, and workers would be idle."""
_BLOCK_BYTES = 300 * 2**20
"""A block that takes more is cut smaller even where memory is plenty: fewer pages to fill, finer progress."""
_REMEMBERED = 64
"""Of how many windows coordinates are remembered: see eocene.cube.warp."""
_ZONE_BYTES = 256 * 2**20
"""Pixels of one zone that a global process holds at most: see eocene.process.methods.zone_pixels."""

_MOST_POLYGONS = 16


@dataclass(frozen=True)
class Cut:
    """How the grid of a node is cut, and the memory that computing it takes.

    Parameters
    ----------
    size : int
        Edge of a block in pixels.
    workers : int
        Blocks that are computed at the same time.
    block : int
        Bytes that one takes meanwhile.
    result : int
        Bytes of one when it is done.
    blocks : int
        How many there are.
    remembered : int
        Bytes of coordinates that stay when blocks are done.
    """

    size: int
    workers: int
    block: int
    result: int
    blocks: int
    remembered: int

    @property
    def peak(self) -> int:
        """The most bytes that are held, what becomes of finished blocks not counted: two of them wait."""
        return min(self.workers, self.blocks) * self.block + 2 * self.result + self.remembered


def choose_cut(plan: PlanNodes, target: str, room: int, workers: int | None = None) -> Cut:
    """Return the largest blocks of which all workers can hold one, else smaller ones, else fewer at a time.

    Parameters
    ----------
    plan : PlanNodes
        Of the node.
    target : str
        A node with pixels.
    room : int
        Bytes that may be taken.
    workers : int, optional
        At most so many; by default as many as there are processors.
    """
    wanted = workers or count_processors()
    grid = plan.by_id[target].schema.grid
    if grid is None or 0 in grid.shape:
        return Cut(SIZES[-1], 1, 0, 0, 0, 0)
    cuts = []
    is_heavy = any(node.is_heavy for node in plan.nodes)
    sizes, most_bytes = ((*LARGE, *SIZES), _LARGE_BYTES) if is_heavy else (SIZES, _BLOCK_BYTES)
    for size in sizes:
        cut = _cut(plan, target, grid, size)
        if size in LARGE and cut.blocks < _BLOCKS_A_WORKER * wanted:
            continue
        fitting = (room - cut.remembered - 2 * cut.result) // max(1, cut.block)
        cuts.append(replace(cut, workers=max(1, min(wanted, fitting))))
        if fitting >= wanted and cut.block <= most_bytes:
            return cuts[-1]
    most = max(cut.workers for cut in cuts)
    cuts = [cut for cut in cuts if cut.workers == most]
    # Smaller blocks that take nearly as much, since all of them need the same input, help nobody.
    least = min(cut.block for cut in cuts)
    return next(cut for cut in cuts if cut.block <= 2 * least)


def _cut(plan: PlanNodes, target: str, grid: Grid, size: int) -> Cut:
    blocks = -(-grid.width // size) * -(-grid.height // size)
    samples = [*_samples(grid, size), *_at_polygons(plan, grid, size)]
    costs = [window_cost(plan, block, target) for block in samples]
    held, remembered = (max(getattr(c, a) for c in costs) for a in ("held", "remembered"))
    result = value_bytes(plan.by_id[target].schema.probe) * min(size, grid.width) * min(size, grid.height)
    return Cut(size, 1, held, result, blocks, remembered * min(_REMEMBERED, blocks))


def _samples(grid: Grid, size: int) -> Iterator[Grid]:
    """Yield the blocks in the middle and in two corners, whose needs may differ in size."""
    width, height = min(size, grid.width), min(size, grid.height)
    for share in (0.5, 0.0, 1.0) if grid.width > width or grid.height > height else (0.0,):
        left = grid.left + int((grid.width - width) * share)
        top = grid.top + int((grid.height - height) * share)
        yield type(grid)(grid.lattice, left, top, width, height)


def _at_polygons(plan: PlanNodes, grid: Grid, size: int) -> set[Grid]:
    """Return the blocks at the corners of polygons that are handed to a process whole, the first of them."""
    blocks = set()
    for planned in plan.nodes:
        own, geometries = planned.schema.grid, planned.arguments.get("geometries")
        if own is None or planned.definition.need is None or geometries is None:
            continue
        for outline in outlines(geometries, own.epsg)[:_MOST_POLYGONS]:
            window = find_window(outline, own)
            part = over(window, grid) if window is not None else None
            if part is not None:
                blocks.add(
                    block_at(grid, size, (part.top - grid.top) // size, (part.left - grid.left) // size)
                )
    return blocks


def block_at(grid: Grid, size: int, row: int, col: int) -> Grid:
    """Return a block of a grid by its place among the blocks."""
    return replace(
        grid,
        left=grid.left + col * size,
        top=grid.top + row * size,
        width=min(size, grid.width - col * size),
        height=min(size, grid.height - row * size),
    )


@dataclass(frozen=True)
class Pass:
    """A node that is computed window by window: the result, or what a stage needs of its input.

    Parameters
    ----------
    target : str
        The node.
    cut : Cut
        How large its blocks are, and how many are computed at the same time.
    grid : Grid
        What is cut into blocks.
    zones : tuple of Grid, optional
        The windows that are read instead.
    """

    target: str
    cut: Cut
    grid: Grid
    zones: tuple[Grid, ...] | None = None

    @property
    def count(self) -> int:
        """How many windows there are."""
        if self.zones is not None:
            return len(self.zones)
        return math.prod(-(-length // self.cut.size) for length in self.grid.shape)

    @property
    def pixels(self) -> int:
        """Pixels of all windows."""
        return sum(w.width * w.height for w in ((self.grid,) if self.zones is None else self.zones))

    def sample(self, most: int) -> list[Grid]:
        """Return windows that follow each other, those in the middle if there are more than ``most``."""
        first = max(0, (self.count - most) // 2)
        numbers = range(first, min(self.count, first + most))
        if self.zones is not None:
            return [self.zones[n] for n in numbers]
        across = -(-self.grid.width // self.cut.size)
        return [block_at(self.grid, self.cut.size, *divmod(n, across)) for n in numbers]


@dataclass(frozen=True)
class StageCost:
    """What computing a node once, from the whole of its inputs, takes.

    Parameters
    ----------
    node : str
        Its id.
    peak : int
        The most bytes that are held meanwhile.
    kept : int
        Bytes that stay until the plan is done.
    on_disk : int
        Bytes that are laid into a temporary Zarr because memory is too small.
    slices : int
        Into how many parts along t its inputs are cut.
    passes : tuple of Pass
        How its inputs are computed.
    """

    node: str
    peak: int
    kept: int
    on_disk: int
    slices: int
    passes: tuple[Pass, ...]


def stage_costs(plan: PlanNodes, budget: int) -> list[StageCost]:
    """Return what each stage of a plan takes, in the order of computation."""
    return [
        _global_cost(plan, n, budget) if n.definition.kind == "global" else _whole_cost(plan, n, budget)
        for n in plan.nodes
        if n.whole
    ]


def fits_in_memory(size: int, budget: int) -> bool:
    """Tell whether a stage of so many bytes is kept in memory rather than on disk."""
    return size <= budget // 4


def count_slices(planned: PlannedNode) -> int:
    """Return into how many parts along t a stage's inputs are cut."""
    return max(1, len(planned.schema.times)) if planned.definition.times is not None else 1


def _rasters(planned: PlannedNode) -> list[tuple[CubeSchema, Grid]]:
    return [(s, s.grid) for s in planned.inputs.values() if s.grid is not None]


def _whole_cost(plan: PlanNodes, planned: PlannedNode, budget: int) -> StageCost:
    rasters = [(s, g) for s, g in _rasters(planned) if not plan.by_id[s.node].whole]
    cuts = [choose_cut(plan, s.node, budget // 2) for s, _ in rasters]
    passes = [Pass(s.node, c, g) for (s, g), c in zip(rasters, cuts, strict=True)]
    own, grid = cube_bytes(planned.schema), planned.schema.grid
    stored = [cube_bytes(s) for s, _ in rasters] + ([own] if grid is not None else [])
    in_memory = sum(size for size in stored if fits_in_memory(size, budget))
    slices = count_slices(planned)
    pixels = {s.node: g.width * g.height for s, g in _rasters(planned)}
    pixels[planned.id] = grid.width * grid.height if grid is not None else 1
    given = sum(cube_bytes(s) for s, _ in _rasters(planned))
    part = (given + working_bytes(planned, pixels) + 2 * own) // slices
    filling = max((cut.peak for cut in cuts), default=0)
    return StageCost(
        node=planned.id,
        peak=in_memory + max(filling, part) + (2 * own if grid is None else 0),
        kept=own if fits_in_memory(own, budget) or grid is None else 0,
        on_disk=sum(stored) - in_memory,
        slices=slices,
        passes=tuple(passes),
    )


def _global_cost(plan: PlanNodes, planned: PlannedNode, budget: int) -> StageCost:
    """Return what a process takes that reads its windows itself: those under its geometries, or all."""
    passes, largest = [], 0
    for schema, grid in _rasters(planned):
        windows, zone = _windows_of_zones(planned, schema, grid)
        cut = choose_cut(plan, schema.node, budget // 2)
        costs = [window_cost(plan, w, schema.node).held for w in _largest(windows)]
        cut = replace(cut, block=max(costs, default=0), blocks=len(windows))
        passes.append(Pass(schema.node, cut, grid, windows))
        pixel = value_bytes(schema.probe)
        pixels = min(zone, max(1, _ZONE_BYTES // pixel))
        largest = max(largest, pixels * (pixel + reducing(planned) * schema.probe.values.size))
    own = cube_bytes(planned.schema)
    filling = max((p.cut.peak for p in passes), default=0)
    return StageCost(planned.id, filling + largest + 2 * own, own, 0, 1, tuple(passes))


def _largest(windows: Sequence[Grid]) -> list[Grid]:
    return sorted(windows, key=lambda w: w.width * w.height)[-1:]


def _windows_of_zones(planned: PlannedNode, schema: CubeSchema, grid: Grid) -> tuple[tuple[Grid, ...], int]:
    """Return the windows that are read for the geometries of a node, and the pixels of the largest one."""
    geometries = planned.arguments.get("geometries")
    try:
        outlined = outlines(geometries, grid.epsg)
    except (EoceneError, TypeError, ValueError):
        return tuple(grid.blocks(SIZES[0])), grid.width * grid.height
    found = [(g, find_window(g, grid)) for g in outlined]
    zones = [Zone(n, window, g) for n, (g, window) in enumerate(found) if window is not None]
    pixels = max((z.window.width * z.window.height for z in zones), default=0)
    return tuple(windows_read(schema.probe, zones)), pixels
