"""Samples that are copies of another, number by number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eocene.curate.faults.check import check
from eocene.curate.faults.conflicts import is_telling
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.curate.faults.material import Material


@check("duplicates", "samples that are equal, number by number", after=("nodata", "conflicts"))
def find_duplicates(material: Material) -> Iterator[Finding]:
    """Name each group of equal samples of one label; the first of them stays."""
    for members in material.list_equal(material.without("nodata", "conflicts")):
        yield Finding(
            "duplicates",
            tuple(int(row) for row in members),
            f"{len(members)} samples are equal in all {material.rows.shape[1]} values.",
            "fault" if is_telling(material.rows[members[0]]) else "suspicion",
            drop=tuple(int(row) for row in members[1:]),
        )
