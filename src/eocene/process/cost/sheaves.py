"""Which images a plan reads, and which part of them lies under a window: told by headers of a few of them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from eocene.archive.tiff.tiles import TileBytes, mean_tiles
from eocene.cube.opening import open_side_by_side
from eocene.cube.source import CubeSource, choose_level
from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eocene.model import Grid

MOST_FILES = 16
"""Of more files on one grid a sample is looked at."""


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
