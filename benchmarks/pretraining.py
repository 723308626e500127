"""What pretraining without labels is worth with ten labels a class: against new weights, and a forest.

``python benchmarks/pretraining.py`` teaches a masked autoencoder on all series of the training ground, labels
unseen, and tunes it to ten labels a class in each way; the same network with new weights learns from the same
labels, with the same steps and, for a fair comparison, also with three times as many. Tested is ground that
neither has seen: blocks of one degree on the real set, blocks of 10 km on the simulated one. Each seed draws
its own blocks, labels and weights. Real: Mato Grosso, 1,237 MODIS series (``--data``); simulated: crops whose
season shifts from field to field, under clouds.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.pretraining import PretrainingSettings, pretrain

if TYPE_CHECKING:
    from collections.abc import Sequence

BANDS = ("NDVI", "EVI", "NIR", "MIR")
LABELS, THIRD = 10, 3
SETTINGS = PretrainingSettings(depth=2, decoder_width=32, batch_size=64, epochs=110)
WAYS = {
    "forest": ("random_forest", {}),
    "random": ("pretrained", {"method": "random"}),
    "random, 3 x steps": ("pretrained", {"method": "random", "epochs": 180}),
    "full": ("pretrained", {"method": "full"}),
    "lora": ("pretrained", {"method": "lora"}),
    "frozen": ("pretrained", {"method": "frozen"}),
    "linear_probe": ("pretrained", {"method": "linear_probe"}),
}


def read_mato_grosso(folder: Path) -> tuple[Samples, np.ndarray]:
    """Return 1,237 series of 23 dates and 4 bands of 8 classes, and the block of one degree of each."""
    table = pd.read_parquet(folder / "mt_4bands_start_le2014.parquet").sort_values(["sample", "date"])
    table["step"] = table.groupby("sample").cumcount()
    series = [table.pivot(index="sample", columns="step", values=band).to_numpy() for band in BANDS]
    first = table.groupby("sample").first()
    names, labels = np.unique(first["label"], return_inverse=True)
    x, y = first["longitude"].to_numpy(), first["latitude"].to_numpy()
    days = tuple(str(16 * step) for step in range(23))
    samples = Samples(
        features=np.stack(series, axis=-1), labels=labels, x=x, y=y, epsg=4326,
        axes={"t": days, "bands": BANDS}, class_names=dict(enumerate(names)), name="mato-grosso",
    )  # fmt: skip
    return samples, number_blocks(np.floor(x), np.floor(y))


def simulate_crops(count: int = 1500, classes: int = 6, seed: int = 0) -> tuple[Samples, np.ndarray]:
    """Return series of crops on 100 km, 24 dates and 4 bands, and the block of 10 km of each.

    A class has one or two bumps of growth of its own form in each band; a block has a shift of season and a
    brightness of its own, a field too, and a third of the dates is under clouds.
    """
    random = np.random.default_rng(seed)
    days = np.arange(24) * 15.0
    labels = random.integers(0, classes, count)
    x, y = random.uniform(0, 100_000, (2, count))
    blocks = number_blocks(x // 10_000, y // 10_000)
    peaks = random.uniform(90, 270, (classes, 2))
    wide = random.uniform(18, 40, (classes, 2))
    high = random.uniform(0.2, 1.0, (classes, 2, 4)) * random.choice([-1, 1], (1, 1, 4))
    shift = random.normal(0, 18, blocks.max() + 1)[blocks] + random.normal(0, 12, count)
    at = days[None, None, :] - peaks[labels][:, :, None] - shift[:, None, None]
    bumps = np.exp(-0.5 * (at / wide[labels][:, :, None]) ** 2)
    features = np.einsum("nkt,nkb->ntb", bumps, high[labels] * random.normal(1, 0.25, (count, 2, 1)))
    features += random.normal(0, 0.15, (blocks.max() + 1, 1, 4))[blocks] + random.normal(
        0, 0.08, features.shape
    )
    features[random.random((count, 24)) < 1 / 3] = np.nan
    samples = Samples(
        features=features.astype(np.float32), labels=labels, x=x, y=y, epsg=32633,
        axes={"t": tuple(str(int(d)) for d in days), "bands": ("b1", "b2", "b3", "b4")}, name="crops",
    )  # fmt: skip
    return samples, blocks


def number_blocks(columns: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return a number for each different pair."""
    return np.unique(np.stack([columns, rows], axis=1), axis=0, return_inverse=True)[1].ravel()


def split(samples: Samples, blocks: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return rows of the training ground, ten labelled ones a class of it, and rows of the rest."""
    random = np.random.default_rng(seed)
    order = random.permutation(blocks.max() + 1)
    tested = np.isin(blocks, order[: len(order) // THIRD])
    ground = np.flatnonzero(~tested)
    drawn = [random.permutation(ground[samples.labels[ground] == c])[:LABELS] for c in samples.classes]
    return ground, np.sort(np.concatenate(drawn)), np.flatnonzero(tested)


def compare(samples: Samples, blocks: np.ndarray, seeds: Sequence[int], threads: int) -> dict[str, Any]:
    """Return the accuracy of each way on ground not seen: every seed, the mean, and the gain."""
    scores: dict[str, list[float]] = {name: [] for name in WAYS}
    spent = []
    for seed in seeds:
        ground, labelled, tested = split(samples, blocks, seed)
        begun = time.perf_counter()
        encoder = pretrain(samples, SETTINGS, seed=seed, rows=ground, threads=threads)
        spent.append(time.perf_counter() - begun)
        for name, (kind, settings) in WAYS.items():
            told = settings if kind == "random_forest" else {**settings, "encoder": encoder.id}
            model = train(samples, ModelSpec(kind, seed, told), rows=labelled, threads=threads)
            right = model.classify(samples.features[tested]) == samples.labels[tested]
            scores[name].append(float(right.mean()))
        print(json.dumps({name: round(found[-1], 3) for name, found in scores.items()}), file=sys.stderr)
    means = {name: round(float(np.mean(found)), 4) for name, found in scores.items()}
    best_random = max(means["random"], means["random, 3 x steps"])
    gains = {name: round(means[name] - best_random, 4) for name in ("full", "lora", "frozen", "linear_probe")}
    paired = np.array(scores["full"]) - np.maximum(scores["random"], scores["random, 3 x steps"])
    return {
        "series": len(samples), "labels": LABELS * len(samples.classes), "seeds": len(seeds),
        "accuracy": means,
        "gain over the better of both from new weights": gains,
        "full, paired by seed": [round(float(g), 3) for g in paired],
        "each seed": {name: [round(v, 3) for v in found] for name, found in scores.items()},
        "pretraining_s": round(float(np.mean(spent)), 1),
    }  # fmt: skip


def main() -> None:
    """Print the figures as JSON, one set after the other."""
    parser = argparse.ArgumentParser()
    shared = Path(__file__).parents[2] / "shared" / "data" / "sits-timeseries"
    parser.add_argument("--data", type=Path, default=shared)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--only", choices=("simulated", "real"))
    options = parser.parse_args()
    seeds = range(options.first_seed, options.first_seed + options.seeds)
    warnings.simplefilter("ignore")
    if options.only != "real":
        print(json.dumps({"simulated": compare(*simulate_crops(), seeds, options.threads)}, indent=1))
    if options.only != "simulated":
        if not options.data.is_dir():
            raise SystemExit(f"There is no {options.data}: name the folder of the real set by --data.")
        told = compare(*read_mato_grosso(options.data), seeds, options.threads)
        print(json.dumps({"real": told}, indent=1))


if __name__ == "__main__":
    main()
