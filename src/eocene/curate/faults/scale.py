"""Samples in another unit: a scale factor forgotten, or applied twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material

_FACTORS = (1e-4, 1e4, 1e-3, 1e3, 1e-2, 1e2)


@check("scale", "samples whose numbers are a power of ten off")
def find_scale(material: Material) -> Iterator[Finding]:
    """Name samples of a size that no other has, and that look as all do if multiplied by a power of ten."""
    size = _measure_size(material)
    usual = float(np.median(size[size > 0])) if (size > 0).any() else 0.0
    if not usual > 0:
        return
    # Larger than 30 times the usual, or smaller than a thirtieth of what but few samples fall below.
    least = float(np.quantile(size[size > usual / 100], 0.02))
    odd = (size > 30 * usual) | ((size > 0) & (size < least / 30))
    for factor in _FACTORS:
        fits = np.flatnonzero(odd & (size * factor > usual / 10) & (size * factor < usual * 10))
        rows = np.array(sorted(material.find_telling(fits)), dtype=np.intp)
        # What was told for one factor is not told again for the next.
        odd[rows] = False
        if not len(rows):
            continue
        told = tuple(int(row) for row in rows)
        reason = f"{len(told)} samples would look as the others do if multiplied by {factor:g}."
        scores = tuple(float(f"{v / usual:.4g}") for v in size[rows])
        yield Finding("scale", told, reason, "fault", scores=scores, drop=told, evidence={"factor": factor})


def _measure_size(material: Material) -> NDArray[np.float64]:
    """Return the (n,) median magnitude of each sample, 0 where it holds nothing."""
    size = np.zeros(len(material))
    for rows, held in material.parts():
        ordered = np.sort(np.abs(held), axis=1)
        count = np.isfinite(ordered).sum(axis=1)
        size[rows] = np.where(count > 0, ordered[np.arange(len(rows)), np.maximum(count - 1, 0) // 2], 0.0)
    return size
