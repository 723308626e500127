"""The scene of the benchmark: a COG of four bands in UTM as Sentinel-2 has it, and a stack of 100 dates."""

from __future__ import annotations

import math
import shutil
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import rasterio

import eocene
from eocene.archive.definition import complete_collection
from eocene.jobs import Layer, describe_extent
from eocene.model import Grid, Lattice
from eocene.process import make_plan
from eocene.testing.simulate.relief import draw_relief

SIZE, SMALL, DATES = 3072, 512, 100
BANDS = ("B02", "B03", "B04", "B08")
GREATEST = 2500
GRID = Grid(Lattice(32632, (10.0, 10.0)), 50_000, -540_000, SIZE, SIZE)
CORNER = Grid(GRID.lattice, GRID.left, GRID.top, SMALL, SMALL)


def make_scene(path: Path) -> None:
    """Write the COG: ground, fields and noise in four bands of uint16, and no data in some places."""
    if path.exists():
        return
    random, ground = np.random.default_rng(0), draw_relief(SIZE, 0)
    fields = np.kron(
        random.random((SIZE // 32, SIZE // 32)).astype(np.float32), np.ones((32, 32), np.float32)
    )
    numbers = np.empty((len(BANDS), SIZE, SIZE), np.uint16)
    for band, (mean, rough, plain) in enumerate(
        [(600, 120, 150), (800, 140, 200), (900, 220, 350), (2600, -500, -900)]
    ):
        grain = random.standard_normal((SIZE, SIZE)).astype(np.float32) * 18
        numbers[band] = np.clip(mean + rough * ground + plain * fields + grain, 1, 10_000)
    numbers[:, ground > 1.5] = 0
    write_cog(path, numbers, GRID)


def write_cog(path: Path, numbers: Any, grid: Grid) -> None:
    profile = {
        "driver": "COG", "count": len(numbers), "dtype": "uint16", "width": grid.width, "height": grid.height,
        "crs": f"EPSG:{grid.epsg}", "transform": rasterio.Affine(*grid.transform), "nodata": 0,
        "compress": "deflate", "level": 6, "predictor": 2, "blocksize": 512, "overview_resampling": "average",
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(numbers)


def make_item(name: str, collection: str, moment: datetime, grid: Grid, assets: dict[str, Any]) -> Any:
    west, south, east, north = box = grid.bounds_in(4326)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    fields = {
        "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"], "gsd": 10,
        "proj:code": f"EPSG:{grid.epsg}", "proj:shape": list(grid.shape), "nodata": 0, "data_type": "uint16",
        "proj:transform": list(grid.transform),
    }  # fmt: skip
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": name, "collection": collection, "links": [],
        "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": list(box),
        "properties": {"datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"},
        "assets": {band: fields | own for band, own in assets.items()},
    }  # fmt: skip


def put(workspace: Any, folder: Path, name: str, bands: tuple[str, ...], items: list[Any]) -> None:
    collection = {
        "type": "Collection", "id": name, "stac_version": "1.1.0", "description": name, "license": "other",
        "extent": {"spatial": {"bbox": [items[0]["bbox"]]}, "temporal": {"interval": [[None, None]]}},
        "links": [],
        "item_assets": {b: {"roles": ["data"], "data_type": "uint16", "nodata": 0} for b in bands},
    }  # fmt: skip
    made = complete_collection(collection, None, items)
    workspace.archive.catalogue.put_items(items, collections=[made], roots=[folder])


def make_workspace(folder: Path) -> Path:
    """Return a new workspace with a layer of the scene, and one of the stack, which is materialised."""
    scene, place = folder / "scene.tif", folder / "workspace"
    make_scene(scene)
    shutil.rmtree(place, ignore_errors=True)
    first = datetime(2024, 1, 1, 10)
    assets = {band: {"href": str(scene), "eocene:band": n} for n, band in enumerate(BANDS, start=1)}
    stack = []
    for number in range(DATES):
        path = folder / f"{number:03d}.tif"
        if not path.exists():
            random = np.random.default_rng(number)
            write_cog(path, random.integers(1, 9999, (1, SMALL, SMALL)).astype(np.uint16), CORNER)
        moment = first + timedelta(days=3 * number)
        stack.append(make_item(f"{number:03d}", "stack", moment, CORNER, {"B04": {"href": str(path)}}))
    with eocene.open(place) as workspace:
        put(workspace, folder, "scene", BANDS, [make_item("scene", "scene", first, GRID, assets)])
        put(workspace, folder, "stack", ("B04",), stack)
        workspace.materialise("stack", CORNER.bounds_in(4326))
        colours = {"kind": "rgb", "bands": ["B04", "B03", "B02"], "min": 0, "max": GREATEST}
        put_layer(workspace, "scene", list(BANDS[:3]), colours)
        put_layer(workspace, "stack", ["B04"], {"kind": "continuous", "max": 9999})
    return place


def put_layer(workspace: Any, name: str, bands: list[str], style: dict[str, Any]) -> None:
    graph = make_graph(name, bands)
    extent = describe_extent(make_plan(graph, workspace.archive))
    workspace.layers.put(Layer(name, name, process={"process_graph": graph}, style=style, **extent))


def make_graph(name: str, bands: list[str]) -> dict[str, Any]:
    arguments = {"id": name, "spatial_extent": None, "temporal_extent": None, "bands": bands}
    return {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}


def find_tiles(zoom: int) -> list[tuple[int, int, int]]:
    """Return the tiles that lie in the scene with all of their pixels."""
    west, south, east, north = GRID.bounds_in(3857)
    size = 2 * math.pi * 6_378_137 / 2**zoom
    half = math.pi * 6_378_137
    columns = range(math.ceil((west + half) / size) + 1, math.floor((east + half) / size) - 1)
    rows = range(math.ceil((half - north) / size) + 1, math.floor((half - south) / size) - 1)
    return [(zoom, x, y) for y in rows for x in columns]
