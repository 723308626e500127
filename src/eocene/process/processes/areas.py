"""Processes that keep, mask or change the pixels of boxes and geometries.

Source: openEO processes 2.0, filter_bbox, filter_spatial, mask_polygon and apply_polygon.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.feature import features_of, geometry_dimension
from eocene.model import Grid
from eocene.model.grid import transform_bbox
from eocene.process.loads.extent import parse_bbox, pixels_in
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.outlines import outlines, pixels_of, polygons, window_of
from eocene.process.methods.spatial_types import (
    Box,
    Geometries,
    MaskPolygons,
    Raster,
    RasterOrVector,
    Replacement,
)
from eocene.process.processes.masks import mask as mask_pixels
from eocene.process.registry import process
from eocene.process.schema import grid_of
from eocene.process.types import Flag


def _bbox_grid(arguments: dict[str, Any]) -> Grid:
    bbox, epsg = parse_bbox(arguments["extent"])
    return pixels_in(bbox, epsg, arguments["data"].grid)


@process("cubes", "filter", times=same_times, grid=_bbox_grid)
def filter_bbox(data: RasterOrVector, extent: Box) -> RasterOrVector:
    """Keep the pixels whose centre lies in a box or on its edge, or the geometries that lie in it wholly.

    A box beside the data leaves a cube without pixels.

    Parameters
    ----------
    data
        A raster cube, or a vector cube.
    extent
        west, south, east, north and, if not EPSG:4326, crs: an EPSG code, WKT2 or PROJ JSON. The box
        around it in the CRS of the data counts.
    """
    if data.grid is not None:
        return data
    bbox, epsg = parse_bbox(extent)
    dim = geometry_dimension(data)
    kept = [
        n for n, f in enumerate(features_of(data)) if _lies_in(f.geometry, transform_bbox(bbox, epsg, f.epsg))
    ]
    return data.take(dim, kept)


def _lies_in(geometry: Any, box: tuple[float, float, float, float]) -> bool:
    if geometry.is_empty:
        return False
    west, south, east, north = geometry.bounds
    return bool(box[0] <= west and box[1] <= south and east <= box[2] and north <= box[3])


def _geometries_grid(arguments: dict[str, Any]) -> Grid:
    grid: Grid = arguments["data"].grid
    windows = [window_of(g, grid) for g in outlines(arguments["geometries"], grid.epsg)]
    found = [w for w in windows if w is not None]
    return reduce(Grid.union, found) if found else replace(grid, width=0, height=0)


@process("cubes", "filter", times=same_times, grid=_geometries_grid, unread=("geometries",))
def filter_spatial(data: Raster, geometries: Geometries) -> Raster:
    """Keep the pixels of geometries: the smallest cube around them, no-data where there is none.

    Of a polygon those pixels whose centre lies in it or on its edge, of a point the one under it, of a
    line those that it crosses or touches.

    Parameters
    ----------
    data
        A raster cube.
    geometries
        A vector cube, or GeoJSON.
    """
    grid = grid_of(data)
    keep = np.broadcast_to(pixels_of(outlines(geometries, grid.epsg), grid), data.values.shape)
    return data.with_(valid=keep if data.valid is None else data.valid & keep)


@process("cubes", "masks", times=same_times, unread=("mask",))
def mask_polygon(
    data: Raster, mask: MaskPolygons, replacement: Replacement = None, inside: Flag = False
) -> Raster:
    """Replace the pixels outside, or inside, of polygons; no-data stays.

    Parameters
    ----------
    data
        A raster cube.
    mask
        A vector cube, or GeoJSON, with at least one polygon. A pixel is inside if its centre lies in
        a polygon or on its edge.
    replacement
        The new value; by default no-data.
    inside
        Whether the pixels inside are replaced instead of those outside.
    """
    grid = grid_of(data)
    hit = np.broadcast_to(pixels_of(polygons(mask, grid.epsg), grid) == inside, data.values.shape)
    if replacement is not None and data.valid is not None:
        hit = hit & data.valid
    masked = data.with_(values=hit, valid=None)
    result: Block = mask_pixels(data, masked, replacement)
    return result
