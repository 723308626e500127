"""Promises about labels, sets and change: conformal coverage, active learning, drift alarms, forgetting.

``python benchmarks/keep_learning.py [--series FILE]`` works on simulated samples and, where the Parquet file
of labelled series is given (sample, label, longitude, latitude, date and bands; the Mato Grosso series of the
R package sits), on those too.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pyproj import Transformer

from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.active import Plan, count_labels, draw_curve
from eocene.learn.active.rounds import CurvePoint
from eocene.learn.continual import update_model
from eocene.learn.drift import watch_drift
from eocene.learn.evaluation import calibrate_sets, measure_sets
from eocene.learn.explain import plant_driver

FOREST = ModelSpec("random_forest", settings={"n_estimators": 60})
SHARES = (0.5, 0.25, 0.12, 0.07, 0.04, 0.02)
BANDS = ("NDVI", "EVI", "NIR", "MIR")
Make = Callable[[int], Samples]


def simulate_classes(seed: int, n: int = 3000, spread: float = 1.6) -> Samples:
    """Six classes, some of them rare, about centres in eight features."""
    rng = np.random.default_rng(seed)
    labels = rng.choice(len(SHARES), n, p=SHARES)
    centres = spread * rng.normal(size=(len(SHARES), 8))
    features = (centres[labels] + rng.normal(size=(n, 8))).astype(np.float32)
    axes = {"features": tuple("abcdefgh")}
    return Samples(features, labels, np.arange(float(n)), np.zeros(n), 32631, axes)


def read_series(path: Path) -> Samples:
    """The series as samples; of equal ones the first stays."""
    table = pd.read_parquet(path).sort_values(["sample", "date"])
    first = table.groupby("sample").first()
    features = table[list(BANDS)].to_numpy(np.float32).reshape(len(first), -1, len(BANDS))
    names, labels = np.unique(first["label"].astype(str), return_inverse=True)
    x, y = Transformer.from_crs(4326, 5880, always_xy=True).transform(first["longitude"], first["latitude"])
    axes = {"t": tuple(f"{i:02d}" for i in range(features.shape[1])), "bands": BANDS}
    kept = np.sort(np.unique(features.reshape(len(first), -1), axis=0, return_index=True)[1])
    columns = {"time": first["date"].to_numpy().astype("datetime64[s]")}
    named = {i: str(name) for i, name in enumerate(names)}
    return Samples(features, labels, x, y, 5880, axes, named, columns=columns).take(kept)


def cut(samples: Samples, seed: int, *shares: float) -> list[Samples]:
    order = np.random.default_rng(seed).permutation(len(samples))
    ends = (np.cumsum(shares) * len(samples)).astype(int)[:-1]
    return [samples.take(rows) for rows in np.split(order, ends)]


def measure_coverage(make: Make, seeds: range, nominal: float = 0.9) -> dict[str, Any]:
    """Train on 40 %, calibrate on 30 %, cover 30 %."""
    told: dict[str, list[dict[str, float]]] = {"lac": [], "aps": []}
    for seed in seeds:
        learnt, fitted, held = cut(make(seed), seed, 0.4, 0.3, 0.3)
        model = train(learnt, FOREST)
        for method, found in told.items():
            places = [np.searchsorted(model.classes, part.labels) for part in (fitted, held)]
            estimates = [model.estimate_probabilities(part.features) for part in (fitted, held)]
            sets = calibrate_sets(estimates[0], places[0], nominal, method=method, seed=seed)
            found.append(measure_sets(sets.choose(estimates[1], seed=seed + 1), places[1]))
    return {"nominal": nominal, **{m: average(found) for m, found in told.items()}}


def average(found: list[dict[str, float]]) -> dict[str, float]:
    return {key: round(float(np.mean([one[key] for one in found])), 4) for key in found[0]}


def measure_labels(make: Make, seeds: range, budget: int = 240) -> dict[str, Any]:
    """Mean curves over seeds: labels that doubt and variety need for what chance reaches by its budget."""
    curves: dict[str, list[list[CurvePoint]]] = {"active": [], "random": []}
    for seed in seeds:
        pool, held = cut(make(seed), seed, 2 / 3, 1 / 3)
        for way, drawn in curves.items():
            drawn.append(draw_curve(pool, held, FOREST, Plan(30, 15, budget, way, seed)))
    means = {
        way: [join_points(points) for points in zip(*drawn, strict=True)] for way, drawn in curves.items()
    }
    reached = means["random"][-1].macro_f1
    needed = count_labels(means["active"], reached)
    return {
        "random labels": budget, "their macro F1": round(reached, 3), "active labels for it": needed,
        "share": round(needed / budget, 3) if needed else None,
        "active macro F1 at the budget": round(means["active"][-1].macro_f1, 3),
    }  # fmt: skip


def join_points(points: tuple[CurvePoint, ...]) -> CurvePoint:
    return CurvePoint(points[0].labels, float(np.mean([point.macro_f1 for point in points])))


def measure_drift(make: Make, references: int = 12, windows: int = 40) -> dict[str, Any]:
    """Alarms on windows like the reference, and on windows with one feature moved, for many references."""
    alarms, named, found = 0, 0, {0.25: 0, 0.5: 0, 1.0: 0}
    for seed in range(references):
        rng = np.random.default_rng(seed)
        samples = make(seed)
        rows = rng.permutation(samples.features.reshape(len(samples), -1))
        reference, rest = np.split(rows, [len(rows) // 2])
        window = len(reference) // 5
        names = samples.feature_names
        watch = watch_drift(reference, names, window=window, false_alarm_rate=0.05, rounds=300, seed=seed)
        driven = int(rng.integers(rows.shape[1]))
        for _ in range(windows):
            drawn = rest[rng.choice(len(rest), window, replace=False)]
            alarms += watch.check(drawn).is_drift
            for shift in found:
                moved = drawn.copy()
                moved[:, driven] += shift * rows[:, driven].std()
                told = watch.check(moved)
                found[shift] += told.is_drift
                named += shift == 1.0 and told.is_drift and told.features[0][0] == names[driven]
    tried = references * windows
    return {
        "window": window, "references": references, "windows": tried,
        "stated rate of false alarms": 0.05, "false alarms": round(alarms / tried, 4),
        "found at a shift of so many sd": {str(k): round(v / tried, 3) for k, v in found.items()},
        "right feature named first at 1 sd": round(named / tried, 3),
    }  # fmt: skip


def measure_forgetting(make: Make, seeds: range, apart: float) -> list[dict[str, Any]]:
    """A second task whose features have changed places and moved; 5 points may be forgotten."""
    told = []
    for seed in seeds:
        first = make(seed)
        old = cut(first, seed, 0.6, 0.4)
        turned = first.features[:, ::-1] + np.float32(apart)
        second = Samples(turned, first.labels, first.x, first.y, first.epsg, dict(first.axes))
        new = cut(second, seed + 1, 0.6, 0.4)
        model = train(old[0], FOREST)
        _, update = update_model(
            model, FOREST, (old[0], old[1]), (new[0], new[1]), replay=100, most_forgotten=0.05
        )
        kept = ("replayed", "before", "after", "naive", "forgotten", "is_bounded")
        told.append({key: _round(update.to_dict()[key]) for key in kept})
    return told


def find_drivers(samples: Samples, seeds: range) -> dict[str, str]:
    """Of labels that one band or one date alone decides: how often it is named as the most important."""
    kinds = {
        "random_forest": {"n_estimators": 60},
        "lightgbm": {"n_estimators": 60},
        "temp_cnn": {"epochs": 15},
    }
    told = {}
    for kind, settings in kinds.items():
        spec = ModelSpec(kind, settings=settings)
        found = [plant_driver(samples, spec, by=by, seed=seed) for by in ("bands", "t") for seed in seeds]
        told[kind] = f"{sum(one.is_found for one in found)} of {len(found)}"
    return told


def _round(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: round(number, 3) for key, number in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--series", type=Path, help="Parquet file of labelled series")
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    seeds = range(options.seeds)
    sets: dict[str, Make] = {"simulated": simulate_classes}
    if options.series:
        real = read_series(options.series)
        sets["series"] = lambda seed: real
    for name, make in sets.items():
        print(
            json.dumps({"set": name, "conformal": measure_coverage(make, range(4 * len(seeds)))}), flush=True
        )
        print(json.dumps({"set": name, "drift": measure_drift(make)}), flush=True)
        print(json.dumps({"set": name, "labels": measure_labels(make, seeds)}), flush=True)
    if options.series:
        print(json.dumps({"set": "series", "planted drivers found": find_drivers(real, seeds)}), flush=True)
    for apart in (0.5, 3.0):
        told = measure_forgetting(simulate_classes, seeds, apart)
        print(json.dumps({"set": "simulated", "tasks apart by sd": apart, "updates": told}), flush=True)


if __name__ == "__main__":
    main()
