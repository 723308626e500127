"""How a plan is cut into blocks so that it stays within the memory budget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eocene.process.executors.threads import count_processors
from eocene.process.memory import cube_bytes, value_bytes, window_cost, working_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.model import Grid
    from eocene.process.schema import PlannedNode, PlanNodes

SIZES = (512, 256, 128, 64)
_BLOCK_BYTES = 192 * 2**20
"""A block that takes more is cut smaller even where memory is plenty: fewer pages to fill, finer progress."""
_REMEMBERED = 64
"""Of how many windows coordinates are remembered: see eocene.cube.warp."""
_ZONE_BYTES = 256 * 2**20
"""Pixels of one zone that a global process holds at most: see eocene.process.zone_pixels."""


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
    remembered : int
        Bytes of coordinates that stay when blocks are done.
    """

    size: int
    workers: int
    block: int
    result: int
    remembered: int

    @property
    def peak(self) -> int:
        """The most bytes that are held, what becomes of finished blocks not counted: two of them wait."""
        return self.workers * self.block + 2 * self.result + self.remembered


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
        return Cut(SIZES[-1], 1, 0, 0, 0)
    best: Cut | None = None
    for size in SIZES:
        cut = _cut(plan, target, grid, size, wanted)
        fitting = (room - cut.remembered - 2 * cut.result) // max(1, cut.block)
        cut = Cut(size, max(1, min(wanted, fitting)), cut.block, cut.result, cut.remembered)
        if cut.workers == wanted and cut.block <= _BLOCK_BYTES:
            return cut
        if best is None or cut.workers >= best.workers:
            best = cut
    assert best is not None  # noqa: S101 (there are sizes)
    return best


def _cut(plan: PlanNodes, target: str, grid: Grid, size: int, workers: int) -> Cut:
    blocks = -(-grid.width // size) * -(-grid.height // size)
    costs = [window_cost(plan, block, target) for block in _samples(grid, size)]
    held, remembered = (max(getattr(c, a) for c in costs) for a in ("held", "remembered"))
    result = value_bytes(plan.by_id[target].schema.probe) * min(size, grid.width) * min(size, grid.height)
    return Cut(size, min(workers, blocks), held, result, remembered * min(_REMEMBERED, 2 * blocks))


def _samples(grid: Grid, size: int) -> Iterator[Grid]:
    """Yield the blocks in the middle and in two corners, whose needs may differ in size."""
    width, height = min(size, grid.width), min(size, grid.height)
    for share in (0.5, 0.0, 1.0) if grid.width > width or grid.height > height else (0.0,):
        left = grid.left + int((grid.width - width) * share)
        top = grid.top + int((grid.height - height) * share)
        yield type(grid)(grid.lattice, left, top, width, height)


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
    cuts : mapping
        Input → how it is cut while it is computed.
    """

    node: str
    peak: int
    kept: int
    on_disk: int
    slices: int
    cuts: dict[str, Cut]


def stage_costs(plan: PlanNodes, budget: int, workers: int | None = None) -> list[StageCost]:
    """Return what each stage of a plan takes, in the order of computation."""
    return [_stage_cost(plan, n, budget, workers) for n in plan.nodes if n.whole]


def fits_in_memory(size: int, budget: int) -> bool:
    """Tell whether a stage of so many bytes is kept in memory rather than on disk."""
    return size <= budget // 4


def _stage_cost(plan: PlanNodes, planned: PlannedNode, budget: int, workers: int | None) -> StageCost:
    rasters = [s for s in planned.inputs.values() if s.grid is not None]
    own = cube_bytes(planned.schema)
    cuts = {
        s.node: choose_cut(plan, s.node, budget // 2, workers) for s in rasters if not _is_stage(plan, s.node)
    }
    filling = max((c.peak for c in cuts.values()), default=0)
    if planned.definition.kind == "global":
        zone = min(_ZONE_BYTES, max((cube_bytes(s) for s in rasters), default=0))
        return StageCost(planned.id, filling + 4 * zone + 2 * own, own, 0, 1, cuts)
    stored = [cube_bytes(s) for s in rasters if not _is_stage(plan, s.node)]
    if planned.schema.grid is not None:
        stored.append(own)
    in_memory = sum(size for size in stored if fits_in_memory(size, budget))
    slices = count_slices(planned)
    pixels = {s.node: s.grid.width * s.grid.height for s in rasters if s.grid is not None}
    grid = planned.schema.grid
    pixels[planned.id] = grid.width * grid.height if grid is not None else 1
    part = (sum(cube_bytes(s) for s in rasters) + working_bytes(planned, pixels) + 2 * own) // slices
    kept = own if fits_in_memory(own, budget) or grid is None else 0
    return StageCost(
        planned.id,
        in_memory + max(filling, part) + (2 * own if grid is None else 0),
        kept,
        sum(size for size in stored if not fits_in_memory(size, budget)),
        slices,
        cuts,
    )


def _is_stage(plan: PlanNodes, node: str) -> bool:
    return plan.by_id[node].whole


def count_slices(planned: PlannedNode) -> int:
    """Return into how many parts along t a stage's inputs are cut."""
    return max(1, len(planned.schema.times)) if planned.definition.times is not None else 1
