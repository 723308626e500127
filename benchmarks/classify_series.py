"""Land cover from series of vegetation indices: kinds of models beside each other, by random folds, by blocks
of one degree, and by years left out.

    python benchmarks/classify_series.py [FOLDER] [--kinds random_forest temp_cnn …] [--data …] [--seeds 3]

FOLDER holds the samples of the R package sits (or the environment variable EOCENE_SITS; by default
../shared/data/sits-timeseries beside the checkout): MODIS series of 23 dates of Mato Grosso (8 classes, 4
bands, the samples whose season began by 2014) and of the Cerrado (2 classes, 2 bands). Each seed draws other
random folds and weights, and moves the lines between blocks by a third of a degree and between spans of years
by one. One JSON line a kind, data set and seed; the table that comes last is Markdown: accuracy and, in
brackets, macro F1, pooled over the folds, as mean ± standard deviation over the seeds.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from eocene.curate import Samples, random_split
from eocene.learn import ModelSpec, evaluate

FILES = {
    "cerrado": "derived/cerrado_2classes.parquet",
    "mato-grosso": "mt_4bands_start_le2014.parquet",
}
FOLDS, STEP_DAYS = 5, 16
MODELS: dict[str, tuple[str, dict[str, Any]]] = {
    "random_forest": ("random_forest", {}),
    "lightgbm": ("lightgbm", {}),
    "temp_cnn": ("temp_cnn", {"epochs": 40}),
    "temp_cnn-5": ("temp_cnn", {"epochs": 40, "members": 5}),
    "l_tae": ("l_tae", {"epochs": 40}),
}
"""By name: kind and settings; of "-5" the mean of five networks."""
SHOWN = {"accuracy": "{}", "macro_f1": "({})"}


def main() -> None:
    arguments = read_arguments()
    rows = []
    for name in arguments.data:
        samples = load_series(arguments.folder / FILES[name], name)
        for seed in range(arguments.seeds):
            splits = make_splits(samples, seed)
            for kind in arguments.kinds:
                rows.append(measure(samples, kind, seed, splits))
                print(json.dumps(rows[-1]), flush=True)
    print(write_table(rows))


def make_splits(samples: Samples, seed: int) -> dict[str, Any]:
    """Folds by chance, of blocks, and of spans of three years; lines between them move with the seed."""
    east, north = (np.floor(places + seed / 3) for places in (samples.x, samples.y))
    years = samples.columns["time"].astype("datetime64[Y]").astype(int) + seed
    return {
        "random": random_split(samples, FOLDS, seed),
        "block_1_degree": leave_groups(east * 1000 + north),
        "years": leave_groups(years // 3),
    }


def load_series(path: Path, name: str) -> Samples:
    """All series of a file, on the days of the year of the first one, which differ by a few days at most."""
    table = pd.read_parquet(path).sort_values(["sample", "date"], kind="stable")
    bands = [band for band in ("NDVI", "EVI", "NIR", "MIR") if band in table]
    first = table.groupby("sample").first()
    features = table[bands].to_numpy(np.float32).reshape(len(first), -1, len(bands))
    names = sorted(first["label"].unique())
    begin = int(first["date"].dt.dayofyear.median())
    days = [str(begin + STEP_DAYS * number) for number in range(features.shape[1])]
    return Samples(
        features=features,
        labels=np.searchsorted(names, first["label"]) + 1,
        x=first["longitude"],
        y=first["latitude"],
        epsg=4326,
        axes={"t": tuple(days), "bands": tuple(bands)},
        class_names=dict(enumerate(names, 1)),
        name=name,
        columns={"time": first["date"].to_numpy()},
    )


def leave_groups(groups: Any) -> list[Any]:
    """Folds of whole groups: the largest group first, each into the fold that is smallest by then."""
    _, which, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    fold, load = np.zeros(len(sizes), dtype=int), np.zeros(FOLDS)
    for group in np.argsort(-sizes, kind="stable"):
        fold[group] = load.argmin()
        load[fold[group]] += sizes[group]
    return [(np.flatnonzero(fold[which] != k), np.flatnonzero(fold[which] == k)) for k in range(FOLDS)]


def measure(samples: Samples, name: str, seed: int, splits: Any) -> dict[str, Any]:
    kind, settings = MODELS[name]
    spec, begun = ModelSpec(kind, seed, settings), time.process_time()
    report = evaluate(samples, spec, splits, threads=1, forest=False)
    scores = {
        split: {key: round(score.pooled[key], 4) for key in ("accuracy", "macro_f1")}
        for split, score in report.splits.items()
    }
    common = {split: round(score.baseline["accuracy"], 3) for split, score in report.splits.items()}
    seconds = round(time.process_time() - begun)
    told = {"data": samples.name, "kind": name, "seed": seed}
    return {**told, **scores, "commonest": common, "cpu_s": seconds}


def write_table(rows: list[dict[str, Any]]) -> str:
    lines = ["| data | kind | random | 1° blocks | years left out |", "|---|---|---|---|---|"]
    for data, kind in dict.fromkeys((row["data"], row["kind"]) for row in rows):
        own = [row for row in rows if (row["data"], row["kind"]) == (data, kind)]
        shown = [
            " ".join(form.format(summarise([row[split][key] for row in own])) for key, form in SHOWN.items())
            for split in ("random", "block_1_degree", "years")
        ]
        lines.append(f"| {data} | {kind} | {' | '.join(shown)} |")
    return "\n".join(lines)


def summarise(scores: list[float]) -> str:
    spread = f" ± {np.std(scores, ddof=1):.3f}" if len(scores) > 1 else ""
    return f"{np.mean(scores):.3f}{spread}"


def read_arguments() -> argparse.Namespace:
    beside = Path(__file__).parents[2] / "shared" / "data" / "sits-timeseries"
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", type=Path, default=Path(os.environ.get("EOCENE_SITS", beside)))
    parser.add_argument("--kinds", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--data", nargs="+", choices=FILES, default=list(FILES))
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    if not arguments.folder.is_dir():
        sys.exit(f"There is no folder {arguments.folder}. Give that of the samples as the first argument.")
    return arguments


if __name__ == "__main__":
    main()
