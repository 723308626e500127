"""Processes that change the extent or the pixel grid, or leave it for polygons.

Source: openEO processes 2.0, categories filter, reproject and aggregate.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from eocene.cube.block import Block
from eocene.cube.warp import covering_window, gather_pixels, locate_pixels
from eocene.model import Grid, InputError, Lattice, UnavailableError
from eocene.process.elementwise import same_times
from eocene.process.extent import parse_bbox
from eocene.process.registry import process
from eocene.process.types import Anything, BoundingBox, Cube, Text


def _bbox_grid(arguments: dict[str, Any]) -> Grid:
    grid: Grid = arguments["data"].grid
    bbox, epsg = parse_bbox(arguments["extent"])
    inside = grid.intersect(grid.lattice.grid_over(bbox, epsg))
    if inside is None:
        raise InputError(
            f"The box {bbox} (EPSG:{epsg}) lies outside the cube, which covers "
            f"{tuple(round(v, 4) for v in grid.bounds_in(4326))}.",
            "Give a box that overlaps the data.",
            code="NoDataAvailable",
        )
    return inside


@process("cubes", "filter", times=same_times, grid=_bbox_grid)
def filter_bbox(data: Cube, extent: BoundingBox) -> Cube:
    """Keep the pixels in a box.

    Parameters
    ----------
    data
        A cube.
    extent
        west, south, east, north and, if not EPSG:4326, crs.
    """
    return data


def _target_lattice(arguments: dict[str, Any]) -> Lattice:
    grid: Grid = arguments["data"].grid
    projection = arguments.get("projection")
    epsg = grid.epsg if projection is None else _parse_epsg(projection)
    wanted = arguments.get("resolution") or 0
    size = (wanted, wanted) if isinstance(wanted, int | float) else tuple(wanted)
    if len(size) != 2 or any(s < 0 for s in size):
        raise InputError(
            f"The resolution {wanted!r} is not usable.",
            "Give one or two numbers above 0.",
            code="ProcessParameterInvalid",
        )
    if all(size):
        return Lattice(epsg, (float(size[0]), float(size[1])))
    if epsg != grid.epsg:
        raise InputError(
            "A new projection needs a resolution in its units.",
            "Set resolution, for instance 10 (metres) for UTM or 0.0001 (degrees) for EPSG:4326.",
            code="ProcessParameterInvalid",
        )
    return grid.lattice


def _parse_epsg(projection: Any) -> int:
    if isinstance(projection, int):
        return projection
    text = str(projection).upper().removeprefix("EPSG:")
    if text.isdigit():
        return int(text)
    raise InputError(
        f"The projection {projection!r} is not an EPSG code.",
        "Write 32631 or 'EPSG:32631'.",
        code="ProcessParameterInvalid",
    )


def _resampled_grid(arguments: dict[str, Any]) -> Grid:
    if arguments.get("method", "near") not in ("near", "nearest"):
        raise UnavailableError(f"Resampling by {arguments['method']!r} is not built.", "Use method 'near'.")
    grid: Grid = arguments["data"].grid
    lattice = _target_lattice(arguments)
    return grid if lattice == grid.lattice else lattice.grid_over(grid.bounds, grid.epsg)


def _source_window(window: Grid, arguments: dict[str, Any]) -> Grid:
    """Return the smallest window of the input under all pixel centres of the output window."""
    grid: Grid = arguments["data"].grid
    if window.lattice == grid.lattice:
        return window
    rows, cols = locate_pixels(window, grid.lattice)
    return covering_window(rows, cols, grid) or replace(grid, width=1, height=1)


@process("cubes", "reproject", times=same_times, grid=_resampled_grid, need=_source_window)
def resample_spatial(
    data: Cube,
    resolution: Anything = 0,
    projection: Anything = None,
    method: Text = "near",
    align: Text = "upper-left",
    *,
    _window: Grid,
) -> Cube:
    """Put a cube on another pixel grid, anchored to the origin of its CRS.

    Parameters
    ----------
    data
        A cube.
    resolution
        Pixel size in units of the target CRS: one number, or x and y.
    projection
        EPSG code of the target CRS.
    method
        near; others are not built.
    align
        Kept for compatibility: pixel edges lie on multiples of the resolution.
    """
    return warp_block(data, _window)


@process("cubes", "reproject", times=same_times, grid=lambda a: a["target"].grid, need=_source_window)
def resample_cube_spatial(data: Cube, target: Cube, method: Text = "near", *, _window: Grid) -> Cube:
    """Put a cube on the pixel grid of another.

    Parameters
    ----------
    data
        A cube.
    target
        The cube whose pixel grid is wanted.
    method
        near; others are not built.
    """
    if method not in ("near", "nearest"):
        raise UnavailableError(f"Resampling by {method!r} is not built.", "Use method 'near'.")
    return warp_block(data, _window)


def warp_block(block: Block, window: Grid) -> Block:
    """Return the nearest pixels of a block on the window of another lattice."""
    if block.grid is None or block.grid.lattice == window.lattice:
        return block
    rows, cols = locate_pixels(window, block.grid.lattice)
    values, inside = gather_pixels(block.values, block.grid, rows, cols)
    valid: Any = np.broadcast_to(inside, values.shape)
    if block.valid is not None:
        valid = valid & gather_pixels(block.valid, block.grid, rows, cols)[0]
    return block.with_(values=values, valid=valid, grid=window)
