"""The pixels of zones: which windows of a cube are read for them, and in which order they come."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from math import prod
from typing import TYPE_CHECKING, Any, Protocol, cast

import numpy as np
from shapely import box

from eocene.cube.inside import find_window, pixels_inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray
    from shapely.geometry.base import BaseGeometry

    from eocene.cube.block import Block
    from eocene.cube.feature import Feature
    from eocene.model import Grid

PIXELS = "pixels"
"""The dimension that a reducer gets: the pixels of a zone, from north to south, then west to east."""

_READ_BYTES = 64 * 2**20
_ZONE_BYTES = 256 * 2**20


class Schema(Protocol):
    """What is known of a cube without reading it."""

    @property
    def probe(self) -> Block:
        """One pixel of it."""

    @property
    def grid(self) -> Any:
        """Its extent."""


class Reader(Protocol):
    """A cube whose windows are computed when they are asked for."""

    @property
    def schema(self) -> Schema:
        """What is known of it without reading."""

    def read(self, window: Grid, times: tuple[Any, ...] | None = None) -> Block:
        """Return a window of it, with some of its labels along time only."""

    def read_all(self, parts: Sequence[tuple[Grid, tuple[Any, ...] | None]]) -> Iterator[Block]:
        """Yield several windows, in order."""


@dataclass(frozen=True, eq=False)
class Zone:
    """A geometry on a pixel grid, in the CRS of that; ``row`` is its place among all."""

    row: int
    window: Grid
    geometry: BaseGeometry

    @cached_property
    def inside(self) -> NDArray[np.bool_]:
        """Which pixels of the window are its."""
        return pixels_inside(self.geometry, self.window)


def locate_features(features: Sequence[Feature], grid: Grid) -> list[Zone]:
    """Return where geometries lie on a grid; those beside it are left out."""
    located = []
    for row, feature in enumerate(features):
        geometry = feature.to_epsg(grid.epsg).geometry
        window = find_window(geometry, grid)
        if window is not None:
            located.append(Zone(row, window, geometry))
    return located


def as_pixels(
    block: Block, lead: tuple[str, ...], values: NDArray[Any], valid: NDArray[np.bool_] | None
) -> Block:
    """Return pixels (…, pixels) of a block, always in one order of memory, so that sums round alike."""
    return block.with_(
        values=np.ascontiguousarray(values),
        valid=None if valid is None else np.ascontiguousarray(valid),
        dims=(*lead, PIXELS),
        labels={**block.labels, PIXELS: cast("tuple[Any, ...]", range(values.shape[-1]))},
        grid=None,
    )


def read_zones(reader: Reader, zones: Sequence[Zone]) -> Iterator[tuple[Zone, slice, Block]]:
    """Yield the pixels of each zone that has some, with the part of the dates that they are of.

    Small zones near each other are read together, large ones by parts; very large ones date by date.
    """
    probe = reader.schema.probe
    pixel_bytes = prod(probe.values.shape) * (probe.values.dtype.itemsize + 1)
    edge = _choose_edge(pixel_bytes)
    groups = _group_near([z for z in zones if max(z.window.shape) <= edge], edge)
    blocks = reader.read_all([(_cover(group), None) for group in groups])
    for group, block in zip(groups, blocks, strict=True):
        for zone in group:
            _, pixels = _pick(zone, zone.window, block)
            if pixels.values.shape[-1]:
                yield zone, slice(None), pixels
    for zone in (z for z in zones if max(z.window.shape) > edge):
        counts = {tile: int(pixels_inside(zone.geometry, tile).sum()) for tile in zone.window.blocks(edge)}
        tiles = [tile for tile, count in counts.items() if count]
        is_large = sum(counts.values()) * pixel_bytes > _ZONE_BYTES
        for times, labels in _cut_times(probe, is_large=is_large) if tiles else ():
            blocks = reader.read_all([(tile, labels) for tile in tiles])
            yield zone, times, _join([_pick(zone, t, b) for t, b in zip(tiles, blocks, strict=True)])


def windows_read(probe: Block, zones: Sequence[Zone]) -> list[Grid]:
    """Return the windows that :func:`read_zones` reads, each once; of large zones those that they meet."""
    edge = _choose_edge(prod(probe.values.shape) * (probe.values.dtype.itemsize + 1))
    small = [_cover(group) for group in _group_near([z for z in zones if max(z.window.shape) <= edge], edge)]
    tiles = ((z, tile) for z in zones if max(z.window.shape) > edge for tile in z.window.blocks(edge))
    return [*small, *(tile for z, tile in tiles if z.geometry.intersects(box(*tile.bounds)))]


def _choose_edge(pixel_bytes: int) -> int:
    """Return how many pixels wide a part may be, so that four of them stay within the bytes of a read."""
    return next((e for e in (512, 256, 128, 64) if 4 * e * e * pixel_bytes <= _READ_BYTES), 32)


def _cut_times(probe: Block, *, is_large: bool) -> list[tuple[slice, tuple[Any, ...] | None]]:
    temporal = probe.dims_of("temporal")
    if not temporal or not is_large:
        return [(slice(None), None)]
    return [(slice(n, n + 1), (label,)) for n, label in enumerate(probe.labels[temporal[0]])]


def _group_near(zones: Sequence[Zone], edge: int) -> list[list[Zone]]:
    """Return together the zones that begin in one square: they reach over two squares each way at most."""
    groups: dict[tuple[int, int], list[Zone]] = defaultdict(list)
    for zone in zones:
        groups[zone.window.top // edge, zone.window.left // edge].append(zone)
    return [groups[key] for key in sorted(groups)]


def _cover(zones: Sequence[Zone]) -> Grid:
    window = zones[0].window
    for zone in islice(zones, 1, None):
        window = window.union(zone.window)
    return window


def _pick(zone: Zone, window: Grid, block: Block) -> tuple[NDArray[np.int64], Block]:
    """Return the zone's pixels in a window of the block, and their places in the zone."""
    rows, cols = np.nonzero(pixels_inside(zone.geometry, window))
    outer = block.grid or window
    here = (..., rows + (window.top - outer.top), cols + (window.left - outer.left))
    down, right = window.top - zone.window.top, window.left - zone.window.left
    position = (rows + down) * zone.window.width + cols + right
    valid = None if block.valid is None else block.valid[here]
    return position, as_pixels(block, block.dims[:-2], block.values[here], valid)


def _join(parts: Sequence[tuple[NDArray[np.int64], Block]]) -> Block:
    """Return the pixels of the parts of a zone in the zone's own order."""
    if len(parts) == 1:
        return parts[0][1]
    order = np.argsort(np.concatenate([p for p, _ in parts]))
    blocks = [b for _, b in parts]
    values = np.concatenate([b.values for b in blocks], axis=-1)[..., order]
    masks = [np.ones(b.values.shape, bool) if b.valid is None else b.valid for b in blocks]
    valid = np.concatenate(masks, axis=-1)[..., order]
    return as_pixels(blocks[0], blocks[0].dims[:-1], values, valid)
