"""Processes that hand parts of a cube to another: neighbourhoods and polygons.

Source: openEO processes 2.0, apply_neighborhood and apply_polygon.
"""

from __future__ import annotations

from functools import reduce
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import shapely

from eocene.cube.block import Block
from eocene.cube.inside import pixels_inside
from eocene.model import Grid, InputError
from eocene.process.methods.chunks import Chunk, label_chunks, pixels, read_sizes, spatial_chunks
from eocene.process.methods.dimensions import labelled
from eocene.process.methods.outlines import pixels_of, polygons, window_of
from eocene.process.methods.spatial_types import (
    ChunkSizes,
    Focal,
    Overlaps,
    PerPolygon,
    Polygons,
    Raster,
    Replacement,
)
from eocene.process.methods.subcubes import Assembly, same_form
from eocene.process.processes.masks import mask as mask_pixels
from eocene.process.registry import process
from eocene.process.schema import grid_of
from eocene.process.types import Context

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


def _spatial_sizes(arguments: dict[str, Any]) -> dict[str, tuple[int | None, int | None]]:
    """Return size and overlap along y and x in pixels."""
    data = arguments["data"]
    given = {name: read_sizes(arguments[name], data.dims, name) for name in ("size", "overlap")}
    return {
        dim: (
            pixels(given["size"].get(dim), data.grid, dim, "size"),
            pixels(given["overlap"].get(dim), data.grid, dim, "overlap"),
        )
        for dim in ("y", "x")
    }


def _pixel_chunks(
    window: Grid, extent: Grid, sizes: dict[str, tuple[int | None, int | None]]
) -> tuple[list[Chunk], list[Chunk]]:
    rows = spatial_chunks((extent.top, extent.height), (window.top, window.height), *sizes["y"])
    cols = spatial_chunks((extent.left, extent.width), (window.left, window.width), *sizes["x"])
    return rows, cols


def _need_of_chunks(window: Grid, arguments: dict[str, Any]) -> Grid:
    """Return the chunks that a window touches, with their overlap."""
    extent: Grid = arguments["data"].grid
    rows, cols = _pixel_chunks(window, extent, _spatial_sizes(arguments))
    around = _grid_of(
        extent, rows[0].outer[0], rows[-1].outer[-1] + 1, cols[0].outer[0], cols[-1].outer[-1] + 1
    )
    return around.intersect(extent) or Grid(extent.lattice, extent.left, extent.top, 1, 1)


@process("cubes", need=_need_of_chunks)
def apply_neighborhood(
    data: Raster,
    process: Focal,
    size: ChunkSizes,
    overlap: Overlaps = None,
    context: Context = None,
    *,
    _window: Grid | None = None,
    _extent: Grid | None = None,
) -> Raster:
    """Apply a process to neighbourhoods: parts of one size that count from the upper left of the cube.

    Along y and x all neighbourhoods are equally large; where they leave the cube they hold no-data.
    Along other dimensions those at an end are shorter.

    Parameters
    ----------
    data
        A raster cube.
    process
        Takes a neighbourhood, returns one of the same dimensions and labels.
    size
        For each dimension its size: a number of pixels (unit px), metres (m) or units of the CRS along x and
        y, a number of labels, or a duration of times. Dimensions that are not named are handed in whole.
    overlap
        For each dimension how much is added on either side; what the process changes there is left out.
    context
        Handed to the process.

    Raises
    ------
    DimensionNotAvailable
        A size or an overlap names a dimension that the cube lacks.
    DataCubePropertiesImmutable
        The process returns other dimensions or another number of labels than it got.
    """
    grid = grid_of(data)
    window, extent = _window or grid, _extent or grid
    arguments = {"data": data.with_(grid=extent), "size": size, "overlap": overlap}
    sizes = {name: read_sizes(arguments[name], data.dims, name) for name in ("size", "overlap")}
    rows, cols = _pixel_chunks(window, extent, _spatial_sizes(arguments))
    if grid.intersect(_need_of_chunks(window, arguments)) != _need_of_chunks(window, arguments):
        # A probe of the cube is one pixel, whatever is needed.
        rows, cols = ([Chunk(range(n, n + 1), range(n, n + 1))] for n in (grid.top, grid.left))
        window = grid
    labels = [
        label_chunks(data.labels[d], sizes["size"].get(d), sizes["overlap"].get(d), d) for d in data.dims[:-2]
    ]
    return _apply_to_chunks(
        data, window, [*labels, rows, cols], lambda part: process(data=part, context=context)
    )


def _apply_to_chunks(
    data: Block, window: Grid, chunks: list[list[Chunk]], function: Callable[[Block], Any]
) -> Block:
    """Apply a function to each combination of the chunks of every dimension."""
    axis = _array_axis(data.dims, chunks)
    if axis is not None:  # every pixel has an array of its own: all are handed in at once
        chunks = [c if d == axis else [_joined(c)] for d, c in zip(data.dims, chunks, strict=True)]
    result: Assembly | None = None
    starts = (*(0 for _ in data.dims[:-2]), window.top, window.left)
    lengths = (*(len(data.labels[d]) for d in data.dims[:-2]), *window.shape)
    for parts in product(*chunks):
        given = _take(data, parts)
        array = given if axis is None else labelled(given, axis).with_(axis=axis)
        changed = same_form(function(array), array, "apply_neighborhood")
        if result is None:
            result = Assembly.empty(lengths, changed.values.dtype)
        there, here = zip(*map(_places, parts, starts, lengths), strict=True)
        result.put(changed, there, here)
    if result is None:
        return data.with_(
            values=np.zeros(lengths, data.values.dtype), valid=np.zeros(lengths, bool), grid=window
        )
    return result.into(data.with_(grid=window))


