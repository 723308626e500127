"""Commands on encoders, embeddings and what is alike."""

from __future__ import annotations

import json
import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from eocene.cli.console import (
    HERE,
    WorkspaceOption,
    app,
    open_workspace,
    print_json,
    read_bbox,
    show_progress,
)
from eocene.cli.datasets import open_dataset
from eocene.cli.learning import _inside
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.embed import VectorIndex


@app.command()
def pretrain(
    dataset: Annotated[str, typer.Argument(help="Data set id; its labels are not looked at.")],
    workspace: WorkspaceOption = HERE,
    settings: Annotated[str, typer.Option(help="Settings of the masked autoencoder as JSON.")] = "{}",
    seed: Annotated[int, typer.Option(help="Decides every draw.")] = 0,
) -> None:
    """Teach an encoder on series or chips without their labels, and print its id."""
    from eocene.curate import Samples
    from eocene.learn.models.settings import make_settings
    from eocene.learn.pretraining import PretrainingSettings, save_pretrained
    from eocene.learn.pretraining import pretrain as teach

    told = _read_json(settings, '{"epochs": 50}')
    with open_workspace(workspace) as ws:
        samples = Samples.load(_inside(ws.layout.datasets, dataset, "data set"))
        made = teach(samples, make_settings(PretrainingSettings, told, "Pretraining"), seed=seed)
        encoder = save_pretrained(ws.encoders, made, samples.features)
    print_json({"encoder": encoder, "loss": made.history[-1]["loss"]})


@app.command()
def add_encoder(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="ONNX: samples in, vectors out.")],
    takes: Annotated[str, typer.Option(help="What a sample is, as JSON, in the order that the file takes.")],
    workspace: WorkspaceOption = HERE,
    name: Annotated[str, typer.Option(help="The readable part of its id.")] = "outside",
    mean: Annotated[str, typer.Option(help="Of what it was taught on: one number, or one a band.")] = "0",
    deviation: Annotated[str, typer.Option(help="Likewise.")] = "1",
) -> None:
    """Take an encoder of somebody else into the workspace, once it has passed all checks; print its id."""
    from eocene.learn.embed.encoder import adapt_onnx, read_axes, spread_over_bands
    from eocene.learn.onnx_check import MAX_BYTES, refuse

    axes = read_axes(_read_json(takes, '{"bands": ["B04", "B08"], "y": 64, "x": 64}'))
    middle, spread = (spread_over_bands(_read_numbers(text), axes) for text in (mean, deviation))
    if (spread <= 0).any():
        raise InputError(f"The deviation {deviation} is not positive.", "Give 1 where nothing is scaled.")
    if file.stat().st_size > MAX_BYTES:
        raise refuse(str(file), f"it has {file.stat().st_size} bytes, the limit is {MAX_BYTES}")
    with open_workspace(workspace) as ws:
        data, signature = adapt_onnx(file.read_bytes(), axes, mean=middle, deviation=spread)
        about = {"mlm:architecture": "Outside encoder", "eocene:lineage": {"file": file.name}}
        encoder = ws.encoders.write(name, data, signature, about=about)
    print_json({"encoder": encoder, "length": signature.length})


@app.command()
def encoders(workspace: WorkspaceOption = HERE) -> None:
    """List the encoders of the workspace."""
    with open_workspace(workspace) as ws:
        store = ws.encoders
        print_json([{"id": name, **store.item(name)["properties"]} for name in store.ids()])


