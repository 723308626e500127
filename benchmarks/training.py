"""Whether training can be repeated, cut off and shared, and what an asynchronous search saves.

    python benchmarks/training.py [--kills 3] [--folder FOLDER]

Trains a TempCNN on simulated series: twice with one seed; killed with -9 at random moments and taken up; by
one and by two processes at an equal global batch. Then searches the same trials synchronously and
asynchronously, by four processes. A trial trains a small network and then waits as long as one of its width
would take on an accelerator of its own, so that the cores of this machine are no part of the answer. The last
line is one JSON object.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from eocene.curate import Samples
from eocene.learn import ModelSpec, TrainedModel, train
from eocene.learn.training.launch import prepare_task, train_on_ranks
from eocene.learn.training.search import Plan, choose_rungs, search

SPEC = ModelSpec(
    "temp_cnn",
    seed=1,
    settings={
        "filters": 16, "dense": 32, "epochs": 12, "batch_size": 32, "jitter": 0.05, "mixup": 0.2,
        "warp_time": 1.0, "checkpoint_steps": 5,
    },
)  # fmt: skip
DATES = 20
SPACE = {"learning_rate": {"low": 1e-5, "high": 1e-1, "log": True}, "width": [8, 32, 128, 512]}
EPOCHS, TRIALS, WORKERS, WAIT_S = 27, 24, 4, 0.0004
ALONE = (
    "import sys; from eocene.learn.training.worker import work; from pathlib import Path; "
    "import os; os.environ |= {'RANK': '0', 'WORLD_SIZE': '1'}; work(Path(sys.argv[1]), Path(sys.argv[2]))"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as name:
        folder = Path(name)
        samples = simulate_series(600)
        whole = train(samples, SPEC, threads=1)
        figures = {
            "one_seed_equal_weights": weights(whole) == weights(train(samples, SPEC, threads=1)),
            "another_seed_equal_weights": weights(whole)
            == weights(train(samples, replace(SPEC, seed=2), threads=1)),
            "killed": kill_and_resume(samples, whole, folder / "killed", arguments.kills),
            "two_ranks_loss_difference": compare_ranks(samples, folder / "ranks"),
            "search": compare_searches(samples, folder / "search"),
        }
    print(json.dumps(figures))


def simulate_series(count: int) -> Samples:
    """Four crops whose green-up is earlier or later and weaker or stronger, with noise and clouds."""
    rng = np.random.default_rng(0)
    labels = rng.integers(1, 5, count)
    day = np.linspace(0, 365, DATES)
    peak = 140 + 30 * (labels % 2) + rng.normal(0, 15, count)
    height = 0.5 + 0.2 * (labels > 2) + rng.normal(0, 0.08, count)
    curve = height[:, None] * np.exp(-(((day - peak[:, None]) / 50) ** 2))
    features = np.stack([0.1 + curve, 0.3 - 0.2 * curve], axis=2) + rng.normal(0, 0.05, (count, DATES, 2))
    features[rng.random((count, DATES)) < 0.2] = np.nan
    axes = {"t": tuple(f"{value:.0f}" for value in day), "bands": ("nir", "red")}
    x, y = rng.uniform(0, 10_000, (2, count))
    return Samples(features, labels, x, y, 32632, axes, {k: f"crop {k}" for k in range(1, 5)})


def weights(model: TrainedModel) -> bytes | None:
    return model.fitted.export_tensors()


def kill_and_resume(samples: Samples, whole: TrainedModel, folder: Path, kills: int) -> dict[str, Any]:
    """Kill the training at random moments; what the last process leaves is taken up here."""
    prepare_task(samples, SPEC, folder)
    sign = folder / "training" / "temp_cnn-0" / "checkpoint.safetensors"
    died = 0
    for number in range(kills):
        command = [sys.executable, "-c", ALONE, str(folder), str(folder / f"meeting-{number}")]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = sign.stat().st_mtime_ns if sign.exists() else None
        while process.poll() is None and (sign.stat().st_mtime_ns if sign.exists() else None) == before:
            time.sleep(0.005)
        time.sleep(random.SystemRandom().uniform(0, 0.8))
        process.kill()
        died += process.wait() == -9
    resumed = train(samples, SPEC, threads=1, folder=folder / "training")
    return {"died": died, "equal_weights": weights(resumed) == weights(whole)}


def compare_ranks(samples: Samples, folder: Path) -> float:
    """The largest difference of a loss, epoch by epoch; dropout is drawn by each process for itself."""
    spec = replace(SPEC, settings={**SPEC.settings, "dropout": 0.0})
    alone = train(samples, spec, threads=1).fitted
    together = train_on_ranks(samples, spec, 2, folder).fitted
    losses = [
        [[row["loss"], row["check_loss"]] for row in fitted.histories[0]] for fitted in (alone, together)
    ]
    return float(np.abs(np.subtract(*losses)).max())


def measure_trial(samples: Samples, folder: Path, number: int, settings: Any, epochs: int) -> float:
    """Train a perceptron of 8 units on some samples, and wait as long as the width asked for would take."""
    before = len(list((folder / str(number)).glob("*")))
    options = {"width": 8, "epochs": EPOCHS, "learning_rate": settings["learning_rate"], "batch_size": 64}
    spec = ModelSpec("mlp", seed=number, settings=options)
    model = train(samples, spec, threads=1, folder=folder / str(number), until=epochs)
    (history,) = model.fitted.histories
    rungs = choose_rungs(EPOCHS)
    since = 0 if not before else max(rung for rung in (0, *rungs) if rung < epochs)
    time.sleep(WAIT_S * settings["width"] * (epochs - since))
    return min(row["check_loss"] for row in history)


def compare_searches(samples: Samples, folder: Path) -> dict[str, Any]:
    few = samples.take(np.arange(200))
    ways = {
        "synchronous": {"synchronous": True, "rungs": (EPOCHS,)},
        "synchronous_stopping": {"synchronous": True, "rungs": choose_rungs(EPOCHS)},
        "asynchronous": {"rungs": (EPOCHS,)},
        "asynchronous_stopping": {"rungs": choose_rungs(EPOCHS)},
    }
    found: dict[str, Any] = {}
    with ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn")) as pool:
        list(pool.map(warm_up, [few] * 4 * WORKERS))  # torch is loaded before the clock runs
        for name, told in ways.items():
            found[name] = time_search(pool, partial(measure_trial, few, folder / name), told)
    for row in found.values():
        row["of_synchronous"] = round(row["seconds"] / found["synchronous"]["seconds"], 3)
    return found


def time_search(pool: Executor, measure: Any, told: dict[str, Any]) -> dict[str, Any]:
    begun = time.perf_counter()
    trials = search(measure, Plan(SPACE, TRIALS, WORKERS, seed=5, guided=False, **told), pool)
    return {"seconds": round(time.perf_counter() - begun, 2), "best": trials[0].score}


def warm_up(samples: Samples) -> None:
    train(samples, ModelSpec("mlp", settings={"epochs": 1}), threads=1)
    time.sleep(0.5)


if __name__ == "__main__":
    main()
