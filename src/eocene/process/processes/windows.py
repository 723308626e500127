"""Reducers over rectangles of pixels, and over all pixels.

Source: openEO proposals aggregate_spatial_window and reduce_spatial.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import Grid, InputError
from eocene.process.methods.corners import CORNERS, check_choice
from eocene.process.methods.dimensions import fill
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.spatial_types import Corner, PixelCounts, PixelReducer, Raster
from eocene.process.methods.zone_pixels import PIXELS
from eocene.process.registry import process
from eocene.process.schema import grid_of
from eocene.process.types import Context, Cube

BOUNDARIES = ("pad", "trim")
Boundary = Annotated[str, {"type": "string", "enum": list(BOUNDARIES)}]


def _check_size(size: Any) -> tuple[int, int]:
    if len(size) != 2 or not all(isinstance(s, int | float) and s == int(s) and s >= 1 for s in size):
        raise InputError(
            f"The size {size!r} is not usable.",
            "Give the width and the height of a window, in whole pixels.",
            code="ProcessParameterInvalid",
        )
    return int(size[0]), int(size[1])


def _aligned_pixels(arguments: dict[str, Any]) -> Grid:
    """Return the pixels that windows are cut of: those of the cube, padded or trimmed to whole windows."""
    grid: Grid = arguments["data"].grid
    (across, down), align = _check_size(arguments["size"]), arguments["align"]
    check_choice("boundary", arguments["boundary"], BOUNDARIES)
    check_choice("align", align, CORNERS)
    padding = arguments["boundary"] == "pad"
    width, height = (
        (length + (size - 1 if padding else 0)) // size * size
        for length, size in ((grid.width, across), (grid.height, down))
    )
    left = grid.left + (grid.width - width if align.endswith("right") else 0)
    top = grid.top + (grid.height - height if align.startswith("lower") else 0)
    return Grid(grid.lattice, left, top, width, height)


def _window_grid(arguments: dict[str, Any]) -> Grid:
    """Return the grid whose pixels are the windows."""
    pixels = _aligned_pixels(arguments)
    across, down = _check_size(arguments["size"])
    rx, ry = pixels.lattice.resolution
    west, _, _, north = pixels.bounds
    transform = (rx * across, 0.0, west, 0.0, -ry * down, north)
    return Grid.from_transform(pixels.epsg, transform, pixels.width // across, pixels.height // down)


def _need_of_windows(window: Grid, arguments: dict[str, Any]) -> Grid:
    pixels, windows = _aligned_pixels(arguments), _window_grid(arguments)
    across, down = _check_size(arguments["size"])
    return Grid(
        pixels.lattice,
        pixels.left + (window.left - windows.left) * across,
        pixels.top + (window.top - windows.top) * down,
        window.width * across,
        window.height * down,
    )


@process("cubes", "aggregate", times=same_times, grid=_window_grid, need=_need_of_windows, experimental=True)
def aggregate_spatial_window(
    data: Raster,
    reducer: PixelReducer,
    size: PixelCounts,
    boundary: Boundary = "pad",
    align: Corner = "upper-left",
    context: Context = None,
    *,
    _window: Grid | None = None,
) -> Raster:
    """Reduce the pixels of each window of some pixels to one.

    Parameters
    ----------
    data
        A raster cube.
    reducer
        Takes the array of the pixels of a window, from north to south, then west to east; returns one value.
    size
        Width and height of a window in pixels.
    boundary
        What happens to a part of the cube that is no whole window: pad fills it up with no-data, trim leaves
        it out.
    align
        The corner of the cube at which windows begin: lower-left, upper-left, lower-right or upper-right.
    context
        Handed to the reducer.
    """
    across, down = _check_size(size)
    arguments = {"data": data, "size": size, "boundary": boundary, "align": align}
    window = _window or _window_grid(arguments)
    grid = grid_of(data) if _window else _aligned_pixels(arguments)
    height, width = window.shape
    # A probe of the cube is one pixel, the rest of its window is no-data.
    data = data.crop(Grid(grid.lattice, grid.left, grid.top, width * across, height * down))
    lead = data.values.shape[:-2]

    def in_windows(values: Any) -> Any:
        tiles = values.reshape(*lead, height, down, width, across)
        return np.moveaxis(tiles, -2, -3).reshape(*lead, height, width, down * across)

    series = data.with_(
        values=in_windows(data.values),
        valid=None if data.valid is None else in_windows(data.valid),
        dims=(*data.dims, PIXELS),
        labels={**data.labels, PIXELS: tuple(range(down * across))},
        axis=PIXELS,
        grid=window,
    )
    like = data.with_(values=_nothing(data, (*lead, height, width)), valid=None, grid=window)
    return fill(reducer(data=series, context=context), like, "reducer").with_(grid=window)


@process("aggregate", "cubes", "reducer", times=same_times, whole=True, experimental=True)
def reduce_spatial(data: Raster, reducer: PixelReducer, context: Context = None) -> Cube:
    """Reduce all pixels to one value; the dimensions x and y go.

    Parameters
    ----------
    data
        A raster cube.
    reducer
        Takes the array of all pixels, returns one value.
    context
        Handed to the reducer.
    """
    grid_of(data)
    lead, dims = data.values.shape[:-2], data.dims[:-2]
    labels = {d: data.labels[d] for d in dims}
    count = data.values.shape[-2] * data.values.shape[-1]
    series = data.with_(
        values=data.values.reshape(*lead, count),
        valid=None if data.valid is None else data.valid.reshape(*lead, count),
        dims=(*dims, PIXELS),
        labels={**labels, PIXELS: range(count)},
        axis=PIXELS,
        grid=None,
    )
    like = data.with_(values=_nothing(data, lead), valid=None, dims=dims, labels=labels, grid=None)
    return fill(reducer(data=series, context=context), like, "reducer")


def _nothing(data: Block, shape: tuple[int, ...]) -> Any:
    return np.broadcast_to(data.values.dtype.type(0), shape)
