"""Sea ice, water and land in Sentinel-1 patches: what holds on ground that was never seen.

``python benchmarks/polar.py FOLDER [--seeds 3] [--only chip_texture]`` reads labelled 64 × 64 patches
(``meta.csv`` with image_id, x, y, label; ``patches.zip`` with images/<image_id>.png: HH, HV and their ratio
as 8 bits), lets the gate drop those without data and conflicting labels, and scores a random forest on 21
hand features, a plain small network and a kernel machine on texture (``chip_texture``, and with four of its
ten families ``four_families``): 5 folds of 2,500-pixel blocks of the scenes' grid, and 5 folds at random,
both dealt by each seed; the mean of the folds, then of the seeds.

With ``--designs 2500 lot …`` forest and kernel machine are scored by other blocks, their texture measured
once; with ``--nested``, too, with settings (and some of the four families) chosen within each training part,
by 4 folds of blocks.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import time
import zipfile
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from eocene.curate import Samples, block_split, locate_blocks, random_split
from eocene.curate.faults import Resolution, check_quickly, resolve
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.evaluation.nested import choose, measure_accuracy, score_nested
from eocene.learn.models.chip_texture import fit_kernels, measure_texture
from eocene.learn.onnx_file import export_onnx, measure_difference

CLASSES = {"W": 0, "I": 1, "L": 2}
BLOCK_PX, FOLDS, EDGE = 2500.0, 5, 64
NO_DATA = (1, 1, 0)
DESIGNS = {
    "2500": (2500, 0), "lot": (2500, 0), "2500+1250": (2500, 1250), "3000": (3000, 0), "2000": (2000, 0),
}  # fmt: skip
"""Edge of the blocks in pixels, and by how much their lines are moved; "lot" deals blocks by chance alone."""
INNER_FOLDS = 4
FOUR = ("distribution", "variation", "correlation", "extremes")
CHOICES = ["+".join(some) for count in (4, 3, 2, 1) for some in combinations(FOUR, count)]
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "random_forest": ("random_forest", {}),
    "small_cnn": ("small_cnn", {"width": 8, "epochs": 10}),
    "chip_texture": ("chip_texture", {}),
    "four_families": ("chip_texture", {"families": CHOICES[0]}),
}
GRID = [{"sharpness": sharp, "penalty": ridge} for sharp in (0.1, 0.3, 1.0) for ridge in (0.1, 0.5, 2.0)]
CHOSEN_FROM: dict[str, list[dict[str, Any]]] = {
    "random_forest": [
        {"min_samples_leaf": leaf, "max_features": some} for leaf in (1, 10) for some in ("sqrt", "third")
    ],
    "four_families": [
        *({"families": some} for some in CHOICES),
        *({"families": CHOICES[0], **told} for told in GRID if told != {"sharpness": 0.3, "penalty": 0.5}),
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


def score(samples: Samples, name: str, seeds: int, threads: int) -> dict[str, Any]:
    """The mean accuracy over folds and seeds, by blocks and at random."""
    kind, settings = MODELS[name]
    found: dict[str, list[float]] = {"blocks": [], "random": []}
    start = time.process_time()
    for seed in range(seeds):
        splits = {
            "blocks": block_split(samples, FOLDS, BLOCK_PX, seed),
            "random": random_split(samples, FOLDS, seed),
        }
        report = evaluate(samples, ModelSpec(kind, seed, settings), splits, threads=threads, forest=False)
        for split, values in found.items():
            values.append(report.splits[split].mean["accuracy"])
    means = {split: round(float(np.mean(values)), 4) for split, values in found.items()}
    by_seed = {f"{split} by seed": np.round(values, 4).tolist() for split, values in found.items()}
    return {"model": name, **means, **by_seed, "cpu_s": round(time.process_time() - start)}


def describe_texture(samples: Samples) -> Samples:
    """The numbers of all families of texture as rows, so that they are measured once.

    So levels of grey are those of all patches; a registered model has those of its training part.
    """
    families = measure_texture(take_logarithms(samples).features)
    names = tuple(f"{name}/{i}" for name, values in families.items() for i in range(values.shape[1]))
    return replace(samples, features=np.concatenate([*families.values()], axis=1), axes={"features": names})


def measure_kernels(samples: Samples, spec: ModelSpec, fold: Any) -> float:
    """The accuracy of a kernel machine with its texture given."""
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


def score_design(samples: Samples, name: str, design: str, seed: int) -> dict[str, Any]:
    """The accuracy of each fold with the settings of ``MODELS``."""
    kind, settings = MODELS[name]
    samples, folds = deal(samples, design, seed)
    found = [READY[name][1](samples, ModelSpec(kind, seed, settings), fold) for fold in folds]
    return {"model": name, "design": design, "seed": seed, "default": np.round(found, 4).tolist()}


def score_choice(samples: Samples, name: str, design: str, seed: int, margin: float) -> dict[str, Any]:
    """The accuracy of each outer fold with what was chosen in its training part."""
    samples, folds = deal(samples, design, seed)
    measure = READY[name][1]
    specs = [ModelSpec(MODELS[name][0], seed, told) for told in CHOSEN_FROM[name]]

    def pick(part: Samples) -> ModelSpec:
        inner = block_split(part, INNER_FOLDS, DESIGNS[design][0], 0)
        return choose(part, specs, inner, measure=measure, margin=margin).spec

    nested = score_nested(samples, folds, pick, measure=measure)
    return {
        "nested": [round(fold.score, 4) for fold in nested],
        "chosen": [CHOSEN_FROM[name][specs.index(fold.spec)] for fold in nested],
    }


def deal(samples: Samples, design: str, seed: int) -> tuple[Samples, list[Any]]:
    """Samples with the lines between blocks moved as a design has it, and its folds."""
    size, moved = DESIGNS[design]
    samples = replace(samples, x=samples.x - moved, y=samples.y - moved)
    if design == "lot":
        return samples, deal_by_lot(samples, size, seed)
    return samples, list(block_split(samples, FOLDS, size, seed))


READY = {
    "random_forest": (describe_by_hand, measure_accuracy),
    "chip_texture": (describe_texture, measure_kernels),
    "four_families": (describe_texture, measure_kernels),
}
"""What is measured once, and what scores a spec on it."""


def compare_designs(patches: Samples, told: argparse.Namespace) -> None:
    """Print each design, and how models (and ways to choose) differ by the same folds."""
    names = [name for name in told.only if name in READY]
    made = {make: make(patches) for make in {READY[name][0] for name in names}}
    for design in told.designs:
        found: dict[str, list[list[float]]] = {}
        for name in names:
            samples = made[READY[name][0]]
            for seed in range(told.seeds):
                row = score_design(samples, name, design, seed)
                if told.nested and name in CHOSEN_FROM:
                    row |= score_choice(samples, name, design, seed, told.margin)
                print(json.dumps(row), flush=True)
                for way in ("default", "nested"):
                    if way in row:
                        found.setdefault(f"{name}, {way}", []).append(row[way])
        scores = {name: np.array(rows) for name, rows in found.items()}
        print(
            json.dumps({"design": design, **{name: summarise(scores, name) for name in scores}}), flush=True
        )


def summarise(told: dict[str, np.ndarray], name: str) -> dict[str, float]:
    """Means over folds and seeds: the score, what it is above the forest's, in which share of folds."""
    scores = told[name]
    gap = scores - told.get(f"random_forest, {name.split(', ')[1]}", scores)
    means = {"mean": scores, "over the forest": gap, "better": gap > 0, "equal": gap == 0}
    found = {what: round(float(values.mean()), 4) for what, values in means.items()}
    return {**found, "spread over the forest": round(float(gap.std()), 4)}


