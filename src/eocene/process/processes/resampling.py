"""Processes that put a cube on another pixel grid.

Source: openEO processes 2.0, category reproject.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from eocene.cube.resample import METHODS, resample, source_window
from eocene.model import Grid, InputError, transformer
from eocene.model.grid import is_geographic, transform_bbox
from eocene.process.loads.crs import parse_epsg
from eocene.process.methods.corners import CORNERS, check_choice
from eocene.process.methods.elementwise import same_times
from eocene.process.methods.spatial_types import Corner, Method, Projection, Raster, Resolution
from eocene.process.registry import process

if TYPE_CHECKING:
    from eocene.model.grid import BBox


def _wanted_size(resolution: Any) -> tuple[float, float]:
    size = (resolution, resolution) if isinstance(resolution, int | float) else tuple(resolution)
    if len(size) != 2 or not all(isinstance(s, int | float) and math.isfinite(s) and s >= 0 for s in size):
        raise InputError(
            f"The resolution {resolution!r} is not usable.",
            "Give one or two numbers, 0 or more.",
            code="ProcessParameterInvalid",
        )
    return float(size[0]), float(size[1])


def _kept_size(grid: Grid, epsg: int) -> tuple[float, float]:
    """Return the pixel size of a grid in units of another CRS: between metres the number itself."""
    if is_geographic(grid.epsg) == is_geographic(epsg):
        return grid.lattice.resolution
    west, south, east, north = grid.bounds
    x, y = (west + east) / 2, (south + north) / 2
    rx, ry = grid.lattice.resolution
    xs, ys = transformer(grid.epsg, epsg).transform([x, x + rx, x], [y, y, y + ry])
    size = (math.hypot(xs[1] - xs[0], xs[2] - xs[0]), math.hypot(ys[1] - ys[0], ys[2] - ys[0]))
    return float(f"{size[0]:.6g}"), float(f"{size[1]:.6g}")


def _aligned_grid(bounds: BBox, epsg: int, size: tuple[float, float], align: str) -> Grid:
    """Return the smallest grid over bounds whose corner is that corner of the bounds."""
    west, south, east, north = bounds
    width, height = (
        math.ceil((high - low) / step - 1e-6)
        for low, high, step in ((west, east, size[0]), (south, north, size[1]))
    )
    left = east - width * size[0] if align.endswith("right") else west
    top = south + height * size[1] if align.startswith("lower") else north
    return Grid.from_transform(epsg, (size[0], 0, left, 0, -size[1], top), width, height)


def _resampled_grid(arguments: dict[str, Any]) -> Grid:
    grid: Grid = arguments["data"].grid
    check_choice("method", arguments["method"], METHODS)
    check_choice("align", arguments["align"], CORNERS)
    size, projection = _wanted_size(arguments["resolution"]), arguments["projection"]
    if not any(size) and projection is None:
        raise InputError(
            "Neither a resolution nor a projection is given.",
            "Give a resolution, a projection, or both.",
            code="ProcessParameterInvalid",
        )
    epsg = grid.epsg if projection is None else parse_epsg(projection)
    kept = _kept_size(grid, epsg)
    size = (size[0] or kept[0], size[1] or kept[1])
    if epsg == grid.epsg and size == grid.lattice.resolution:
        return grid
    return _aligned_grid(transform_bbox(grid.bounds, grid.epsg, epsg), epsg, size, arguments["align"])


def _source_window(window: Grid, arguments: dict[str, Any]) -> Grid:
    return source_window(window, arguments["data"].grid, arguments.get("method", "near"))


@process("cubes", "reproject", times=same_times, grid=_resampled_grid, need=_source_window)
def resample_spatial(
    data: Raster,
    resolution: Resolution = 0,
    projection: Projection = None,
    method: Method = "near",
    align: Corner = "upper-left",
    *,
    _window: Grid,
) -> Raster:
    """Resample and warp the pixels of a cube to a resolution or projection.

    Each target pixel is transformed by itself, so the result does not depend on how the cube is cut.
    All methods but near leave out pixels that are no-data or not finite.

    Parameters
    ----------
    data
        A raster cube.
    resolution
        Pixel size in units of the target projection: one number, or x and y; 0 keeps it. Between degrees
        and metres it is then the size of the pixel in the middle of the cube.
    projection
        EPSG code or WKT2 of the target CRS; by default it stays.
    method
        As gdalwarp names them: average, bilinear, cubic, cubicspline, lanczos, max, med, min, mode, near, q1,
        q3, rms or sum.
    align
        The corner of the cube's extent at which the corner of a pixel lies: lower-left, upper-left,
        lower-right or upper-right.
    """
    return resample(data, _window, method)


def _target_grid(arguments: dict[str, Any]) -> Grid:
    check_choice("method", arguments["method"], METHODS)
    grid: Grid = arguments["target"].grid
    return grid


@process("cubes", "reproject", times=same_times, grid=_target_grid, need=_source_window, unread=("target",))
def resample_cube_spatial(data: Raster, target: Raster, method: Method = "near", *, _window: Grid) -> Raster:
    """Resample the pixels of a cube to the pixel grid of another.

    Parameters
    ----------
    data
        A raster cube.
    target
        The cube whose pixel grid is wanted; its values are not read.
    method
        As gdalwarp names them: average, bilinear, cubic, cubicspline, lanczos, max, med, min, mode, near, q1,
        q3, rms or sum.
    """
    return resample(data, _window, method)
