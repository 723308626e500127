"""Tiles of layers: each is the layer's plan, asked for the window of a tile."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene._version import __version__
from eocene.jobs.job import format_label
from eocene.model import Grid, InputError, Lattice, NotFoundError
from eocene.model.timespan import parse_instant
from eocene.serve.colours import draw
from eocene.serve.images import choose_type, encode
from eocene.serve.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.jobs import Layer
    from eocene.serve.plans import LayerPlans

TILE = 256
MAX_ZOOM = 22
HALF_WORLD_M = 20_037_508.342789244
"""From the middle of Web Mercator to its edges."""


@dataclass(frozen=True)
class Wanted:
    """Which tile is asked for.

    Parameters
    ----------
    place : tuple of int
        Zoom, column and row in Web Mercator; row 0 is north.
    time : str or None
        One of the layer's times; the last one by default.
    media_type : str or None
        The format; by default the one that suits the tile.
    accept : str
        What the client says that it reads, where the format is chosen for it.
    """

    place: tuple[int, int, int]
    time: str | None = None
    media_type: str | None = "image/png"
    accept: str = ""


@dataclass(frozen=True)
class Tile:
    """A drawn tile: its bytes and what they are."""

    content: bytes
    media_type: str


class Drawing:
    """Draws layers; every method may be called from any thread.

    Parameters
    ----------
    plans : LayerPlans
        What is drawn.
    cached_tiles : int
        How many drawn tiles are kept.
    """

    def __init__(self, plans: LayerPlans, cached_tiles: int) -> None:
        self._plans = plans
        self.cache: Recent[Tile] = Recent(cached_tiles)

    def tag(self, layer: Layer, wanted: Wanted) -> str:
        """Return the ETag of a tile; it is known before the tile is drawn."""
        key = (__version__, *self._key(layer, wanted))
        return f'"{hashlib.sha256(repr(key).encode()).hexdigest()[:32]}"'

    def draw_tile(self, layer: Layer, wanted: Wanted) -> Tile:
        """Return an image of 256 × 256 pixels, transparent where there is no data.

        Raises
        ------
        NotFoundError
            If there is no such tile or time.
        """
        window = locate_tile(*wanted.place)
        return self.cache.find(self._key(layer, wanted), lambda: self._draw(layer, wanted, window))

    def _key(self, layer: Layer, wanted: Wanted) -> tuple[Any, ...]:
        chosen = wanted.media_type or ("image/webp" in wanted.accept)
        return layer.id, layer.updated, self._plans.stamp(), wanted.place, wanted.time, chosen

    def _draw(self, layer: Layer, wanted: Wanted, window: Grid) -> Tile:
        image = self._paint(layer, wanted, window)
        exact = layer.style.get("kind") == "classes"
        media_type = wanted.media_type or choose_type(image, wanted.accept, exact=exact)
        if media_type == "image/png" and not image[..., 3].any():
            return EMPTY_TILE
        return Tile(encode(image, media_type, exact=exact), media_type)

    def _paint(self, layer: Layer, wanted: Wanted, window: Grid) -> NDArray[np.uint8]:
        plan = self._plans.find(layer, lattice_at(wanted.place[0]))
        times = choose_time(plan.schema.times, wanted.time)
        shown = plan.grid.intersect(window)
        if shown is None:
            return np.zeros((TILE, TILE, 4), np.uint8)
        block = plan.compute(shown, times)
        if "t" in block.dims:
            block = block.pick("t", -1)
        planes = (-1, *shown.shape)
        valid = None if block.valid is None else block.valid.reshape(planes)
        bands = [str(band) for band in plan.schema.bands]
        painted = draw(block.values.reshape(planes), valid, bands, layer.style)
        if shown == window:
            return painted
        image = np.zeros((TILE, TILE, 4), np.uint8)
        image[shown.slices_in(window)] = painted
        return image


def lattice_at(zoom: int) -> Lattice:
    """Return the pixel grid of Web Mercator tiles at a zoom."""
    resolution = 2 * HALF_WORLD_M / (TILE << zoom)
    return Lattice(3857, (resolution, resolution))


def locate_tile(zoom: int, column: int, row: int) -> Grid:
    """Return the window of a tile; raises NotFoundError if there is none."""
    if not (0 <= zoom <= MAX_ZOOM and 0 <= column < 1 << zoom and 0 <= row < 1 << zoom):
        raise NotFoundError(
            f"There is no tile {zoom}/{column}/{row}.",
            f"Zoom goes from 0 to {MAX_ZOOM}, column and row from 0 to 2^zoom - 1.",
        )
    # The CRS's origin is the middle of the world: half of all pixels lie west and north of it.
    middle = (TILE << zoom) // 2
    return Grid(lattice_at(zoom), column * TILE - middle, row * TILE - middle, TILE, TILE)


def choose_time(labels: Sequence[Any], time: str | None) -> tuple[Any, ...] | None:
    """Return the label that is asked for, the last by default, None if there are no dates.

    It may be written in any way that says the instant; a day alone means its last one.
    """
    if not labels:
        return None
    if not time:
        return (labels[-1],)
    for label in labels:
        if time in (str(label), format_label(label)):
            return (label,)
    chosen = _find_instant(labels, time)
    if chosen is not None:
        return (chosen,)
    raise NotFoundError(
        f"The layer has no data at {time[:40]!r}.", "GET /layers lists the times of each layer."
    )


def _find_instant(labels: Sequence[Any], time: str) -> Any | None:
    """Return the last label of the instant, or of the day, that a text says; None if there is none."""
    try:
        wanted = f"{parse_instant(time)}Z"
    except InputError:
        return None
    length = 10 if len(time) == len("2024-06-01") else None
    return next((one for one in reversed(labels) if format_label(one)[:length] == wanted[:length]), None)


EMPTY_TILE = Tile(encode(np.zeros((TILE, TILE, 4), np.uint8), "image/png"), "image/png")
