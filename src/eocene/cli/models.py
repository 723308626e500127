"""Commands on registered models: list them, show how good they are, and watch for drift."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json
from eocene.cli.learning import _inside, _read_pixels

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.workspace import Workspace

models = typer.Typer(
    help="Registered models: list, report, explain, drift, update, quantize.", invoke_without_command=True
)
app.add_typer(models, name="models")

ModelId = Annotated[str, typer.Argument(help="Model id, or the name it was saved under.")]


@models.callback()
def list_models(context: typer.Context, workspace: WorkspaceOption = HERE) -> None:
    """List the registered models."""
    if context.invoked_subcommand is None:
        with open_workspace(workspace) as ws:
            print_json([{"id": i["id"], **i["properties"]} for i in ws.models.list()])


@models.command()
def report(
    model: ModelId,
    workspace: WorkspaceOption = HERE,
    out: Annotated[Path | None, typer.Option(help="Write the page with its pictures to this file.")] = None,
    on: Annotated[
        str | None, typer.Option(help="Score it on this data set, too, which it has not learnt from.")
    ] = None,
) -> None:
    """Print the scores that a model was registered with, or write them as a page."""
    from eocene.learn.evaluation.page import write_page
    from eocene.model.files import write_text

    with open_workspace(workspace) as ws:
        found = ws.models.resolve(model)
        told = ws.models.report(found)
        if on is not None:
            told = _score_on(ws, found, told, on)
    if out is None:
        print_json(told)
        return
    write_text(out, write_page(told))
    print_json({"model": found, "output": str(out)})


def _score_on(ws: Workspace, model: str, told: dict[str, Any], dataset: str) -> dict[str, Any]:
    """Return the report of a model with its scores on another data set of the workspace."""
    from eocene.learn.evaluation.elsewhere import add_elsewhere

    predictor, samples = ws.models.load(model), _load(ws, dataset)
    labels = _read_pixels(ws.layout.datasets / dataset) if predictor.signature.dense else None
    return add_elsewhere(told, predictor, samples, labels)


@models.command()
def drift(
    model: ModelId,
    dataset: Annotated[str, typer.Argument(help="Data set of what came later; labels are not looked at.")],
    workspace: WorkspaceOption = HERE,
    reference: Annotated[
        str | None,
        typer.Option(help="What is usual: by default what it was trained on, else answers count, too."),
    ] = None,
    window: Annotated[int, typer.Option(help="Samples that are compared at once, by their time.")] = 200,
    rate: Annotated[float, typer.Option(help="Share of usual windows that may raise an alarm.")] = 0.01,
    seed: Annotated[int, typer.Option(help="Decides what is drawn.")] = 0,
) -> None:
    """Print which windows of later samples are unlike what a model knows, and in which features."""
    from eocene.learn.drift_windows import check_windows
    from eocene.learn.explain.background import find_dataset

    with open_workspace(workspace) as ws:
        found = ws.models.resolve(model)
        item = ws.models.item(found)
        learnt = find_dataset(ws.layout, item) or str(item["properties"]["eocene:lineage"]["dataset"])
        used = reference or learnt
        usual, later = _load(ws, used), _load(ws, dataset)
        predictor = None if used == learnt else ws.models.load(found)
    if predictor is not None and not predictor.class_names:  # a regression has no probabilities
        predictor = None
    windows = check_windows(
        usual, later, predictor=predictor, window=window, false_alarm_rate=rate, seed=seed
    )
    print_json({
        "model": found, "reference": used, "false_alarm_rate": rate,
        "watched": ["features"] if predictor is None else ["features", "answers"],
        "alarms": sum(each.drift.is_drift for each in windows),
        "windows": [{"first": each.first, "last": each.last, **asdict(each.drift)} for each in windows],
    })  # fmt: skip


def _load(ws: Workspace, dataset: str) -> Samples:
    from eocene.curate import Samples

    return Samples.load(_inside(ws.layout.datasets, dataset, "data set"))