def _array_axis(dims: Sequence[str], chunks: list[list[Chunk]]) -> str | None:
    """Return the dimension along which neighbourhoods are arrays, if they have but one of several labels."""
    long = [d for d, parts in zip(dims, chunks, strict=True) if any(len(c.outer) > 1 for c in parts)]
    return long[0] if len(long) == 1 else None


def _joined(chunks: list[Chunk]) -> Chunk:
    """Return chunks of one label each as one."""
    inner = tuple(n for chunk in chunks for n in chunk.inner)
    return Chunk(inner, inner)


def _take(data: Block, parts: Sequence[Chunk]) -> Block:
    for dim, chunk in zip(data.dims[:-2], parts[:-2], strict=True):
        data = data.take(dim, list(chunk.outer))
    rows, cols = parts[-2].outer, parts[-1].outer
    grid = grid_of(data)
    return data.crop(_grid_of(grid, rows[0], rows[-1] + 1, cols[0], cols[-1] + 1))


def _grid_of(like: Grid, top: int, bottom: int, left: int, right: int) -> Grid:
    return Grid(like.lattice, left, top, right - left, bottom - top)


def _places(chunk: Chunk, start: int, length: int) -> tuple[Any, Any]:
    """Return where the inner part of a chunk lies in the result, and where in the chunk."""
    inner = [n for n in chunk.inner if 0 <= n - start < length]
    where = {n: place for place, n in enumerate(chunk.outer)}
    return np.array(inner, np.int64) - start, np.array([where[n] for n in inner], np.int64)


def _without_overlaps(arguments: dict[str, Any]) -> Grid:
    """Return the extent of the cube, and refuse polygons that share a pixel."""
    grid: Grid = arguments["data"].grid
    shapes = polygons(arguments["geometries"], grid.epsg)
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    for a, b in ((shapes[i], shapes[j]) for i, j in zip(first, second, strict=True) if i < j):
        windows = window_of(a, grid), window_of(b, grid)
        common = windows[0].intersect(windows[1]) if windows[0] and windows[1] else None
        for part in common.blocks(512) if common else ():
            if (pixels_of([a], part) & pixels_of([b], part)).any():
                raise InputError(
                    "Two of the geometries share a pixel of the cube.",
                    "Geometries are not allowed to overlap: pixels would be processed several times.",
                    code="GeometriesOverlap",
                )
    return grid


def _need_of_polygons(window: Grid, arguments: dict[str, Any]) -> Grid:
    """Return the window grown by the whole of each polygon that it touches."""
    extent: Grid = arguments["data"].grid
    found = (window_of(g, extent) for g in polygons(arguments["geometries"], extent.epsg))
    return reduce(Grid.union, (w for w in found if w is not None and w.intersect(window)), window)


@process("cubes", grid=_without_overlaps, need=_need_of_polygons, unread=("geometries",))
def apply_polygon(
    data: Raster,
    geometries: Polygons,
    process: PerPolygon,
    mask_value: Replacement = None,
    context: Context = None,
    *,
    _window: Grid | None = None,
    _extent: Grid | None = None,
) -> Raster:
    """Apply a process to the pixels of each polygon; other pixels keep their values.

    Parameters
    ----------
    data
        A raster cube.
    geometries
        A vector cube of polygons that share no pixel, or GeoJSON. A pixel belongs to a polygon if its
        centre lies in it or on its edge.
    process
        Takes the smallest cube around a polygon, returns one of the same dimensions and number of labels.
    mask_value
        The value that the process gets for pixels outside of the polygon; by default no-data.
    context
        Handed to the process.

    Raises
    ------
    GeometriesOverlap
        Two of the polygons share a pixel of the cube.
    """
    grid = grid_of(data)
    window, extent = _window or grid, _extent or grid
    pixel = data.crop(Grid(grid.lattice, grid.left, grid.top, 1, 1))

    def change(part: Block, inside: Any) -> Block:
        outside = np.broadcast_to(~np.asarray(inside), part.values.shape)
        given = mask_pixels(part, part.with_(values=outside, valid=None), mask_value)
        return same_form(process(data=given, context=context), given, "apply_polygon")

    # What a pixel of no-data becomes says the dtype, whether or not a polygon is near.
    dtype = np.result_type(data.values.dtype, change(pixel, np.False_).values.dtype)
    values = data.crop(window).values.astype(dtype)
    valid = np.ones(values.shape, bool) if data.valid is None else data.crop(window).valid
    valid = np.ones(values.shape, bool) if valid is None else valid.copy()
    for shape in polygons(geometries, grid.epsg):
        around = window_of(shape, extent)
        common = around.intersect(window) if around else None
        if around is None or common is None or around.intersect(grid) != around:
            continue
        inside = pixels_inside(shape, around)
        changed = change(data.crop(around), inside).crop(common)
        here = (..., *common.slices_in(window))
        where = inside[common.slices_in(around)]
        values[here] = np.where(where, changed.values, values[here])
        valid[here] = np.where(where, True if changed.valid is None else changed.valid, valid[here])
    return data.with_(values=values, valid=None if valid.all() else valid, grid=window)
