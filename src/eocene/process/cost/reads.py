"""How many stored bytes a plan will read: told by the headers of the files, of which a sample is opened.

The windows are gone through in the order in which they are read, and what the reader keeps of tiles that a
window meets in part, until the last has read it, is kept here too: so a tile counts as often as it is read.
"""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass
from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Any

from eocene.archive.tiff.kept_tiles import KEPT_BYTES, KeptTiles
from eocene.cube.source import CubeSource
from eocene.cube.visits import needed_nearly
from eocene.model import Grid
from eocene.process.cost.cutting import Pass
from eocene.process.cost.memory import need_nearly, needs_of_block
from eocene.process.cost.sheaves import bind_sheaves
from eocene.process.evaluate import Window, find_needs, passes

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from eocene.process.cost.sheaves import Sheaf
    from eocene.process.run import Plan

    Times = tuple[Any, ...] | None

_MOST_WINDOWS = 256
"""Of more windows a sample is looked at."""
_MANY_FILES = 4096
"""One tile of 256 × 256 pixels, the smallest that is usual, of each of these fills what the reader keeps."""
_HULL_PIXELS = 2**20
"""So many pixels of windows at most are traced back to what is read for them, before a plan may run."""


def passes_of(plan: Plan) -> list[Pass]:
    """Return the passes over the archive that running a plan makes."""
    found = [p for stage in plan.stage_costs for p in stage.passes]
    if plan.is_cube and plan.cut is not None:
        found.append(Pass(plan.schema.node, plan.cut, plan.grid))
    return [p for p in found if p.count]


def bytes_by_load(plan: Plan) -> dict[str, int]:
    """Return the stored bytes that running a plan reads, by the node that loads them."""
    tours = [_Tour.of(plan, done) for done in passes_of(plan)]
    loads = {n.id: n.source for n in plan.nodes.nodes if isinstance(n.source, CubeSource)}
    read = {key for tour in tours for part in tour.parts for key in part.items()}
    sources = {(node, times): loads[node].at_dates(times) for node, times in read}
    sheaves = bind_sheaves(sources)
    reader = Reader()
    total: dict[str, float] = defaultdict(float)
    for node, found in _look_into(loads).items():
        total[node] += sum(sheaf.tiles.opening for sheaf in found)
    for tour in tours:
        visits = [
            (node, sheaf, inside)
            for node, times, need in tour.visits(plan)
            if (inside := sources[node, times].grid.intersect(need)) is not None
            for sheaf in sheaves[node, times]
        ]
        reader.foresee((sheaf, inside) for _, sheaf, inside in visits)
        for node, sheaf, inside in visits:
            total[node] += reader.open(sheaf, inside) + tour.weight * reader.read(sheaf, inside)
    return {node: int(size) for node, size in total.items()}


def kept_bytes(plan: Plan, most: int) -> int:
    """Return the bytes of decoded tiles that may be kept: those under all windows, of every file.

    Where there are many files ``most`` is reached, even if a window meets but one small tile of each.
    """
    loads = {n.id: n.source for n in plan.nodes.nodes if isinstance(n.source, CubeSource)}
    looked_into = _look_into(loads)
    if loads and not looked_into:
        return most
    hulls: dict[Any, tuple[Sheaf, Grid]] = {}
    read = _hulls_of_reads(plan)
    for node, sheaves in looked_into.items():
        window = read[node].intersect(loads[node].grid) if node in read else None
        for sheaf in sheaves:
            found = needed_nearly(window, sheaf.grid) if window is not None else None
            if found is not None:
                key = sheaf.files, sheaf.level
                hulls[key] = sheaf, found.union(hulls[key][1]) if key in hulls else found
    return min(most, sum(_decoded(*hull) for hull in hulls.values()))


def _look_into(loads: Mapping[str, CubeSource]) -> dict[str, list[Sheaf]]:
    """Return what a plan looks at before it runs: one file of each band and grid; none if there are many."""
    files = sum(len(source.items) * len(source.bands) for source in loads.values())
    return bind_sheaves(loads, 1) if files <= _MANY_FILES else {}


def _decoded(sheaf: Sheaf, window: Grid) -> int:
    tiles = sheaf.tiles.under(*window.slices_in(sheaf.grid))
    return sheaf.count * sheaf.tiles.decoded * sum(1 for _ in tiles)


