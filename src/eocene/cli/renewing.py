"""Commands that make another model of a registered one: with what is new, or with weights of 8 bits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eocene.cli.console import HERE, WorkspaceOption, open_workspace, print_json
from eocene.cli.learning import _load_encoder
from eocene.cli.models import ModelId, _load, models
from eocene.model import InputError, NotFoundError

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.workspace import Workspace


@models.command()
def update(
    model: ModelId,
    dataset: Annotated[str, typer.Argument(help="Data set of what is new: same features, with labels.")],
    workspace: WorkspaceOption = HERE,
    replay: Annotated[
        int, typer.Option(min=1, help="Old samples that are learnt again at first; doubled while needed.")
    ] = 200,
    most_forgotten: Annotated[
        float, typer.Option(help="Macro F1, from 0 to 1, that the old samples may lose.")
    ] = 0.02,
    block_m: Annotated[float, typer.Option(help="Edge of held-out blocks in metres.")] = 640.0,
) -> None:
    """Teach a model new samples beside old ones and register it, unless it would forget more than allowed."""
    from eocene.learn.renewal import renew_model
    from eocene.learn.spec import ModelSpec

    if not 0 <= most_forgotten <= 1:
        raise InputError(f"--most-forgotten is {most_forgotten:g}.", "Give points of macro F1 from 0 to 1.")
    with open_workspace(workspace) as ws:
        found = ws.models.resolve(model)
        _load_encoder(ws, ModelSpec.from_dict(ws.models.report(found)["spec"]))
        made, told = renew_model(
            ws.models, found, _load(ws, dataset), replay=replay, most_forgotten=most_forgotten,
            block_m=block_m,
        )  # fmt: skip
    print_json({"model": made, "updated": found, "dataset": dataset, **told.to_dict()})


@models.command()
def quantize(
    model: ModelId,
    output: Annotated[Path, typer.Option("--output", "-o", help="The .onnx file to write.")],
    workspace: WorkspaceOption = HERE,
    on: Annotated[
        str | None,
        typer.Option(help="Data set that tells ranges and loss: by default what it was trained on."),
    ] = None,
) -> None:
    """Write a network with weights of 8 bits for small machines, and print what that loses."""
    from eocene.learn.edge import quantize as shrink
    from eocene.learn.evaluation.elsewhere import check_features
    from eocene.model.files import write_bytes

    if output.suffix != ".onnx":
        raise InputError(f"{output} is no .onnx file.", "Name one that ends with .onnx.")
    with open_workspace(workspace) as ws:
        found = ws.models.resolve(model)
        dataset, samples = _read_usual(ws, found, on)
        predictor = ws.models.load(found)
        check_features(predictor, samples)
        made = shrink(ws.models.read_onnx(found), predictor.signature, samples.features)
    write_bytes(output, made.data)
    print_json({
        "model": found, "output": str(output), "dataset": dataset, "samples": len(samples),
        "agreement": made.agreement, "difference": made.difference,
        "bytes_before": made.bytes_before, "bytes_after": made.bytes_after,
    })  # fmt: skip


def _read_usual(ws: Workspace, model: str, on: str | None) -> tuple[str, Samples]:
    """Return the id of a data set, that of the model by default, and at most 1,000 samples of it."""
    from eocene.cli.datasets import open_dataset
    from eocene.learn.explain.background import find_dataset, read_usual

    dataset = on or find_dataset(ws.layout, ws.models.item(model))
    if dataset is None:
        raise NotFoundError(
            f"The data set that model {model} was trained on is not in this workspace.",
            "Name another one of its features by --on.",
        )
    return dataset, read_usual(ws.layout, open_dataset(ws, dataset).id).samples
