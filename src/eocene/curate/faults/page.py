"""The report of the gate as a page: what was found, with pictures of the samples."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from eocene.curate.faults.check import CHECKS
from eocene.curate.faults.material import Material
from eocene.curate.faults.pictures import draw_sample
from eocene.curate.pages import write_page, write_table

if TYPE_CHECKING:
    from eocene.curate.dataset import Dataset
    from eocene.curate.faults.finding import Finding
    from eocene.curate.faults.report import FaultReport
    from eocene.curate.samples import Samples

_FINDINGS, _SAMPLES, _FEW = 8, 18, 2
_DONE = {
    "drop": "usually dropped",
    "relabel": "look, then perhaps give the other label",
    "look": "look at them",
}


def draw_report(samples: Samples | Dataset, report: FaultReport) -> str:
    """Return the report as one HTML page that needs nothing else.

    Of each kind the first findings are shown, with pictures of their first samples; the JSON has all.
    """
    material = Material(samples)
    material.found = {kind: tuple(report.find(kind)) for kind in CHECKS}
    parts = [
        f'<p class="soft">{escape(report.samples_id)}, {report.size:,} samples</p>',
        _summarise(report),
    ]
    for kind in CHECKS:
        found = report.find(kind)
        if found:
            parts.append(f"<h2>{escape(kind)}: {escape(CHECKS[kind].title)}</h2>")
            shown = (_show(material, report, finding) for finding in found[:_FINDINGS])
            parts.append(f'<div class="finds">{"".join(shown)}</div>')
            if len(found) > _FINDINGS:
                parts.append(f'<p class="soft">and {len(found) - _FINDINGS:,} more such findings</p>')
    return write_page("Faults of a data set", parts)


def _summarise(report: FaultReport) -> str:
    rows = []
    for kind, check in CHECKS.items():
        if kind in report.checked or kind in report.skipped:
            faults, suspicions = report.faults.get(kind, 0), report.suspicions.get(kind, 0)
            why = report.skipped.get(kind)
            counts: tuple[object, object] = ("–", "–") if why else (faults, suspicions)
            rows.append((kind, check.title, *counts, f"not checked: {why}" if why else ""))
    return write_table(("check", "looks for", "faults", "suspicions", ""), rows)


def _show(material: Material, report: FaultReport, finding: Finding) -> str:
    figures = [_caption(material, report, finding, i) for i in range(min(len(finding.samples), _SAMPLES))]
    more = len(finding.samples) - _SAMPLES
    rest = f'<p class="soft">and {more:,} more</p>' if more > 0 else ""
    kind = '<span class="fault">fault</span>' if finding.severity == "fault" else "suspicion"
    few = " few" if len(figures) <= _FEW else ""
    return (
        f'<div class="find{few}"><p>{kind}: {escape(finding.reason)} '
        f'<span class="soft">{_DONE[finding.proposal]}</span></p>'
        f'<div class="sheet">{"".join(figures)}</div>{rest}</div>'
    )


def _caption(material: Material, report: FaultReport, finding: Finding, i: int) -> str:
    row, names = finding.samples[i], material.samples.class_names
    given = int(material.labels[row])
    lines = [report.names.get(row, f"row {row}"), names[given]]
    if finding.labels and finding.labels[i] != given:
        lines[1] += f" → {names.get(finding.labels[i], finding.labels[i])}"
    if finding.scores:
        lines.append(f"{finding.scores[i]:g}")
    told = "<br>".join(escape(str(line)) for line in lines)
    return f"<figure>{draw_sample(material, row)}<figcaption>{told}</figcaption></figure>"
