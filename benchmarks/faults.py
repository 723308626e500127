"""The gate on planted faults, on real patches of sea ice, and its time on many samples.

    python benchmarks/faults.py [--seeds 5] [--count 2000] [--many 100000] [--large 400] [--patches FOLDER]
        [--page FILE]

Planted: each kind of fault in two in a hundred of simulated chips and series; recall and precision are means
over the seeds. Patches: FOLDER is that of the ExtremeEarth patches (by default
../shared/data/seaice-polar-patch beside the checkout; left out if it is missing). Large: stored chips of
256 × 256 × 4. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import tempfile
import time
import zipfile
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np

from eocene.curate import Dataset, DatasetWriter, Layer, Samples
from eocene.curate.faults import check_samples, draw_report
from eocene.testing.simulate.labelled import simulate_samples
from eocene.testing.simulate.planting import FAULT_KINDS, plant_faults

PATCHES = Path(__file__).resolve().parents[2] / "shared" / "data" / "seaice-polar-patch"


def main() -> None:
    arguments = read_arguments()
    told = {kind: measure_planted(kind, arguments.count, arguments.seeds) for kind in ("chips", "series")}
    if arguments.patches.is_dir():
        told["patches"] = name_patches(arguments.patches, arguments.page)
    if arguments.many:
        told["many"] = time_many(arguments.many)
    if arguments.large:
        told["large"] = time_large(arguments.large)
    print(json.dumps(told))


def read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--many", type=int, default=100_000)
    parser.add_argument("--large", type=int, default=400)
    parser.add_argument("--patches", type=Path, default=PATCHES)
    parser.add_argument("--page", type=Path, default=None)
    return parser.parse_args()


def measure_planted(kind: str, count: int, seeds: int) -> dict[str, dict[str, float]]:
    """Return mean recall and precision of each kind of fault, and what is named in sound samples."""
    found: dict[str, list[tuple[float, float]]] = defaultdict(list)
    false = []
    for seed in range(seeds):
        sound = simulate_samples(count, seed, kind=kind)
        false.append(len(check_samples(sound).rows()) / count)
        planted = plant_faults(sound, 0.02, seed, FAULT_KINDS if kind == "chips" else FAULT_KINDS[:-1])
        report = check_samples(planted.samples)
        for fault, true in planted.rows.items():
            rows = set(report.rows(fault))
            found[fault].append((len(rows & true) / len(true), len(rows & true) / max(len(rows), 1)))
    print(f"{kind}: {seeds} × {count}; named in sound samples: {100 * mean(false):.2f} %")
    told = {}
    for fault in sorted(found):
        recall, precision = (mean(values) for values in zip(*found[fault], strict=True))
        print(f"  {fault:16} recall {recall:.3f}  precision {precision:.3f}")
        told[fault] = {"recall": round(recall, 4), "precision": round(precision, 4)}
    return told


def name_patches(folder: Path, page: Path | None) -> dict[str, object]:
    """Check the real patches, and list those that are named as faults."""
    samples = read_patches(folder)
    start = time.perf_counter()
    report = check_samples(samples)
    print(f"{report} ({time.perf_counter() - start:.1f} s)")
    for finding in report.find(severity="fault"):
        names = [report.names[row] for row in finding.samples]
        print(f"  {finding.kind}: {finding.reason}\n    {' '.join(names)}")
    if page is not None:
        page.write_text(draw_report(samples, report), encoding="utf-8")
    conflicts = [f.evidence["labels"] for f in report.find("conflicts")]
    return {"faults": report.faults, "suspicions": report.suspicions, "conflicts": conflicts}


def read_patches(folder: Path) -> Samples:
    from PIL import Image

    rows = list(csv.DictReader(io.StringIO((folder / "meta.csv").read_text(encoding="utf-8"))))
    with zipfile.ZipFile(folder / "patches.zip") as archive:
        names = [f"images/{row['image_id']}.png" for row in rows]
        images = [np.asarray(Image.open(io.BytesIO(archive.read(name)))) for name in names]
    pixels = tuple(str(i) for i in range(64))
    return Samples(
        features=np.stack(images).transpose(0, 3, 1, 2),
        labels=np.array(["ILW".index(row["label"]) for row in rows]),
        x=np.array([float(row["x"]) for row in rows]),
        y=np.array([float(row["y"]) for row in rows]),
        epsg=3413,  # positions in the scenes, which have no CRS
        axes={"bands": ("r", "g", "b"), "y": pixels, "x": pixels},
        class_names={0: "ice", 1: "land", 2: "water"},
        columns={"sample": np.array([row["image_id"] for row in rows])},
    )


def time_many(count: int) -> dict[str, object]:
    """Return seconds of the whole gate on series of 200 values with faults in them."""
    planted = plant_faults(simulate_samples(count, 0, kind="series"), 0.01, 0, FAULT_KINDS[:-1])
    start, spent = time.perf_counter(), time.process_time()
    report = check_samples(planted.samples)
    seconds, processor = time.perf_counter() - start, time.process_time() - spent
    print(f"{count} series of 200 values: {seconds:.0f} s, {processor:.0f} CPU s; {dict(report.checked)}")
    return {"count": count, "seconds": round(seconds, 1), "cpu_seconds": round(processor, 1)}


def time_large(count: int, edge: int = 256) -> dict[str, object]:
    """Return processor seconds of the gate, and of its near duplicates, on stored chips of 4 bands."""
    rng, pixels = np.random.default_rng(0), tuple(map(str, range(edge)))
    layer = Layer({"bands": tuple("abcd"), "y": pixels, "x": pixels})
    noise = np.round(4 * rng.normal(size=(50, 4, edge, edge))).astype(np.float32)
    with tempfile.TemporaryDirectory() as folder:
        with DatasetWriter(Path(folder), {"features": layer}, epsg=32631, seed=None) as writer:
            for turn in range(-(-count // 50)):
                level = np.round(64 * rng.normal(size=(50, 4, 1, 1))).astype(np.float32)
                chips = np.roll(noise, (5 * turn, 3 * turn), (2, 3)) + level
                x, y = 500_000.0 + 2560 * np.arange(50), np.full(50, 5_000_000.0 + 2560 * turn)
                writer.append({"features": chips}, (level[:, 0, 0, 0] > 0).astype(int), x, y)
            dataset = Dataset.open(writer.finish())
        spent = [time.process_time()]
        for kinds in (None, ["near_duplicates"]):
            check_samples(dataset, kinds=kinds)
            spent.append(time.process_time())
    whole, near = np.diff(spent).tolist()
    print(f"{len(dataset)} chips of {edge} × {edge} × 4: {whole:.0f} CPU s, {near:.1f} for near duplicates")
    return {"count": len(dataset), "cpu_seconds": round(whole, 1), "near_duplicates": round(near, 1)}


if __name__ == "__main__":
    main()
