"""What running a plan will cost, and when it is refused."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from html import escape
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import GDAL_CACHE_BYTES
from eocene.archive.tiff.tile_reader import KEPT_BYTES
from eocene.cube.edge import edge_dtype
from eocene.cube.source import CubeSource
from eocene.model import InputError
from eocene.process.cost.cpu import cpu_seconds
from eocene.process.cost.memory import cube_bytes, window_cost
from eocene.process.cost.reads import bytes_by_load, kept_bytes

if TYPE_CHECKING:
    from eocene.model import Grid
    from eocene.process.cost.cutting import Cut
    from eocene.process.run import Plan

_BASE = 16 * 2**20
"""Threads, headers, and what the allocator keeps: twice what a graph takes that reads nothing."""
_CACHED = KEPT_BYTES + GDAL_CACHE_BYTES
_FILE_BYTES = 64 * 2**10
_OPEN_PER_THREAD = 128


@dataclass(frozen=True)
class Estimate:
    """What running a plan will cost.

    Parameters
    ----------
    bytes_read : int
        Stored bytes that are read from files, headers included.
    result_bytes : int
        Bytes of the result as people get it, uncompressed.
    peak_memory : int
        Bytes above those of the idle process, with the result held in memory: an upper bound.
    peak_memory_to_files : int
        The same where the result is written block by block, as batch jobs do.
    cpu_seconds : float
        Processor time; see :mod:`eocene.process.cost.cpu` for how far it may be off.
    blocks, block_size, workers : int
        How the result is cut, and how many blocks are computed at the same time; 0 without pixels.
    budget : int
        The memory that may be taken: see :func:`eocene.model.budget.memory_budget`.
    """

    bytes_read: int
    result_bytes: int
    peak_memory: int
    peak_memory_to_files: int
    cpu_seconds: float
    blocks: int
    block_size: int
    workers: int
    budget: int

    def to_dict(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)

    def rows(self) -> list[tuple[str, str]]:
        """Return the figures as people read them."""
        cut = f"{self.blocks} of {self.block_size}², {self.workers} at a time" if self.blocks else "none"
        return [
            ("bytes read", show_bytes(self.bytes_read)),
            ("result", show_bytes(self.result_bytes)),
            ("peak memory", f"{show_bytes(self.peak_memory)} in memory, "
             f"{show_bytes(self.peak_memory_to_files)} into files"),
            ("processor time", f"{self.cpu_seconds:.2g} s"),
            ("blocks", cut),
            ("memory budget", show_bytes(self.budget)),
        ]  # fmt: skip

    def __str__(self) -> str:
        return "\n".join(f"{name}: {value}" for name, value in self.rows())

    def _repr_html_(self) -> str:
        cells = "".join(f"<tr><th>{escape(n)}</th><td>{escape(v)}</td></tr>" for n, v in self.rows())
        return f"<table><caption>Estimate</caption>{cells}</table>"


def show_bytes(size: float) -> str:
    """Return a size as people read it, such as 3.4 MB."""
    for unit in ("B", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000 or unit == "PB":
            return f"{size:.0f} {unit}" if unit == "B" or size >= 100 else f"{size:.2g} {unit}"
        size /= 1000
    raise AssertionError("there is always a unit")


def estimate_plan(plan: Plan) -> Estimate:
    """Return what running a plan will cost; of some files the headers are read, no pixel."""
    in_memory, to_files = peak_memory(plan, kept_bytes(plan, _CACHED))
    cut = plan.cut
    grid = plan.grid if plan.is_cube else None
    blocks = 0 if grid is None or cut is None else math.prod(-(-n // cut.size) for n in grid.shape)
    return Estimate(
        bytes_read=sum(bytes_by_load(plan).values()),
        result_bytes=result_bytes(plan),
        peak_memory=in_memory,
        peak_memory_to_files=to_files,
        cpu_seconds=cpu_seconds(plan),
        blocks=blocks,
        block_size=cut.size if cut else 0,
        workers=cut.workers if cut else 0,
        budget=plan.budget,
    )


def result_bytes(plan: Plan) -> int:
    """Return the bytes of the result as people get it; 0 for a plain value."""
    if not (plan.is_cube or plan.is_table):
        return 0
    return math.prod(plan.schema.shape) * edge_dtype(plan.schema.dtype).itemsize


def peak_memory(plan: Plan, tiles: int) -> tuple[int, int]:
    """Return the most bytes that a plan takes: with its result in memory, and written block by block.

    ``tiles`` is what decoded tiles take that are kept.
    """
    kept, peak = 0, 0
    for stage in plan.stage_costs:
        peak = max(peak, kept + stage.peak)
        kept += stage.kept
    base = _BASE + _open_files(plan) + tiles
    cut = plan.cut
    if cut is None:
        return base + max(peak, 2 * kept), base + max(peak, 2 * kept)
    # What is shown are floats with NaN for no-data, made of the values and a choice between them and NaN.
    result, shown = cube_bytes(plan.schema), 2 * result_bytes(plan)
    in_memory = max(peak, kept + result + max(cut.peak, shown))
    to_files = max(peak, kept + cut.peak + cut.workers * _writing_bytes(plan, cut))
    return base + in_memory, base + to_files


def _writing_bytes(plan: Plan, cut: Cut) -> int:
    """Return the bytes of a block as floats, as compressed chunks, and as the shard of these."""
    values = plan.schema.probe.values
    return 4 * values.size * edge_dtype(values.dtype).itemsize * cut.size**2


def room_for_blocks(plan: Plan) -> int:
    """Return what the budget leaves for blocks beside the result, stages, open files and cached tiles."""
    sources = [n.source for n in plan.nodes.nodes if isinstance(n.source, CubeSource)]
    cached = min(_CACHED, sum(s.bytes_per_pixel() * s.grid.width * s.grid.height for s in sources))
    held = cube_bytes(plan.schema) + sum(stage.kept for stage in plan.stage_costs) + _BASE + cached
    return max(plan.budget - held, plan.budget // 4)


def _open_files(plan: Plan) -> int:
    """Return what the files take that are held open."""
    sources = [n.source for n in plan.nodes.nodes if isinstance(n.source, CubeSource)]
    workers = plan.cut.workers if plan.cut else 1
    files = sum(len(s.items) * len(s.bands) for s in sources)
    return min(files, _OPEN_PER_THREAD) * workers * _FILE_BYTES


def refuse_if_too_large(plan: Plan, *, in_memory: bool = True) -> None:
    """Refuse a plan that cannot be cut so that it stays within the memory budget; nothing is read.

    Raises
    ------
    InputError
        ProcessGraphComplexity, with the estimate, the budget, and what helps.
    """
    which = 0 if in_memory else 1
    if peak_memory(plan, _CACHED)[which] <= plan.budget:
        return  # whatever the tiles are: no file has to be looked into
    needed, to_files = peak_memory(plan, kept_bytes(plan, _CACHED))
    size = needed if in_memory else to_files
    if size > plan.budget:
        raise _too_large(plan, size, _where(plan), streams=in_memory and to_files <= plan.budget)


def refuse_window(plan: Plan, window: Grid) -> None:
    """Refuse a window that cannot be computed within the memory budget; nothing is read.

    Raises
    ------
    InputError
        ProcessGraphComplexity.
    """
    size = window_cost(plan.nodes, window, plan.schema.node).held
    if size > plan.budget:
        where = f" for a window of {window.width} × {window.height} pixels"
        raise _too_large(plan, size, where, streams=False)


def _too_large(plan: Plan, size: int, where: str, *, streams: bool) -> InputError:
    remedy = (
        "Write it to files (a batch job, `eocene run -o`), ask for a smaller area, "
        if streams
        else "Ask for a smaller area, "
    )
    return InputError(
        f"The graph would take up to {show_bytes(size)} of memory{where}; "
        f"{show_bytes(plan.budget)} may be taken.",
        f"{remedy}fewer dates or bands or a coarser resolution, or set EOCENE_MEMORY.",
        code="ProcessGraphComplexity",
    )


def _where(plan: Plan) -> str:
    """Name what takes the most."""
    heaviest = max(plan.stage_costs, key=lambda stage: stage.peak, default=None)
    result = cube_bytes(plan.schema) if plan.is_cube else 0
    if heaviest and heaviest.peak > result:
        return f", most of it in the node {heaviest.node!r}, which needs the whole of its input at once"
    if not plan.is_cube:
        return ""
    shape = " × ".join(f"{n} {d}" for d, n in zip(plan.schema.dims, plan.schema.shape, strict=True))
    return f", its result alone {show_bytes(result)} ({shape})"
