"""Arithmetic on many rows: in runs that stay small, with gaps, and beside what is usual."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def chunked(n: int, width: int, numbers: int = 4_000_000) -> list[NDArray[np.intp]]:
    """Cut n rows of a width into runs of about as many numbers, so that copies stay small."""
    step = max(1, numbers // max(width, 1))
    return [np.arange(start, min(start + step, n)) for start in range(0, n, step)]


def bridge_gaps(series: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return (n, t, b) with missing values on the line between the dates around, or as the nearest date."""
    n, dates, _ = series.shape
    held = ~np.isnan(series)
    at = np.arange(dates)[None, :, None]
    before = np.maximum.accumulate(np.where(held, at, -1), axis=1)
    after = np.minimum.accumulate(np.where(held, at, dates)[:, ::-1], axis=1)[:, ::-1]
    first = np.where(before < 0, np.minimum(after, dates - 1), before)
    last = np.where(after >= dates, first, after)
    low, high = np.take_along_axis(series, first, 1), np.take_along_axis(series, last, 1)
    part = (at - first) / np.maximum(last - first, 1)
    bridged = low + (high - low) * np.clip(part, 0, 1)
    return np.where(held, series, bridged).astype(np.float32) if n else series


def find_quantiles(values: NDArray[np.float32], which: tuple[float, ...]) -> list[NDArray[np.float32]]:
    """Return quantiles of columns, over what is not missing; sorting puts NaN last."""
    ordered = np.sort(values, axis=0)
    count = (~np.isnan(ordered)).sum(axis=0)
    columns = np.arange(values.shape[1])
    return [ordered[np.rint(q * np.maximum(count - 1, 0)).astype(int), columns] for q in which]
