"""The command that explains a registered model: what it rests on, and why it answers so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from eocene.cli.console import HERE, WorkspaceOption, open_workspace, print_json
from eocene.cli.learning import _inside
from eocene.cli.models import ModelId, models
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.learn import Predictor
    from eocene.learn.explain.places import Subject
    from eocene.workspace import Workspace


@models.command()
def explain(  # noqa: PLR0913, PLR0917 (what is explained, and by what)
    model: ModelId,
    workspace: WorkspaceOption = HERE,
    dataset: Annotated[
        str | None, typer.Option(help="Samples that show what is usual; by default what it was trained on.")
    ] = None,
    by: Annotated[str | None, typer.Option(help="bands or t; by default each feature.")] = None,
    sample: Annotated[
        int | None, typer.Option(help="Explain the answer for this row of the data set.")
    ] = None,
    point: Annotated[str | None, typer.Option(help="Explain the answer at LON,LAT.")] = None,
    of: Annotated[
        str | None, typer.Option(help="The class, by name, whose probability is explained.")
    ] = None,
    where: Annotated[
        str | None, typer.Option(help="Of a model of pixels: those of the sample that are labelled so.")
    ] = None,
    wanted: Annotated[
        str | None,
        typer.Option(help="The class that should be answered; of values >3.5, <2, or by +0.5, -0.5 others."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides what is drawn.")] = 0,
) -> None:
    """Print what a model rests on; of a sample or point why it is answered so, and what would change it."""
    from eocene.learn.explain import Question, explain_answer, explain_model
    from eocene.learn.explain.background import find_dataset, read_usual

    with open_workspace(workspace) as ws:
        found = ws.models.resolve(model)
        predictor, learnt = ws.models.load(found), find_dataset(ws.layout, ws.models.item(found))
        used = dataset or learnt
        if used is None:
            raise InputError(f"The data set that {found} was trained on is gone.", "Name another --dataset.")
        _inside(ws.layout.datasets, used, "data set")
        usual = read_usual(ws.layout, used)
        told: dict[str, Any] = {"model": found, "dataset": used, "learnt_from": used == learnt}
        if sample is None and point is None:
            told["importance"] = explain_model(
                predictor, usual.samples, by=by, seed=seed, pixel_labels=usual.pixels
            )
        else:
            subject = _choose(ws, predictor, used, sample, point, where)
            told["answer"] = explain_answer(
                predictor, subject.features, usual.samples, Question(by, of, wanted, seed),
                where=subject.where,
            )  # fmt: skip
    print_json(told)


def _choose(
    ws: Workspace,
    predictor: Predictor,
    dataset: str,
    sample: int | None,
    point: str | None,
    where: str | None,
) -> Subject:
    """Return what is meant: a row of the data set, or what the model looks at for a point."""
    if sample is not None:
        if point is not None:
            raise InputError("Both a sample and a point are named.", "Name one of them.")
        return _read_sample(ws, predictor, dataset, sample, where)
    if where is not None:
        raise InputError("Pixels of a point have no labels.", "Leave out --where, or name a --sample.")
    return _read_point(ws, predictor, str(point))


def _read_sample(
    ws: Workspace, predictor: Predictor, dataset: str, sample: int, where: str | None
) -> Subject:
    """Return a row of the data set, of a model of pixels with those that are labelled, or labelled so."""
    from eocene.curate.dataset import Dataset
    from eocene.learn.explain.background import read_pixels
    from eocene.learn.explain.places import Subject
    from eocene.learn.explain.question import find_class

    stored = Dataset.open(ws.layout.datasets / dataset)
    if not 0 <= sample < len(stored):
        raise InputError(f"There is no sample {sample}.", f"Name a row from 0 to {len(stored) - 1}.")
    row = np.array([sample])
    features = stored.read(row).features[0]
    labels = read_pixels(stored, row) if predictor.signature.dense else None
    if labels is None:
        if where is not None:
            raise InputError("The sample has no labels of pixels.", "Leave out --where.")
        return Subject(features)
    mask = labels[0] >= 0 if where is None else labels[0] == find_class(predictor, where)
    if where is not None and not mask.any():
        raise InputError(
            f"No pixel of sample {sample} is labelled {where!r}.", "Name another class or sample."
        )
    return Subject(features, mask if mask.any() else None)


def _read_point(ws: Workspace, predictor: Predictor, point: str) -> Subject:
    from eocene.learn.answering import plan_places
    from eocene.learn.explain.places import read_subject

    try:
        lon, lat = (float(part) for part in point.split(","))
    except ValueError:
        raise InputError(f"{point!r} is no point.", "Write --point=9.05,48.1 in degrees.") from None
    places = plan_places(predictor, {"type": "Point", "coordinates": [lon, lat]}, None, ws.plan)
    found = read_subject(places, places.features[0])
    if found is None:
        raise InputError(f"There is no data at {lon}, {lat}.", "Name longitude and latitude inside the data.")
    return found
