"""Loops over the source pixels under each target pixel, compiled once and kept on disk.

numba is imported with this module, so import it where it is called. ``rows`` and ``cols`` are pairs:
the first source pixel of each target pixel, (height, width) or 1 in place of what does not vary, and
the weights of the pixels from there on, along a third axis. Pixel numbers count from the
first row and column of ``planes``. An empty ``usable`` says that all pixels are.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[Any]
Axis = tuple[NDArray[np.int64], NDArray[np.float64]]

MIN, MAX, QUANTILE, MODE = range(4)
"""Ways of picking a value."""


@numba.njit(cache=True, nogil=True)
def weigh(
    planes: Numbers, usable: Numbers, rows: Axis, cols: Axis, squared: bool, out: tuple[Numbers, ...]
) -> None:
    """Fill ``out``: the weighted sum, the sum of weights, and whether no pixel with a weight is missing.

    The order of summation is that of rows and columns, whatever the window.
    """
    total, weight, complete = out
    for p in range(total.shape[0]):
        for i in range(total.shape[1]):
            for j in range(total.shape[2]):
                total[p, i, j], weight[p, i, j], complete[p, i, j] = _weigh_one(
                    planes, usable, rows, cols, squared, (p, i, j)
                )


@numba.njit(cache=True, nogil=True)
def _weigh_one(
    planes: Numbers, usable: Numbers, rows: Axis, cols: Axis, squared: bool, place: tuple[int, int, int]
) -> tuple[float, float, bool]:
    (tops, heights), (lefts, widths) = rows, cols
    p, i, j = place
    rj, ci = min(j, tops.shape[1] - 1), min(i, lefts.shape[0] - 1)
    total, weight, complete = 0.0, 0.0, True
    top, left = tops[i, rj], lefts[ci, j]
    last_row, last_col = planes.shape[1] - heights.shape[2], planes.shape[2] - widths.shape[2]
    if usable.size == 0 and 0 <= top <= last_row and 0 <= left <= last_col:
        # Nothing to test: the same sums in the same order, faster.
        for a in range(heights.shape[2]):
            for b in range(widths.shape[2]):
                share = heights[i, rj, a] * widths[ci, j, b]
                value = np.float64(planes[p, top + a, left + b])
                total += share * (value * value if squared else value)
                weight += share
        return total, weight, complete
    for a in range(heights.shape[2]):
        r = top + a
        row_is_in = 0 <= r < planes.shape[1]
        for b in range(widths.shape[2]):
            share = heights[i, rj, a] * widths[ci, j, b]
            c = left + b
            if share == 0.0:
                continue
            if row_is_in and 0 <= c < planes.shape[2] and (usable.size == 0 or usable[p, r, c]):
                value = np.float64(planes[p, r, c])
                total += share * (value * value if squared else value)
                weight += share
            else:
                complete = False
    return total, weight, complete


@numba.njit(cache=True, nogil=True)
def pick(
    planes: Numbers, usable: Numbers, rows: Axis, cols: Axis, how: tuple[int, float], out: tuple[Numbers, ...]
) -> None:
    """Fill ``out``: the value picked of those under each pixel, and whether there is one.

    ``how`` is MIN, MAX, QUANTILE or MODE, and the share of the quantile. Of the two in the middle
    the median is the lower. The mode is the value under most of the pixel, the smaller of two equal ones.
    """
    chosen, found = out
    size = rows[1].shape[2] * cols[1].shape[2]
    values, shares = np.empty(size, planes.dtype), np.empty(size)
    for p in range(chosen.shape[0]):
        for i in range(chosen.shape[1]):
            for j in range(chosen.shape[2]):
                n = _collect(planes, usable, rows, cols, (p, i, j), (values, shares))
                found[p, i, j] = n > 0
                if n:
                    _sort(values, shares, n)
                    chosen[p, i, j] = values[_choose(values, shares, n, how)]


@numba.njit(cache=True, nogil=True)
def _collect(
    planes: Numbers,
    usable: Numbers,
    rows: Axis,
    cols: Axis,
    place: tuple[int, int, int],
    into: tuple[Numbers, Numbers],
) -> int:
    """Write the usable values under a target pixel and their weights, and return how many there are."""
    (tops, heights), (lefts, widths) = rows, cols
    p, i, j = place
    rj, ci = min(j, tops.shape[1] - 1), min(i, lefts.shape[0] - 1)
    n = 0
    for a in range(heights.shape[2]):
        r = tops[i, rj] + a
        if not 0 <= r < planes.shape[1]:
            continue
        for b in range(widths.shape[2]):
            share = heights[i, rj, a] * widths[ci, j, b]
            c = lefts[ci, j] + b
            if share > 0.0 and 0 <= c < planes.shape[2] and (usable.size == 0 or usable[p, r, c]):
                into[0][n], into[1][n] = planes[p, r, c], share
                n += 1
    return n


@numba.njit(cache=True, nogil=True)
def _sort(values: Numbers, shares: Numbers, n: int) -> None:
    """Sort the first ``n`` values and their shares with them (Shell's way: short, in place, no buffer)."""
    gap = 1
    while gap < n // 3:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(gap, n):
            value, share = values[i], shares[i]
            j = i
            while j >= gap and values[j - gap] > value:
                values[j], shares[j] = values[j - gap], shares[j - gap]
                j -= gap
            values[j], shares[j] = value, share
        gap //= 3


@numba.njit(cache=True, nogil=True)
def _choose(values: Numbers, shares: Numbers, n: int, how: tuple[int, float]) -> int:
    if how[0] == MIN:
        return 0
    if how[0] == MAX:
        return n - 1
    if how[0] == QUANTILE:
        return max(int(np.ceil(how[1] * n - 1)), 0)
    best, most, run = 0, 0.0, 0.0
    for i in range(n):
        run = run + shares[i] if i and values[i] == values[i - 1] else shares[i]
        if run > most + 1e-9:  # sums that differ by rounding alone are equal
            best, most = i, run
    return best
