"""Equal samples that bear different labels: no model can learn both."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import check
from eocene.curate.faults.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.curate.faults.material import Material


@check("conflicts", "equal samples with different labels", after=("nodata",), quick=True)
def find_conflicts(material: Material) -> Iterator[Finding]:
    """Name each group of equal samples with the labels that it bears, samples without data among them.

    Such samples prove a fault however little they hold: they bear labels that they cannot have.
    """
    samples, empty = material.samples, material.mask("nodata")
    given = material.labels
    torn = [rows for rows in material.list_equal(np.arange(len(material))) if np.ptp(given[rows])]
    telling = material.find_telling(np.array([rows[0] for rows in torn], np.intp))
    for rows in torn:
        labels, counts = np.unique(given[rows], return_counts=True)
        most = int(labels[np.argmax(counts)])
        # Where one label has most of them the others go; where none has, nobody knows.
        clear = counts.max() > 0.5 * counts.sum() and not empty[rows[0]]
        wrong = given[rows] != most
        told = [(samples.class_names[int(v)], int(c)) for v, c in zip(labels, counts, strict=True)]
        yield Finding(
            "conflicts",
            tuple(int(row) for row in rows),
            f"{len(rows)} equal samples bear "
            + ", ".join(f"{name!r} ({count})" for name, count in told)
            + ".",
            "fault" if empty[rows[0]] or int(rows[0]) in telling else "suspicion",
            "relabel" if clear else "drop",
            drop=tuple(int(row) for row in (rows[wrong] if clear else rows)),
            labels=(most,) * len(rows) if clear else (),
            evidence={"labels": dict(told)},
        )
