"""Commands on the archive: ingest, search, exchange, verify and mirror."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from eocene.cli.console import (
    HERE,
    WorkspaceOption,
    app,
    open_or_make,
    open_workspace,
    print_json,
    read_bbox,
    show_progress,
)


@app.command()
def ingest(
    products: Annotated[list[Path], typer.Argument(help="STAC catalogues, minicubes, rasters, tables.")],
    workspace: WorkspaceOption = HERE,
    collection: Annotated[str | None, typer.Option(help="For files that name none.")] = None,
    datetime: Annotated[str | None, typer.Option(help="For files that say no time.")] = None,
    checksums: Annotated[bool, typer.Option(help="Read each file whole for its checksum.")] = True,
) -> None:
    """Put products into the archive; makes the workspace if there is none."""
    with open_or_make(workspace) as ws:
        items = []
        for product in products:
            items += ws.archive.ingest(
                product, collection=collection, datetime=datetime, checksums=checksums,
                progress=show_progress(product.name),
            )  # fmt: skip
        ws.update_hot({item["collection"] for item in items})
    told = {"ingested": len(items), "collections": sorted({i["collection"] for i in items})}
    print_json(told if checksums else told | {"checksums": False})


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
    with open_workspace(workspace) as ws:
        found = ws.search(
            collections or (),
            bbox=read_bbox(bbox),
            datetime=datetime,
            filter=cql2,
            limit=limit,
            cells=cell or (),
        )
        features = [i.to_dict(include_self_link=False, transform_hrefs=False) for i in found]
    print_json({"type": "FeatureCollection", "features": features})


@app.command("export")
def export_items(
    path: Annotated[Path, typer.Argument(help="The STAC-GeoParquet file to write.")],
    collections: Annotated[list[str] | None, typer.Argument(help="Collection ids; all by default.")] = None,
    workspace: WorkspaceOption = HERE,
) -> None:
    """Write the items of the catalogue as STAC-GeoParquet."""
    from eocene.archive import Search
    from eocene.archive.catalogue.exchange import export_geoparquet

    with open_workspace(workspace) as ws:
        count = export_geoparquet(ws.archive.catalogue, path, Search(tuple(collections or ())))
    print_json({"exported": count})


@app.command("import")
def import_items(
    paths: Annotated[list[Path], typer.Argument(help="STAC-GeoParquet files.")],
    workspace: WorkspaceOption = HERE,
) -> None:
    """Put the items of STAC-GeoParquet files into the catalogue; their assets stay where they are."""
    from eocene.archive.catalogue.exchange import import_geoparquet

    with open_or_make(workspace) as ws:
        count = sum(import_geoparquet(ws.archive.catalogue, path) for path in paths)
    print_json({"imported": count})


@app.command()
def verify(
    collections: Annotated[list[str] | None, typer.Argument(help="Collection ids; all by default.")] = None,
    workspace: WorkspaceOption = HERE,
    repair: Annotated[bool, typer.Option(help="Fetch damaged files again from their source.")] = False,
) -> None:
    """Compare all files with the checksums that they had when they came in; exit with 1 if one is damaged."""
    with open_workspace(workspace) as ws:
        report = ws.verify(collections or (), repair=repair, progress=show_progress("items"))
    print_json(report.to_dict())
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
    with open_or_make(workspace) as ws:
        report = ws.sync(
            source, collection, bbox=read_bbox(bbox), datetime=datetime,
            assets=assets.split(",") if assets else (), filter=cql2, copy=copy, allow=allow or (),
            recheck=recheck, progress=show_progress(collection),
        )  # fmt: skip
    print_json(report.to_dict())
    for fault in report.failed:
        sys.stderr.write(f"eocene: {fault['item']}: {fault['error']}\n")
    if report.failed:
        raise typer.Exit(1)
