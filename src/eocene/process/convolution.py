"""Weighted sums of the pixels around each pixel, in plain numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_PIXELS = 2**14
"""How many pixels are worked on at a time, so that the sums stay in the cache."""


def convolve(values: NDArray[Any], kernel: Floats, factor: float) -> NDArray[Any]:
    """Return the weighted sums of floats (…, height + kernel - 1, width + kernel - 1), times a factor.

    The kernel is laid on as it is, not turned round. Sums run in float64, in the order of the kernel's rows,
    so the bits of a pixel are the same in every window. A kernel that is the product of a column and a row is
    laid on as these two.
    """
    planes = values.reshape(-1, *values.shape[-2:])
    height, width = (n - k + 1 for n, k in zip(values.shape[-2:], kernel.shape, strict=True))
    out = np.empty((len(planes), height, width), values.dtype)
    column, row = find_factors(kernel)
    strip = max(1, _PIXELS // width)
    for plane, sums in zip(planes, out, strict=True):
        for top in range(0, height, strip):
            part = plane[top : top + strip + len(kernel) - 1].astype(np.float64)
            if column is None or row is None:
                found = _add_up(part, kernel)
            else:
                found = _add_up(_add_up(part, column), row)
            np.multiply(found, factor, out=sums[top : top + strip], casting="same_kind")
    return out.reshape(*values.shape[:-2], height, width)


def find_factors(kernel: Floats) -> tuple[Floats, Floats] | tuple[None, None]:
    """Return the column (height, 1) and the row (1, width) whose product a kernel is, if it is one."""
    top, left = np.unravel_index(np.argmax(np.abs(kernel)), kernel.shape)
    if 1 in kernel.shape or kernel[top, left] == 0:
        return None, None
    column, row = kernel[:, [left]] / kernel[top, left], kernel[[top]]
    is_product = np.allclose(column * row, kernel, rtol=1e-14, atol=0)
    return (column, row) if is_product else (None, None)


def _add_up(part: Floats, kernel: Floats) -> Floats:
    height, width = (n - k + 1 for n, k in zip(part.shape, kernel.shape, strict=True))
    total, term = np.zeros((height, width)), np.empty((height, width))
    for (down, right), weight in np.ndenumerate(kernel):
        if weight:
            np.multiply(part[down : down + height, right : right + width], weight, out=term)
            np.add(total, term, out=total)
    return total
