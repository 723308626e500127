"""Commands that check a data set: its faults, and what it covers beside its use."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from eocene.cli.console import HERE, WorkspaceOption, open_workspace, print_json
from eocene.cli.datasets import DatasetId, datasets, open_dataset
from eocene.model.files import write_json, write_text

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
def bias(
    dataset: DatasetId,
    use: Annotated[str, typer.Option(help="Data set of places and times where the model will be used.")],
    workspace: WorkspaceOption = HERE,
    output: Output = None,
    countries: Annotated[Path | None, typer.Option(help="Vector file of countries.")] = None,
    protect: Annotated[str | None, typer.Option(help="Factor of which no category may be short.")] = None,
) -> None:
    """Compare what a data set covers with where its model will be used, and plan what repairs it."""
    from eocene.curate.bias import draw_bias, find_facts, measure_bias

    with open_workspace(workspace) as ws:
        ours = find_facts(open_dataset(ws, dataset), countries=countries)
        theirs = find_facts(open_dataset(ws, use), countries=countries)
    report = measure_bias(ours, theirs, protect=protect)
    if output is not None:
        write_json(output / "bias.json", report.to_json())
        write_text(output / "bias.html", draw_bias(report))
    print_json({"id": dataset, "notable": [str(s) for s in report.notable], **report.to_json()["weights"]})
