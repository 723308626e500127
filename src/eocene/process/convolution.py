"""The loop of a convolution, compiled once and kept on disk: import it where it is called."""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray


@numba.njit(cache=True, nogil=True)
def _convolve(planes: NDArray[Any], kernel: NDArray[np.float64], factor: float, out: NDArray[Any]) -> None:
    width = out.shape[2]
    total = np.empty(width)
    for p in range(out.shape[0]):
        for i in range(out.shape[1]):
            total[:] = 0.0
            for a in range(kernel.shape[0]):
                row = planes[p, i + a]
                for b in range(kernel.shape[1]):
                    weight = kernel[a, b]
                    for j in range(width):
                        total[j] += weight * row[j + b]
            for j in range(width):
                out[p, i, j] = total[j] * factor


def convolve(values: NDArray[Any], kernel: NDArray[np.float64], factor: float) -> NDArray[Any]:
    """Return the weighted sums of floats (…, height + kernel - 1, width + kernel - 1), times a factor.

    The kernel is laid on as it is, not turned round. Sums run in float64 in the order of the kernel's rows,
    so the bits of a pixel are the same in every window.
    """
    planes = np.ascontiguousarray(values).reshape(-1, *values.shape[-2:])
    height, width = (n - k + 1 for n, k in zip(values.shape[-2:], kernel.shape, strict=True))
    out = np.empty((len(planes), height, width), values.dtype)
    _convolve(planes, kernel, float(factor), out)
    return out.reshape(*values.shape[:-2], height, width)
