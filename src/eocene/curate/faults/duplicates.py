"""Samples that are copies of another, number by number."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.curate.faults.material import Material


@check("duplicates", "samples that are equal, number by number", after=("nodata", "conflicts"))
def find_duplicates(material: Material) -> Iterator[Finding]:
    """Name each group of equal samples of one label; the first of them stays."""
    equal = material.list_equal(material.without("nodata", "conflicts"))
    telling = material.find_telling(np.array([members[0] for members in equal], np.intp))
    for members in equal:
        yield Finding(
            "duplicates",
            tuple(int(row) for row in members),
            f"{len(members)} samples are equal in all {material.width} values.",
            "fault" if int(members[0]) in telling else "suspicion",
            drop=tuple(int(row) for row in members[1:]),
        )
