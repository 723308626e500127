"""How fast stored samples are streamed and built, beside peers in the same run.

Loading: 256 × 256 × 4 uint16 chips of two simulated scenes with realistic noise, given as float32 in batches
or one by one, in samples per second of processor time. The peers read the same chips from tiled GeoTIFFs
(rasterio windows), from Zarr v3 by its library (random samples; whole shards, then shuffled) and from
uncompressed tar files (webdataset, where it is installed). Building: about a million series of pixels out
of a simulated archive, read through a plan, with all columns, in a process of its own whose peak memory is
told.

Run with ``python benchmarks/dataset.py [load|build] [size of the archive]``; prints one JSON object.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import rasterio
import zarr
from rasterio.transform import from_origin
from rasterio.windows import Window
from scipy.ndimage import zoom
from zarr.codecs import BloscCodec

from eocene.apps.samples import draw_samples
from eocene.archive import Archive
from eocene.curate import Dataset, DatasetWriter, Draw, Layer
from eocene.curate.dataset.shards import choose_shard
from eocene.curate.dataset.writer import PIXELS
from eocene.model import Layout
from eocene.process import make_plan
from eocene.testing.simulate import simulate_archive

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

EDGE, SCENE, CHIPS = 256, 4096, 480
BASES = (500, 750, 700, 2600)
"""Mean stored reflectance of blue, green, red and near infrared."""
NOISE = 25.0
"""Deviation from pixel to pixel, 0.0025 of reflectance, which no compression can save."""
REAL = Path(__file__).parents[2] / "shared/data"
GRAPH = {
    "load": {
        "process_id": "load_collection",
        "arguments": {"id": "sentinel-2-l2a", "bands": ["B02", "B03", "B04", "B08"]},
        "result": True,
    }
}


def make_scene(seed: int) -> NDArray[np.uint16]:
    """Return a scene (4, y, x): terrain of several grains that all bands share, and noise of their own."""
    rng = np.random.default_rng(seed)
    ground = np.zeros((SCENE, SCENE), np.float32)
    size = 8
    while size < SCENE:
        grain = rng.standard_normal((size + 1, size + 1)).astype(np.float32)
        ground += zoom(grain, SCENE / (size + 1) + 1e-9, order=1)[:SCENE, :SCENE] * 8 / size
        size *= 4
    ground /= ground.std()
    noise = rng.standard_normal((4, SCENE, SCENE)).astype(np.float32) * NOISE
    return np.stack(
        [np.clip(b * (1 + 0.25 * ground) + n, 1, 15000) for b, n in zip(BASES, noise, strict=True)]
    ).astype(np.uint16)


def write_inputs(folder: Path) -> NDArray[np.uint16]:
    """Write scenes as tiled GeoTIFFs and return the chips (n, 4, y, x) that all loaders give."""
    chips = []
    for number in range(2):
        scene = make_scene(number)
        options = {"driver": "GTiff", "count": 4, "dtype": "uint16", "height": SCENE, "width": SCENE}
        options |= {"tiled": True, "blockxsize": 512, "blockysize": 512}
        options |= {"compress": "deflate", "predictor": 2}
        options |= {"crs": "EPSG:32632", "transform": from_origin(5e5, 5e6, 10, 10)}
        with rasterio.open(folder / f"scene-{number}.tif", "w", zlevel=4, **options) as file:
            file.write(scene)
        across = SCENE // EDGE
        tiles = scene.reshape(4, across, EDGE, across, EDGE).transpose(1, 3, 0, 2, 4)
        chips += list(tiles.reshape(-1, 4, EDGE, EDGE))
    return np.stack(chips[:CHIPS])


def store(folder: Path, chips: NDArray[np.uint16]) -> tuple[Dataset, float]:
    """Write chips as a data set; return it and the processor time."""
    ticks = tuple(str(k) for k in range(EDGE))
    layer = Layer({"bands": ("B02", "B03", "B04", "B08"), "y": ticks, "x": ticks}, "uint16", 1e-4, nodata=0)
    begun = time.process_time()
    with DatasetWriter(folder, {"features": layer}, epsg=32632, name="chips") as writer:
        for number, chip in enumerate(chips):
            place = np.array([5e5 + EDGE * 10 * number])
            writer.append({"features": chip[None]}, np.array([number % 5]), place, np.array([5e6]))
        made = Dataset.open(writer.finish())
    return made, time.process_time() - begun


def rate(samples: Iterator[Any], count: int) -> float:
    """Return samples per second of processor time; each item holds one or a batch."""
    next(samples)
    begun, seen = time.process_time(), 0
    for item in samples:
        seen += len(item) if item.ndim == 4 else 1
        if seen >= count:
            break
    return round(seen / (time.process_time() - begun), 1)


def stream(dataset: Dataset, workers: int) -> Iterator[NDArray[np.float32]]:
    epoch = 0
    while True:
        yield from (batch.features for batch in dataset.stream(16, 1, workers, epoch=epoch))
        epoch += 1


def read_windows(folder: Path) -> Iterator[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    files = [rasterio.open(path) for path in sorted(folder.glob("scene-*.tif"))]
    while True:
        x, y = (int(rng.integers(SCENE - EDGE)) for _ in range(2))
        yield files[rng.integers(2)].read(window=Window(x, y, EDGE, EDGE)).astype(np.float32)


def make_zarr(folder: Path, chips: NDArray[np.uint16], shard: int) -> Any:
    blosc = BloscCodec(cname="zstd", clevel=3, shuffle="bitshuffle")
    shape = {"shape": chips.shape, "chunks": (1, *chips.shape[1:]), "shards": (shard, *chips.shape[1:])}
    array = zarr.create_array(folder / "chips.zarr", dtype="uint16", compressors=blosc, **shape)
    for first in range(0, len(chips), shard):
        array[first : first + shard] = chips[first : first + shard]
    return array


def read_zarr(array: Any) -> Iterator[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    while True:
        yield array[int(rng.integers(array.shape[0]))].astype(np.float32)


def read_shards(array: Any, shard: int) -> Iterator[NDArray[np.float32]]:
    rng = np.random.default_rng(0)
    while True:
        for first in rng.permutation(range(0, array.shape[0], shard)):
            held = array[int(first) : int(first) + shard]
            yield from (held[k].astype(np.float32) for k in rng.permutation(len(held)))


def read_tar(folder: Path, chips: NDArray[np.uint16], shard: int) -> Iterator[NDArray[np.float32]] | None:
    try:
        import webdataset
    except ImportError:
        return None
    with webdataset.ShardWriter(str(folder / "chips-%04d.tar"), maxcount=shard, verbose=0) as sink:
        for number, chip in enumerate(chips):
            sink.write({"__key__": f"{number:06d}", "x.npy": chip})
    tars = sorted(str(path) for path in folder.glob("chips-*.tar"))

    def read() -> Iterator[NDArray[np.float32]]:
        while True:
            found = webdataset.WebDataset(tars, shardshuffle=4, empty_check=False).shuffle(shard).decode()
            yield from (sample["x.npy"].astype(np.float32) for sample in found)

    return read()


def digest(dataset: Dataset, workers: int) -> str:
    told = hashlib.sha256()
    for batch in dataset.stream(16, 7, workers):
        told.update(batch.rows.tobytes() + batch.labels.tobytes() + batch.features.tobytes())
    return told.hexdigest()


def measure_disk(folder: Path, raw: int) -> float:
    return round(sum(p.stat().st_size for p in folder.rglob("*") if p.is_file()) / raw, 3)


def measure_pixels(folder: Path, chips: NDArray[np.uint16]) -> float:
    """Return what few chips take as pixels: beside so few the documents would count."""
    return measure_disk(folder / store(folder, chips)[0].id / PIXELS, chips.nbytes)


def measure_real(folder: Path) -> dict[str, float]:
    """Return disk size / raw of chips of real scenes, where they are at hand."""
    found = {}
    flood = REAL / "flood-sen1floods11/Spain_7370579_S2Hand_W.tif"
    if flood.exists():
        with rasterio.open(flood) as file:
            bands = file.read([2, 3, 4, 8]).astype(np.uint16)
        chips = np.stack([bands[:, y : y + EDGE, :EDGE] for y in (0, EDGE)])
        made = store(folder / "flood", chips)[0]
        found["sen1floods11, fields and a river"] = measure_disk(
            folder / "flood" / made.id / PIXELS, chips.nbytes
        )
    cloud = REAL / "cloud-ukis-csmask/sentinel2.npz"
    if cloud.exists():
        with np.load(cloud) as file:
            bands = np.rint(file["img"][..., :4].transpose(2, 0, 1) * 10_000).astype(np.uint16)
        chips = np.stack([bands[:, y : y + EDGE, x : x + EDGE] for y in (0, EDGE) for x in (0, EDGE)])
        found["ukis-csmask, broken clouds"] = measure_pixels(folder / "cloud", chips)
    return found


def measure_loading(folder: Path) -> dict[str, Any]:
    chips = write_inputs(folder)
    dataset, seconds = store(folder / "sets", chips)
    shard = choose_shard(list(dataset.layers.values()))
    array = make_zarr(folder, chips, shard)
    tar = read_tar(folder, chips, shard)
    peers = {
        "rasterio windows": rate(read_windows(folder), 200),
        "zarr, random samples": rate(read_zarr(array), 300),
        "zarr, whole shards then shuffled": rate(read_shards(array, shard), 450),
        "webdataset": "not installed" if tar is None else rate(tar, 450),
    }
    digests = {digest(dataset, workers) for workers in (0, 1, 2)}
    return {
        "chips": len(chips),
        "samples_per_cpu_s": {f"{w} workers": rate(stream(dataset, w), 1400) for w in (0, 1, 2)},
        "peers_samples_per_cpu_s": peers,
        "disk_over_raw": measure_disk(folder / "sets" / dataset.id, chips.nbytes),
        "disk_over_raw_of_real_scenes": measure_real(folder),
        "equal_batches_at_0_1_2_workers": len(digests) == 1,
        "stored_per_cpu_s": round(len(chips) / seconds, 1),
    }


def measure_building(folder: Path, size: int) -> dict[str, Any]:
    simulate_archive(folder / "products", size=size, dates=8, seed=3)
    (folder / "workspace").mkdir()
    Archive(Layout(folder / "workspace")).ingest(folder / "products")
    command = [sys.executable, __file__, "draw", str(folder / "workspace"), str(size)]
    done = subprocess.run(command, capture_output=True, check=True)
    return json.loads(done.stdout)


def draw(folder: Path, size: int) -> dict[str, Any]:
    """Build series of the archive in a workspace; what it costs is this process's own."""
    archive = Archive(Layout(folder))
    plan = make_plan(GRAPH, archive)
    before = resource.getrusage(resource.RUSAGE_SELF)
    begun = time.process_time()
    most = 160_000 * size * size // 1024**2
    made = draw_samples(archive, plan, "reference:classes", Draw("series", per_stratum=most), name="series")
    seconds = time.process_time() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    raw = len(made) * sum(layer.row_bytes for layer in made.layers.values())
    return {
        "series": len(made),
        "shape": made.layers["features"].shape,
        "samples_per_cpu_s": round(len(made) / seconds, 1),
        "cpu_s": round(seconds, 1),
        "peak_MB": round(peak / 1024),
        "before_MB": round(before.ru_maxrss / 1024),
        "pixels_MB_raw": round(raw / 2**20),
        "disk_over_raw": measure_disk(folder / "datasets" / made.id, raw),
        "columns": len(made.table.column_names),
        "streamed_per_cpu_s": rate_series(made),
    }


def rate_series(dataset: Dataset) -> float:
    begun, seen = time.process_time(), 0
    for batch in islice(dataset.stream(1024, 1), 400):
        seen += len(batch.rows)
    return round(seen / (time.process_time() - begun))


def main() -> None:
    what, *rest = sys.argv[1:] or ["both"]
    if what == "draw":
        print(json.dumps(draw(Path(rest[0]), int(rest[1]))))
        return
    told = {}
    with tempfile.TemporaryDirectory() as scratch:
        if what in ("load", "both"):
            (Path(scratch) / "load").mkdir()
            told["loading"] = measure_loading(Path(scratch) / "load")
        if what in ("build", "both"):
            (Path(scratch) / "build").mkdir()
            told["building"] = measure_building(Path(scratch) / "build", int(rest[0]) if rest else 1024)
    print(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
