"""What training takes: samples whose faults are resolved, or kept with a reason."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from eocene.curate.faults.check import list_proofs
from eocene.curate.faults.gate import check_proofs
from eocene.curate.faults.resolution import RECORD, Resolution, record, require_match
from eocene.model import ConflictError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from eocene.curate.dataset import Dataset
    from eocene.curate.faults.report import FaultReport
    from eocene.curate.samples import Samples

_MOST = 32
_found: OrderedDict[tuple[str, ...], FaultReport] = OrderedDict()
_lock = threading.Lock()


def find_proofs(samples: Samples | Dataset) -> FaultReport:
    """Return what the data prove, as ``check_proofs``, looked for once in a process for the same id.

    The id is the content: samples that were loaded again are not looked at again, changed ones are. The
    reports of the last 32 are kept.
    """
    key = (samples.id, *list_proofs())
    with _lock:
        report = _found.pop(key, None)
    if report is None:
        report = check_proofs(samples)
    with _lock:
        _found[key] = report
        while len(_found) > _MOST:
            _found.popitem(last=False)
    return report


def require_resolved(
    samples: Samples | Dataset, report: FaultReport | None = None, kinds: Collection[str] | None = None
) -> None:
    """Refuse samples with faults that nobody resolved.

    Parameters
    ----------
    samples : Samples or Dataset
    report : FaultReport, optional
        The report of these samples; without it, all that the data prove is looked for, once for the same
        samples, unless they were admitted whatever they have.
    kinds : collection of str, optional
        Only these count; where labels are no classes, for instance, they cannot conflict.

    Raises
    ------
    InputError
        If the report is of other samples.
    ConflictError
        If there are more faults of a kind than the data set says were kept.
    """
    kept = _count_kept(samples.sources)
    if report is None:
        counted = [kind for kind in list_proofs() if kinds is None or kind in kinds]
        if all(kept.get(kind, 0) >= len(samples) for kind in counted):
            return
        report = find_proofs(samples)
    else:
        require_match(samples, report)
    found = {kind: count for kind, count in report.faults.items() if kinds is None or kind in kinds}
    left = {kind: count for kind, count in found.items() if count > kept.get(kind, 0)}
    if left:
        told = ", ".join(f"{count} samples with {kind}" for kind, count in left.items())
        first = report.find(next(iter(left)), severity="fault")[0]
        raise ConflictError(
            f"The data set {samples.id} has unresolved faults: {told}. {first.reason} "
            f"The first is sample {first.samples[0]}.",
            "See them with `eocene dataset check`; then drop or relabel them, or keep them with a reason.",
        )


def admit(samples: Samples, kinds: Iterable[str], reason: str) -> Samples:
    """Return samples that training takes whatever faults of some kinds they have, with the reason on record.

    For what is made of sound samples, and whose faults are those of the making: what is left of a series
    without a band may hold one value. Samples that are admitted with all of ``list_proofs()`` are not looked
    at.

    Raises
    ------
    InputError
        If there is no reason.
    """
    told = [
        asdict(Resolution(kind, "keep", reason)) | {"samples": len(samples), "of": samples.id}
        for kind in kinds
    ]
    return replace(samples, sources=record(samples.sources, told))


def _count_kept(sources: Mapping[str, Any]) -> dict[str, int]:
    kept: dict[str, int] = {}
    for each in sources.get(RECORD, {}).get("resolved", ()):
        if each["action"] == "keep":
            kept[each["kind"]] = kept.get(each["kind"], 0) + int(each["samples"])
    return kept
