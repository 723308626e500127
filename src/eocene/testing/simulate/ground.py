"""The ground under one tile: which unit every pixel shows, and its texture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import rasterio.features
import shapely
from affine import Affine

from eocene.testing.simulate.classes import Cover, Event
from eocene.testing.simulate.noise import compiled, derive, rough, smooth
from eocene.testing.simulate.places import project

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.testing.simulate.places import Tile
    from eocene.testing.simulate.world import World

TEXTURE_STEP = 1.0 / 50.0
"""Textures are kept as int8 steps of this size, about ±2.5, to save memory."""


@dataclass(frozen=True)
class Ground:
    """What does not change with the date; rasters of 10 m, rows × columns of the tile.

    Attributes
    ----------
    unit : int32, rows of the world's units.
    event : uint8, codes of :class:`Event`.
    plants, grain : int8, textures of plant cover and of brightness in steps of ``TEXTURE_STEP``.
    """

    tile: Tile
    unit: NDArray[np.int32]
    event: NDArray[np.uint8]
    plants: NDArray[np.int8]
    grain: NDArray[np.int8]


def lay_ground(world: World, tile: Tile) -> Ground:
    """Draw the world's shapes on the grid of a tile and weave its textures."""
    units = world.units
    unit = burn_shapes(units.shape, np.arange(units.cover.size), tile).astype(np.int32, copy=False)
    codes = np.array([int(event) for event, shapes in world.events.items() for _ in shapes])
    shapes = np.concatenate(list(world.events.values()))
    event = burn_shapes(shapes, codes, tile).astype(np.uint8)
    # A flood is seen on open land only: not on water, not through the crowns of trees.
    cover = units.cover[unit]
    event[(cover == Cover.WATER) | ((event == Event.FLOOD) & (cover == Cover.FOREST))] = Event.NONE
    size = tile.grid.shape
    plants, grain = np.empty(size, np.int8), np.empty(size, np.int8)
    seed = int(derive(world.seed, "texture").integers(1 << 30))
    _weave(tile.to_plane(), seed, 1.0 / TEXTURE_STEP, plants, grain)
    return Ground(tile, unit, event, plants, grain)


def burn_shapes(shapes: NDArray[np.object_], values: NDArray[np.int64], tile: Tile) -> NDArray[np.int32]:
    """Return a raster of the tile with the value of the last shape over each pixel's centre, else 0."""
    transform, size = Affine(*tile.grid.transform), tile.grid.shape
    placed = project(shapes, tile.epsg)
    seen = np.flatnonzero(shapely.intersects(placed, shapely.box(*tile.grid.bounds)))
    if not seen.size:
        return np.zeros(size, np.int32)
    pairs = [(placed[i], int(values[i])) for i in seen]
    burnt: NDArray[np.int32] = rasterio.features.rasterize(pairs, size, transform=transform, dtype="int32")
    return burnt


@compiled
def _weave(
    to_plane: NDArray[np.complex128],
    seed: int,
    steps: float,
    plants: NDArray[np.int8],
    grain: NDArray[np.int8],
) -> None:
    """Fill both textures; a point of the plane gets the same ones in every tile."""
    rows, columns = plants.shape
    for row in range(rows):
        for column in range(columns):
            z = complex(column / columns, -row / columns)
            at = to_plane[6]
            for k in range(5, -1, -1):
                at = at * z + to_plane[k]
            x, y = at.real, at.imag
            broad = rough(x, y, 190.0, 3, seed)
            fine = smooth(x, y, 31.0, seed + 7) + 0.7 * smooth(x, y, 17.0, seed + 8)
            relief = smooth(x, y, 900.0, seed + 9)
            plants[row, column] = _clamp(1.5 * broad * steps)
            grain[row, column] = _clamp((0.95 * fine + 0.35 * broad + 0.3 * relief) * steps)


@compiled
def _clamp(value: float) -> int:
    return int(min(max(np.rint(value), -127.0), 127.0))
