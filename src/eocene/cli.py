"""The command line: JSON on standard output, progress and faults on standard error.

Exit codes: 0 done, 1 the job or the data failed, 2 the command was wrong.
"""

from __future__ import annotations

import json
import shutil
import signal
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.model import EoceneError, InputError, NotFoundError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.workspace import Workspace

app = typer.Typer(
    name="eocene",
    help="From satellite archives to answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

WorkspaceOption = Annotated[
    Path, typer.Option("--workspace", "-w", envvar="EOCENE_WORKSPACE", help="The workspace folder.")
]
HERE = Path("workspace")


def _open(path: Path, *, create: bool = False) -> Workspace:
    from eocene.workspace import open as open_workspace

    return open_workspace(path, create=create)


@contextmanager
def _open_or_make(path: Path) -> Iterator[Workspace]:
    """Open a workspace, or make one; what was made goes again if the command fails before using it."""
    made = [p for p in (path, *path.parents) if not p.exists()]
    with _open(path, create=True) as workspace:
        try:
            yield workspace
        except EoceneError:
            if made and not workspace.archive.catalogue.collections():
                workspace.close()
                shutil.rmtree(path)
                with suppress(OSError):  # another folder may hold something by now
                    for folder in made[1:]:
                        folder.rmdir()
            raise


def _print(value: Any) -> None:
    """Write JSON to standard output, one line."""
    sys.stdout.write(json.dumps(value, default=str) + "\n")


def _read_bbox(text: str | None) -> list[float] | None:
    if text is None:
        return None
    try:
        west, south, east, north = (float(v) for v in text.split(","))
    except ValueError as error:
        raise InputError(
            f"The box {text!r} is not four numbers.", "Write west,south,east,north in degrees."
        ) from error
    return [west, south, east, north]


def _progress(title: str) -> Any:
    """Return a callable (finished, total) that draws a bar on a terminal and nothing elsewhere."""
    if not sys.stderr.isatty():
        return None

    def advance(finished: int, total: int) -> None:
        sys.stderr.write(f"\r{title} {finished}/{total}" + ("\n" if finished == total else ""))

    return advance


@app.command()
def demo(
    data: Annotated[Path | None, typer.Option(help="Real products instead of a simulated world.")] = None,
    folder: Annotated[Path, typer.Option(help="Where the demonstration lives.")] = Path("demo"),
    size: Annotated[int, typer.Option(help="Edge of a simulated tile in pixels.")] = 1024,
    serve: Annotated[bool, typer.Option(help="Serve the result when done.")] = True,
    port: Annotated[int, typer.Option(help="Port of the server.")] = 8080,
) -> None:
    """Run the whole chain, print a table and serve the result."""
    from rich.console import Console

    from eocene.apps.demo import run_demo
    from eocene.apps.steps import Steps

    steps = Steps()
    name = "workspace" if data is None else f"workspace-{data.resolve().name}"
    with _open_or_make(folder / name) as workspace:
        figures = run_demo(
            workspace.layout, steps, data=data, simulated=folder / f"archive-{size}", size=size
        )
    Console(width=None if sys.stdout.isatty() else 120).print(steps.as_table())
    _print(figures)
    if serve:
        sys.stderr.write(f"Look at http://127.0.0.1:{port}/ (stop with Ctrl-C)\n")
        _serve(folder / name, "127.0.0.1", port, workers=1)


@app.command()
def ingest(
    products: Annotated[list[Path], typer.Argument(help="STAC catalogues, minicubes, rasters, tables.")],
    workspace: WorkspaceOption = HERE,
    collection: Annotated[str | None, typer.Option(help="For files that name none.")] = None,
    datetime: Annotated[str | None, typer.Option(help="For files that say no time.")] = None,
    checksums: Annotated[bool, typer.Option(help="Read each file whole for its checksum.")] = True,
) -> None:
    """Put products into the archive; makes the workspace if there is none."""
    with _open_or_make(workspace) as ws:
        items = []
        for product in products:
            items += ws.archive.ingest(
                product, collection=collection, datetime=datetime, checksums=checksums,
                progress=_progress(product.name),
            )  # fmt: skip
        ws.update_hot({item["collection"] for item in items})
    told = {"ingested": len(items), "collections": sorted({i["collection"] for i in items})}
    _print(told if checksums else told | {"checksums": False})


@app.command()
def search(
    collections: Annotated[list[str] | None, typer.Argument(help="Collection ids; all by default.")] = None,
    workspace: WorkspaceOption = HERE,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    datetime: Annotated[str | None, typer.Option(help="Instant, date, month or start/end.")] = None,
    cql2: Annotated[str | None, typer.Option("--filter", help="CQL2 text.")] = None,
    limit: Annotated[int | None, typer.Option(help="At most so many.")] = None,
    cell: Annotated[list[str] | None, typer.Option(help="A cell of the Major TOM grid.")] = None,
) -> None:
    """Print the items found as a GeoJSON FeatureCollection."""
    with _open(workspace) as ws:
        found = ws.search(
            collections or (),
            bbox=_read_bbox(bbox),
            datetime=datetime,
            filter=cql2,
            limit=limit,
            cells=cell or (),
        )
        features = [i.to_dict(include_self_link=False, transform_hrefs=False) for i in found]
    _print({"type": "FeatureCollection", "features": features})


@app.command("export")
def export_items(
    path: Annotated[Path, typer.Argument(help="The STAC-GeoParquet file to write.")],
    collections: Annotated[list[str] | None, typer.Argument(help="Collection ids; all by default.")] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write the items of the catalogue as STAC-GeoParquet."""
    from eocene.archive import Search
    from eocene.archive.catalogue.exchange import export_geoparquet

    with _open(workspace) as ws:
        count = export_geoparquet(ws.archive.catalogue, path, Search(tuple(collections or ())))
    _print({"exported": count})


@app.command("import")
def import_items(
    paths: Annotated[list[Path], typer.Argument(help="STAC-GeoParquet files.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Put the items of STAC-GeoParquet files into the catalogue; their assets stay where they are."""
    from eocene.archive.catalogue.exchange import import_geoparquet

    with _open_or_make(workspace) as ws:
        count = sum(import_geoparquet(ws.archive.catalogue, path) for path in paths)
    _print({"imported": count})


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
    from eocene.model import TimeSpan

    span = TimeSpan.from_stac(datetime)
    box = _read_bbox(bbox)
    arguments = {
        "id": collection,
        "bands": bands.split(",") if bands else None,
        "spatial_extent": dict(zip(("west", "south", "east", "north"), box, strict=True)) if box else None,
        "temporal_extent": [f"{span.start}Z", f"{span.end}Z"] if datetime else None,
    }
    graph = {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}
    _run_to_file(graph, output, workspace, {})


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
    with _open(workspace) as ws:
        made = ws.materialise(
            collection, _read_bbox(bbox) or (), datetime, bands.split(",") if bands else None,
            crs=crs, resolution=resolution, progress=_progress(collection),
        )  # fmt: skip
        _print({**ws.hot.describe(made.area), "written": made.written, "left_out": made.left_out})


@app.command()
def hot(
    workspace: WorkspaceOption = HERE,
    update: Annotated[bool, typer.Option(help="Bring all areas up to the catalogue.")] = False,
    drop: Annotated[list[str] | None, typer.Option(help="Delete the area of this name.")] = None,
) -> None:
    """List the areas that are materialised, after bringing them up to date or dropping some."""
    with _open(workspace) as ws:
        for name in drop or ():
            ws.hot.drop(name)
        if update:
            ws.update_hot(wait=True)
        _print([ws.hot.describe(area) for area in ws.hot])


@app.command()
def run(
    graph: Annotated[Path, typer.Argument(help="JSON file with an openEO process graph.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File for the result.")] = None,
    workspace: WorkspaceOption = HERE,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=JSON")] = None,
) -> None:
    """Run a process graph; a plain value is printed, anything else goes to the output file."""
    _run_to_file(graph, output, workspace, dict(_read_parameter(p) for p in parameter or ()))


@app.command()
def explain(
    graph: Annotated[Path, typer.Argument(help="JSON file with an openEO process graph.")],
    workspace: WorkspaceOption = HERE,
    parameter: Annotated[list[str] | None, typer.Option("--parameter", "-p", help="NAME=JSON")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show what a process graph would read, how it would be cut and what it would cost."""
    with _open(workspace) as ws:
        explanation = ws.plan(graph, dict(_read_parameter(p) for p in parameter or ())).explain()
    if as_json:
        _print(explanation.to_dict())
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


_SUFFIXES = {
    ".tif": "GTiff",
    ".tiff": "GTiff",
    ".nc": "netCDF",
    ".json": "JSON",
    ".png": "PNG",
    ".parquet": "GeoParquet",
}


def _run_to_file(graph: Any, output: Path | None, workspace: Path, parameters: dict[str, Any]) -> None:
    import tempfile

    from eocene.model.files import replace_file
    from eocene.process.output.results import save_file

    with _open(workspace) as ws:
        plan = ws.plan(graph, parameters)
        if not (plan.is_cube or plan.is_table):
            _print(plan.run())
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
    _print({"output": str(output), "type": media_type, "items": len(plan.items)})


@app.command()
def jobs(
    job: Annotated[str | None, typer.Argument(help="A job id; all jobs by default.")] = None,
    workspace: WorkspaceOption = HERE,
    submit: Annotated[Path | None, typer.Option(help="Create and queue a job from a graph file.")] = None,
    title: Annotated[str | None, typer.Option(help="Title of the job that is submitted.")] = None,
    cancel: Annotated[bool, typer.Option(help="Cancel the job.")] = False,
    logs: Annotated[bool, typer.Option(help="Print the job's log.")] = False,
) -> None:
    """List, submit, cancel or look into batch jobs; `eocene worker` runs them."""
    from eocene.process.graph import load_graph

    with _open(workspace) as ws:
        if submit is not None:
            graph = load_graph(submit)
            ws.plan(graph)
            created = ws.jobs.create({"process_graph": graph}, title=title)
            _print(ws.jobs.queue(created.id).to_openeo(full=False))
        elif job is None:
            _print([j.to_openeo(full=False) for j in ws.jobs.list()])
        elif cancel:
            _print(ws.jobs.cancel(job).to_openeo(full=False))
        else:
            _print(list(ws.jobs.logs(job)) if logs else ws.jobs.get(job).to_openeo())


@app.command()
def worker(
    workspace: WorkspaceOption = HERE,
    once: Annotated[bool, typer.Option(help="Stop when no job waits.")] = False,
) -> None:
    """Run queued jobs."""
    from eocene.jobs import run_worker

    with _open(workspace) as ws:
        _print({"ended": run_worker(ws.archive, ws.jobs, once=once)})


@app.command()
def serve(
    workspace: WorkspaceOption = HERE,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port; 0 takes a free one.")] = 8080,
    workers: Annotated[int, typer.Option(help="Threads that run jobs.")] = 1,
) -> None:
    """Serve the workspace: openEO, STAC, tiles, series, SPARQL and the page."""
    _open(workspace, create=True).close()
    _serve(workspace, host, port, workers=workers)


def _serve(workspace: Path, host: str, port: int, *, workers: int) -> None:
    try:
        from eocene.serve import serve as run_server
    except ModuleNotFoundError as error:
        raise UnavailableError(
            f"The server needs the package {error.name}.", 'Install it: pip install "eocene[serve]".'
        ) from error
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _end)
    run_server(workspace.absolute(), host, port, workers=workers)


def _end(*_: object) -> None:
    """Leave with code 0: to be told to stop is how a server ends."""
    raise SystemExit(0)


@app.command()
def dataset(
    graph: Annotated[Path, typer.Argument(help="Graph of the features.")],
    labels: Annotated[str, typer.Option(help="COLLECTION:BAND with whole class values.")],
    workspace: WorkspaceOption = HERE,
    per_class: Annotated[int | None, typer.Option(help="Pixels drawn of each class.")] = None,
    share: Annotated[float, typer.Option(help="Part of the area that is read.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Decides which.")] = 0,
) -> None:
    """Draw labelled samples of a feature graph and print the data set's id and counts."""
    from eocene.apps.samples import Draw, draw_samples

    with _open(workspace) as ws:
        plan = ws.plan(graph)
        samples = draw_samples(ws.archive, plan, labels, Draw(per_class, share, seed))
        samples.save(ws.layout.datasets)
    _print({"id": samples.id, "pixels": len(samples), "counts": samples.counts})


@app.command()
def train(
    dataset: Annotated[str, typer.Argument(help="Data set id.")],
    workspace: WorkspaceOption = HERE,
    spec: Annotated[str, typer.Option(help="Settings of the model as JSON.")] = "{}",
    block_m: Annotated[float, typer.Option(help="Edge of left-out blocks in metres.")] = 640.0,
    folds: Annotated[int, typer.Option(help="Folds of the scores.")] = 5,
) -> None:
    """Train a model, score it on random and block splits, and register it."""
    from eocene import curate, learn

    with _open(workspace) as ws:
        samples = curate.Samples.load(_inside(ws.layout.datasets, dataset, "data set"))
        settings = learn.ModelSpec.from_json(spec)
        splits = {
            "random": curate.random_split(samples, folds, settings.seed),
            "block": curate.block_split(samples, folds, block_m, settings.seed),
        }
        report = learn.evaluate(samples, settings, splits)
        model = ws.models.register(learn.train(samples, settings), report, samples)
    _print({"model": model, **{f"accuracy_{k}": report.accuracy(k) for k in splits}})


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
    with _open(workspace) as ws:
        _print(ws.models.report(model))


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

    _run_to_file(add_prediction(load_graph(graph), model), output, workspace, {})


@app.command()
def models(workspace: WorkspaceOption = HERE) -> None:
    """List the registered models."""
    with _open(workspace) as ws:
        _print([{"id": i["id"], **i["properties"]} for i in ws.models.list()])


@app.command()
def link(
    table: Annotated[Path, typer.Argument(help="GeoParquet of features.")],
    layer: Annotated[str, typer.Option(help="Name of the layer.")],
    workspace: WorkspaceOption = HERE,
    kind: Annotated[str, typer.Option(help="Parcel, WaterBody, …")] = "Parcel",
) -> None:
    """Map features to linked data, replacing the layer of that name."""
    import geopandas

    from eocene.link import layer_graph, map_features

    with _open(workspace) as ws:
        try:
            features = geopandas.read_parquet(table)
        except (OSError, ValueError) as error:
            raise InputError(f"{table} is not GeoParquet: {error}.", "Check the file.") from error
        count = ws.links.load(map_features(features, layer=layer, kind=kind), layer_graph(layer))
    _print({"layer": layer, "features": len(features), "triples": count})


@app.command()
def query(
    sparql: Annotated[str, typer.Argument(help="A GeoSPARQL query, or @FILE.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Ask the linked data and print the answer as SPARQL 1.1 results JSON, or the triples of CONSTRUCT."""
    text = _read_question(Path(sparql[1:])) if sparql.startswith("@") else sparql
    with _open(workspace) as ws:
        answer = ws.links.query(text)
    _print({"triples": list(answer.triples)} if answer.kind == "construct" else answer.to_json())


def _read_question(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The question {path} cannot be read: {error}.", "Name a text file.") from error


@app.command()
def verify(
    collections: Annotated[list[str] | None, typer.Argument(help="Collection ids; all by default.")] = None,
    workspace: WorkspaceOption = HERE,
    repair: Annotated[bool, typer.Option(help="Fetch damaged files again from their source.")] = False,
) -> None:
    """Compare all files with the checksums that they had when they came in; exit with 1 if one is damaged."""
    with _open(workspace) as ws:
        report = ws.verify(collections or (), repair=repair, progress=_progress("items"))
    _print(report.to_dict())
    for finding in report.findings:
        sys.stderr.write(f"eocene: {finding.fault}: {finding.file} ({finding.message})\n")
    if not report.is_sound:
        raise typer.Exit(1)


@app.command()
def sync(  # noqa: PLR0913, PLR0917 (one for each option)
    source: Annotated[str, typer.Argument(help="URL, or cdse, earth-search or planetary-computer.")],
    collection: Annotated[str, typer.Argument(help="Id of the collection there.")],
    workspace: WorkspaceOption = HERE,
    bbox: Annotated[str | None, typer.Option(help="west,south,east,north in degrees.")] = None,
    datetime: Annotated[str | None, typer.Option(help="Instant, date, month or start/end.")] = None,
    assets: Annotated[str | None, typer.Option(help="Bands or assets: B04,B08")] = None,
    cql2: Annotated[str | None, typer.Option("--filter", help="CQL2 text.")] = None,
    copy: Annotated[bool, typer.Option(help="Fetch the files, or read them in place.")] = True,
    allow: Annotated[list[str] | None, typer.Option(help="Prefix of URLs where assets may lie.")] = None,
    recheck: Annotated[bool, typer.Option(help="Compare files of unchanged items, too.")] = False,
) -> None:
    """Mirror a collection of a STAC API, only what is new; exit with 1 if an item could not be mirrored."""
    with _open_or_make(workspace) as ws:
        report = ws.sync(
            source, collection, bbox=_read_bbox(bbox), datetime=datetime,
            assets=assets.split(",") if assets else (), filter=cql2, copy=copy, allow=allow or (),
            recheck=recheck, progress=_progress(collection),
        )  # fmt: skip
    _print(report.to_dict())
    for fault in report.failed:
        sys.stderr.write(f"eocene: {fault['item']}: {fault['error']}\n")
    if report.failed:
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; faults end in one sentence and a code."""
    try:
        app(standalone_mode=True)
    except EoceneError as error:
        sys.stderr.write(f"eocene: {error.code}: {error}\n")
        sys.exit(2 if isinstance(error, InputError | NotFoundError | UnavailableError) else 1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
