"""Commands on the feature store: define views, list and show them, make their values, join what was known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json
from eocene.cli.datasets import open_dataset, write_table
from eocene.model import InputError

if TYPE_CHECKING:
    from eocene.curate.placed import Places
    from eocene.workspace import Workspace

features = typer.Typer(help="Features: define, list, show, materialise, join.", no_args_is_help=True)
app.add_typer(features, name="features")

View = Annotated[str, typer.Argument(help="View id, or the name of its newest version.")]
At = Annotated[str, typer.Option("--at", help="Places: table:COLLECTION of points, or the id of a data set.")]


@features.command()
def define(
    view: Annotated[Path, typer.Argument(help="JSON: name, owner, graph, bands, description, checks.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Keep a view: a named graph with owner, schema and checks; print its id."""
    from eocene.curate.features import FeatureView

    try:
        told = json.loads(view.read_text(encoding="utf-8"))
        made = FeatureView.from_json({"checks": [], **told})
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            f"{str(view)!r} is no view: {error}.", "Write name, owner, graph and bands as a JSON object."
        ) from error
    with open_workspace(workspace) as ws:
        print_json({"id": ws.features.define(made)})


@features.command("list")
def list_views(workspace: WorkspaceOption = HERE) -> None:
    """List the views."""
    with open_workspace(workspace) as ws:
        views = [(name, ws.features.view(name)) for name in ws.features.list()]
        print_json([{"id": name, "owner": view.owner, "bands": view.bands} for name, view in views])


@features.command()
def show(view: View, workspace: WorkspaceOption = HERE) -> None:
    """Print a view: its graph, schema and checks."""
    with open_workspace(workspace) as ws:
        found = ws.features.view(view)
        print_json({"id": found.id, **found.to_json()})


@features.command()
def materialise(view: View, at: At, workspace: WorkspaceOption = HERE) -> None:
    """Compute the values of a view under places, once, and print the data set that holds them."""
    with open_workspace(workspace) as ws:
        places = _find_places(ws, at, None)
        made = ws.features.materialise(view, places.x, places.y, places.epsg)
        print_json({"dataset": made.id, "places": len(places.x), "with_values": len(made),
                    "statistics": ws.features.statistics(made.id)})  # fmt: skip


@features.command()
def join(
    view: View,
    at: At,
    output: Annotated[Path, typer.Option("--output", "-o", help="A .csv or .parquet file.")],
    time: Annotated[str, typer.Option(help="The column that says when each was used.")] = "time",
    most_days: Annotated[float | None, typer.Option(help="Take nothing that is older.")] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write what was known of a view at places and times: of each the newest value published by then."""
    import numpy as np
    import pyarrow as pa

    with open_workspace(workspace) as ws:
        places = _find_places(ws, at, time)
        asked = places.columns[time]
        known = ws.features.join(view, places.x, places.y, places.epsg, asked, most_days)
        bands = ws.features.view(view).bands
    columns = {f"{band}": known.values[:, number] for number, band in enumerate(bands)}
    table = {"x": places.x, "y": places.y, "asked": asked, "known": known.times, **columns}
    write_table(pa.table(table), output)
    found = int((~np.isnat(known.times)).sum())
    print_json({"output": str(output), "rows": len(asked), "with_values": found})


def _find_places(ws: Workspace, told: str, time: str | None) -> Places:
    """Return the places of a table of points or of a data set, with the column of times.

    Raises
    ------
    InputError
        If the table has no points, or a column is missing.
    """
    from eocene.curate.placed import Places

    kind, _, name = told.partition(":")
    if kind != "table":
        held: Any = open_dataset(ws, told)
    else:
        held = _read_points(ws.table(name), name, time)
    if time is not None and (time not in held.columns or held.columns[time].dtype.kind != "M"):
        raise InputError(
            f"{told} has no column {time!r} of times.", f"There are {', '.join(held.columns) or 'none'}."
        )
    columns = {} if time is None else {time: held.columns[time]}
    return Places(held.x, held.y, held.epsg, held.labels, held.class_names, columns)


def _read_points(table: Any, name: str, time: str | None) -> Places:
    import numpy as np

    from eocene.curate.placed import Places
    from eocene.curate.sampling.labels import read_times

    if not hasattr(table, "geometry") or not (table.geometry.geom_type == "Point").all():
        raise InputError(f"The table {name!r} has no points.", "Name one of points, such as posts.")
    columns = {} if time is None or time not in table else {time: read_times(table, time)}
    points, epsg = table.geometry, table.crs.to_epsg()
    labels = np.zeros(len(table), np.int64)
    return Places(points.x.to_numpy(), points.y.to_numpy(), epsg, labels, {}, columns)
