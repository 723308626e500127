"""How well shares of classes are learnt from chips: against their mean, and against learning main classes.

    python benchmarks/shares.py [--size 512] [--edge 16] [--folder FOLDER]

Draws chips of a simulated archive with the shares of its land covers, and trains a kernel machine twice by
the same folds: on the shares, and on the main class of each chip, whose probabilities are then taken as
shares. Mean absolute errors over chips and classes, pooled over the tested parts; random folds and blocks
left out whole.
The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

import eocene
from eocene.curate import Draw, Samples, block_split, random_split
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.fractions import find_fractions
from eocene.learn.score import score_shares
from eocene.testing.simulate import simulate_archive

FOLDS, BLOCK_M = 3, 1280.0
BANDS = ["B02", "B03", "B04", "B08", "B11", "B12"]
SPEC = ModelSpec("chip_texture", settings={"penalty": 0.05}, target="fractions")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512)
    parser.add_argument("--edge", type=int, default=16)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        samples = draw_chips(Path(name), arguments.size, arguments.edge)
    told = find_fractions(samples.columns)
    main_share = float(told.values.max(axis=1).mean())
    print(f"{len(samples)} chips, {len(told.classes)} classes, mean share of the main class {main_share:.2f}")
    splits = {
        "random": random_split(samples, FOLDS, 0),
        "block": block_split(samples, FOLDS, BLOCK_M, 0),
    }
    found = {}
    report = evaluate(samples, SPEC, splits, threads=2)
    for split, folds in splits.items():
        shares = report.splits[split].fractions
        assert shares is not None
        row = {
            "mean shares": shares["baseline"]["mae"],
            "main classes": score_labels(samples, SPEC, folds),
            "shares": shares["pooled"]["mae"],
            "r2": shares["pooled"]["r2"],
        }
        found[split] = row
        print(f"{split}: " + ", ".join(f"{key} {value:.3f}" for key, value in row.items()))
    print(json.dumps({"chips": len(samples), "main_share": main_share, "mae": found}))


def draw_chips(folder: Path, size: int, edge: int) -> Samples:
    """Return chips of the mean over a season, with the shares of the classes."""
    simulate_archive(folder / "products", size=size, dates=8, seed=1)
    mean = {"m": {"process_id": "mean", "arguments": {"data": {"from_parameter": "data"}}, "result": True}}
    season = ["2024-05-01", "2024-08-01"]
    graph = {
        "load": {
            "process_id": "load_collection",
            "arguments": {"id": "sentinel-2-l2a", "bands": BANDS, "temporal_extent": season},
        },
        "mean": {
            "process_id": "reduce_dimension",
            "arguments": {
                "data": {"from_node": "load"},
                "dimension": "t",
                "reducer": {"process_graph": mean},
            },
            "result": True,
        },
    }
    with eocene.open(folder / "workspace") as workspace:
        workspace.ingest(folder / "products")
        drawn = workspace.sample(graph, "reference:classes", Draw("chips", edge), name="shares").read()
    return drawn.take(np.isfinite(drawn.features).mean(axis=(1, 2, 3)) > 0.5)


def score_labels(samples: Samples, spec: ModelSpec, folds: list) -> float:
    """Return the error of taking probabilities of main classes as shares."""
    told, plain = find_fractions(samples.columns), replace(spec, target="label")
    answers = []
    for learnt, tested in folds:
        model = train(samples, plain, rows=learnt, threads=2)
        wide = np.zeros((len(tested), len(told.classes)))
        wide[:, np.searchsorted(told.classes, model.classes)] = model.estimate_probabilities(
            samples.features[tested]
        )
        answers.append(wide)
    rows = np.concatenate([tested for _, tested in folds])
    return score_shares(told.values[rows], np.concatenate(answers), told.known[rows])["mae"]


if __name__ == "__main__":
    main()
