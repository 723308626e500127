"""What is written beside a model for people: its card, the page of its report, its confusion."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eocene.learn.card import head_lines, lineage_lines, write_model_card
from eocene.learn.evaluation.page import write_page
from eocene.learn.folder import CARD, PAGE, PICTURE
from eocene.learn.picture import draw_confusion
from eocene.learn.validation import ValueReport
from eocene.model.files import write_text

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.learn.evaluate import Report


def write_about(folder: Path, item: dict[str, Any], report: Report | ValueReport) -> dict[str, Any]:
    """Write the report's page, the card, and of classes the picture; return the item with what is there."""
    write_text(folder / PAGE, write_page(report.to_dict()))
    page = {"href": f"./{PAGE}", "type": "text/html", "title": "The scores as a page", "roles": ["metadata"]}
    assets = {**item["assets"], "page": page}
    if isinstance(report, ValueReport):
        write_text(folder / CARD, write_value_card(item, report))
        del assets["confusion"]
    else:
        write_text(folder / CARD, write_model_card(item, report))
        write_text(folder / PICTURE, _draw(report))
    return {**item, "assets": assets}


def write_value_card(item: dict[str, Any], report: ValueReport) -> str:
    """Return the card of a regression as Markdown."""
    lines = [
        *head_lines(item, report),
        "| split | RMSE | MAE | R² | RMSE of the mean |",
        "|---|---|---|---|---|",
    ]
    lines += [_value_row(name, score) for name, score in report.splits.items()] or ["| none | | | | |"]
    lines += [
        "",
        "Folds by chance let neighbouring pixels stand on both sides and flatter the model.",
        *lineage_lines(item),
    ]
    return "\n".join(lines) + "\n"


def _value_row(name: str, score: Any) -> str:
    pooled = score["pooled"]
    return (
        f"| {name} | {pooled['rmse']:.4g} | {pooled['mae']:.4g} | {pooled['r2']:.3f} "
        f"| {score['baseline']['rmse']:.4g} |"
    )


def _draw(report: Report) -> str:
    split = "block" if "block" in report.splits else next(iter(report.splits), None)
    names = [report.class_names[v] for v in report.classes]
    if split is None:
        return draw_confusion([[0] * len(names) for _ in names], names, "not evaluated")
    return draw_confusion(report.splits[split].confusion, names, f"{split} split")
