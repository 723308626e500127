"""The card of a model: what it is, how good, on what, and where not to use it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.learn.evaluate import Report, SplitScore
    from eocene.learn.validation import ValueReport


def write_model_card(item: Mapping[str, Any], report: Report) -> str:
    """Return the card as Markdown."""
    lines = [
        *head_lines(item, report),
        "| split | accuracy | mean ± sd of folds | macro F1 | balanced accuracy | random forest "
        "| commonest class | calibration error |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [_score_row(name, score) for name, score in report.splits.items()] or ["| none | | | | | | | |"]
    lines += [
        "",
        "A random split lets neighbouring pixels stand on both sides and flatters the model; a block split "
        "does not. Both hold inside the area of the samples only: elsewhere, or in another year, "
        "expect less and measure it. Random forest and commonest class: the accuracy of these by the "
        "same folds.",
        *_share_lines(report),
    ]
    for name, score in report.splits.items():
        lines += ["", f"## Classes, {name} split", ""]
        lines += [f"| class | {report.unit}s | precision | recall | F1 | IoU |", "|---|---|---|---|---|---|"]
        lines += [_class_row(row, report) for row in score.classes]
    lines += [
        *lineage_lines(item),
        f"- largest difference of probability between ONNX and the trained model: "
        f"{item['properties']['eocene:onnx_difference']:.1e}",
    ]
    return "\n".join(lines) + "\n"


def _share_lines(report: Report) -> list[str]:
    """Return how far off the shares of a model are that has learnt them; nothing of others."""
    told = {name: score.fractions for name, score in report.splits.items() if score.fractions is not None}
    if not told:
        return []
    lines = [
        "",
        "## Shares",
        "",
        "The model answers with shares of classes. All other scores are of the class with the largest share.",
        "",
        "| split | MAE | MAE of the mean shares | RMSE | R² |",
        "|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {own['mae']:.3f} | {naive['mae']:.3f} | {own['rmse']:.3f} | {own['r2']:.3f} |"
        for name, own, naive in ((n, each["pooled"], each["baseline"]) for n, each in told.items())
    ]
    for name, each in told.items():
        lines += ["", f"| class, {name} split | mean share | MAE | MAE of the mean share | R² |"]
        lines += ["|---|---|---|---|---|", *(_share_row(row, report) for row in each["classes"])]
    return lines


def _share_row(row: Mapping[str, Any], report: Report) -> str:
    name, numbers = report.class_names[row["class"]], (row["share"], row["mae"], row["baseline_mae"])
    return f"| {name} | {' | '.join(f'{v:.3f}' for v in numbers)} | {row['r2']:.3f} |"


def head_lines(item: Mapping[str, Any], report: Report | ValueReport) -> list[str]:
    """Return what a card begins with: what the model is and what it was trained on."""
    properties = item["properties"]
    return [
        f"# Model {item['id']}",
        "",
        f"{properties['title']}. Trained on {report.samples} samples with {report.features} features "
        f"(data set {properties['eocene:lineage']['dataset']}).",
        "",
        "## Scores",
        "",
    ]


def lineage_lines(item: Mapping[str, Any]) -> list[str]:
    """Return what a card ends with: what the model was made from."""
    lineage = item["properties"]["eocene:lineage"]
    return [
        "",
        "## Lineage",
        "",
        f"- items: {len(lineage['items'])}",
        f"- graph: {'in item.json' if lineage['graph'] else 'not recorded'}",
        f"- software: {', '.join(f'{k} {v}' for k, v in lineage['software'].items())}",
    ]


def _score_row(name: str, score: SplitScore) -> str:
    folds = f"{score.mean['accuracy']:.3f} ± {score.sd['accuracy']:.3f}"
    forest = f"{score.forest['accuracy']:.3f}" if score.forest else "–"
    error = f"{score.calibration['ece']:.3f}" if score.calibration else "–"
    return (
        f"| {name} | {score.pooled['accuracy']:.3f} | {folds} | {score.pooled['macro_f1']:.3f} "
        f"| {score.pooled['balanced_accuracy']:.3f} | {forest} | {score.baseline['accuracy']:.3f} | {error} |"
    )


def _class_row(row: Mapping[str, Any], report: Report) -> str:
    shown = ["–" if row[k] is None else f"{row[k]:.3f}" for k in ("precision", "recall", "f1", "iou")]
    return f"| {report.class_names[row['class']]} | {row['support']} | {' | '.join(shown)} |"
