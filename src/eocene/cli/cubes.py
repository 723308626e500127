"""Commands on cubes: load, materialise, run and explain."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Annotated, Any

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
from eocene.model import InputError

_SUFFIXES = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".nc": "netCDF",
    ".json": "JSON",
    ".png": "PNG",
    ".parquet": "GeoParquet",
}


@app.command()
def load(
    collection: Annotated[str, typer.Argument(help="Collection id.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="A .nc or .tif file.")],
    workspace: WorkspaceOption = HERE,
    bands: Annotated[str | None, typer.Option(help="B04,B08")] = None,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    datetime: Annotated[str | None, typer.Option(help="Instant, date, month or start/end.")] = None,
) -> None:
    """Write a cube of a collection to a file."""
    from eocene.workspace.loading import load_graph

    graph = load_graph(collection, bands.split(",") if bands else None, read_bbox(bbox), datetime)
    run_to_file(graph, output, workspace, {})


@app.command()
def materialise(
    collection: Annotated[str, typer.Argument(help="Collection id.")],
    bbox: Annotated[str, typer.Option(help="west,south,east,north in degrees.")],
    workspace: WorkspaceOption = HERE,
    datetime: Annotated[str | None, typer.Option(help="Instant, date, month or start/end.")] = None,
    bands: Annotated[str | None, typer.Option(help="B04,B08")] = None,
    crs: Annotated[str | None, typer.Option(help="EPSG code of the pixel grid.")] = None,
    resolution: Annotated[float | None, typer.Option(help="Pixel size; goes with --crs.")] = None,
) -> None:
    """Keep an area hot, so that series and tiles of it are read fast."""
    with open_workspace(workspace) as ws:
        made = ws.materialise(
            collection, read_bbox(bbox) or (), datetime, bands.split(",") if bands else None,
            crs=crs, resolution=resolution, progress=show_progress(collection),
        )  # fmt: skip
        print_json({**ws.hot.describe(made.area), "written": made.written, "left_out": made.left_out})


@app.command()
def hot(
    workspace: WorkspaceOption = HERE,
    update: Annotated[bool, typer.Option(help="Bring all areas up to the catalogue.")] = False,
    drop: Annotated[list[str] | None, typer.Option(help="Delete the area of this name.")] = None,
) -> None:
    """List the areas that are materialised, after bringing them up to date or dropping some."""
    with open_workspace(workspace) as ws:
        for name in drop or ():
            ws.hot.drop(name)
        if update:
            ws.update_hot(wait=True)
        print_json([ws.hot.describe(area) for area in ws.hot])


@app.command()
def run(
    graph: Annotated[Path, typer.Argument(help="JSON file with an openEO process graph.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for the result.")] = None,
    workspace: WorkspaceOption = HERE,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=JSON")] = None,
    on_error: Annotated[
        str, typer.Option(help="What is done about broken files: raise, or skip and name them.")
    ] = "raise",
) -> None:
    """Run a process graph; a plain value is printed, anything else goes to the output file."""
    run_to_file(graph, output, workspace, dict(_read_parameter(p) for p in parameter or ()), on_error)


@app.command()
def explain(
    graph: Annotated[Path, typer.Argument(help="JSON file with an openEO process graph.")],
    workspace: WorkspaceOption = HERE,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=JSON")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what a process graph would read, how it would be cut and what it would cost."""
    with open_workspace(workspace) as ws:
        explanation = ws.plan(graph, dict(_read_parameter(p) for p in parameter or ())).explain()
    if as_json:
        print_json(explanation.to_dict())
    else:
        sys.stdout.write(f"{explanation}\n")


def _read_parameter(text: str) -> tuple[str, Any]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"The parameter {text!r} has no value.", "Write NAME=JSON.")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def run_to_file(
    graph: Any,
    output: Path | None,
    workspace: Path,
    parameters: dict[str, Any],
    on_error: str = "raise",
) -> None:
    """Run a graph; print a plain value, write a cube or table to ``output`` in the format of its suffix."""
    import tempfile

    from eocene.model.files import replace_file
    from eocene.process.loads.faults import skipped_of
    from eocene.process.output.results import save_file

    with open_workspace(workspace) as ws:
        plan = ws.plan(graph, parameters, on_error=on_error)
        if not (plan.is_cube or plan.is_table):
            print_json(plan.run())
            return
        if output is None or output.suffix.lower() not in _SUFFIXES:
            raise InputError(
                "The result is a cube or a table and needs a file.",
                f"Give --output with one of {', '.join(_SUFFIXES)}.",
            )
        with tempfile.TemporaryDirectory() as folder:
            path, media_type = save_file(plan, Path(folder), _SUFFIXES[output.suffix.lower()])
            with replace_file(output) as target:
                shutil.copyfile(path, target)
    told = {"output": str(output), "type": media_type, "items": len(plan.items)}
    print_json(told | ({"skipped": skipped} if (skipped := skipped_of(plan.nodes)) else {}))
