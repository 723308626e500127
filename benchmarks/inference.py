"""What a U-Net over a scene costs beside its bare forward passes, in memory, at the seams.

The scene is made: four bands of uint16 in deflated COGs. The network is a small U-Net of the registry,
trained for one epoch, since what it answers does not matter here; its ONNX form runs on one thread.

    python benchmarks/inference.py [--size 2048] [--rounds 2] [--whole]

``ratio`` is the processor time of reading and predicting, divided by that of the bare forward passes over the
area that the network covers, halos included; ``per_result`` divides by that over the result alone, and
``ratio_with_files`` has the Zarr, the COG with its overviews, checksums and STAC of a job in it.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from rasterio.transform import from_origin

sys.path.insert(0, str(Path(__file__).parents[1]))

from eocene.archive import Archive
from eocene.curate import Samples
from eocene.learn import ModelRegistry, ModelSpec, train
from eocene.learn.inference import choose_tiling
from eocene.learn.validation import validate
from eocene.model import Layout
from eocene.process import make_plan
from eocene.process.output.results import write_results
from eocene.process.output.stac import ResultInfo

BANDS = ("B02", "B03", "B04", "B08")
CHIP = 64
OPTIONS: dict[str, dict[str, Any]] = {
    "crop": {},
    "blend": {"overlap": 32, "blend": "cosine"},
}


def make_texture() -> np.ndarray:
    """Return (4, 1024, 1024) uint16: noise whose spectrum falls as that of landscapes does."""
    noise = np.random.default_rng(0).normal(size=(4, 1024, 1024))
    frequency = np.hypot(np.fft.fftfreq(1024)[:, None], np.fft.rfftfreq(1024)[None])
    field = np.fft.irfft2(np.fft.rfft2(noise) / np.maximum(frequency, 1 / 1024) ** 1.2)
    scaled = field / field.std((1, 2), keepdims=True) * 400 + 2000
    return scaled.clip(1, 9000).astype(np.uint16)


def make_scene(folder: Path, size: int) -> None:
    """Write the bands of a scene, in strips."""
    folder.mkdir(parents=True)
    texture, columns = make_texture(), np.arange(size) % 1024
    profile = {"driver": "GTiff", "width": size, "height": size, "count": 1, "dtype": "uint16",
               "crs": "EPSG:32631", "transform": from_origin(600_000, 5_700_000, 10, 10), "tiled": True,
               "blockxsize": 512, "blockysize": 512, "compress": "deflate", "predictor": 2,
               "nodata": 0}  # fmt: skip
    for number, band in enumerate(BANDS):
        with rasterio.open(folder / f"scene_20240601_{band}.tif", "w", **profile) as file:
            for top in range(0, size, 512):
                rows = np.arange(top, min(top + 512, size)) % 1024
                place = ((top, top + len(rows)), (0, size))
                file.write(texture[number][rows][:, columns], 1, window=place)


def make_model(archive: Archive, width: int) -> str:
    """Train a U-Net for an epoch on chips of the texture and register it."""
    texture = make_texture().astype(np.float32)
    places = np.random.default_rng(1).integers(0, 1024 - CHIP, (48, 2))
    chips = np.stack([texture[:, y : y + CHIP, x : x + CHIP] for y, x in places])
    labels = np.clip((chips[:, 3] - chips[:, 0]) // 200 + 3, 0, 5).astype(np.int64)
    names = tuple(str(n) for n in range(CHIP))
    samples = Samples(
        chips, np.arange(48) % 6, 600_000 + 640.0 * places[:, 1], 5_700_000 - 640.0 * places[:, 0], 32631,
        {"bands": BANDS, "y": names, "x": names}, {n: f"class {n}" for n in range(6)},
        sources={"items": ["scene_20240601"], "label": "made"},
    )  # fmt: skip
    spec = ModelSpec("u_net", settings={"width": width, "depth": 4, "epochs": 1})
    model = train(samples, spec, pixel_labels=labels)
    return ModelRegistry(archive.layout).register(model, validate(samples, spec, 0), samples)


def make_graph(model: str, **options: Any) -> dict[str, Any]:
    """Return the graph that predicts a scene."""
    return {
        "load": {"process_id": "load_collection", "arguments": {
            "id": "scene", "bands": list(BANDS), "spatial_extent": None, "temporal_extent": None}},
        "flat": {"process_id": "drop_dimension", "arguments": {"data": {"from_node": "load"}, "name": "t"}},
        "model": {"process_id": "load_ml_model", "arguments": {"id": model}},
        "map": {"process_id": "ml_predict", "arguments": {
            "data": {"from_node": "flat"}, "model": {"from_node": "model"}, **options}},
        "classes": {"process_id": "filter_bands", "arguments": {
            "data": {"from_node": "map"}, "bands": ["class"]}},
        "save": {"process_id": "save_result", "result": True, "arguments": {
            "data": {"from_node": "classes"}, "format": "GTiff", "options": {"datatype": "uint8"}}},
    }  # fmt: skip


def open_scene(folder: Path, size: int, width: int) -> tuple[Archive, str]:
    """Make a workspace with a scene and a model."""
    make_scene(folder / "scene", size)
    layout = Layout(folder / "workspace")
    layout.root.mkdir()
    layout.marker.write_text("{}")
    archive = Archive(layout)
    archive.ingest(folder / "scene")
    return archive, make_model(archive, width)


def forward_seconds(archive: Archive, model: str, edge: int, megapixels: float) -> float:
    """Return the processor seconds of bare forward passes for a megapixel, on tiles of one size."""
    predictor = ModelRegistry(archive.layout).load(model)
    tile = np.ascontiguousarray(np.resize(make_texture(), (4, edge, edge))[None], np.float32)
    predictor.run(tile)
    start, count = time.process_time(), max(1, round(megapixels * 1e6 / edge**2))
    for _ in range(count):
        predictor.run(tile)
    return (time.process_time() - start) / (count * edge**2 / 1e6)


def covered_megapixels(archive: Archive, plan: Any, model: str, options: dict[str, Any]) -> tuple[float, int]:
    """Return how many megapixels the network is run on for the whole scene, and the usual edge of a pass."""
    predictor = ModelRegistry(archive.layout).load(model)
    tiling = choose_tiling(predictor.signature, predictor.reach, free=predictor.is_free, **options)
    extent, total, edge = plan.grid, 0, 0
    for block in plan.blocks():
        if tiling.exact:
            cover = tiling.cover(block, extent)
            total += cover.width * cover.height
            edge = max(edge, cover.width)
        else:
            total += sum(t.width * t.height for t in tiling.tiles(block) if t.intersect(extent))
            edge = tiling.edge
    return total / 1e6, edge


def measure(archive: Archive, model: str, folder: Path, name: str, rounds: int) -> dict[str, Any]:
    """Return what a way to cut costs, the best of some rounds, raw passes measured between them."""
    plan = make_plan(make_graph(model, **OPTIONS[name]), archive)
    covered, edge = covered_megapixels(archive, plan, model, OPTIONS[name])
    result = plan.grid.width * plan.grid.height / 1e6
    raw, taken = [], []
    for _ in range(rounds + 1):  # the first loads and compiles what runs are made of
        raw.append(forward_seconds(archive, model, edge, result))
        start = time.process_time()
        for block in plan.blocks():
            plan.compute(block)
        taken.append(time.process_time() - start)
    start = time.process_time()
    write_results(plan, folder / name, ResultInfo("r", "", "2026-01-01T00:00:00Z", {}))
    written = time.process_time() - start
    return {
        "block": plan.block_size,
        "edge_of_a_pass": edge,
        "covered_per_result": round(covered / result, 3),
        "raw_s_per_Mpx": round(min(raw), 3),
        "cpu_s_per_Mpx": round(min(taken) / result, 3),
        "ratio": round(min(taken) / (min(raw) * covered), 3),
        "per_result": round(min(taken) / (min(raw) * result), 3),
        "ratio_with_files": round(written / (min(raw) * covered), 3),
    }


def measure_seams(archive: Archive, model: str, edge: int = 512) -> dict[str, float]:
    """Return the largest differences of a probability: blocks to the untiled answer, and blends to it."""
    from eocene.model import Grid

    graph = make_graph(model)
    graph["map"] |= {"process_id": "ml_predict_probabilities", "result": True}
    del graph["classes"], graph["save"]
    plan = make_plan(graph, archive)
    whole = Grid(plan.grid.lattice, plan.grid.left, plan.grid.top, edge, edge)
    predictor = ModelRegistry(archive.layout).load(model)
    untiled = plan.read(whole).to_numpy()
    parts = plan.read(whole).copy()
    for block in whole.blocks(150, 97):
        part = plan.read(block)
        parts.loc[{"x": part["x"], "y": part["y"]}] = part
    graph["map"]["arguments"] |= OPTIONS["blend"]
    blended = make_plan(graph, archive).read(whole).to_numpy()
    inner = (slice(None), slice(64, -64), slice(64, -64))
    return {
        "stride": predictor.reach.stride,
        "halo": predictor.reach.halo,
        "blocks_to_untiled": float(np.abs(parts.to_numpy() - untiled).max()),
        "blended_to_untiled": float(np.abs(blended - untiled)[inner].max()),
    }


def measure_whole(folder: Path, size: int, width: int, memory: str) -> dict[str, Any]:
    """Predict a whole scene in a process of its own with a memory budget, and tell its peak."""
    home = str(Path(__file__).parents[1])
    program = f"import sys; sys.path.insert(0, {home!r}); import benchmarks.inference as b;"
    program += "b.predict_whole(sys.argv[1], sys.argv[2])"
    archive, model = open_scene(folder, size, width)
    archive.catalogue.close()
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program, str(folder), model],
        env={**os.environ, "EOCENE_MEMORY": memory}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return told


def predict_whole(folder: str, model: str) -> None:
    """Predict the scene of a folder into COGs and print time and peak memory."""
    archive = Archive(Layout(Path(folder) / "workspace"))
    plan = make_plan(make_graph(model), archive)
    start, clock = time.process_time(), time.monotonic()
    write_results(plan, Path(folder) / "whole", ResultInfo("r", "", "2026-01-01T00:00:00Z", {}))
    print(
        json.dumps(
            {
                "pixels": f"{plan.grid.width} × {plan.grid.height} × {len(BANDS)}",
                "block": plan.block_size,
                "estimated_peak_GB": round(plan.estimate().peak_memory_to_files / 1e9, 2),
                "peak_GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9, 2),
                "cpu_s": round(time.process_time() - start, 1),
                "wall_s": round(time.monotonic() - clock, 1),
            }
        )
    )


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=2048, help="pixels along an edge of the scene")
    parser.add_argument("--width", type=int, default=16, help="filters of the U-Net's first stage")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="a scene of 10,980² pixels as well")
    parser.add_argument("--only-whole", action="store_true", help="nothing but that")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if options.only_whole:
            print(json.dumps(measure_whole(folder / "whole", 10_980, 8, "1.5GB"), ensure_ascii=False))
            return
        archive, model = open_scene(folder / "part", options.size, options.width)
        told: dict[str, Any] = {
            way: measure(archive, model, folder / "part", way, options.rounds) for way in OPTIONS
        }
        told["seams"] = measure_seams(archive, model)
        if options.whole:
            told["whole"] = measure_whole(folder / "whole", 10_980, 8, "1.5GB")
    print(json.dumps(told, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
