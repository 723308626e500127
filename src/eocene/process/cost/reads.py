"""How many stored bytes a plan will read: told by the headers of the files, of which a sample is opened."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from eocene.archive.tile_reader import KEPT_BYTES
from eocene.archive.tiles import OPENING_BYTES, TileBytes, mean_tiles
from eocene.cube.source import CubeSource, choose_level
from eocene.model import EoceneError
from eocene.process.cost.cutting import Pass
from eocene.process.cost.memory import needs_of_block, over

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.model import Grid
    from eocene.process.run import Plan

_MOST_WINDOWS = 256
_MOST_FILES = 16
"""Of more windows, and of more files on one grid, a sample is looked at."""


def passes_of(plan: Plan) -> list[Pass]:
    """Return the passes over the archive that running a plan makes."""
    passes = [p for stage in plan.stage_costs for p in stage.passes]
    if plan.is_cube and plan.cut is not None:
        passes.append(Pass(plan.schema.node, plan.cut, plan.grid))
    return [p for p in passes if p.count]


def bytes_by_load(plan: Plan) -> dict[str, int]:
    """Return the stored bytes that running a plan reads, by the node that loads them."""
    kept = KeptTiles()
    stacks: dict[Any, Stack] = {}
    total: dict[str, int] = defaultdict(int)
    for done in passes_of(plan):
        sample = done.sample(_MOST_WINDOWS)
        found: dict[str, float] = defaultdict(float)
        for window in sample:
            for node, need in needs_of_block(plan.nodes, window, done.target).items():
                source = plan.nodes.by_id[node].source
                if isinstance(source, CubeSource):
                    stack = stacks.setdefault((node, need.times), Stack(source.at_dates(need.times)))
                    found[node] += stack.read(need.grid, kept)
        for node, size in found.items():
            total[node] += int(size * done.count / len(sample))
    for (node, _), stack in stacks.items():
        total[node] += stack.opening
    return dict(total)


class KeptTiles:
    """Which tiles the reader still holds: those of windows that met some in part, the latest ones."""

    def __init__(self) -> None:
        self._tiles: OrderedDict[Any, int] = OrderedDict()
        self._bytes = 0

    def meet(self, key: Any, size: int) -> bool:
        """Tell whether a tile is held; from then on it is."""
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return True
        self._tiles[key] = size
        self._bytes += size
        while self._bytes > KEPT_BYTES:
            self._bytes -= self._tiles.popitem(last=False)[1]
        return False


@dataclass(frozen=True, eq=False)
class Sheaf:
    """Images of one band on one grid: how many, the level that is read, and the mean sizes of its tiles."""

    name: Any
    count: int
    level: int
    grid: Grid
    tiles: TileBytes

    def read(self, window: Grid, kept: KeptTiles) -> float:
        """Return the stored bytes that a window has to be read from."""
        needed = over(window, self.grid)
        if needed is None:
            return 0.0
        place = needed.slices_in(self.grid)
        passes_by = self.tiles.is_whole(*place, self.grid.shape)
        size = 0.0
        for row, col in self.tiles.under(*place):
            if passes_by or not kept.meet((self.name, row, col), self.tiles.decoded * self.count):
                size += float(self.tiles.counts[row, col])
        return size * self.count


@dataclass(frozen=True, eq=False)
class Stack:
    """The images of a source."""

    source: CubeSource

    @cached_property
    def sheaves(self) -> list[Sheaf]:
        """The images by band and grid."""
        groups: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        for item in self.source.items:
            for band in self.source.bands:
                asset = item["assets"].get(band.name)
                if asset is not None:
                    where = (asset.get("proj:code"), tuple(asset.get("proj:transform", ())))
                    groups[(band.name, where, tuple(item["bbox"]))].append(asset)
        found = (self._describe(name, assets) for name, assets in groups.items())
        return [sheaf for sheaf in found if sheaf is not None]

    def _describe(self, name: Any, assets: list[Mapping[str, Any]]) -> Sheaf | None:
        try:
            sample = assets[:: -(-len(assets) // _MOST_FILES)]
            rasters = [self.source.archive.open_raster(asset) for asset in sample]
            level = choose_level(rasters[0], self.source.grid)
            tiles = mean_tiles(rasters, level)
        except EoceneError:  # running the plan will say what is wrong with the file
            return None
        return Sheaf((id(self.source.archive), name), len(assets), level, rasters[0].levels[level], tiles)

    @property
    def opening(self) -> int:
        """The bytes that are read of the files before their first tiles."""
        return OPENING_BYTES * sum(sheaf.count for sheaf in self.sheaves)

    def read(self, window: Grid, kept: KeptTiles) -> float:
        """Return the stored bytes of all dates and bands that a window has to be read from."""
        inside = self.source.grid.intersect(window)
        return sum(sheaf.read(inside, kept) for sheaf in self.sheaves) if inside is not None else 0.0
