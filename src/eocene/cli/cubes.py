"""Commands on cubes: load, materialise, run and explain."""

from __future__ import annotations

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

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

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eocene.process import Plan
    from eocene.workspace import Workspace

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
    run_to_file(graph, output, workspace)


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
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="File for the result, or a new folder for all of it."),
    ] = None,
    workspace: WorkspaceOption = HERE,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=JSON")] = None,
    data: Annotated[
        list[Path] | None, typer.Option(help="A folder of products to work on, instead of a workspace.")
    ] = None,
    on_error: Annotated[
        str, typer.Option(help="What is done about broken files: raise, or skip and name them.")
    ] = "raise",
) -> None:
    """Run a process graph; a plain value is printed, anything else goes to the output file or folder."""
    from eocene.jobs.packaging import fill_parameters, read_process
    from eocene.process import make_plan

    process = read_process(graph)
    values = fill_parameters(process, [_split_parameter(text) for text in parameter or ()])
    with open_data(data) if data else open_workspace(workspace) as ws:
        plan = make_plan(
            process["process_graph"],
            ws.archive,
            values,
            processes=process.get("processes"),
            on_error=on_error,
        )
        if output is not None and not output.suffix:
            _write_folder(plan, output, values)
        else:
            _write_file(plan, output)


@app.command()
def explain(
    graph: Annotated[Path, typer.Argument(help="JSON file with an openEO process graph.")],
    workspace: WorkspaceOption = HERE,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=JSON")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what a process graph would read, how it would be cut and what it would cost."""
    from eocene.jobs.packaging import fill_parameters, read_process

    process = read_process(graph)
    values = fill_parameters(process, [_split_parameter(text) for text in parameter or ()])
    with open_workspace(workspace) as ws:
        explanation = ws.plan(process, values).explain()
    if as_json:
        print_json(explanation.to_dict())
    else:
        sys.stdout.write(f"{explanation}\n")


def _split_parameter(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign:
        raise InputError(f"The parameter {text!r} has no value.", "Write NAME=JSON.")
    return name, value


def run_to_file(graph: Any, output: Path | None, workspace: Path) -> None:
    """Run a graph; print a plain value, write a cube or table to ``output`` in the format of its suffix."""
    with open_workspace(workspace) as ws:
        _write_file(ws.plan(graph), output)


@contextmanager
def open_data(folders: Sequence[Path]) -> Iterator[Workspace]:
    """Open a workspace of these products that is gone afterwards."""
    from eocene import workspace

    with tempfile.TemporaryDirectory(prefix="eocene-") as place, workspace.open(Path(place) / "w") as ws:
        for folder in folders:
            ws.archive.ingest(folder.resolve(), checksums=False)  # runners stage links
        yield ws


def _write_file(plan: Plan, output: Path | None) -> None:
    from eocene.model.files import replace_file
    from eocene.process.loads.faults import skipped_of
    from eocene.process.output.results import save_file

    if not (plan.is_cube or plan.is_table):
        print_json(plan.run())
        return
    if output is None or output.suffix.lower() not in _SUFFIXES:
        raise InputError(
            "The result is a cube or a table and needs a file.",
            f"Give --output with one of {', '.join(_SUFFIXES)}, or a new folder.",
        )
    with tempfile.TemporaryDirectory() as folder:
        path, media_type = save_file(plan, Path(folder), _SUFFIXES[output.suffix.lower()])
        with replace_file(output) as target:
            shutil.copyfile(path, target)
    told = {"output": str(output), "type": media_type, "items": len(plan.items)}
    print_json(told | ({"skipped": skipped} if (skipped := skipped_of(plan.nodes)) else {}))


def _write_folder(plan: Plan, folder: Path, values: dict[str, Any]) -> None:
    """Write what a batch job writes, below a STAC catalogue as runners of application packages want it."""
    from eocene.jobs.assets import gather_assets
    from eocene.jobs.packaging import describe_results, write_catalogue
    from eocene.process.output.results import write_results

    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"There is something in {str(folder)!r}.", "Name a new or empty folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    write_results(plan, folder, describe_results(folder.name, values))
    collection = gather_assets(folder)
    write_catalogue(folder)
    print_json({"output": str(folder), "files": sorted(collection["assets"]), "items": len(plan.items)})
