"""Commands that make application packages."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from eocene.cli.console import app, print_json


@app.command()
def applications() -> None:
    """List the applications: processes with a name, which `run` and `package` take in place of a file."""
    from eocene.jobs.applications import list_applications

    told = ("id", "summary", "parameters")
    print_json([{name: process[name] for name in told} for process in list_applications().values()])


@app.command()
def package(
    graph: Annotated[Path, typer.Argument(help="JSON file with a process or graph, or an application.")],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The .cwl file; printed without.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Id of the package; by default that of the process.")
    ] = None,
) -> None:
    """Export a graph as a CWL tool and OGC application package whose command is `eocene run`."""
    from eocene.jobs.packaging import make_package, read_process, write_package
    from eocene.model.files import replace_file

    process = read_process(graph)
    own = name or str(process.get("id") or re.sub(r"[^\w-]", "-", graph.stem))
    text = write_package(make_package(process, own, process.get("processes")))
    if output is None:
        sys.stdout.write(text)
        return
    with replace_file(output) as target:
        target.write_text(text, encoding="utf-8")
    print_json({"output": str(output), "id": own, "run": f"cwltool {output}#{own}"})
