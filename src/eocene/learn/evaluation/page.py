"""A report as one page with its pictures, and as JSON beside it: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from eocene.learn.evaluation.pictures import draw_groups, draw_reliability, draw_scores
from eocene.learn.picture import draw_confusion
from eocene.model.files import write_json, write_text

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.learn.evaluate import Report, SplitScore

PAGE, JSON = "report.html", "report.json"
_STYLE = (
    "body{font:15px/1.5 sans-serif;color:#222;max-width:1080px;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse;margin:1rem 0}td,th{padding:.25rem .75rem;border-bottom:1px solid #ddd;"
    "text-align:right}td:first-child,th:first-child{text-align:left}"
    ".pictures{display:flex;flex-wrap:wrap;gap:1rem;align-items:flex-start}svg{max-width:100%;height:auto}"
)
_HEADS = (
    "split", "accuracy", "macro F1", "random forest", "commonest class", "ECE", "ECE scaled", "temperature",
    "unlearnt", "sets hold", "of promised", "mean set",
)  # fmt: skip


def save_report(report: Report, folder: Path) -> Path:
    """Write ``report.html`` and ``report.json`` into a folder and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / JSON, report.to_dict())
    write_text(folder / PAGE, write_page(report))
    return folder / PAGE


def write_page(report: Report) -> str:
    """Return a report as HTML: all splits side by side, then each with its pictures."""
    title = f"{report.spec.kind} on {report.dataset}"
    parts = [
        '<!doctype html><html lang="en"><head><meta charset="utf-8">',
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">",
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(title)}</h1>",
        f"<p>{report.samples} samples, {report.features} features, {len(report.classes)} classes. Folds by "
        "chance flatter a model, since neighbours stand on both sides; what it is worth elsewhere, splits "
        "that keep places, regions or years apart say.</p>",
        _write_table(report),
        "<p>ECE: expected calibration error, as answered and after temperature scaling. Unlearnt: share of "
        "the test samples whose class is not in the training part of their fold. Sets hold: how often sets "
        "that are calibrated on other test samples of the split hold the true class.</p>",
        draw_scores(report.splits) if report.splits else "",
    ]
    for name, score in report.splits.items():
        parts += [f"<h2>{escape(name)} split</h2>", _write_split(name, score, report)]
    return "\n".join([*parts, "</body></html>"]) + "\n"


def _write_table(report: Report) -> str:
    rows = ["<tr>" + "".join(f"<th>{head}</th>" for head in _HEADS) + "</tr>"]
    for name, score in report.splits.items():
        told, sets = score.calibration, score.conformal or {}
        cells = [
            escape(name),
            _tell(score.pooled["accuracy"]),
            _tell(score.pooled["macro_f1"]),
            _tell(score.forest.get("macro_f1")),
            _tell(score.baseline["macro_f1"]),
            _tell(told.get("ece")),
            _tell(told.get("ece_scaled")),
            _tell(told.get("temperature")),
            _tell(told.get("unlearnt_share")),
            _tell(sets.get("coverage")),
            _tell(sets.get("nominal")),
            _tell(sets.get("mean_size")),
        ]
        rows.append("<tr>" + "".join(f"<td>{cell}</td>" for cell in cells) + "</tr>")
    return "<table>" + "\n".join(rows) + "</table>"


def _write_split(name: str, score: SplitScore, report: Report) -> str:
    names = [report.class_names[value] for value in report.classes]
    pictures = [draw_confusion(score.confusion, names, f"Confusion, {name} split")]
    if score.calibration:
        pictures.append(draw_reliability(score.calibration, f"Reliability, {name} split"))
    pictures += [
        draw_groups(lines, f"Macro F1 by {way}, {name} split") for way, lines in score.groups.items()
    ]
    return '<div class="pictures">' + "\n".join(pictures) + "</div>"


def _tell(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"
