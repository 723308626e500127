"""Which images a plan reads, and which part of them lies under a window: told by headers of a few of them."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.archive.tiff.tiles import TileBytes, mean_tiles
from eocene.cube.opening import open_side_by_side
from eocene.cube.source import CubeSource, choose_level
from eocene.model import EoceneError, Grid, transformer

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

MOST_FILES = 16
"""Of more files on one grid a sample is looked at."""
_MESH = 9
"""Lines of a window each way whose places on another grid are found."""


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


def bind_sheaves(sources: Mapping[Any, CubeSource], most: int = MOST_FILES) -> dict[Any, list[Sheaf]]:
    """Return the images of each source; those that are read for the same sources are one sheaf.

    Of each sheaf at most so many files are opened.
    """
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
    asked = []
    for (*_, names), images in groups.items():
        number = files.setdefault(tuple(href for *_, href in images), len(files))
        some = [assets[image] for image in images[:: -(-len(images) // most)]]
        asked += [(name, some, partial(_describe, number, len(images), some)) for name in names]
    for name, source in sources.items():
        tasks = [(some, partial(describe, source)) for asker, some, describe in asked if asker == name]
        found[name] += filter(None, open_side_by_side(source.archive, tasks))
    return found


def _assets_of(source: CubeSource) -> Iterator[tuple[str, Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the assets of a source with the band and the item of each."""
    for band in source.bands:
        for item in source.items:
            asset = item["assets"].get(band.name)
            if asset is not None:
                yield band.name, item, asset


def _describe(files: int, count: int, some: list[Mapping[str, Any]], source: CubeSource) -> Sheaf | None:
    try:
        rasters = [source.archive.open_raster(asset) for asset in some]
        level = choose_level(rasters[0], source.grid)
        return Sheaf(files, count, level, rasters[0].levels[level], mean_tiles(rasters, level))
    except EoceneError:  # running the plan will say what is wrong with the file
        return None


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