def _hulls_of_reads(plan: Plan) -> dict[str, Grid]:
    """Return for nodes that load a window that holds what is read: all of it, if windows are large."""
    made = passes_of(plan)
    if sum(done.pixels for done in made) > _HULL_PIXELS:
        return {n.id: n.schema.grid for n in plan.nodes.nodes if n.source and n.schema.grid}
    found: dict[str, Grid] = {}
    for done in made:
        hull = reduce(Grid.union, done.zones or (done.grid,))
        for node, need in needs_of_block(plan.nodes, hull, done.target).items():
            found[node] = found[node].union(need.grid) if node in found else need.grid
    return found


@dataclass(frozen=True, eq=False)
class _Tour:
    """The windows of a pass that are looked at, each for so many, and which dates of each load it reads."""

    target: str
    windows: list[Grid]
    weight: float
    parts: list[dict[str, Times]]

    @classmethod
    def of(cls, plan: Plan, done: Pass) -> _Tour:
        first = done.sample(1)[0]
        parts = []
        for part in passes(plan.nodes, Window(first), done.target):
            needed = find_needs(plan.nodes, part, done.target)
            loads = [n.id for n in plan.nodes.nodes if isinstance(n.source, CubeSource)]
            parts.append({node: needed[node].times for node in loads if node in needed})
        windows = done.sample(max(_MOST_WINDOWS // len(parts), 1))
        return cls(done.target, windows, done.count / len(windows), parts)

    def visits(self, plan: Plan) -> Iterator[tuple[str, Times, Grid]]:
        """Yield load, dates and window in the order in which they are read."""
        needs = [find_needs(plan.nodes, Window(w), self.target, need=need_nearly) for w in self.windows]
        is_result = plan.is_cube and self.target == plan.schema.node
        # Of the result the dates that are read together are gone through in all windows before the next.
        order = product(self.parts, needs) if is_result else ((p, n) for n, p in product(needs, self.parts))
        for part, needed in order:
            for node, times in part.items():
                yield node, times, needed[node].grid


@dataclass(frozen=True)
class _Decoded:
    """Stands for the decoded tiles at one place of all images of a sheaf."""

    nbytes: int


class Reader:
    """What the reader of tiles does: which files it has opened, and which tiles it still holds."""

    def __init__(self) -> None:
        self._kept = KeptTiles(KEPT_BYTES)
        self._turns: defaultdict[Any, deque[int]] = defaultdict(deque)
        self._opened: set[int] = set()

    def foresee(self, visits: Iterable[tuple[Sheaf, Grid]]) -> None:
        """Take note of when each tile is going to be read."""
        self._turns.clear()
        for turn, (sheaf, window) in enumerate(visits):
            needed = needed_nearly(window, sheaf.grid)
            if needed is not None:
                for tile in sheaf.tiles.under(*needed.slices_in(sheaf.grid)):
                    self._turns[sheaf.files, sheaf.level, tile].append(turn)

    def open(self, sheaf: Sheaf, window: Grid) -> float:
        """Return the bytes of the files before their first tiles, if they are not open yet."""
        if sheaf.files in self._opened or needed_nearly(window, sheaf.grid) is None:
            return 0.0
        self._opened.add(sheaf.files)
        return float(sheaf.count * sheaf.tiles.opening)

    def read(self, sheaf: Sheaf, window: Grid) -> float:
        """Return the stored bytes that a window has to be read from."""
        needed = needed_nearly(window, sheaf.grid)
        if needed is None:
            return 0.0
        place = needed.slices_in(sheaf.grid)
        tiles = sheaf.tiles
        passes_by = tiles.bands == 1 and tiles.is_whole(*place, sheaf.grid.shape)
        size = 0.0
        for tile in tiles.under(*place):
            # A whole tile that need not be kept is decoded to where it is wanted, even if it is held.
            straight = passes_by and tiles.is_full(*tile, sheaf.grid.shape)
            key, decoded = (sheaf.files, sheaf.level, tile), _Decoded(tiles.decoded * sheaf.count)
            if straight or self._reads(key, decoded, keep=not passes_by):
                size += float(tiles.counts[tile])
        return size * sheaf.count

    def _reads(self, key: Any, tile: Any, *, keep: bool) -> bool:
        """Tell whether a tile has to be read, and keep it if it is to be kept."""
        if not keep:
            return self._kept.get(key) is None
        return self._kept.take(key, lambda: tile, lambda: self._next_turn(key)) is tile

    def _next_turn(self, key: Any) -> int | None:
        turns = self._turns[key]
        if turns:
            turns.popleft()
        return turns[0] if turns else None
