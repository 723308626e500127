"""A report as one page with its pictures, and as JSON beside it: no script, nothing loaded from elsewhere."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from eocene.curate import pages
from eocene.learn.evaluation.pictures import draw_groups, draw_reliability, draw_scores
from eocene.learn.folder import PAGE, REPORT
from eocene.learn.picture import draw_confusion
from eocene.model.files import write_json, write_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from eocene.learn.evaluate import Report
    from eocene.learn.validation import ValueReport

_HEADS = (
    "split", "accuracy", "macro F1", "mean IoU", "random forest", "commonest class", "ECE", "ECE scaled",
    "temperature", "unlearnt", "sets hold", "of promised", "mean set",
)  # fmt: skip
_SHARE_HEADS = ("split", "MAE", "MAE of mean shares", "RMSE", "R²", "KL", "KL of mean shares")
_NOTES = {
    "sample": "Random forest and commonest class: the macro F1 of these by the same folds.",
    "pixel": "Every labelled pixel of the tested chips is counted. Random forest, on the numbers of single "
    "pixels, and commonest class: the macro F1 of these by the same folds.",
}


def save_report(report: Report | ValueReport, folder: Path) -> Path:
    """Write ``report.html`` and ``report.json`` into a folder and return the page."""
    folder.mkdir(parents=True, exist_ok=True)
    told = report.to_dict()
    write_json(folder / REPORT, told)
    write_text(folder / PAGE, write_page(told))
    return folder / PAGE


def write_page(told: Mapping[str, Any]) -> str:
    """Return a report as HTML: all splits side by side, then each with its classes and pictures.

    Parameters
    ----------
    told : mapping
        A report of classes or of values as JSON: its ``to_dict()``, or what a registered model keeps.
    """
    title = f"{told['spec']['kind']} on {told['dataset']}"
    body = _write_classes(told) if "classes" in told else _write_values(told)
    return pages.write_page(title, body)


def _write_values(told: Mapping[str, Any]) -> list[str]:
    rows = [
        (name, score["pooled"]["rmse"], score["baseline"]["rmse"], score["pooled"]["mae"],
         score["pooled"]["r2"], len(score["folds"]))
        for name, score in told["splits"].items()
    ]  # fmt: skip
    heads = ("split", "RMSE", "RMSE of the mean", "MAE", "R²", "folds")
    return [_write_lead(told, ""), pages.write_table(heads, rows) if rows else _UNSCORED]


def _write_classes(told: Mapping[str, Any]) -> list[str]:
    unit, splits = told.get("unit", "sample"), told["splits"]
    parts = [_write_lead(told, f", {len(told['classes'])} classes")]
    if not splits:
        return [*parts, _UNSCORED]
    parts += [
        pages.write_table(_HEADS, [_write_row(name, score) for name, score in splits.items()]),
        f"<p class=soft>{_NOTES[unit]} ECE: expected calibration error, as answered and after temperature "
        f"scaling. Unlearnt: share of the tested {unit}s whose class is not in the training part of their "
        f"fold. Sets hold: how often sets that are calibrated on other tested {unit}s of the split hold the "
        "true class.</p>",
        draw_scores(splits),
        *_write_shares(splits),
    ]
    for name, score in splits.items():
        parts += [f"<h2>{escape(name)} split</h2>", _write_split(name, score, told)]
    return parts


def _write_shares(splits: Mapping[str, Any]) -> list[str]:
    """Return the table of shares, of a model that has learnt them."""
    rows = []
    for name, score in splits.items():
        if shares := score.get("fractions"):
            own, naive = shares["pooled"], shares["baseline"]
            rows.append([name, own["mae"], naive["mae"], own["rmse"], own["r2"], own["kl"], naive["kl"]])
    note = (
        "<p class=soft>Shares of classes: the mean error over samples and classes, and the Kullback–Leibler "
        "divergence in nats, beside those of the mean shares of the training part. All other scores are of "
        "the main class.</p>"
    )
    return [pages.write_table(_SHARE_HEADS, rows), note] if rows else []


def _write_class_shares(rows: Sequence[Mapping[str, Any]], named: Mapping[str, str]) -> str:
    keys = ("share", "mae", "baseline_mae", "r2")
    lines = [[named[str(row["class"])], *(row[key] for key in keys)] for row in rows]
    return pages.write_table(("class", "mean share", "MAE", "MAE of mean shares", "R²"), lines)


_UNSCORED = "<p>It was not evaluated: no split was asked for.</p>"


def _write_lead(told: Mapping[str, Any], more: str) -> str:
    things = "chips, answered pixel by pixel" if told.get("unit") == "pixel" else "samples"
    return (
        f"<p>{told['samples']} {things}, {told['features']} features{more}. Folds by chance flatter a model, "
        "since neighbours stand on both sides; what it is worth elsewhere, splits that keep places, regions "
        "or years apart say.</p>"
    )


def _write_row(name: str, score: Mapping[str, Any]) -> list[object]:
    told, sets = score["calibration"], score["conformal"] or {}
    pooled = score["pooled"]
    values = [
        pooled["accuracy"], pooled["macro_f1"], pooled.get("mean_iou"), score["forest"].get("macro_f1"),
        score["baseline"]["macro_f1"], told.get("ece"), told.get("ece_scaled"), told.get("temperature"),
        told.get("unlearnt_share"), sets.get("coverage"), sets.get("nominal"), sets.get("mean_size"),
    ]  # fmt: skip
    return [name, *("–" if value is None else float(value) for value in values)]


def _write_split(name: str, score: Mapping[str, Any], told: Mapping[str, Any]) -> str:
    named = {str(value): title for value, title in told["class_names"].items()}
    names = [named[str(row["class"])] for row in score["classes"]]
    keys = ("support", "precision", "recall", "f1", "iou")
    rows = [
        [named[str(row["class"])], *("–" if row.get(key) is None else row[key] for key in keys)]
        for row in score["classes"]
    ]
    table = pages.write_table(("class", "support", "precision", "recall", "F1", "IoU"), rows)
    if shares := score.get("fractions"):
        table += _write_class_shares(shares["classes"], named)
    pictures = [draw_confusion(score["confusion"], names, f"Confusion, {name} split")]
    if score["calibration"]:
        pictures.append(draw_reliability(score["calibration"], f"Reliability, {name} split"))
    pictures += [
        draw_groups(lines, f"Macro F1 by {way}, {name} split") for way, lines in score["groups"].items()
    ]
    return table + '<div class="sheet">' + "\n".join(pictures) + "</div>"
