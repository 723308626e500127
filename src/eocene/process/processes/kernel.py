"""Convolution of pixels with a kernel.

Source: openEO processes 2.0, apply_kernel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import Grid, InputError
from eocene.process.methods.borders import BORDERS, gather, hull, surroundings
from eocene.process.methods.corners import check_choice
from eocene.process.methods.elementwise import promote, same_times
from eocene.process.methods.spatial_types import Border, Kernel, Raster
from eocene.process.registry import process
from eocene.process.schema import grid_of
from eocene.process.types import Known


def _weights(kernel: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    try:
        weights = np.array(kernel, np.float64)
    except (TypeError, ValueError):
        weights = np.empty(0)
    if weights.ndim != 2 or not weights.size or not np.isfinite(weights).all():
        raise InputError(
            "The kernel is no table of numbers.",
            "Give rows of equal length, such as [[1, 2, 1], [2, 4, 2], [1, 2, 1]].",
            code="ProcessParameterInvalid",
        )
    if not all(n % 2 for n in weights.shape):
        raise InputError(
            f"The kernel has {weights.shape[0]} × {weights.shape[1]} elements.",
            "Each dimension of the kernel must have an uneven number of elements.",
            code="KernelDimensionsUneven",
        )
    return weights


def _around(
    window: Grid, extent: Grid, kernel: Any, border: str | float
) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    down, across = _weights(kernel).shape
    return surroundings(window, extent, (down // 2, across // 2), border)


def _need(window: Grid, arguments: dict[str, Any]) -> Grid:
    """Return the window grown by the kernel's radius, and what the border repeats of the cube."""
    extent = arguments["data"].grid
    return hull(*_around(window, extent, arguments["kernel"], arguments["border"]), extent)


@process("cubes", "math > image filter", times=same_times, need=_need)
def apply_kernel(
    data: Raster,
    kernel: Kernel,
    factor: Known = 1,
    border: Border = 0,
    replace_invalid: Known = 0,
    *,
    _window: Grid | None = None,
    _extent: Grid | None = None,
) -> Raster:
    """Multiply the pixels around each pixel by the weights of a kernel, and add them up.

    The kernel is laid on as it is written, north up; it is not turned round. The result has no no-data.

    Parameters
    ----------
    data
        A raster cube of numbers or booleans.
    kernel
        Rows of weights, from north to south; each from west to east. Both numbers are uneven.
    factor
        The sums are multiplied by it.
    border
        What lies beyond the border of the cube: a number, or replicate (``aaa|abcd|ddd``), reflect
        (``cba|abcd|dcb``), reflect_pixel (``dcb|abcd|cba``) or wrap (``bcd|abcd|abc``).
    replace_invalid
        The value that no-data, NaN and infinite values count as.

    Raises
    ------
    KernelDimensionsUneven
        The kernel has an even number of rows or columns.
    """
    from eocene.process.methods.convolution import convolve

    weights = _weights(kernel)
    if isinstance(border, str):
        check_choice("border", border, BORDERS)
    grid = grid_of(data)
    extent, window = _extent or grid, _window or grid
    rows, cols = _around(window, extent, kernel, border)
    numbers = _finite(data, replace_invalid)
    constant = 0.0 if isinstance(border, str) else border
    for index, start, axis in ((rows, grid.top - extent.top, -2), (cols, grid.left - extent.left, -1)):
        # A probe of the cube is one pixel, whatever is needed.
        place = np.where(index < 0, -1, np.clip(index - start, 0, numbers.shape[axis] - 1))
        numbers = gather(numbers, place, numbers.ndim + axis, constant)
    return data.with_(values=convolve(numbers, weights, factor), valid=None, grid=window)


def _finite(data: Block, replacement: float) -> np.ndarray[Any, Any]:
    """Return the values as floats, with the replacement for what is no-data, NaN or infinite."""
    numbers = data.values.astype(np.float32) if data.values.dtype == bool else promote(data.values)
    usable = np.isfinite(numbers) if data.values.dtype.kind == "f" else data.valid
    if usable is not None and data.valid is not None:
        usable = usable & data.valid
    if usable is None or usable.all():
        return numbers
    return np.where(usable, numbers, numbers.dtype.type(replacement))
