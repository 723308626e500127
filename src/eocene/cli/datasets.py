"""Commands on data sets: draw labelled samples, look at them, check them, take some out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json, show_progress
from eocene.model import NotFoundError

if TYPE_CHECKING:
    from eocene.curate import Dataset
    from eocene.workspace import Workspace

datasets = typer.Typer(help="Labelled samples: draw, list, show, check, export.", no_args_is_help=True)
app.add_typer(datasets, name="dataset")

DatasetId = Annotated[str, typer.Argument(help="Data set id.")]


@datasets.command()
def build(  # noqa: PLR0913, PLR0917 (what is drawn)
    graph: Annotated[Path, typer.Argument(help="Graph of the features.")],
    labels: Annotated[
        str, typer.Option(help="COLLECTION:BAND with class values, or table:COLLECTION:COLUMN.")
    ],
    workspace: WorkspaceOption = HERE,
    kind: Annotated[str, typer.Option(help="pixels (rows of features), series or chips.")] = "pixels",
    edge: Annotated[int, typer.Option(help="Of chips, in pixels.")] = 64,
    per_class: Annotated[int | None, typer.Option(help="At most so many of each class, or stratum.")] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(help="What makes a stratum: label, region, season, cloud, sensor; may be repeated."),
    ] = None,
    dates: Annotated[
        str, typer.Option(help="all dates in a sample, each as one of its own, or that next to the label.")
    ] = "all",
    time: Annotated[str | None, typer.Option(help="Column of the table with the times of labels.")] = None,
    pixel_labels: Annotated[bool, typer.Option(help="Keep the classes of the pixels of chips.")] = False,
    share: Annotated[float, typer.Option(help="Part of the area that is read.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Decides which.")] = 0,
    name: Annotated[str, typer.Option(help="The readable part of the id.")] = "samples",
) -> None:
    """Draw labelled samples of a feature graph, store them, and print the data set's id and counts."""
    from eocene.curate import Draw

    draw = Draw(kind, edge, per_class, tuple(by or ("label",)), share, seed, dates)
    with open_workspace(workspace) as ws:
        made = ws.sample(
            graph, labels, draw, name=name, time=time, pixel_labels=pixel_labels,
            progress=show_progress("windows"),
        )  # fmt: skip
        print_json({"id": made.id, "samples": len(made), "counts": made.counts, "faults": made.faults})


@datasets.command("list")
def list_datasets(workspace: WorkspaceOption = HERE) -> None:
    """List the data sets."""
    with open_workspace(workspace) as ws:
        print_json([_summarise(open_dataset(ws, name)) for name in _names(ws)])


@datasets.command()
def show(dataset: DatasetId, workspace: WorkspaceOption = HERE) -> None:
    """Print the card of a data set: classes, columns, faults, licence and sources."""
    with open_workspace(workspace) as ws:
        found = open_dataset(ws, dataset)
        print_json(json.loads((ws.layout.datasets / found.id / "card.json").read_text(encoding="utf-8")))


@datasets.command()
def verify(dataset: DatasetId, workspace: WorkspaceOption = HERE) -> None:
    """Read all of a data set and compare it with its id."""
    with open_workspace(workspace) as ws:
        found = open_dataset(ws, dataset)
        found.verify()
    print_json({"id": found.id, "samples": len(found), "verified": True})


@datasets.command()
def export(
    dataset: DatasetId,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .csv or .parquet file.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write places, labels and columns to a file for other programs; pixels are open as Zarr already."""
    with open_workspace(workspace) as ws:
        table = open_dataset(ws, dataset).table
        write_table(table, output)
    print_json({"output": str(output), "rows": len(table)})


def write_table(table: Any, output: Path) -> None:
    """Write an Arrow table as CSV or Parquet, texts as they are; raises InputError for other files."""
    import pyarrow.csv
    import pyarrow.parquet

    from eocene.model import InputError
    from eocene.model.files import replace_file

    writers = {".csv": pyarrow.csv.write_csv, ".parquet": pyarrow.parquet.write_table}
    if output.suffix not in writers:
        raise InputError(f"{output.name!r} is no table.", f"Name a file that ends in {' or '.join(writers)}.")
    plain = pyarrow.table({name: _decode(table[name]) for name in table.column_names})
    with replace_file(output) as temporary:
        writers[output.suffix](plain, temporary)


def _decode(column: Any) -> Any:
    """Return a column of texts without its code, which CSV does not know."""
    coded = hasattr(column.type, "value_type")
    return column.cast(column.type.value_type) if coded else column


def open_dataset(ws: Workspace, name: str) -> Dataset:
    """Open a data set by its plain name; raises NotFoundError if there is none."""
    from eocene.curate import Dataset

    names = _names(ws)
    if name not in names:
        raise NotFoundError(f"There is no data set {name!r}.", f"There are: {', '.join(names) or 'none'}.")
    return Dataset.open(ws.layout.datasets / name)


def _names(ws: Workspace) -> list[str]:
    folder = ws.layout.datasets
    return sorted(p.parent.name for p in folder.glob("*/dataset.json")) if folder.is_dir() else []


def _summarise(dataset: Dataset) -> dict[str, Any]:
    layers = {name: {"shape": layer.shape, "dtype": layer.dtype} for name, layer in dataset.layers.items()}
    return {"id": dataset.id, "samples": len(dataset), "layers": layers, "classes": dataset.class_names}
