"""What training and test share: content, or ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import NotApplicable, check
from eocene.curate.faults.finding import Finding
from eocene.curate.splits.ground import find_near, outline

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate.faults.material import Material
    from eocene.curate.splits import Split

_BEFORE = ("nodata", "crs", "near_duplicates")


@check("leakage", "samples of the test side that training has seen", after=_BEFORE)
def find_leakage(material: Material) -> Iterator[Finding]:
    """Name test samples whose copy is trained on, or whose footprint overlaps one that is.

    Footprints are squares of the column "width_m" around the places; without it, equal places count.
    """
    if not material.splits:
        raise NotApplicable('no splits were given, and there is no column "split"')
    twins, empty = _find_twins(material), material.mask("nodata")
    usable = np.zeros(len(material), dtype=bool)
    usable[material.without("crs")] = True
    for number, (train, test) in enumerate(material.splits):
        copied = test[np.isin(twins[test], twins[train])]
        copied = copied[~empty[copied]]
        seen = _find_shared_ground(material, (train[usable[train]], test[usable[test]]))
        for rows, what in ((copied, "the content"), (np.setdiff1d(seen, copied), "the ground")):
            if len(rows):
                told = tuple(int(row) for row in rows)
                reason = f"{len(told)} test samples of split {number} share {what} of training samples."
                yield Finding("leakage", told, reason, "fault", drop=told, evidence={"split": number})


def _find_twins(material: Material) -> NDArray[np.intp]:
    """Return (n,) numbers that are equal where content is, or was found to be nearly so."""
    groups = material.groups
    merged = np.arange(len(groups))
    for finding in material.found.get("near_duplicates", ()):
        merged[groups[list(finding.samples)]] = groups[finding.samples[0]]
    return merged[groups]


def _find_shared_ground(material: Material, split: Split) -> NDArray[np.intp]:
    """Return the test rows whose footprint overlaps one of training; touching is not overlapping."""
    train, test = split
    shapes = outline(material.samples)
    return test[find_near(shapes[test], shapes[train], 0.0)]
