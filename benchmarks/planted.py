"""Are planted drivers named? Of regressions and of models that answer per pixel, on a simulated archive.

``python benchmarks/planted.py [--seeds 6]``: features stay as they are, bands and dates as alike as the world
makes them, and the truth is made of one band or one date alone, a tenth of it drawn by chance. A line of JSON
a kind of model tells how often the importance names that band or date first.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import eocene
from eocene.curate import Samples
from eocene.learn import ModelSpec
from eocene.learn.explain import plant_driver
from eocene.learn.features import make_feature_graph
from eocene.testing.simulate import simulate_archive

MONTHS, EDGE, STEP = ["2024-03-01", "2024-06-01"], 8, 5
TREES: dict[str, Any] = {"n_estimators": 40}
NETWORK: dict[str, Any] = {"epochs": 20, "learning_rate": 0.01, "validation": 0.0, "width": 8, "depth": 2}


def cut(plan: Any, values: Any, *, edge: int, step: int, date: int | None = None) -> Samples:
    """Cut pixels or chips that are known by more than 70 %, of all dates or of one."""
    rows, cols = plan.grid.shape
    corners = [(r, c) for r in range(0, rows - edge, step) for c in range(0, cols - edge, step)]
    numbers = values.to_numpy().astype(np.float32)
    chips = np.stack([numbers[..., r : r + edge, c : c + edge] for r, c in corners])
    axes = {
        "t": tuple(str(t)[:7] for t in values.t.to_numpy()),
        "bands": tuple(map(str, values.bands.to_numpy())),
    }
    if date is not None:
        chips, axes = chips[:, date], {"bands": axes["bands"]}
    if edge == 1:
        chips = chips[..., 0, 0]
    else:
        axes |= dict.fromkeys(("y", "x"), tuple(map(str, range(edge))))
    known = np.isfinite(chips).reshape(len(chips), -1).mean(axis=1) > 0.7
    x, y = (np.array([float(axis[i]) for i in at]) for axis, at in zip(
        (plan.grid.x, plan.grid.y), ([c for _, c in corners], [r for r, _ in corners]), strict=True
    ))  # fmt: skip
    return Samples(chips[known], np.zeros(known.sum()), x[known], y[known], plan.grid.epsg, axes)


def measure(samples: Samples, spec: ModelSpec, by: str, seeds: int) -> None:
    begun, pixels = time.process_time(), "y" in samples.axes
    told = [plant_driver(samples, spec, by=by, seed=seed, pixels=pixels) for seed in range(seeds)]
    found = {
        "kind": spec.kind,
        "by": by,
        "samples": len(samples),
        "found": f"{sum(one.is_found for one in told)} of {len(told)}",
        "margins": [round(one.margin, 1) for one in told],
        "accuracy": [round(one.accuracy, 2) for one in told],
        "processor_s": round(time.process_time() - begun, 1),
    }
    print(json.dumps(found), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=6)
    seeds = parser.parse_args().seeds
    with tempfile.TemporaryDirectory() as folder, eocene.open(Path(folder) / "workspace") as ws:
        simulate_archive(Path(folder) / "archive", size=128, dates=8, seed=0)
        ws.archive.ingest(Path(folder) / "archive")
        plan = ws.plan(make_feature_graph(MONTHS))
        values = plan.read()
        pixels, series = cut(plan, values, edge=1, step=STEP), cut(plan, values, edge=EDGE, step=EDGE)
        for by in ("bands", "t"):
            for kind in ("random_forest_regression", "lightgbm_regression"):
                measure(pixels, ModelSpec(kind, settings=TREES), by, seeds)
            measure(series, ModelSpec("u_tae", settings={**NETWORK, "heads": 2}), by, seeds)
        chips = cut(plan, values, edge=EDGE, step=EDGE, date=1)
        measure(chips, ModelSpec("u_net", settings=NETWORK), "bands", seeds)


if __name__ == "__main__":
    main()
