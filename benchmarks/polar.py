"""Sea ice, water and land in Sentinel-1 patches: what holds on ground that was never seen.

``python benchmarks/polar.py FOLDER [--seeds 3] [--only chip_texture]`` reads labelled 64 × 64 patches
(``meta.csv`` with image_id, x, y, label; ``patches.zip`` with images/<image_id>.png: HH, HV and their ratio
as 8 bits), lets the gate drop those without data and conflicting labels, and scores a random forest on 21
hand features, a plain small network and a kernel machine on texture: 5 folds of 2,500-pixel blocks of the
scenes' grid, and 5 folds at random, both dealt by each seed; the mean of the folds, then of the seeds.

With ``--nested 2500 lot …``, by several designs of blocks, forest and kernel machine are scored with settings
(and families of texture) chosen within each training part, by 4 folds of blocks, beside the defaults.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
import zipfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from eocene.curate import Samples, block_split, locate_blocks, random_split
from eocene.curate.faults import Resolution, check_quickly, resolve
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.evaluation.nested import choose, measure_accuracy, score_nested
from eocene.learn.models.chip_texture import CHOICES, fit_kernels, measure_texture
from eocene.learn.onnx_file import export_onnx, measure_difference

CLASSES = {"W": 0, "I": 1, "L": 2}
BLOCK_PX, FOLDS, EDGE = 2500.0, 5, 64
NO_DATA = (1, 1, 0)
DESIGNS = {
    "2500": (2500, 0), "lot": (2500, 0), "2500+1250": (2500, 1250), "3000": (3000, 0), "2000": (2000, 0),
}  # fmt: skip
"""Edge of the blocks in pixels, and by how much their lines are moved; "lot" deals blocks by chance alone."""
INNER_FOLDS = 4
GRID = [{"sharpness": sharp, "penalty": ridge} for sharp in (0.1, 0.3, 1.0) for ridge in (0.1, 0.5, 2.0)]
CHOSEN_FROM: dict[str, list[dict[str, Any]]] = {
    "random_forest": [
        {"min_samples_leaf": leaf, "max_features": some} for leaf in (1, 10) for some in ("sqrt", "third")
    ],
    "chip_texture": [
        *({"families": some} for some in CHOICES),
        *(told for told in GRID if told != {"sharpness": 0.3, "penalty": 0.5}),
    ],
}
"""The default first."""
AXES = {"y": tuple(map(str, range(EDGE))), "x": tuple(map(str, range(EDGE)))}


def read_patches(folder: Path) -> Samples:
    """Chips of 8-bit HH, HV and ratio; places are pixels, named metres because blocks need a unit."""
    rows = list(csv.DictReader(io.StringIO((folder / "meta.csv").read_text())))
    with zipfile.ZipFile(folder / "patches.zip") as archive:
        images = [archive.read(f"images/{row['image_id']}.png") for row in rows]
    chips = np.stack([np.asarray(Image.open(io.BytesIO(image)).convert("RGB")) for image in images])
    return Samples(
        features=chips.transpose(0, 3, 1, 2), labels=np.array([CLASSES[row["label"]] for row in rows]),
        x=np.array([float(row["x"]) for row in rows]), y=np.array([float(row["y"]) for row in rows]),
        epsg=32627, axes={"bands": ("HH", "HV", "ratio"), **AXES}, name="polar",
        class_names={0: "water", 1: "ice", 2: "land"},
    )  # fmt: skip


def clean(samples: Samples) -> Samples:
    """Drop what the gate proves to be faulty."""
    while (report := check_quickly(samples)).faults:
        samples = resolve(samples, report, [Resolution(kind, "drop") for kind in report.faults])
    return samples


def describe_by_hand(samples: Samples) -> Samples:
    """21 rows of features: mean, deviation, three quantiles and two gradients of each of three bands."""
    chips = samples.features
    parts = [chips.mean((2, 3)), chips.std((2, 3)), *np.percentile(chips, [10, 50, 90], axis=(2, 3))]
    parts += [np.abs(np.diff(chips, axis=axis)).mean((2, 3)) for axis in (2, 3)]
    names = ("mean", "sd", "p10", "p50", "p90", "gradient-y", "gradient-x")
    axes = {"features": tuple(f"{band}-{name}" for name in names for band in samples.axes["bands"])}
    return replace(samples, features=np.concatenate(parts, axis=1), axes=axes)


def take_logarithms(samples: Samples) -> Samples:
    """HH and HV in powers of two, the ratio as it is in units of 32; no data becomes missing."""
    hh, hv, ratio = samples.features.swapaxes(0, 1)
    chips = np.stack([np.log2(hh + 1), np.log2(hv + 1), ratio / 32], axis=1)
    empty = (hh == NO_DATA[0]) & (hv == NO_DATA[1]) & (ratio == NO_DATA[2])
    return replace(samples, features=np.where(empty[:, None], np.nan, chips))


def score(samples: Samples, kind: str, settings: dict[str, Any], seeds: int, threads: int) -> dict[str, Any]:
    """The mean accuracy over folds and seeds, by blocks and at random."""
    found: dict[str, list[float]] = {"blocks": [], "random": []}
    start = time.process_time()
    for seed in range(seeds):
        splits = {
            "blocks": block_split(samples, FOLDS, BLOCK_PX, seed),
            "random": random_split(samples, FOLDS, seed),
        }
        report = evaluate(samples, ModelSpec(kind, seed, settings), splits, threads=threads, forest=False)
        for name, values in found.items():
            values.append(report.splits[name].mean["accuracy"])
    means = {name: round(float(np.mean(values)), 4) for name, values in found.items()}
    by_seed = {f"{name} by seed": np.round(values, 4).tolist() for name, values in found.items()}
    return {"kind": kind, **means, **by_seed, "cpu_s": round(time.process_time() - start)}


def describe_texture(samples: Samples) -> Samples:
    """The numbers of all families of texture as rows, so that they are measured once."""
    families = measure_texture(take_logarithms(samples).features)
    names = tuple(f"{name}/{i}" for name, values in families.items() for i in range(values.shape[1]))
    return replace(samples, features=np.concatenate([*families.values()], axis=1), axes={"features": names})


def measure_kernels(samples: Samples, spec: ModelSpec, fold: Any) -> float:
    """The accuracy of chip_texture with its texture given."""
    family = np.array([name.split("/")[0] for name in samples.axes["features"]])
    texture = {one: samples.features[:, family == one] for one in spec.settings["families"].split("+")}
    learnt, tested = ({name: values[rows] for name, values in texture.items()} for rows in fold)
    classes, machine = fit_kernels(learnt, samples.labels[fold[0]], spec.options, spec.seed)
    answer = classes[machine.estimate_probabilities(tested).argmax(axis=1)]
    return float((answer == samples.labels[fold[1]]).mean())


def deal_by_lot(samples: Samples, size: float, seed: int) -> list[Any]:
    _, which = np.unique(locate_blocks(samples, size), axis=0, return_inverse=True)
    fold = np.random.default_rng(seed).permutation(which.max() + 1)[which.reshape(-1)] % FOLDS
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(FOLDS)]


def score_choice(
    samples: Samples, kind: str, measure: Any, design: str, seed: int, margin: float
) -> dict[str, Any]:
    """The accuracy of each outer fold with default settings, and with those chosen in its training part."""
    size, moved = DESIGNS[design]
    samples = replace(samples, x=samples.x - moved, y=samples.y - moved)
    specs = [ModelSpec(kind, seed, told) for told in CHOSEN_FROM[kind]]
    folds = deal_by_lot(samples, size, seed) if design == "lot" else block_split(samples, FOLDS, size, seed)

    def pick(part: Samples) -> ModelSpec:
        inner = block_split(part, INNER_FOLDS, size, 0)
        return choose(part, specs, inner, measure=measure, margin=margin).spec

    nested = score_nested(samples, folds, pick, measure=measure)
    default = [measure(samples, specs[0], fold) for fold in folds]
    return {
        "kind": kind, "design": design, "seed": seed,
        "default": np.round(default, 4).tolist(), "nested": [round(fold.score, 4) for fold in nested],
        "chosen": [CHOSEN_FROM[kind][specs.index(fold.spec)] for fold in nested],
    }  # fmt: skip


def compare_choices(
    patches: Samples, designs: list[str], kinds: list[str], seeds: int, margin: float
) -> None:
    """Print each design, and how kinds and ways to choose differ by the same folds."""
    made = {
        "random_forest": (describe_by_hand, measure_accuracy),
        "chip_texture": (describe_texture, measure_kernels),
    }
    ready = {kind: (make(patches), measure) for kind, (make, measure) in made.items() if kind in kinds}
    for design in designs:
        rows = {}
        for kind, (samples, measure) in ready.items():
            rows[kind] = [score_choice(samples, kind, measure, design, seed, margin) for seed in range(seeds)]
            for row in rows[kind]:
                print(json.dumps(row), flush=True)
        told = {
            f"{kind}, {way}": np.array([row[way] for row in found])
            for kind, found in rows.items()
            for way in ("default", "nested")
        }
        print(json.dumps({"design": design, **{name: summarise(told, name) for name in told}}), flush=True)


def summarise(told: dict[str, np.ndarray], name: str) -> dict[str, float]:
    """Means over folds and seeds: the score, what it is above the forest's, in which share of folds."""
    scores = told[name]
    gap = scores - told.get(f"random_forest, {name.split(', ')[1]}", scores)
    shares = {"better": gap > 0, "equal": gap == 0}
    means = {"mean": scores, "over the forest": gap, **shares}
    return {what: round(float(values.mean()), 4) for what, values in means.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", default=["random_forest", "small_cnn", "chip_texture"])
    parser.add_argument("--nested", nargs="+", choices=DESIGNS, help="score choices by these designs instead")
    parser.add_argument(
        "--margin", type=float, default=0.0, help="standard errors a choice needs over the default"
    )
    told = parser.parse_args()
    read = read_patches(told.folder)
    patches = clean(read)
    print(json.dumps({"read": len(read), "clean": len(patches), "dropped": dict(patches.faults)}), flush=True)
    if told.nested:
        compare_choices(patches, told.nested, told.only, told.seeds, told.margin)
        return
    made = {"random_forest": describe_by_hand, "small_cnn": lambda samples: samples}
    settings = {"small_cnn": {"width": 8, "epochs": 10}}
    for kind in told.only:
        samples = made.get(kind, take_logarithms)(patches)
        row = score(samples, kind, settings.get(kind, {}), told.seeds, told.threads)
        print(json.dumps(row), flush=True)
    chips = take_logarithms(patches)
    model = train(chips, ModelSpec("chip_texture"), rows=block_split(chips, FOLDS, BLOCK_PX, 0)[0][0])
    difference = measure_difference(model, export_onnx(model), chips.features[:500])
    print(json.dumps({"onnx difference": difference}), flush=True)


if __name__ == "__main__":
    main()