def weigh(patches: Samples) -> dict[str, Any]:
    """What a registered model costs, and how far its ONNX form is from it."""
    chips = take_logarithms(patches)
    found: dict[str, Any] = {}
    for name in ("four_families", "chip_texture"):
        kind, settings = MODELS[name]
        spec, start = ModelSpec(kind, 0, settings), time.process_time()
        measure_texture(chips.features, spec.settings["families"])
        measured = time.process_time()
        model = train(chips, spec)
        trained, data = time.process_time(), export_onnx(model)
        found[name] = {
            "texture, ms a chip": round(1000 * (measured - start) / len(chips), 2),
            "training, s": round(trained - measured, 1), "MB": round(len(data) / 1e6, 1),
            "onnx difference": measure_difference(model, data, chips.features[:500]),
        }  # fmt: skip
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--only", nargs="*", choices=MODELS, default=list(MODELS))
    parser.add_argument("--designs", nargs="+", choices=DESIGNS, help="score by these blocks instead")
    parser.add_argument("--nested", action="store_true", help="and choose in each training part")
    parser.add_argument(
        "--margin", type=float, default=0.0, help="standard errors a choice needs over the default"
    )
    told = parser.parse_args()
    read = read_patches(told.folder)
    patches = clean(read)
    print(json.dumps({"read": len(read), "clean": len(patches), "dropped": dict(patches.faults)}), flush=True)
    if told.designs:
        compare_designs(patches, told)
        return
    made = {"random_forest": describe_by_hand, "small_cnn": lambda samples: samples}
    for name in told.only:
        samples = made.get(name, take_logarithms)(patches)
        print(json.dumps(score(samples, name, told.seeds, told.threads)), flush=True)
    print(json.dumps(weigh(patches)), flush=True)


if __name__ == "__main__":
    main()