@app.command()
def embed(
    graph: Annotated[Path, typer.Argument(help="Graph of what the encoder takes.")],
    encoder: Annotated[str, typer.Option(help="Encoder id.")],
    workspace: WorkspaceOption = HERE,
    name: Annotated[str, typer.Option(help="The readable part of the index's id.")] = "embeddings",
    unit: Annotated[str, typer.Option(help="pixel, chip, or cell: means of 10 km.")] = "pixel",
    step: Annotated[int, typer.Option(help="Take every so many pixels.")] = 1,
    time: Annotated[str | None, typer.Option(help="When the vectors are meant to be.")] = None,
) -> None:
    """Turn an area into vectors and write them as an index that is searched with ``similar``."""
    from eocene.learn.embed.gather import add_embedding, gather_embeddings
    from eocene.process.graph import load_graph

    with open_workspace(workspace) as ws:
        plan = ws.plan(add_embedding(load_graph(graph), encoder))
        found = gather_embeddings(
            plan, name=name, unit=unit, step=step, time=time, progress=show_progress("embedding")
        )
        index = ws.embeddings.write(found)
    print_json({"index": index.id, "count": len(index), "width": index.width, **asdict(index.measured)})


@app.command()
def similar(  # noqa: PLR0913, PLR0917 (what a search is told)
    index: Annotated[str, typer.Argument(help="Index id.")],
    workspace: WorkspaceOption = HERE,
    at: Annotated[list[str] | None, typer.Option(help="An example's place: lon,lat. Repeatable.")] = None,
    like: Annotated[list[str] | None, typer.Option(help="An example's id. Repeatable.")] = None,
    unlike: Annotated[
        list[str] | None, typer.Option(help="lon,lat of what is not meant. Repeatable.")
    ] = None,
    of_class: Annotated[
        str | None,
        typer.Option("--class", help="A class, whose places --dataset tells, in place of examples."),
    ] = None,
    dataset: Annotated[str | None, typer.Option(help="Labelled data set that the class is of.")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    datetime: Annotated[str | None, typer.Option(help="A time or span, as in STAC.")] = None,
    count: Annotated[int, typer.Option(help="How many.")] = 10,
) -> None:
    """Find places that are like one example or several, or like the places of a class."""
    if (of_class is None) != (dataset is None) or (of_class is not None and (at or like or unlike)):
        raise InputError(
            "A class is asked for with its data set, and without examples.",
            "Give --class and --dataset, or --at, --like and --unlike.",
        )
    from eocene.learn.embed import ask_by_labels

    with open_workspace(workspace) as ws:
        found = ws.embeddings.open(index)
        if of_class is None:
            query, known = _ask_by_examples(found, at or [], like or [], unlike or [])
        else:
            query, known = ask_by_labels(found, open_dataset(ws, str(dataset)), of_class)
        hits = found.search(query, count, bbox=read_bbox(bbox), datetime=datetime, leave_out=known)
    print_json([asdict(hit) for hit in hits])


def _ask_by_examples(
    found: VectorIndex, at: list[str], like: list[str], unlike: list[str]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the vector that is asked for, and the rows of the examples."""
    from eocene.learn.embed import ask_by_examples

    good = [found.nearest_row(*_read_place(text)) for text in at]
    good += found.rows_of(like).tolist() if like else []
    bad = [found.nearest_row(*_read_place(text)) for text in unlike]
    if not good:
        raise InputError("There is no example.", "Name one with --at lon,lat, --like id, or a --class.")
    query = ask_by_examples(found.vectors(good), found.vectors(bad) if bad else None)
    return query, np.asarray(good, dtype=np.int64)


@app.command()
def embeddings(workspace: WorkspaceOption = HERE) -> None:
    """List the indexes of vectors."""
    with open_workspace(workspace) as ws:
        store = ws.embeddings
        print_json([store.open(name).described for name in store.ids()])


def _read_place(text: str) -> tuple[float, float]:
    try:
        lon, lat = (float(v) for v in text.split(","))
    except ValueError as error:
        raise InputError(f"The place {text!r} is not two numbers.", "Write lon,lat in degrees.") from error
    return lon, lat


def _read_json(text: str, example: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{text[:200]!r} is no JSON: {error}.", f"Write {example}.") from error


def _read_numbers(text: str) -> list[float]:
    try:
        numbers = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise InputError(f"{text[:200]!r} are not numbers.", "Write 1500,1800.") from error
    if not all(map(math.isfinite, numbers)):
        raise InputError(f"{text[:200]!r} are not finite.", "Write 1500,1800.")
    return numbers
