"""Commands on labels of people: label a data set in the browser, and make use of what was said."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import quote

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json, show_progress
from eocene.cli.learning import _inside, read_spec
from eocene.cli.service import serve_workspace

labels = typer.Typer(
    help="Labels of people: draw a pool, list, export, save as a data set.", no_args_is_help=True
)
app.add_typer(labels, name="labels")

LabellingId = Annotated[str, typer.Argument(help="Id of the labelling: that of its data set.")]
USER = "eocene"


@app.command()
def label(  # noqa: PLR0913, PLR0917 (what is labelled, and where the page is)
    dataset: Annotated[str, typer.Argument(help="Id of the data set whose samples are labelled.")],
    workspace: WorkspaceOption = HERE,
    classes: Annotated[
        str | None, typer.Option(help="Names, comma between; by default those of the data set.")
    ] = None,
    spec: Annotated[str | None, typer.Option(help="Model as JSON, or a YAML file.")] = None,
    first: Annotated[int, typer.Option(help="Labels before the model begins to learn.")] = 20,
    step: Annotated[int, typer.Option(help="Labels between two rounds.")] = 10,
    test: Annotated[
        str | None, typer.Option(help="A labelled data set that each round is scored on.")
    ] = None,
    user: Annotated[str, typer.Option(help="Whose labels they are.")] = USER,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8080,
) -> None:
    """Label samples in the browser: those that the model doubts, round by round.

    Prints the address of the page, with a login of the user. A labelling that was begun goes on.
    """
    from eocene.learn.active import begin_labelling

    with open_workspace(workspace) as ws:
        _inside(ws.layout.datasets, dataset, "data set")
        named = dict(enumerate((name.strip() for name in classes.split(",")), 1)) if classes else None
        chosen = None if spec is None else read_spec(spec)
        found = begin_labelling(
            ws.layout, dataset, classes=named, spec=chosen, first=first, step=step, test=test
        )
        password = ws.users.start_first(user)
        token = ws.users.issue_token(user)

    def announce(url: str) -> None:
        told = {"labelling": found, "url": f"{url}/label/{quote(found)}#token={token}"}
        print_json(told | ({} if password is None else {"user": user, "password": password}))

    serve_workspace(workspace, host, port, announce=announce, workers=0)


@labels.command()
def pool(
    graph: Annotated[Path, typer.Argument(help="Graph of the features.")],
    workspace: WorkspaceOption = HERE,
    count: Annotated[int, typer.Option(help="Samples to draw.")] = 500,
    kind: Annotated[str, typer.Option(help="pixels (rows of features), series or chips.")] = "series",
    edge: Annotated[int, typer.Option(help="Of chips, in pixels.")] = 64,
    seed: Annotated[int, typer.Option(help="Decides which.")] = 0,
    name: Annotated[str, typer.Option(help="The readable part of the id.")] = "pool",
) -> None:
    """Draw samples without labels from the area of a graph: a data set to label."""
    from eocene.curate import Draw
    from eocene.learn.active import draw_pool

    draw = Draw(kind, edge, count, seed=seed)
    with open_workspace(workspace) as ws:
        told = show_progress("windows")
        made = draw_pool(ws.layout.datasets, ws.plan(graph), draw, name=name, progress=told)
        print_json({"id": made.id, "samples": len(made), "faults": dict(made.faults)})


@labels.command("list")
def list_labellings(workspace: WorkspaceOption = HERE) -> None:
    """List what is being labelled: classes, labels, authors."""
    from eocene.learn.active import LabelBook, Terms

    told = []
    with open_workspace(workspace) as ws:
        book = LabelBook(ws.layout.labels)
        for name in book.names():
            terms, entries = Terms(**book.find(name)), book.current(name)
            said = [entry for entry in entries if entry.act == "label"]
            counts = {title: sum(e.value == v for e in said) for v, title in terms.classes.items()}
            told.append({
                "id": name, "labels": len(said), "skipped": len(entries) - len(said), "classes": counts,
                "authors": sorted({entry.author for entry in said}), "rounds": len(book.rounds(name)) - 1,
            })  # fmt: skip
    print_json(told)


@labels.command()
def export(
    labelling: LabellingId,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .geojson file.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write the labels as GeoJSON points with class, author and time."""
    from eocene.learn.active import find_labelling, write_geojson
    from eocene.model.files import write_json

    with open_workspace(workspace) as ws:
        told = write_geojson(find_labelling(ws.layout, labelling))
    write_json(output, told)
    print_json({"output": str(output), "labels": len(told["features"])})


@labels.command()
def save(labelling: LabellingId, workspace: WorkspaceOption = HERE) -> None:
    """Store the labelled samples as a data set to train on, and print its id."""
    from eocene.learn.active import collect_samples, find_labelling

    with open_workspace(workspace) as ws:
        made = collect_samples(find_labelling(ws.layout, labelling))
        made.save(ws.layout.datasets)
    print_json({"id": made.id, "samples": len(made), "counts": made.counts})
