"""Commands on linked data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from eocene.cli.console import HERE, WorkspaceOption, app, open_workspace, print_json
from eocene.model import InputError


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

    with open_workspace(workspace) as ws:
        try:
            features = geopandas.read_parquet(table)
        except (OSError, ValueError) as error:
            raise InputError(f"{table} is not GeoParquet: {error}.", "Check the file.") from error
        count = ws.links.load(map_features(features, layer=layer, kind=kind), layer_graph(layer))
    print_json({"layer": layer, "features": len(features), "triples": count})


@app.command()
def query(
    sparql: Annotated[str, typer.Argument(help="A GeoSPARQL query, or @FILE.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Ask the linked data and print the answer as SPARQL 1.1 results JSON, or the triples of CONSTRUCT."""
    text = _read_question(Path(sparql[1:])) if sparql.startswith("@") else sparql
    with open_workspace(workspace) as ws:
        answer = ws.links.query(text)
    print_json({"triples": list(answer.triples)} if answer.kind == "construct" else answer.to_json())


def _read_question(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"The question {path} cannot be read: {error}.", "Name a text file.") from error
