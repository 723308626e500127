"""Which cross-validation tells the truth: simulated fields whose error is known everywhere.

``python benchmarks/splits.py [--fields 32]`` simulates fields (spatially autocorrelated covariates, a target
that depends on some of them and on an autocorrelated rest, noise), samples them evenly, in clusters, or in
clusters away from where the map will be made, trains a random forest, and compares the error that each way to
cross-validate estimates with the true error over the prediction area. The area of applicability, weighted by
permutation importance, is held to the true errors inside and outside of it.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor
from sklearn.inspection import permutation_importance

from eocene.curate import (
    Samples,
    block_split,
    check_split,
    knndm_split,
    nndm_split,
    random_split,
)
from eocene.curate.applicability import measure_applicability

SIZE, CELL_M, SAMPLES = 100, 1000.0, 150
DESIGNS = ("even", "weakly clustered", "clustered", "elsewhere")
BLOCKS_KM = (10, 25)


@dataclass(frozen=True)
class Field:
    """A simulated area of 100 × 100 km: all pixels, and which are sampled and predicted."""

    design: str
    features: np.ndarray
    target: np.ndarray
    sampled: np.ndarray
    predicted: np.ndarray

    @property
    def places(self) -> np.ndarray:
        return np.stack(np.divmod(np.arange(SIZE * SIZE), SIZE)[::-1], axis=1) * CELL_M + CELL_M / 2

    @property
    def samples(self) -> Samples:
        x, y = self.places[self.sampled].T
        return Samples(
            features=self.features[self.sampled], labels=np.zeros(len(x), int), x=x, y=y, epsg=32631,
            axes={"features": tuple(f"c{i}" for i in range(self.features.shape[1]))},
            columns={"width_m": np.full(len(x), CELL_M)},
        )  # fmt: skip


def smooth_field(rng: np.random.Generator, reach: float) -> np.ndarray:
    """A Gaussian random field of unit variance with a Gaussian correlation of this reach in cells."""
    wide = 2 * SIZE
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(wide), np.fft.fftfreq(wide)))
    shape = np.exp(-((np.pi * frequency * reach) ** 2) / 2)
    field = np.fft.ifft2(np.fft.fft2(rng.normal(size=(wide, wide))) * shape).real[:SIZE, :SIZE]
    return ((field - field.mean()) / field.std()).ravel()


def simulate_field(number: int) -> Field:
    rng = np.random.default_rng(number)
    design = DESIGNS[number % len(DESIGNS)]
    covariates = np.stack([smooth_field(rng, reach) for reach in rng.uniform(8, 50, 8)], axis=1)
    signal = covariates[:, 0] + 0.8 * np.abs(covariates[:, 1]) + 0.7 * covariates[:, 2] * covariates[:, 3]
    rest = 0.7 * smooth_field(rng, rng.uniform(10, 30)) + 0.3 * rng.normal(size=SIZE * SIZE)
    rows, columns = np.divmod(np.arange(SIZE * SIZE), SIZE)
    allowed, predicted = np.ones(SIZE * SIZE, bool), np.ones(SIZE * SIZE, bool)
    if design == "elsewhere":
        allowed, predicted = columns < 0.5 * SIZE, columns >= 0.6 * SIZE
    if design == "even":
        sampled = rng.choice(SIZE * SIZE, SAMPLES, replace=False)
    else:
        count, spread = (25, 5.0) if design == "weakly clustered" else (8, 3.0)
        seeds = rng.choice(np.flatnonzero(allowed), count, replace=False)
        distance = np.hypot(rows[:, None] - rows[seeds], columns[:, None] - columns[seeds]).min(axis=1)
        chance = np.exp(-((distance / spread) ** 2) / 2) * allowed
        sampled = rng.choice(SIZE * SIZE, SAMPLES, replace=False, p=chance / chance.sum())
    predicted = predicted.copy()
    predicted[sampled] = False
    target = signal + rest
    return Field(design, covariates.astype(np.float32), target, np.sort(sampled), np.flatnonzero(predicted))


def forest(seed: int = 0) -> RandomForestRegressor:
    return RandomForestRegressor(60, min_samples_leaf=2, max_features=0.5, random_state=seed)


def rmse(errors: np.ndarray) -> float:
    return float(np.sqrt((errors**2).mean())) if len(errors) else float("nan")


def estimate_error(field: Field, splits: list[Any]) -> float:
    features, target = field.features[field.sampled], field.target[field.sampled]
    errors = [
        forest().fit(features[train], target[train]).predict(features[test]) - target[test]
        for train, test in splits
    ]
    return rmse(np.concatenate(errors))


def weigh_features(features: np.ndarray, target: np.ndarray, splits: list[Any]) -> np.ndarray:
    """Permutation importance on what the folds had not learnt, summed over them."""
    total = np.zeros(features.shape[1])
    for train, test in splits:
        model = forest().fit(features[train], target[train])
        found = permutation_importance(model, features[test], target[test], n_repeats=10, random_state=0)
        total += found.importances_mean
    return total


def compare_field(number: int) -> dict[str, Any]:
    field = simulate_field(number)
    samples, places = field.samples, field.places[field.predicted]
    matched = knndm_split(samples, places, 5, 0)
    ways = {
        "random": random_split(samples, 5, 0),
        **{f"block {km} km": block_split(samples, 5, km * 1000.0, 0) for km in BLOCKS_KM},
        "knndm": matched,
        "nndm": nndm_split(samples, places),
    }
    for name, splits in ways.items():
        check_split(samples, splits) if name != "random" else None
    features, target = field.features[field.sampled], field.target[field.sampled]
    error = forest().fit(features, target).predict(field.features) - field.target
    weights = weigh_features(features, target, matched)
    return {
        "field": number, "design": field.design, "true_rmse": rmse(error[field.predicted]),
        "estimates": {name: estimate_error(field, splits) for name, splits in ways.items()},
        "areas": {name: compare_area(field, error, ways[name], weights) for name in ("random", "knndm")},
    }  # fmt: skip


def compare_area(field: Field, error: np.ndarray, splits: list[Any], weights: np.ndarray) -> dict[str, float]:
    """The true error over all that was not sampled, inside and outside of the area of applicability."""
    area = measure_applicability(field.features[field.sampled], splits, weights)
    inside = area.find_inside(field.features)
    held_out = np.ones(len(error), bool)
    held_out[field.sampled] = False
    return {
        "share_inside": float(inside[held_out].mean()),
        "inside": rmse(error[held_out & inside]),
        "outside": rmse(error[held_out & ~inside]),
    }


def mean(values: list[float]) -> float:
    return round(float(np.mean(values)), 3)


def summarise(fields: list[dict[str, Any]]) -> dict[str, Any]:
    ways = list(fields[0]["estimates"])
    bias = {w: [f["estimates"][w] - f["true_rmse"] for f in fields] for w in ways}
    gaps = {w: np.abs(bias[w]) for w in ways}
    designs = np.array([f["design"] for f in fields])
    return {
        "fields": len(fields),
        "mean true RMSE": mean([f["true_rmse"] for f in fields]),
        "mean |estimate - truth| of the RMSE": {w: mean(gaps[w]) for w in ways},
        "mean (estimate - truth)": {w: mean(bias[w]) for w in ways},
        "by design": {d: {w: mean(gaps[w][designs == d]) for w in ways} for d in DESIGNS},
        "area of applicability": {
            way: summarise_areas([f["areas"][way] for f in fields], designs) for way in fields[0]["areas"]
        },
    }


def summarise_areas(areas: list[dict[str, float]], designs: np.ndarray) -> dict[str, Any]:
    split = np.array([0 < a["share_inside"] < 1 for a in areas])
    better = np.array([a["inside"] < a["outside"] for a in areas]) & split
    return {
        "fields with pixels on both sides": int(split.sum()),
        "of them with error inside < outside": int(better.sum()),
        "by design": {d: f"{better[designs == d].sum()} of {split[designs == d].sum()}" for d in DESIGNS},
        "mean RMSE inside": mean([a["inside"] for a, both in zip(areas, split, strict=True) if both]),
        "mean RMSE outside": mean([a["outside"] for a, both in zip(areas, split, strict=True) if both]),
        "mean share inside": {
            d: mean([a["share_inside"] for a, one in zip(areas, designs, strict=True) if one == d])
            for d in DESIGNS
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fields", type=int, default=32)
    parser.add_argument("--first", type=int, default=0, help="number of the first field")
    parser.add_argument("--each", action="store_true", help="print each field too")
    options = parser.parse_args()
    fields = [compare_field(number) for number in range(options.first, options.first + options.fields)]
    if options.each:
        for field in fields:
            print(json.dumps(field))
    print(json.dumps(summarise(fields), indent=1))


if __name__ == "__main__":
    main()
