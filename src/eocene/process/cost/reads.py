"""How many stored bytes a plan will read: told by the headers of the files, of which a sample is opened.

The windows are gone through in the order in which they are read, and what the reader keeps of tiles that a
window meets in part is kept here too, so that a tile counts as often as it is read.
"""

from __future__ import annotations

import math
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tile_reader import KEPT_BYTES
from eocene.archive.tiles import TileBytes, mean_tiles
from eocene.cube.source import CubeSource, choose_level
from eocene.model import EoceneError, Grid, transformer
from eocene.process.cost.cutting import Pass
from eocene.process.cost.memory import needs_of_block
from eocene.process.evaluate import Window, find_needs, passes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from eocene.process.run import Plan

    Times = tuple[Any, ...] | None

_MOST_WINDOWS = 256
_MOST_FILES = 16
"""Of more windows, and of more files on one grid, a sample is looked at."""
_MESH = 9
"""Lines of a window each way whose places on another grid are found."""


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
    for tour in tours:
        for node, times, need in tour.visits(plan):
            inside = sources[node, times].grid.intersect(need)
            if inside is None:
                continue
            for sheaf in sheaves[node, times]:
                total[node] += reader.open(sheaf, inside) + tour.weight * reader.read(sheaf, inside)
    return {node: int(size) for node, size in total.items()}


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
        parts = [
            {
                node: need.times
                for node, need in find_needs(plan.nodes, part, done.target).items()
                if isinstance(plan.nodes.by_id[node].source, CubeSource)
            }
            for part in passes(plan.nodes, Window(first), done.target)
        ]
        windows = done.sample(max(_MOST_WINDOWS // len(parts), 1))
        return cls(done.target, windows, done.count / len(windows), parts)

    def visits(self, plan: Plan) -> Iterator[tuple[str, Times, Grid]]:
        """Yield load, dates and window in the order in which they are read."""
        for window in self.windows:
            needed = needs_of_block(plan.nodes, window, self.target)
            for part in self.parts:
                for node, times in part.items():
                    yield node, times, needed[node].grid


@dataclass(frozen=True, eq=False)
class Sheaf:
    """Images of one band on one grid: how many, the level that is read, and the mean sizes of its tiles.

    Those that share their tiles, as the bands of one file do, have the same ``files``.
    """

    files: int
    count: int
    level: int
    grid: Grid
    tiles: TileBytes


def bind_sheaves(sources: Mapping[Any, CubeSource]) -> dict[Any, list[Sheaf]]:
    """Return the images of each source; those that are read for the same sources are one sheaf."""
    users: dict[Any, list[Any]] = defaultdict(list)
    assets: dict[Any, Mapping[str, Any]] = {}
    for name, source in sources.items():
        for band, item, asset in _assets_of(source):
            where = (asset.get("proj:code"), tuple(asset.get("proj:transform", ())), tuple(item["bbox"]))
            image = (band, where, asset.get("href"))
            users[image].append(name)
            assets[image] = asset
    groups: dict[Any, list[Any]] = defaultdict(list)
    for (band, where, href), names in users.items():
        groups[band, where, tuple(names)].append((band, where, href))
    found: dict[Any, list[Sheaf]] = {name: [] for name in sources}
    files: dict[Any, int] = {}
    for (*_, names), images in groups.items():
        number = files.setdefault(tuple(href for *_, href in images), len(files))
        for name in names:
            sheaf = _describe(number, [assets[image] for image in images], sources[name])
            found[name] += [sheaf] if sheaf is not None else []
    return found


def _assets_of(source: CubeSource) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the assets of a source with the band and the item of each."""
    for band in source.bands:
        for item in source.items:
            asset = item["assets"].get(band.name)
            if asset is not None:
                yield band.name, item, asset


def _describe(files: int, assets: list[Mapping[str, Any]], source: CubeSource) -> Sheaf | None:
    try:
        rasters = [source.archive.open_raster(a) for a in assets[:: -(-len(assets) // _MOST_FILES)]]
        level = choose_level(rasters[0], source.grid)
        return Sheaf(files, len(assets), level, rasters[0].levels[level], mean_tiles(rasters, level))
    except EoceneError:  # running the plan will say what is wrong with the file
        return None


class Reader:
    """What the reader of tiles does: which files it has opened, and which tiles it still holds."""

    def __init__(self) -> None:
        self._tiles: OrderedDict[Any, int] = OrderedDict()
        self._bytes = 0
        self._opened: set[int] = set()

    def open(self, sheaf: Sheaf, window: Grid) -> float:
        """Return the bytes of the files before their first tiles, if they are not open yet."""
        if sheaf.files in self._opened or needed_of(window, sheaf.grid) is None:
            return 0.0
        self._opened.add(sheaf.files)
        return float(sheaf.count * sheaf.tiles.opening)

    def read(self, sheaf: Sheaf, window: Grid) -> float:
        """Return the stored bytes that a window has to be read from."""
        needed = needed_of(window, sheaf.grid)
        if needed is None:
            return 0.0
        place = needed.slices_in(sheaf.grid)
        tiles = sheaf.tiles
        passes_by = tiles.bands == 1 and tiles.is_whole(*place, sheaf.grid.shape)
        size = sum(
            float(tiles.counts[tile])
            for tile in tiles.under(*place)
            if not self._has(
                (sheaf.files, sheaf.level, tile), tiles.decoded * sheaf.count, keep=not passes_by
            )
        )
        return size * sheaf.count

    def _has(self, key: Any, size: int, *, keep: bool) -> bool:
        """Tell whether a tile is held; from then on it is, if it is to be kept."""
        if key in self._tiles:
            self._tiles.move_to_end(key)
            return True
        if keep:
            self._tiles[key] = size
            self._bytes += size
            while self._bytes > KEPT_BYTES:
                self._bytes -= self._tiles.popitem(last=False)[1]
        return False


@lru_cache(4096)
def needed_of(window: Grid, source: Grid) -> Grid | None:
    """Return the part of a grid that is read for a window: what lies between the pixels under its centres.

    A mesh of them is looked at; between its lines two CRSs differ by far less than a pixel.
    """
    (rx, ry), (ax, ay) = source.lattice.resolution, source.lattice.anchor
    x, y = np.meshgrid(_some(window.x), _some(window.y))
    if window.epsg != source.epsg:
        x, y = transformer(window.epsg, source.epsg).transform(x, y)
    rows, cols = (ay - y) / ry, (x - ax) / rx
    inside = np.isfinite(rows) & np.isfinite(cols)
    if not inside.any():
        return None
    (top, bottom), (left, right) = (_first_and_last(a[inside]) for a in (rows, cols))
    found = Grid(source.lattice, left, top, right - left + 1, bottom - top + 1)
    return found.intersect(source)


def _some(centres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the first, the last and some coordinates between them."""
    picked: NDArray[np.float64] = centres[np.linspace(0, len(centres) - 1, _MESH).astype(int)]
    return picked


def _first_and_last(positions: NDArray[np.float64]) -> tuple[int, int]:
    """Return the smallest and the largest pixel number; see eocene.cube.warp for rounding noise."""
    return math.floor(positions.min() + 1e-9), math.floor(positions.max() + 1e-9)
