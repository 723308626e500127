"""Every public way in that takes a path or a URL; each is handed what must not be opened."""

from __future__ import annotations

import json
from itertools import count
from typing import TYPE_CHECKING, Any

import eocene
from eocene.archive.fetch import ContentStream
from eocene.model import EoceneError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eocene.workspace import Workspace

TIFF = "image/tiff; application=geotiff"
_PLACE = {
    "type": "Feature", "stac_version": "1.1.0", "stac_extensions": [], "id": "x", "collection": "c",
    "geometry": {"type": "Point", "coordinates": [3, 50.55]}, "bbox": [3, 50.5, 3.01, 50.6],
    "properties": {"datetime": "2024-05-01T00:00:00Z"}, "links": [],
}  # fmt: skip
_GRID = {
    "proj:code": "EPSG:32631", "proj:shape": [10, 10], "data_type": "uint16",
    "proj:transform": [10, 0, 500000, 0, -10, 5600000],
}  # fmt: skip


def refuses(enter: Callable[[Any], Any], what: Any) -> bool:
    """Tell whether an entry raises one of our errors; any other one comes through."""
    try:
        enter(what)
    except EoceneError:
        return True
    return False


def make_entries(workspace: Workspace, outside: Path) -> dict[str, Callable[[str], Any]]:  # noqa: C901
    """Return the entries by name.

    Parameters
    ----------
    workspace : Workspace
        Through which they lead.
    outside : Path
        A folder for products that are handed in.
    """
    archive, numbers = workspace.archive, count()

    def asset(href: str, kind: str) -> dict[str, Any]:
        return {"href": href, "type": kind, "roles": ["data"], "eocene:variable": "x", **_GRID}

    def open_raster(kind: str) -> Callable[[str], Any]:
        def enter(href: str) -> Any:
            raster = archive.open_raster(asset(href, kind))
            return raster.read(raster.levels[0])

        return enter

    def product(files: dict[str, Any]) -> Path:
        folder = outside / f"product-{next(numbers)}"
        folder.mkdir(parents=True)
        for name, document in files.items():
            (folder / name).write_text(json.dumps(document))
        return folder

    def ingest_item(kind: str) -> Callable[[str], Any]:
        return lambda href: archive.ingest(
            product({"item.json": {**_PLACE, "assets": {"B04": asset(href, kind)}}}) / "item.json"
        )

    def ingest_link(href: str) -> Any:
        links = [{"rel": "item", "href": href}]
        root = {"type": "Catalog", "id": "c", "stac_version": "1.1.0", "description": "d", "links": links}
        return archive.ingest(product({"catalog.json": root}))

    def load_item(href: str) -> Any:
        name = f"loaded-{next(numbers)}.json"
        document = {**_PLACE, "assets": {"B04": asset(href, TIFF)}}
        (workspace.layout.root / name).write_text(json.dumps(document))
        return run("load_stac", url=name)

    def load_link(href: str) -> Any:
        name = f"linked-{next(numbers)}.json"
        document = {"type": "Catalog", "id": "c", "links": [{"rel": "item", "href": href}]}
        (workspace.layout.root / name).write_text(json.dumps(document))
        return run("load_stac", url=name)

    def run(process: str, **arguments: Any) -> Any:
        graph = {"n": {"process_id": process, "arguments": arguments, "result": True}}
        return eocene.run(graph, workspace=workspace)

    return {
        "ingest": archive.ingest,
        "a GeoTIFF": open_raster(TIFF),
        "a NetCDF file": open_raster("application/x-netcdf"),
        "a JPEG 2000 file": open_raster("image/jp2"),
        "the asset of an item": ingest_item(TIFF),
        "the table of an item": ingest_item("application/vnd.apache.parquet"),
        "the link of a catalogue": ingest_link,
        "load_stac": lambda href: run("load_stac", url=href),
        "load_stac, its asset": load_item,
        "load_stac, its link": load_link,
        "load_url": lambda href: run("load_url", url=href, format="GTiff"),
        "load_url of GeoJSON": lambda href: run("load_url", url=href, format="GeoJSON"),
        "load_uploaded_files": lambda href: run("load_uploaded_files", paths=[href], format="GTiff"),
        "load_geojson": lambda href: run("load_geojson", data=href),
        "the door": lambda href: ContentStream(archive.door().open(href)).read(),
        "a download": lambda href: archive.door().download(href, workspace.layout.assets / "fetched"),
        "a document": lambda href: archive.door().get_json(href),
    }


_KINDS = (TIFF, "application/x-netcdf", "image/jp2", "application/x-grib", "application/x-npy")


def make_file_entries(workspace: Workspace) -> dict[str, Callable[[Path], Any]]:
    """Return the entries that take a path, by name; those of users lead into the workspace."""
    archive = workspace.archive

    def run(process: str, **arguments: Any) -> Any:
        graph = {"n": {"process_id": process, "arguments": arguments, "result": True}}
        return eocene.run(graph, workspace=workspace)

    def open_raster(kind: str) -> Callable[[Path], Any]:
        def enter(path: Path) -> Any:
            raster = archive.open_raster({"href": str(path), "type": kind, "eocene:variable": "v", **_GRID})
            return raster.read(raster.levels[0])

        return enter

    def load(kind: str) -> Callable[[Path], Any]:
        return lambda path: run("load_url", url=str(path), format=kind)

    def upload(kind: str) -> Callable[[Path], Any]:
        files = workspace.layout.files
        return lambda path: run(
            "load_uploaded_files",
            paths=[str(path.relative_to(files) if path.is_relative_to(files) else path)],
            format=kind,
        )

    formats = ("GTiff", "GeoJSON", "GeoParquet")
    return {
        "ingest": archive.ingest,
        "ingest of its folder": lambda path: archive.ingest(path.parent),
        **{f"open_raster of {kind}": open_raster(kind) for kind in _KINDS},
        **{f"load_url of {kind}": load(kind) for kind in formats},
        **{f"load_uploaded_files of {kind}": upload(kind) for kind in formats},
        "load_stac": lambda path: run("load_stac", url=str(path)),
    }
