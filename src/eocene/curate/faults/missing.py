"""Samples that lack too much, or hold what is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material


@check("missing", "samples that lack many of their values", after=("nodata",))
def find_missing(material: Material) -> Iterator[Finding]:
    """Name samples that lack more than their share of values, or hold infinite ones.

    A feature that nobody has is no fault of a sample: it is left out of the share.
    """
    absent, odd = np.zeros(material.width), np.zeros(len(material), bool)
    for part, held in material.parts():
        absent += np.isnan(held).sum(axis=0)
        odd[part] = np.isinf(held).any(axis=1)
    usual = absent <= material.settings.max_missing * len(material)
    share = np.zeros(len(material))
    for part, held in material.parts() if usual.any() else ():
        share[part] = np.isnan(held)[:, usual].mean(axis=1)
    rows = material.without("nodata")
    short = rows[share[rows] > material.settings.max_missing]
    if len(short):
        reason = f"lack more than {100 * material.settings.max_missing:.0f} % of their values"
        yield _tell(short, reason, tuple(round(float(v), 4) for v in share[short]))
    if odd[rows].any():
        yield _tell(rows[odd[rows]], "hold infinite values")


def _tell(rows: NDArray[np.intp], reason: str, scores: tuple[float, ...] = ()) -> Finding:
    told = tuple(int(row) for row in rows)
    return Finding("missing", told, f"{len(told)} samples {reason}.", "fault", drop=told, scores=scores)
