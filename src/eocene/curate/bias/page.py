"""The bias report as a page: shares side by side, what the cloud filter took, errors, and the plan."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from eocene.curate.bias.repair import measure_effective_size
from eocene.curate.pages import write_page, write_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eocene.curate.bias.groups import GroupShare
    from eocene.curate.bias.report import BiasReport
    from eocene.curate.bias.shift import Shift

_LEFT, _WIDE, _ROW = 150, 420, 34
_MOST = 24


def draw_bias(report: BiasReport, title: str = "Bias of a data set") -> str:
    """Return the report as one HTML page that needs nothing else."""
    notable = report.notable
    parts = [f'<p class="soft">{report.size:,} samples beside where the model will be used</p>']
    if notable:
        parts += [f'<p><span class="fault">shift</span> {escape(str(s))}</p>' for s in notable]
    else:
        parts.append("<p>No shift is notable (over 5 % of the samples, p ≤ 0.01).</p>")
    for shift in report.shifts:
        parts += [f"<h2>{escape(shift.factor)}</h2>", draw_shares(shift)]
    if report.errors:
        parts += ["<h2>Errors of the model</h2>", _tell_worst(report), _list_groups(report.errors, "wrong")]
    if report.removed:
        parts += ["<h2>What the cloud filter removed</h2>", _list_groups(report.removed, "removed")]
    if notable:
        parts += ["<h2>Repair</h2>", *_tell_repair(report)]
    return write_page(title, parts)


def draw_shares(shift: Shift) -> str:
    """Return an SVG of paired bars: the share of each category among the samples, and as it should be."""
    names = sorted(shift.wanted, key=lambda name: -max(shift.shares[name], shift.wanted[name]))[:_MOST]
    top = max(max(shift.shares[n], shift.wanted[n]) for n in names) or 1.0
    height = _ROW * len(names) + 26
    parts = [
        f'<svg viewBox="0 0 640 {height}" width="640" height="{height}" font-size="12" role="img">',
        f"<title>{escape(shift.factor)}</title>",
        '<rect x="150" y="6" width="10" height="10" fill="var(--one)"/>'
        '<text x="165" y="15" fill="var(--ink)">samples</text>'
        '<rect x="240" y="6" width="10" height="10" fill="var(--two)"/>'
        '<text x="255" y="15" fill="var(--ink)">where it will be used</text>',
    ]
    for i, name in enumerate(names):
        y = 26 + i * _ROW
        parts.append(
            f'<text x="{_LEFT - 8}" y="{y + 17}" text-anchor="end" fill="var(--ink)">'
            f"{escape(name[:22])}</text>"
        )
        for offset, share, ink in ((0, shift.shares[name], "one"), (13, shift.wanted[name], "two")):
            wide = _WIDE * share / top
            parts.append(
                f'<rect x="{_LEFT}" y="{y + offset}" width="{wide:.1f}" height="11" fill="var(--{ink})"/>'
                f'<text x="{_LEFT + wide + 5:.1f}" y="{y + offset + 10}" fill="var(--soft)">'
                f"{100 * share:.1f} %</text>"
            )
    return "".join([*parts, "</svg>"])


def _list_groups(groups: Sequence[GroupShare], what: str) -> str:
    rows = [
        (g.factor, g.name, g.count, f"{100 * g.share:.1f} %", f"{100 * g.low:.1f} to {100 * g.high:.1f} %")
        for g in groups
    ]
    return write_table(("factor", "category", "samples", what, "95 % interval"), rows)


def _tell_worst(report: BiasReport) -> str:
    worst = [f"{factor} {g.name} ({100 * g.share:.1f} % wrong)" for factor, g in report.worst.items()]
    return f"<p>The worst: {escape('; '.join(worst))}.</p>" if worst else ""


def _tell_repair(report: BiasReport) -> list[str]:
    effective = measure_effective_size(report.weights)
    parts = [
        f"<p>Weights (at most {report.weights.max():.1f}) make the shares right and leave the samples worth "
        f"{effective:.0f} equal ones.</p>"
    ]
    if report.plan is not None:
        cells = sorted(report.plan.cells.items(), key=lambda cell: -cell[1])
        rows = [(*cell, count) for cell, count in cells[:_MOST]]
        parts.append(f"<p>Or label {report.plan.budget:,} samples anew, in {len(cells)} cells:</p>")
        parts.append(write_table((*report.plan.factors, "samples"), rows))
        if len(cells) > _MOST:
            parts.append(f'<p class="soft">and {len(cells) - _MOST} smaller cells, in the JSON</p>')
    return parts
