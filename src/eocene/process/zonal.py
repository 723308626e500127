"""Zonal aggregation: from the pixels of a cube to one row for each polygon and date."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import rasterio.features
from affine import Affine

from eocene.cube.block import Block
from eocene.model import Grid, InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class ZonalTable:
    """What aggregate_spatial asks for: which polygons, which reducer; ``probe`` is one row of it."""

    zones: gpd.GeoDataFrame
    reducer: Callable[..., Any]
    context: Any
    probe: Block


def aggregate_zones(data: Block, geometries: Any, reducer: Callable[..., Any], context: Any) -> ZonalTable:
    """Check the polygons and the reducer on one pixel."""
    pixel = data.with_(
        values=data.values[..., 0],
        valid=None if data.valid is None else data.valid[..., 0],
        dims=data.dims[:-1],
    )
    probe = reduce_pixels(pixel, reducer, context)
    return ZonalTable(read_zones(geometries), reducer, context, probe)


def read_zones(geometries: Any) -> gpd.GeoDataFrame:
    """Return the geometries, EPSG:4326, with their properties.

    Raises
    ------
    InputError
        If they are not GeoJSON, or empty.
    """
    if isinstance(geometries, gpd.GeoDataFrame):
        return geometries.to_crs(4326).reset_index(drop=True)
    try:
        kind = geometries["type"]
        if kind == "FeatureCollection":
            features = geometries["features"]
        elif kind == "Feature":
            features = [geometries]
        else:
            features = [{"type": "Feature", "properties": {}, "geometry": geometries}]
        zones = gpd.GeoDataFrame.from_features(features, crs=4326)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InputError(
            f"The geometries are not GeoJSON: {error}.",
            "Give a FeatureCollection, a Feature or a geometry in EPSG:4326.",
            code="ProcessParameterInvalid",
        ) from error
    if zones.empty or zones.geometry.is_empty.any() or zones.geometry.isna().any():
        raise InputError(
            "There is no geometry, or one is empty.",
            "Give at least one polygon.",
            code="ProcessParameterInvalid",
        )
    return zones


def reduce_pixels(pixels: Block, reducer: Callable[..., Any], context: Any) -> Block:
    """Reduce the last dimension, the pixels of a zone, to one value."""
    dims = (*pixels.dims[:-1], "pixels")
    labels = {**pixels.labels, "pixels": tuple(range(pixels.values.shape[-1]))}
    series = pixels.with_(dims=dims, labels=labels, axis="pixels", grid=None)
    result = reducer(data=series, context=context)
    if isinstance(result, Block):
        return result
    values = np.asarray(np.nan if result is None else result)
    return Block(values, (), valid=np.asarray(result is not None))


@dataclass(frozen=True)
class Zone:
    """A polygon on a pixel grid."""

    row: int
    window: Grid
    inside: NDArray[np.bool_]


def locate_zones(zones: gpd.GeoDataFrame, grid: Grid) -> list[Zone]:
    """Return where each polygon lies on the grid; those without a pixel centre inside are left out."""
    located = []
    for row, geometry in enumerate(zones.to_crs(grid.epsg).geometry):
        window = grid.lattice.grid_over(geometry.bounds, grid.epsg).intersect(grid)
        if window is None:
            continue
        if geometry.geom_type in ("Point", "MultiPoint"):
            inside = np.zeros(window.shape, bool)
            for point in getattr(geometry, "geoms", [geometry]):
                pixel = grid.lattice.grid_over(point.bounds, grid.epsg).intersect(window)
                if pixel is not None:
                    inside[pixel.slices_in(window)] = True
        else:
            inside = rasterio.features.geometry_mask(
                [geometry], window.shape, Affine(*window.transform), invert=True
            )
        if inside.any():
            located.append(Zone(row, window, inside))
    return located


class ZonePixels:
    """Collects the pixels of zones block by block, in whatever order the blocks come."""

    def __init__(self, located: Iterable[Zone]) -> None:
        self.zones = list(located)
        self._parts: dict[int, list[tuple[NDArray[np.int64], Block]]] = {z.row: [] for z in self.zones}

    def add(self, block: Block) -> None:
        """Take from a block the pixels that lie in zones."""
        if block.grid is None:
            return
        for zone in self.zones:
            common = zone.window.intersect(block.grid)
            if common is None:
                continue
            rows, cols = np.nonzero(zone.inside[common.slices_in(zone.window)])
            if rows.size == 0:
                continue
            place = common.slices_in(block.grid)
            where = (..., rows + place[0].start, cols + place[1].start)
            # Absolute positions, so that the order of pixels does not depend on the blocks.
            position = (rows + common.top - zone.window.top) * zone.window.width + (
                cols + common.left - zone.window.left
            )
            picked = block.with_(
                values=block.values[where],
                valid=None if block.valid is None else block.valid[where],
                dims=block.dims[:-1],
                grid=None,
            )
            self._parts[zone.row].append((position, picked))

    def reduce(self, table: ZonalTable) -> dict[int, Block]:
        """Return zone row → reduced values."""
        return {
            row: reduce_pixels(_join(parts), table.reducer, table.context)
            for row, parts in self._parts.items()
            if parts
        }


def _join(parts: list[tuple[NDArray[np.int64], Block]]) -> Block:
    order = np.argsort(np.concatenate([p for p, _ in parts]), kind="stable")
    first = parts[0][1]
    values = np.concatenate([b.values for _, b in parts], axis=-1)[..., order]
    masks = [np.ones(b.values.shape, bool) if b.valid is None else b.valid for _, b in parts]
    return first.with_(values=values, valid=np.concatenate(masks, axis=-1)[..., order])


def to_geodataframe(table: ZonalTable, reduced: dict[int, Block]) -> gpd.GeoDataFrame:
    """Return one row for each polygon and date: its properties, ``t``, and a column for each band.

    A cube without bands gives the column ``value``. Polygons without a pixel have NaN.
    """
    probe = table.probe
    times = probe.labels.get("t", (None,))
    bands = probe.labels.get("bands", ("value",))
    missing = np.full((len(times), len(bands)), np.nan)
    rows = np.concatenate(
        [_matrix(reduced[i], probe) if i in reduced else missing for i in range(len(table.zones))]
    )
    frame = table.zones.loc[table.zones.index.repeat(len(times))].reset_index(drop=True)
    if "t" in probe.labels:
        frame["t"] = list(times) * len(table.zones)
    for number, band in enumerate(bands):
        frame[str(band)] = rows[:, number]
    return frame


def _matrix(block: Block, probe: Block) -> NDArray[np.float64]:
    """Return the reduced values as (t, bands)."""
    values = block.filled().astype(np.float64)
    order = [block.dims.index(d) for d in ("t", "bands") if d in block.dims]
    shape = (len(probe.labels.get("t", (None,))), len(probe.labels.get("bands", (None,))))
    return values.transpose(order).reshape(shape)
