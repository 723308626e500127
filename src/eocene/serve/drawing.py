"""Tiles and series of layers: each is the layer's plan, asked for another window."""

from __future__ import annotations

import io
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.jobs.job import format_label
from eocene.model import Grid, InputError, Lattice, NotFoundError
from eocene.serve.colours import draw
from eocene.serve.engine import make_plan
from eocene.serve.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.archive import Archive
    from eocene.jobs import Layer

TILE = 256
MAX_ZOOM = 22
_HALF_WORLD_M = 20_037_508.342789244
_PLANS = 64


class Drawing:
    """Draws layers; every method may be called from any thread.

    Parameters
    ----------
    archive : Archive
        Where the plans read.
    cached_tiles : int
        How many drawn tiles are kept.
    """

    def __init__(self, archive: Archive, cached_tiles: int) -> None:
        self._archive = archive
        self._plans: Recent[Any] = Recent(_PLANS)
        self._tiles: Recent[bytes] = Recent(cached_tiles)

    def draw_tile(self, layer: Layer, place: tuple[int, int, int], time: str | None) -> bytes:
        """Return a PNG of 256 × 256 pixels, transparent where there is no data.

        Parameters
        ----------
        layer : Layer
            A raster layer.
        place : tuple of int
            Zoom, column and row in Web Mercator; row 0 is north.
        time : str or None
            One of the layer's times; the last one by default.

        Raises
        ------
        NotFoundError
            If there is no such tile or time.
        """
        window = locate_tile(*place)
        key = (layer.id, layer.updated, self.stamp(), place, time)
        return self._tiles.find(key, lambda: self._draw(layer, window, place[0], time))

    def read_series(self, layer: Layer, lon: float, lat: float) -> dict[str, Any]:
        """Return the values of the pixel under a point for all dates, by band; null is no data.

        Raises
        ------
        NotFoundError
            If the point lies outside the layer.
        """
        plan = self._plan(layer, None)
        bands = [str(band) for band in plan.schema.bands] or ["value"]
        try:
            pixel = plan.read_point(lon, lat)
        except InputError as error:
            if error.code != "NoDataAvailable":
                raise
            raise NotFoundError(error.message, error.remedy) from error
        order = [dim for dim in ("t", "bands") if dim in pixel.dims]
        values = pixel.transpose(*order).to_numpy().reshape(-1, len(bands))
        return {
            "layer": layer.id,
            "lon": lon,
            "lat": lat,
            "times": [format_label(label) for label in plan.schema.times],
            "values": {band: [_to_json(v) for v in values[:, n]] for n, band in enumerate(bands)},
        }

    def _draw(self, layer: Layer, window: Grid, zoom: int, time: str | None) -> bytes:
        plan = self._plan(layer, zoom)
        times = choose_time(plan.schema.times, time)
        shown = plan.grid.intersect(window)
        if shown is None:
            return EMPTY_TILE
        array = plan.read(shown, times=times)
        if "t" in array.dims:
            array = array.isel(t=-1)
        values = array.to_numpy().reshape(-1, shown.height, shown.width)
        image = np.zeros((TILE, TILE, 4), dtype=np.uint8)
        image[shown.slices_in(window)] = draw(values, [str(b) for b in plan.schema.bands], layer.style)
        return write_png(image) if image[..., 3].any() else EMPTY_TILE

    def _plan(self, layer: Layer, zoom: int | None) -> Any:
        def make() -> Any:
            lattice = None if zoom is None else lattice_at(zoom)
            plan = make_plan(self._archive, layer.process or {}, lattice=lattice)
            if not plan.is_cube:
                raise InputError(
                    f"The layer {layer.id!r} has no pixels.", "Let its process end in a data cube."
                )
            return plan

        return self._plans.find((layer.id, layer.updated, self.stamp(), zoom), make)

    def stamp(self) -> tuple[int, ...]:
        """Return what changes when items are added, so that no map outlives its data."""
        return self._archive.catalogue.stamp()


def lattice_at(zoom: int) -> Lattice:
    """Return the pixel grid of Web Mercator tiles at a zoom."""
    resolution = 2 * _HALF_WORLD_M / (TILE << zoom)
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
    """Return the label that is asked for, the last by default, None if there are no dates."""
    if not labels:
        return None
    if not time:
        return (labels[-1],)
    for label in labels:
        if time in (str(label), format_label(label)):
            return (label,)
    raise NotFoundError(
        f"The layer has no data at {time[:40]!r}.", "GET /layers lists the times of each layer."
    )


def write_png(image: NDArray[np.uint8]) -> bytes:
    """Return an RGBA image (y, x, 4) as PNG."""
    from PIL import Image

    target = io.BytesIO()
    Image.fromarray(image, "RGBA").save(target, "PNG", compress_level=4)
    return target.getvalue()


EMPTY_TILE = write_png(np.zeros((TILE, TILE, 4), dtype=np.uint8))


def _to_json(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
