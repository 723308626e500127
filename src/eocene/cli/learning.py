"""Commands on training sets and models."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json, read_bbox
from eocene.cli.cubes import run_to_file
from eocene.model import InputError, NotFoundError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.curate.splits import Split
    from eocene.learn import ModelSpec, TrainedModel
    from eocene.workspace import Workspace

_PLACES = 2000
"""That stand for the area of a map."""


@app.command()
def train(  # noqa: PLR0913, PLR0917 (what is trained, and how it is scored)
    dataset: Annotated[str, typer.Argument(help="Data set id.")],
    workspace: WorkspaceOption = HERE,
    spec: Annotated[str, typer.Option(help="Model as JSON, or a YAML file: kind, seed, settings.")] = "{}",
    block_m: Annotated[float, typer.Option(help="Edge of left-out blocks in metres.")] = 640.0,
    folds: Annotated[int, typer.Option(help="Folds of the scores.")] = 5,
    folder: Annotated[Path | None, typer.Option(help="Checkpoints and curves; goes on from there.")] = None,
    ranks: Annotated[int, typer.Option(help="Processes that train a network together.")] = 1,
    leave: Annotated[
        list[str] | None, typer.Option(help="Score on a left-out region, year or sensor, too; repeatable.")
    ] = None,
    area: Annotated[
        str | None,
        typer.Option(help="west,south,east,north of the map to be made: score by folds as far apart, too."),
    ] = None,
    pixels: Annotated[bool, typer.Option(help="Learn and score the labels of the chips' pixels.")] = False,
) -> None:
    """Train a model, score it on random and block splits, and register it with its report."""
    from eocene import curate, learn
    from eocene.learn.gate import require_sound

    with open_workspace(workspace) as ws:
        samples = curate.Samples.load(_inside(ws.layout.datasets, dataset, "data set"))
        settings = read_spec(spec)
        require_sound(samples, settings, per_pixel=pixels)
        _load_encoder(ws, settings)
        splits = {
            "random": curate.random_split(samples, folds, settings.seed),
            "block": curate.block_split(samples, folds, block_m, settings.seed),
        }
        for name in leave or []:
            splits[name] = _leave(samples, name)
        if area is not None:
            splits["map"] = curate.knndm_split(samples, _spread(samples, area), folds, settings.seed)
        labels = _read_pixels(ws.layout.datasets / dataset) if pixels else None
        report = learn.evaluate(samples, settings, splits, pixel_labels=labels)
        model = ws.models.register(_train(samples, settings, folder, ranks, labels), report, samples)
    print_json({"model": model, **{f"accuracy_{k}": report.accuracy(k) for k in splits}})


def _load_encoder(ws: Workspace, spec: ModelSpec) -> None:
    """Load the encoder that a model is tuned from, which a spec names by its id in the workspace."""
    encoder = spec.settings.get("encoder") if spec.kind == "pretrained" else None
    if encoder is not None:
        from eocene.learn.pretraining import load_pretrained

        load_pretrained(ws.encoders, encoder)


def _leave(samples: Samples, name: str) -> list[Split]:
    from eocene.curate import leave_region, leave_sensor, leave_year

    ways = {"region": leave_region, "year": leave_year, "sensor": leave_sensor}
    if name not in ways:
        raise InputError(f"A {name!r} cannot be left out.", f"Name one of {', '.join(ways)}.")
    return ways[name](samples)


def _spread(samples: Samples, area: str) -> NDArray[np.float64]:
    """Return places (m, 2) all over a box in degrees, in the CRS of the samples."""
    from eocene.curate import spread_places
    from eocene.model.grid import transformer

    box = read_bbox(area)
    lon, lat = spread_places(box, _PLACES).T
    return np.stack(transformer(4326, samples.epsg).transform(lon, lat), axis=1)


def _read_pixels(folder: Path) -> NDArray[np.int64]:
    """Return the class values (n, y, x) of the pixels of stored chips, −1 where there is none."""
    from eocene.curate.dataset import PIXEL_LABELS, Dataset
    from eocene.learn.training.answers import Answers

    dataset = Dataset.open(folder)
    rows = np.arange(len(dataset))
    answers = Answers(dataset, rows, PIXEL_LABELS)
    place = answers.read(rows)
    return np.where(place >= 0, answers.classes[place], -1)


def _train(
    samples: Samples, spec: ModelSpec, folder: Path | None, ranks: int, pixels: NDArray[np.int64] | None
) -> TrainedModel:
    from eocene.learn import train

    if ranks == 1:
        return train(samples, spec, folder=folder, pixel_labels=pixels)
    if pixels is not None:
        raise InputError("Labels of pixels are learnt by one process.", "Leave out --ranks.")
    if folder is None:
        raise InputError(f"{ranks} processes need a folder to meet in.", "Give --folder.")
    from eocene.learn.training.launch import train_on_ranks

    return train_on_ranks(samples, spec, ranks, folder.resolve())


def read_spec(told: str) -> ModelSpec:
    """Return the spec that stands in JSON text or in a file of YAML or JSON."""
    from eocene.learn import ModelSpec

    return ModelSpec.from_yaml(
        told if told.lstrip().startswith("{") else Path(told).read_text(encoding="utf-8")
    )


def _inside(folder: Path, name: str, what: str) -> Path:
    """Return a child of a folder by its plain name."""
    path = folder / name
    if Path(name).name != name or not path.is_dir():
        there = sorted(p.name for p in folder.iterdir()) if folder.is_dir() else []
        raise NotFoundError(f"There is no {what} {name!r}.", f"There are: {', '.join(there) or 'none'}.")
    return path


@app.command()
def evaluate(
    model: Annotated[str, typer.Argument(help="Model id.")], workspace: WorkspaceOption = HERE
) -> None:
    """Print the scores that a model was registered with."""
    with open_workspace(workspace) as ws:
        print_json(ws.models.report(model))


@app.command()
def predict(
    model: Annotated[str, typer.Argument(help="Model id.")],
    graph: Annotated[Path, typer.Argument(help="Graph of the features.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .tif or .nc file.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Map the area of a feature graph with a model: class and confidence."""
    from eocene.learn.features import add_prediction
    from eocene.process.graph import load_graph

    run_to_file(add_prediction(load_graph(graph), model), output, workspace)
