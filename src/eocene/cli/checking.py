"""Commands that check a data set: its faults, and what it covers beside its use."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, open_workspace, print_json
from eocene.cli.datasets import DatasetId, datasets, open_dataset
from eocene.model import InputError
from eocene.model.files import write_json, write_text

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eocene.curate import Dataset, Samples
    from eocene.curate.bias import BiasReport, Facts
    from eocene.workspace import Workspace

Kinds = Annotated[list[str] | None, typer.Option(help="Kinds of fault; may be repeated.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Folder for the JSON and the page.")]


@datasets.command()
def check(
    dataset: DatasetId,
    workspace: WorkspaceOption = HERE,
    output: Output = None,
    drop: Kinds = None,
    relabel: Kinds = None,
    keep: Kinds = None,
    because: Annotated[str, typer.Option(help="Why faults are kept or dropped.")] = "",
) -> None:
    """Look for faults; with --drop, --relabel or --keep store the version in which they are resolved.

    The data set is read part by part, however large it is.
    """
    from eocene.curate.faults import Resolution, check_samples, draw_report, resolve_stored

    with open_workspace(workspace) as ws:
        samples = open_dataset(ws, dataset)
        report = check_samples(samples)
        if output is not None:
            write_json(output / "faults.json", report.to_json())
            write_text(output / "faults.html", draw_report(samples, report))
        told: dict[str, Any] = {"id": samples.id, "faults": report.faults, "suspicions": report.suspicions}
        told["skipped"] = dict(report.skipped)
        wanted = [
            *(Resolution(kind, "drop", because) for kind in drop or ()),
            *(Resolution(kind, "relabel", because) for kind in relabel or ()),
            *(Resolution(kind, "keep", because) for kind in keep or ()),
        ]
        if wanted:
            resolved = resolve_stored(samples, report, wanted, ws.layout.datasets)
            told["resolved"] = {"id": resolved.id, "samples": len(resolved)}
    print_json(told)


@datasets.command()
def bias(  # noqa: PLR0913, PLR0917 (what is compared, and what is kept of it)
    dataset: DatasetId,
    use: Annotated[str, typer.Option(help="Data set of places and times where the model will be used.")],
    workspace: WorkspaceOption = HERE,
    output: Output = None,
    countries: Annotated[Path | None, typer.Option(help="Vector file of countries.")] = None,
    weather: Annotated[
        str | None, typer.Option(help="Collection with a table of days of weather: climate zones.")
    ] = None,
    clouds: Annotated[
        float | None, typer.Option(help="A cloud filter, 0 to 1: tell what it takes of --use, and where.")
    ] = None,
    spec: Annotated[
        str | None, typer.Option(help="Model as JSON or a YAML file: tell where it errs, in left-out blocks.")
    ] = None,
    block_m: Annotated[float, typer.Option(help="Edge of these blocks in metres.")] = 640.0,
    protect: Annotated[str | None, typer.Option(help="Factor of which no category may be short.")] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Store the data set with weights, and the places to label.")
    ] = False,
) -> None:
    """Compare what a data set covers with where its model will be used, and plan what repairs it."""
    from eocene.curate.bias import draw_bias, find_facts, measure_bias
    from eocene.learn.active.pool import UNLABELLED

    with open_workspace(workspace) as ws:
        held, theirs = open_dataset(ws, dataset), open_dataset(ws, use)
        known = None if weather is None else _read_weather(ws, weather, theirs)
        labelled = UNLABELLED not in theirs.class_names.values()
        ours, wanted = (
            find_facts(each, countries=countries, weather=known, classes=labelled) for each in (held, theirs)
        )
        report = measure_bias(
            ours, wanted, protect=protect, seen=_find_seen(theirs, wanted, clouds),
            wrong=None if spec is None else find_wrong(held.read(), spec, block_m),
        )  # fmt: skip
        told: dict[str, Any] = {"id": dataset, "notable": [str(s) for s in report.notable]}
        told |= {"worst": {factor: g.to_json() for factor, g in report.worst.items()}} if spec else {}
        told |= report.to_json()["weights"]
        if repair:
            told["repaired"] = store_repair(ws, report, held, theirs, wanted) if report.notable else None
    if output is not None:
        write_json(output / "bias.json", report.to_json())
        write_text(output / "bias.html", draw_bias(report))
    print_json(told)


def _read_weather(ws: Workspace, name: str, theirs: Dataset) -> dict[str, NDArray[Any]]:
    """Return the months of the places of a table; one without places was measured amid ``theirs``."""
    from eocene.curate.bias import read_weather
    from eocene.model.grid import transformer

    middle = transformer(theirs.epsg, 4326).transform(theirs.x.mean(), theirs.y.mean())
    return read_weather(ws.table(name), (float(middle[0]), float(middle[1])))


def _find_seen(
    theirs: Dataset, facts: Facts, limit: float | None
) -> tuple[Facts, NDArray[np.float64], float] | None:
    if limit is None:
        return None
    if "cloud" not in theirs.columns:
        raise InputError(f"{theirs.id} has no column 'cloud'.", "Leave out --clouds, or draw it anew.")
    return facts, theirs.columns["cloud"].astype(float), limit


def find_wrong(samples: Samples, spec: str, block_m: float, folds: int = 5) -> NDArray[np.bool_]:
    """Return (n,) which samples a model answers wrongly that has learnt from other blocks of ground."""
    import numpy as np

    from eocene import curate, learn
    from eocene.cli.learning import read_spec

    told = read_spec(spec)
    wrong = np.zeros(len(samples), dtype=bool)
    for learnt, test in curate.block_split(samples, folds, block_m, told.seed):
        model = learn.train(samples, told, rows=learnt)
        wrong[test] = model.classify(samples.features[test]) != samples.labels[test]
    return wrong


def store_repair(
    ws: Workspace, report: BiasReport, held: Dataset, theirs: Dataset, facts: Facts
) -> dict[str, str | None]:
    """Store what repairs a bias: the samples with the column "weight", and the places to label instead.

    Returns
    -------
    dict
        The ids "weighted" and "to_label"; the latter is None where the report has no plan.
    """
    import numpy as np

    from eocene.curate.dataset.version import write_version

    folder = ws.layout.datasets
    weighted = write_version(held, folder, np.arange(len(held)), columns={"weight": report.weights})
    if report.plan is None:
        return {"weighted": weighted.id, "to_label": None}
    rows = report.plan.draw(facts, seed=0)
    sources = {**theirs.sources, "dataset": theirs.id}
    return {
        "weighted": weighted.id,
        "to_label": write_version(theirs, folder, rows, sources=sources).id,
    }
