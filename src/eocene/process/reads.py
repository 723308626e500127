"""How many stored bytes a plan will read: told by the headers of the files, of which a sample is opened."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from eocene.archive.fetch import GDAL_CACHE_BYTES
from eocene.archive.tiles import count_bytes
from eocene.cube.source import CubeSource, choose_level
from eocene.cube.warp import covering_window, locate_pixels
from eocene.model import EoceneError
from eocene.process.memory import edges, needs_of_block, reached

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from eocene.archive import Raster
    from eocene.model import Grid
    from eocene.process.cutting import Cut
    from eocene.process.run import Plan

_MOST_BLOCKS = 64
_MOST_FILES = 16
"""Of more blocks, and of more files on one grid, a sample is looked at."""


@dataclass(frozen=True)
class Pass:
    """A node that is computed block by block: the result, or what a stage needs whole."""

    target: str
    grid: Grid
    cut: Cut


def passes_of(plan: Plan) -> Iterator[Pass]:
    """Yield the passes over the archive that running a plan makes."""
    for stage in plan.stage_costs:
        for node, cut in stage.cuts.items():
            grid = plan.nodes.by_id[node].schema.grid
            if grid is not None:
                yield Pass(node, grid, cut)
    if plan.is_cube and plan.cut is not None:
        yield Pass(plan.schema.node, plan.grid, plan.cut)


def bytes_read(plan: Plan) -> int:
    """Return the stored bytes that running a plan reads."""
    return sum(sum(bytes_by_load(plan, p).values()) for p in passes_of(plan))


def bytes_by_load(plan: Plan, done: Pass) -> dict[str, int]:
    """Return the stored bytes that one pass reads, by the node that loads them."""
    blocks = list(done.grid.blocks(done.cut.size))
    sample = blocks[:: -(-len(blocks) // _MOST_BLOCKS)]
    windows: dict[str, list[Grid]] = defaultdict(list)
    times: dict[str, Any] = {}
    for block in sample:
        for node, need in needs_of_block(plan.nodes, block, done.target).items():
            source = plan.nodes.by_id[node].source
            inside = source.grid.intersect(need.grid) if isinstance(source, CubeSource) else None
            if inside is not None:
                windows[node].append(inside)
                times[node] = need.times
    found = {}
    for node, read in windows.items():
        source = plan.nodes.by_id[node].source
        if isinstance(source, CubeSource):
            part = source.at_dates(times[node])
            threads = done.cut.workers if _row_is_cached(part, done) else None
            found[node] = _bytes_of(part, read, threads) * len(blocks) // len(sample)
    return found


def _row_is_cached(source: CubeSource, done: Pass) -> bool:
    """Tell whether GDAL still holds what one row of blocks has decoded when the next one begins."""
    return source.bytes_per_pixel() * done.grid.width * done.cut.size <= GDAL_CACHE_BYTES


def _bytes_of(source: CubeSource, windows: Sequence[Grid], threads: int | None) -> int:
    """Return the stored bytes of all dates and bands of a source behind windows."""
    total = 0
    for assets in _group_assets(source).values():
        sample = assets[:: -(-len(assets) // _MOST_FILES)]
        total += (
            sum(_bytes_of_asset(source, a, windows, threads) for a in sample) * len(assets) // len(sample)
        )
    return total


def _group_assets(source: CubeSource) -> dict[Any, list[Mapping[str, Any]]]:
    """Return the images of a source by band and by the grid that they say they stand on."""
    groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
    for item in source.items:
        for band in source.bands:
            asset = item["assets"].get(band.name)
            if asset is not None:
                where = (asset.get("proj:code"), tuple(asset.get("proj:transform", ())))
                groups[(band.name, where, tuple(item["bbox"]))].append(asset)
    return groups


def _bytes_of_asset(
    source: CubeSource, asset: Mapping[str, Any], windows: Sequence[Grid], threads: int | None
) -> int:
    try:
        raster = source.archive.open_raster(asset)
    except EoceneError:  # running the plan will say what is wrong with the file
        return 0
    level = choose_level(raster, windows[0])
    needed = [_on_source(window, raster.levels[level]) for window in windows]
    return count_bytes(raster, level, [n for n in needed if n is not None], threads)


def _on_source(window: Grid, level: Grid) -> Grid | None:
    """Return what a window needs of an image, found from the window's edges."""
    union: Grid | None = None
    for edge in edges(reached(level, window)):
        part = covering_window(*locate_pixels(edge, level.lattice), level)
        union = part if union is None or part is None else union.union(part)
    return union


def overview_of(source: CubeSource) -> tuple[int, Raster] | None:
    """Return the overview that the first image of a source is read at, and that image."""
    for item in source.items:
        for band in source.bands:
            asset = item["assets"].get(band.name)
            if asset is not None:
                try:
                    raster = source.archive.open_raster(asset)
                except EoceneError:
                    return None
                pixel = replace(source.grid, width=1, height=1)
                return choose_level(raster, pixel), raster
    return None
