"""Samples that lack too much, or hold what is no number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.curate.faults.material import Material


@check("missing", "samples that lack many of their values", after=("nodata",))
def find_missing(material: Material) -> Iterator[Finding]:
    """Name samples that lack more than their share of values, or hold infinite ones.

    A feature that nobody has is no fault of a sample: it is left out of the share.
    """
    nothing = np.isnan(material.rows)
    usual = nothing.mean(axis=0) <= material.settings.max_missing
    rows = material.without("nodata")
    share = nothing[:, usual].mean(axis=1) if usual.any() else np.zeros(len(material))
    short = rows[share[rows] > material.settings.max_missing]
    if len(short):
        told = tuple(int(row) for row in short)
        reason = (
            f"{len(told)} samples lack more than {100 * material.settings.max_missing:.0f} % of their values."
        )
        scores = tuple(round(float(v), 4) for v in share[short])
        yield Finding("missing", told, reason, "fault", drop=told, scores=scores)
    infinite = rows[np.isinf(material.rows[rows]).any(axis=1)]
    if len(infinite):
        told = tuple(int(row) for row in infinite)
        yield Finding("missing", told, f"{len(told)} samples hold infinite values.", "fault", drop=told)
