"""The gate: samples through all checks."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.faults.check import CHECKS, NotApplicable, list_proofs, order_checks
from eocene.curate.faults.material import Material
from eocene.curate.faults.report import FaultReport
from eocene.curate.faults.settings import GateSettings
from eocene.model import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eocene.curate.dataset import Dataset
    from eocene.curate.faults.finding import Finding
    from eocene.curate.samples import Samples
    from eocene.curate.splits import Split


def check_samples(
    samples: Samples | Dataset,
    settings: GateSettings | None = None,
    *,
    splits: Sequence[Split] = (),
    kinds: Iterable[str] | None = None,
) -> FaultReport:
    """Look for faults.

    Parameters
    ----------
    samples : Samples or Dataset
        In memory or stored; a stored data set is read part by part, some ten times, and the findings are the
        same. Of several layers the first one is looked at.
    settings : GateSettings, optional
    splits : sequence of (train, test)
        Row numbers; their two sides are checked for shared ground and content. Without, the column
        "split" counts, if it holds "train" and "test".
    kinds : iterable of str, optional
        Only these; by default all.

    Returns
    -------
    FaultReport
        The same samples, settings and splits give the same findings. Checks that have nothing to look at
        are listed with why.

    Raises
    ------
    InputError
        If a kind is unknown.
    """
    material = Material(samples, settings or GateSettings(), list(splits) or _read_splits(samples))
    findings: list[Finding] = []
    seconds: dict[str, float] = {}
    skipped: dict[str, str] = {}
    for each in order_checks(CHECKS if kinds is None else kinds):
        start = time.perf_counter()
        try:
            found = list(each.find(material)) if len(samples) else []
        except (NotApplicable, UnavailableError) as why:
            skipped[each.kind] = str(why)
            continue
        seconds[each.kind] = round(time.perf_counter() - start, 3)
        material.found[each.kind] = tuple(found)
        findings += found
    return FaultReport(
        samples.id, len(samples), tuple(findings), seconds, skipped, _read_names(material, findings)
    )


def _read_names(material: Material, findings: list[Finding]) -> dict[int, str]:
    """Return the names of the samples that were found, from the column "sample" where there is one."""
    if "sample" not in material.samples.columns:
        return {}
    names, which = material.code("sample")
    return {row: str(names[which[row]]) for finding in findings for row in finding.samples}


def check_quickly(samples: Samples | Dataset) -> FaultReport:
    """Look for what a pass over the data proves: no data, and equal samples with unequal labels.

    What their findings depend on is looked for too, and not told: samples in another unit are not constant.
    """
    quick = [each for each in CHECKS.values() if each.quick]
    needed = {kind for each in quick for kind in (each.kind, *each.after)}
    report = check_samples(samples, kinds=needed)
    return replace(report, findings=tuple(report.find(*(each.kind for each in quick))))


def check_proofs(samples: Samples | Dataset) -> FaultReport:
    """Look for all that the data prove, which is quick beside what they only make suspect."""
    return check_samples(samples, kinds=list_proofs())


def _read_splits(samples: Samples | Dataset) -> list[Split]:
    side = samples.columns.get("split")
    if side is None:
        return []
    train, test = np.flatnonzero(side == "train"), np.flatnonzero(side == "test")
    return [(train, test)] if len(train) and len(test) else []
