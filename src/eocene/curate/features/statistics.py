"""Statistics of features, kept beside them, by which later values are found to have drifted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

BINS = 10
_LEAST = 1e-4


def summarise(values: NDArray[np.float32], bands: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Return count, missing share, mean and deviation of each band, and the shares of ten even bins.

    Parameters
    ----------
    values : (..., bands)
        NaN where missing.
    bands : sequence of str
        Their names.
    """
    told = {}
    for number, band in enumerate(bands):
        column = values.reshape(-1, len(bands))[:, number].astype(np.float64)
        known = column[~np.isnan(column)]
        # Of values that repeat, quantiles coincide: such bins are one.
        edges = np.unique(np.quantile(known, np.linspace(0, 1, BINS + 1)[1:-1])) if len(known) else known
        told[band] = {
            "count": len(known),
            "missing": 1 - len(known) / len(column) if len(column) else 0.0,
            "mean": float(known.mean()) if len(known) else None,
            "deviation": float(known.std()) if len(known) else None,
            "edges": edges.tolist(),
            "shares": _share(column, edges).tolist(),
        }
    return told


def _share(column: NDArray[Any], edges: NDArray[Any]) -> NDArray[np.float64]:
    """Return the share of values in each bin that edges part, and at last of those that are missing."""
    missing = np.isnan(column)
    bins = np.searchsorted(edges, column[~missing], side="right")
    counts = np.append(np.bincount(bins, minlength=len(edges) + 1), missing.sum())
    return np.asarray(counts / max(1, len(column)))


def measure_drift(
    before: Mapping[str, Mapping[str, Any]], values: NDArray[np.float32], bands: Sequence[str]
) -> dict[str, float]:
    """Return how far values have drifted from statistics: the population stability index of each band.

    It sums (p − q) ln(p / q) over the bins; below 0.1 is usual, above 0.25 a shift. What is missing counts as
    a bin. Source: Yurdakul 2018, "Statistical properties of population stability index".

    Parameters
    ----------
    before : mapping
        From :func:`summarise`.
    values : (..., bands)
        The new ones.
    bands : sequence of str
        Their names.
    """
    drift = {}
    for number, band in enumerate(bands):
        told, column = before[band], values.reshape(-1, len(bands))[:, number]
        p = np.maximum(_share(column, np.array(told["edges"])), _LEAST)
        q = np.maximum(told["shares"], _LEAST)
        drift[band] = float(((p - q) * np.log(p / q)).sum())
    return drift
