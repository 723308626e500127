"""Samples unlike all others, whatever their label."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.arrays import chunked
from eocene.curate.faults.check import NotApplicable, check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_NEIGHBOURS = 10
_LIMIT = 6.0
_SHARE = 0.15
_FLOOR, _FAR = 0.1, 3.0
_BEFORE = ("nodata", "missing", "scale", "stripes")


@check("outliers", "samples unlike all others", after=_BEFORE, suspects=True)
def find_outliers(material: Material) -> Iterator[Finding]:
    """Name samples that lie much further from their neighbours than these do from theirs.

    That is a local outlier factor (Breunig et al. 2000, doi:10.1145/335191.335388), its logarithm in robust
    deviations from its median. So that a sample counts of which but a part is odd, one also is named of whose
    values a share lies far outside those of all its neighbours: by more than these differ among each other.
    """
    rows = material.without(*_BEFORE)
    if len(rows) < 10 * _NEIGHBOURS:
        raise NotApplicable(f"{len(rows)} samples are too few to tell what is usual")
    reference = np.intersect1d(material.reference, rows)
    usual = _measure(material, reference, reference)[0]
    reach, near, share = _measure(material, rows, reference)
    ratio = np.log(np.maximum(reach, 1e-9)) - np.log(np.maximum(np.median(usual[near], axis=1), 1e-9))
    middle, high = np.quantile(ratio, [0.5, 0.9])
    score = (ratio - middle) / max(float(high - middle) / 1.2816, 0.02)
    for reason, far, scores in (
        (f"over {_LIMIT:g} robust deviations further off than their neighbours", score > _LIMIT, score),
        (
            f"{100 * _SHARE:.0f} % or more of their values far outside those of all their neighbours",
            (share >= _SHARE) & (score <= _LIMIT),
            share,
        ),
    ):
        if far.any():
            yield _tell(rows[far], reason, scores[far])


def _tell(rows: NDArray[np.intp], reason: str, scores: NDArray[np.float64]) -> Finding:
    order = np.argsort(-scores, kind="stable")
    told = tuple(int(row) for row in rows[order])
    return Finding(
        "outliers",
        told,
        f"{len(told)} samples are unlike all others: {reason}.",
        "suspicion",
        "look",
        drop=told,
        scores=tuple(round(float(v), 3) for v in scores[order]),
    )


def _measure(
    material: Material, rows: NDArray[np.intp], reference: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.intp], NDArray[np.float64]]:
    """Return how rows lie among their ten neighbours in the reference, in one pass.

    A row is no neighbour of itself.

    Returns
    -------
    reach : (k,) float64
        Distances to the tenth neighbour.
    near : (k, 10) int
        The neighbours, by their numbers in the reference.
    share : (k,) float64
        How many of the values are strange.
    """
    known = material.compact(reference)
    others = known.astype(np.float64)
    squares = (others**2).sum(axis=1)
    own = np.searchsorted(reference, rows)
    own = np.where(reference[own % len(reference)] == rows, own, -1)
    reach, near = np.empty(len(rows)), np.empty((len(rows), _NEIGHBOURS), np.intp)
    share = np.empty(len(rows))
    for part in chunked(len(rows), max(len(others), material.width, known.shape[1] * _NEIGHBOURS)):
        values = material.compact(rows[part])
        held = values.astype(np.float64)
        apart = (held**2).sum(axis=1)[:, None] + squares - 2 * held @ others.T
        inside = np.flatnonzero(own[part] >= 0)
        apart[inside, own[part][inside]] = np.inf
        near[part] = np.argpartition(apart, _NEIGHBOURS - 1, axis=1)[:, :_NEIGHBOURS]
        reach[part] = np.take_along_axis(apart, near[part], axis=1).max(axis=1)
        share[part] = _measure_strangeness(values, known[near[part]])
    return np.asarray(np.sqrt(np.maximum(reach, 0.0))), near, share


def _measure_strangeness(own: NDArray[np.float32], neighbours: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return (k,) shares of values (k, d) beyond the range of most of (k, 10, d) by three times it."""
    held = np.sort(neighbours, axis=1)
    low, high = held[:, 2], held[:, -3]  # two of the neighbours may be odd themselves
    reach = _FAR * np.maximum(high - low, _FLOOR)
    strange: NDArray[np.float64] = ((own < low - reach) | (own > high + reach)).mean(axis=1)
    return strange
