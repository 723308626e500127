"""Series of 100 dates under a point, from COGs behind HTTP and from a materialised area of them.

``python benchmarks/series.py`` makes the COGs once, serves them with a delay for each request, materialises
the area in one of two workspaces that are otherwise alike, and lets both answer the same points, in turns, in
processes of their own: the plan and the first point of a process, and points far from each other after it.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dask.array  # noqa: F401 (xarray loads it with its first array, whatever that is)
import numpy as np
import rasterio
import zarr  # noqa: F401

import eocene
from eocene.archive.definition import complete_collection
from eocene.model import Grid, Lattice
from eocene.process import make_plan, registry

sys.path.insert(0, str(Path(__file__).parent / "loader"))

DATES, SIZE, TILE = 100, 2048, 512
BANDS = ("red", "nir", "scl")
GRID = Grid(Lattice(32633, (10.0, 10.0)), 27_456, -534_912, SIZE, SIZE)
POINTS = 12


def moments() -> list[datetime]:
    return [datetime(2025, 1, 1, 10) + timedelta(days=3 * number) for number in range(DATES)]


def make_scenes(folder: Path) -> None:
    """Write a COG of smooth ground and some noise for each date and band, with clouds of no-data."""
    rows, cols = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    for number in range(DATES):
        random = np.random.default_rng(number)
        for band in BANDS:
            path = folder / f"{number:03d}_{band}.tif"
            if path.exists():
                continue
            ground = 2000 + 900 * np.sin(9 * rows + number / 9) * np.cos(7 * cols)
            noise = random.normal(0, 60, (SIZE, SIZE))
            numbers = (ground + noise).clip(1, 9999).astype(np.uint16)
            top, left = random.integers(0, SIZE // 2, 2)
            numbers[top : top + SIZE // 3, left : left + SIZE // 2] = 0
            write_cog(path, (numbers // 1000).astype(np.uint8) if band == "scl" else numbers)


def write_cog(path: Path, numbers: Any) -> None:
    temporary = path.with_suffix(".part")
    profile = {
        "driver": "COG", "width": SIZE, "height": SIZE, "count": 1, "dtype": numbers.dtype, "nodata": 0,
        "crs": f"EPSG:{GRID.epsg}", "transform": rasterio.Affine(*GRID.transform), "compress": "deflate",
        "blocksize": TILE, "predictor": 2,
    }  # fmt: skip
    with rasterio.open(temporary, "w", **profile) as file:
        file.write(numbers, 1)
    temporary.rename(path)


def items(root: str) -> list[dict[str, Any]]:
    west, south, east, north = box = GRID.bounds_in(4326)
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    fields = {
        "type": "image/tiff; application=geotiff; profile=cloud-optimized", "roles": ["data"], "gsd": 10,
        "proj:code": f"EPSG:{GRID.epsg}", "proj:shape": [SIZE, SIZE], "nodata": 0,
        "proj:transform": list(GRID.transform),
    }  # fmt: skip
    return [
        {
            "type": "Feature", "stac_version": "1.1.0", "id": f"{number:03d}", "collection": "s2",
            "geometry": {"type": "Polygon", "coordinates": [ring]}, "bbox": list(box), "links": [],
            "properties": {"datetime": f"{moment:%Y-%m-%dT%H:%M:%SZ}"},
            "assets": {
                band: {
                    **fields, "href": f"{root}/{number:03d}_{band}.tif",
                    "data_type": "uint8" if band == "scl" else "uint16",
                }
                for band in BANDS
            },
        }
        for number, moment in enumerate(moments())
    ]  # fmt: skip


def make_workspace(place: Path, root: str) -> Path:
    from scene import collection

    shutil.rmtree(place, ignore_errors=True)
    found = items(root)
    described = {b: {"data_type": "uint8" if b == "scl" else "uint16", "nodata": 0} for b in BANDS}
    made = collection() | {"item_assets": {b: {"roles": ["data"], **described[b]} for b in BANDS}}
    with eocene.open(place) as workspace:
        made = complete_collection(made, None, found)
        roots = [] if "://" in root else [Path(root)]
        workspace.archive.catalogue.put_items(found, collections=[made], roots=roots)
    return place


def answer(place: Path, bands: list[str]) -> dict[str, Any]:
    """Ask a workspace for its points and return times in milliseconds and what the values are."""
    registry.specs()  # loads the processes
    arguments = {"id": "s2", "spatial_extent": None, "temporal_extent": None, "bands": bands}
    graph = {"load": {"process_id": "load_collection", "arguments": arguments, "result": True}}
    with eocene.open(place) as workspace:
        begun = time.perf_counter()
        plan = make_plan(graph, workspace.archive)
        planned = time.perf_counter()
        west, south, east, north = GRID.bounds
        random, spent, digest = np.random.default_rng(7), [], hashlib.sha256()
        for share_x, share_y in random.uniform(0.01, 0.99, (POINTS, 2)):
            x, y = west + share_x * (east - west), south + share_y * (north - south)
            start = time.perf_counter()
            series = plan.read_point(x, y, GRID.epsg)
            spent.append(1000 * (time.perf_counter() - start))
            digest.update(np.ascontiguousarray(series.values).tobytes())
    return {
        "plan": 1000 * (planned - begun), "first": spent[0], "next": statistics.median(spent[1:]),
        "values": digest.hexdigest(), "shape": list(series.shape),
    }  # fmt: skip


def ask(place: Path, bands: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--answer", str(place), "--bands", bands]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def compare(places: dict[str, Path], bands: str, rounds: int) -> dict[str, Any]:
    """Let both answer in turns; return the best of each figure, and the ratios."""
    told: dict[str, list[dict[str, Any]]] = {name: [] for name in places}
    for _ in range(rounds):
        for name, place in places.items():
            told[name].append(ask(place, bands))
    values = {one["values"] for found in told.values() for one in found}
    best = {
        name: {key: round(min(one[key] for one in found), 1) for key in ("plan", "first", "next")}
        for name, found in told.items()
    }
    ratios = {key: round(best["hot"][key] / best["cog"][key], 4) for key in ("first", "next")}
    return {"bands": bands, "ms": best, "hot/cog": ratios, "identical": len(values) == 1}


def main() -> None:
    from run import serving

    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, default=Path.home() / ".cache" / "eocene-series")
    parser.add_argument("--delay", type=float, default=0.02)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bands", default="red")
    parser.add_argument("--answer", type=Path)
    options = parser.parse_args()
    if options.answer:
        print(json.dumps(answer(options.answer, options.bands.split(","))))
        return
    data = options.folder / "data"
    data.mkdir(parents=True, exist_ok=True)
    make_scenes(data)
    with serving(data, options.delay) as address:
        places = {n: make_workspace(options.folder / n, address) for n in ("cog", "hot")}
        os.environ.setdefault("EOCENE_HOT", "20 GB")
        begun = time.perf_counter()
        with eocene.open(places["hot"]) as workspace:
            made = workspace.materialise("s2", GRID.bounds_in(4326))
        figures = {
            "delay_s": options.delay, "dates": len(made.area.dates), "pixels": SIZE * SIZE,
            "materialise_s": round(time.perf_counter() - begun, 1), "bytes": made.area.bytes,
            "cog_bytes": sum(path.stat().st_size for path in data.glob("*.tif")),
        }  # fmt: skip
        figures["series"] = [compare(places, bands, options.rounds) for bands in ("red", ",".join(BANDS))]
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
