"""Commands that train from the disk or more than once: the best settings, what each part is worth."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json
from eocene.cli.datasets import open_dataset
from eocene.cli.learning import _inside, read_spec
from eocene.model import InputError

if TYPE_CHECKING:
    from concurrent.futures import Executor

SpecOption = Annotated[str, typer.Option(help="Model as JSON, or a YAML file: kind, seed, settings, target.")]


@app.command("train-stored")
def train_stored(  # noqa: PLR0913, PLR0917 (what is trained, and how it is scored)
    dataset: Annotated[str, typer.Argument(help="Data set id.")],
    spec: Annotated[
        str, typer.Option(help="A network as JSON, or a YAML file: kind, seed, settings, target.")
    ],
    workspace: WorkspaceOption = HERE,
    block_m: Annotated[float, typer.Option(help="Edge of left-out blocks in metres.")] = 640.0,
    folds: Annotated[int, typer.Option(min=2, help="Folds of the scores.")] = 5,
    folder: Annotated[Path | None, typer.Option(help="Checkpoints and curves; goes on from there.")] = None,
    workers: Annotated[int, typer.Option(min=0, help="Threads that decode ahead; they change nothing.")] = 0,
    pixels: Annotated[bool, typer.Option(help="Learn and score the labels of the chips' pixels.")] = False,
) -> None:
    """Train a network on a data set as it streams from the disk, however large, score and register it.

    It is scored in left-out blocks, on 8,192 samples of them at most.
    """
    from eocene.curate import block_split
    from eocene.curate.dataset import PIXEL_LABELS
    from eocene.learn.evaluation.streamed import evaluate_stored
    from eocene.learn.training.stored import train_stored as train

    told, layer = read_spec(spec), PIXEL_LABELS if pixels else None
    with open_workspace(workspace) as ws:
        held = open_dataset(ws, dataset)
        blocks = block_split(held, folds, block_m, told.seed)
        report, shown = evaluate_stored(held, told, {"block": blocks}, workers=workers, pixel_labels=layer)
        model = train(held, told, workers=workers, folder=folder, pixel_labels=layer)
        name = ws.models.register(model, report, shown)
    print_json({"model": name, "accuracy_block": report.accuracy("block")})


@app.command()
def tune(
    dataset: Annotated[str, typer.Argument(help="Data set id.")],
    plan: Annotated[
        Path, typer.Argument(help="YAML: kind, seed, settings, target, search, trials, workers.")
    ],
    folder: Annotated[Path, typer.Option(help="Where checkpoints and the record of the trials go.")],
    workspace: WorkspaceOption = HERE,
    scheduler: Annotated[str | None, typer.Option(help="A Dask scheduler, such as tcp://host:8786.")] = None,
) -> None:
    """Search for the best settings of a model and print them with every trial."""
    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec, read_yaml
    from eocene.learn.training.tuning import tune as search

    told = read_yaml(plan.read_text(encoding="utf-8"), "plan of the search")
    if not isinstance(told, dict):
        raise InputError(f"{plan} is no mapping.", "Write kind, seed, settings, search, trials, workers.")
    space, trials, workers = told.pop("search", None), told.pop("trials", 20), told.pop("workers", 2)
    spec = ModelSpec.from_dict(told)
    with open_workspace(workspace) as ws:
        samples = Samples.load(_inside(ws.layout.datasets, dataset, "data set"))
    executor = None if scheduler is None else _connect(scheduler)
    best, found = search(
        samples, spec, space, folder.resolve(), trials=trials, workers=workers, executor=executor
    )
    print_json({"spec": best.to_dict(), "trials": [asdict(trial) for trial in found]})


@app.command()
def ablate(
    dataset: Annotated[str, typer.Argument(help="Data set id.")],
    workspace: WorkspaceOption = HERE,
    spec: SpecOption = "{}",
    leave: Annotated[list[str] | None, typer.Option(help="bands, dates, features or layers.")] = None,
    block_m: Annotated[float, typer.Option(help="Edge of left-out blocks in metres.")] = 640.0,
    folds: Annotated[int, typer.Option(help="Folds of the scores.")] = 5,
) -> None:
    """Train without each band, date, feature or layer in turn and print the scores in left-out blocks."""
    from eocene.curate import Samples, block_split
    from eocene.learn.training.ablation import ablate as measure

    with open_workspace(workspace) as ws:
        samples = Samples.load(_inside(ws.layout.datasets, dataset, "data set"))
    settings = read_spec(spec)
    blocks = block_split(samples, folds, block_m, settings.seed)
    print_json([asdict(row) for row in measure(samples, settings, blocks, leave or ["bands", "dates"])])


def _connect(scheduler: str) -> Executor:
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise InputError(
            "Dask is not installed.", 'Install it with pip install "eocene[cluster]".'
        ) from error
    executor: Executor = Client(scheduler).get_executor()  # type: ignore[no-untyped-call]
    return executor
