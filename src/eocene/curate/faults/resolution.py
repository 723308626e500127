"""What is done about faults: drop, relabel or keep, recorded in the new version of the data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from eocene.curate.dataset.version import write_version
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from eocene.curate.dataset import Dataset
    from eocene.curate.faults.finding import Finding
    from eocene.curate.faults.report import FaultReport
    from eocene.curate.samples import Samples

RECORD = "gate"
_DONE = {"drop": "dropped", "relabel": "relabelled", "keep": "kept"}


@dataclass(frozen=True)
class Resolution:
    """What is done about one kind of fault.

    Parameters
    ----------
    kind : str
        Such as "nodata".
    action : "drop", "relabel" or "keep"
        To keep is to train with it, knowing it.
    reason : str
        Why; needed to keep.
    rows : tuple of int, optional
        Only these of the samples that the report names; None is all.

    Raises
    ------
    InputError
        If something is kept without a reason.
    """

    kind: str
    action: Literal["drop", "relabel", "keep"]
    reason: str = ""
    rows: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.action not in ("drop", "relabel", "keep"):
            raise InputError(f"{self.action!r} resolves nothing.", "Drop, relabel or keep.")
        if self.action == "keep" and not self.reason.strip():
            raise InputError(f"{self.kind} cannot be kept without a reason.", "Say why it does no harm.")


@dataclass(frozen=True, eq=False)
class _Outcome:
    """What becomes of samples: which stay (k,), all labels (n,), and what the new version says of itself."""

    rows: NDArray[np.intp]
    labels: NDArray[np.int64]
    faults: Mapping[str, int]
    sources: Mapping[str, Any]


def resolve(samples: Samples, report: FaultReport, resolutions: Sequence[Resolution]) -> Samples:
    """Return the version of samples in which faults are resolved; it says what was done and why.

    Parameters
    ----------
    samples : Samples
        What the report is of.
    report : FaultReport
    resolutions : sequence of Resolution
        Applied together, all to the rows of ``samples``; a sample that one of them drops is gone.

    Returns
    -------
    Samples
        With counts in ``faults`` and the whole record in ``sources["gate"]``, so with an id of its own.

    Raises
    ------
    InputError
        If the report is of other samples, names no such fault, or knows no labels to take instead.
    """
    end = _decide(samples, report, resolutions)
    changed = replace(samples, labels=end.labels, faults=end.faults, sources=end.sources)
    return changed.take(end.rows)


def resolve_stored(
    dataset: Dataset, report: FaultReport, resolutions: Sequence[Resolution], folder: Path | str
) -> Dataset:
    """Store the version of a data set in which faults are resolved, reading and writing it part by part.

    Parameters
    ----------
    dataset : Dataset
        What the report is of; all its layers are kept.
    report, resolutions
        As of :func:`resolve`; the same samples come to the same id.
    folder : Path or str
        Where data sets lie; this one becomes ``folder/<id>``.

    Raises
    ------
    InputError
        As :func:`resolve`, or if no sample is left.
    """
    end = _decide(dataset, report, resolutions)
    return write_version(dataset, folder, end.rows, labels=end.labels, sources=end.sources, faults=end.faults)


def _decide(samples: Samples | Dataset, report: FaultReport, resolutions: Sequence[Resolution]) -> _Outcome:
    require_match(samples, report)
    kept = np.ones(len(samples), dtype=bool)
    labels = np.array(samples.labels)
    faults = dict(samples.faults)
    told = []
    for each in resolutions:
        found = report.find(each.kind)
        if not found:
            raise InputError(f"The report names no {each.kind!r}.", f"It names {_list_kinds(report)}.")
        changed = _apply(each, found, kept, labels)
        key = f"{each.kind}_{_DONE[each.action]}"
        faults[key] = faults.get(key, 0) + changed
        told.append({**asdict(each), "rows": None, "samples": changed, "of": samples.id})
    return _Outcome(np.flatnonzero(kept), labels, faults, record(samples.sources, told))


def record(sources: Mapping[str, Any], told: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the sources of samples with more of what was done about their faults."""
    gate = dict(sources.get(RECORD, {}))
    gate["resolved"] = [*gate.get("resolved", []), *told]
    return {**sources, RECORD: gate}


def _apply(
    resolution: Resolution, found: list[Finding], kept: NDArray[np.bool_], labels: NDArray[np.int64]
) -> int:
    """Change ``kept`` and ``labels``; return how many samples are meant."""
    meant: set[int] = set()
    for finding in found:
        rows = finding.drop if resolution.action == "drop" else finding.samples
        mine = {row for row in rows if resolution.rows is None or row in resolution.rows}
        meant |= mine
        if resolution.action == "relabel" and mine:
            if not finding.labels:
                raise InputError(f"Nobody knows the right labels: {finding.reason}", "Drop or keep these.")
            for row, label in zip(finding.samples, finding.labels, strict=True):
                labels[row] = label if row in mine else labels[row]
    if resolution.action == "drop":
        kept[list(meant)] = False
    return len(meant)


def require_match(samples: Samples | Dataset, report: FaultReport) -> None:
    """Refuse a report of other samples; raises InputError."""
    if report.samples_id != samples.id:
        raise InputError(
            f"The report is of {report.samples_id}, these samples are {samples.id}.", "Check them again."
        )


def _list_kinds(report: FaultReport) -> str:
    return ", ".join(sorted({f.kind for f in report.findings})) or "nothing"
