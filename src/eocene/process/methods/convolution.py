"""Weighted sums of the pixels around each pixel, in plain numpy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

_PIXELS = 2**16
"""How many pixels are worked on at a time, so that the sums stay in the cache."""
_FEW = 64
"""Up to so many weights sums of 32-bit numbers run in 32 bits; the error stays in the last few."""


def convolve(values: NDArray[Any], kernel: Floats, factor: float) -> NDArray[Any]:
    """Return the weighted sums of floats (…, height + kernel - 1, width + kernel - 1), times a factor.

    The kernel is laid on as it is, not turned round. Sums run in the order of the kernel's rows, so the bits
    of a pixel are the same in every window; in float64, unless the values are float32 and the weights few.
    A kernel that is the product of a column and a row is laid on as these two.
    """
    planes = values.reshape(-1, *values.shape[-2:])
    height, width = (n - k + 1 for n, k in zip(values.shape[-2:], kernel.shape, strict=True))
    out = np.empty((len(planes), height, width), values.dtype)
    wide = values.dtype if kernel.size <= _FEW else np.dtype(np.float64)
    factors = [_weights_at(weights, wide) for weights in find_factors(kernel)]
    strip = max(1, _PIXELS // width)
    for plane, sums in zip(planes, out, strict=True):
        for top in range(0, height, strip):
            found = plane[top : top + strip + len(kernel) - 1].astype(wide, copy=False)
            for weights in factors:
                found = _add_up(found, weights)
            np.multiply(found, factor, out=sums[top : top + strip], casting="same_kind")
    return out.reshape(*values.shape[:-2], height, width)


def find_factors(kernel: Floats) -> tuple[Floats, ...]:
    """Return the column (height, 1) and the row (1, width) whose product a kernel is, or itself alone."""
    top, left = np.unravel_index(np.argmax(np.abs(kernel)), kernel.shape)
    if 1 in kernel.shape or kernel[top, left] == 0:
        return (kernel,)
    column, row = kernel[:, [left]] / kernel[top, left], kernel[[top]]
    is_product = np.allclose(column * row, kernel, rtol=1e-14, atol=0)
    return (column, row) if is_product else (kernel,)


@dataclass(frozen=True)
class _Weights:
    """The weights of a kernel that are not 0, in the order of its rows, each with its row and column."""

    shape: tuple[int, ...]
    entries: list[tuple[tuple[int, ...], Any]]


def _weights_at(kernel: Floats, dtype: np.dtype[Any]) -> _Weights:
    return _Weights(kernel.shape, [(place, dtype.type(w)) for place, w in np.ndenumerate(kernel) if w])


def _add_up(part: NDArray[Any], weights: _Weights) -> NDArray[Any]:
    height, width = (n - k + 1 for n, k in zip(part.shape, weights.shape, strict=True))
    total = np.zeros((height, width), part.dtype)
    term = np.empty_like(total)
    for number, ((down, right), weight) in enumerate(weights.entries):
        under = part[down : down + height, right : right + width]
        np.multiply(under, weight, out=term if number else total)
        if number:
            np.add(total, term, out=total)
    return total
