"""How much faster two workers of a Dask cluster predict a scene than one, and where the rest goes.

    python benchmarks/inference_workers.py [--size 4096] [--rounds 2]

Takes three to four minutes on two idle cores. ``faster`` is by the clock and needs a calm machine. What holds
on a busy one stands beside it: ``share`` is what the busiest worker has of the blocks (0.5 is even),
``idle_s`` how long a worker waited between its blocks, ``cpu_s`` the processor time of each worker, and
``client_cpu_s`` that of who asked and lays the blocks together.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.inference import make_graph, open_scene
from distributed import get_task_stream
from tests.process.clusters import LocalCluster, local_cluster, measure

from eocene.process import make_plan
from eocene.process.executors.cluster import connect

WARM_UP = {"west": 600_000, "south": 5_689_760, "east": 610_240, "north": 5_700_000, "crs": 32631}
"""A corner of the scene: four blocks, by which workers import and compile what runs are made of."""


def measure_run(plan: Any, cluster: LocalCluster) -> dict[str, Any]:
    """Return the seconds of a run by the clock, and what client and workers did meanwhile."""
    client = connect(cluster.address)
    before, own = cluster.cpu_seconds(), time.process_time()
    with get_task_stream(client=client) as stream:
        seconds, _ = measure(plan, cluster)
    own = time.process_time() - own
    spent = [b - a for a, b in zip(before, cluster.cpu_seconds(), strict=True)]
    blocks = _spans_by_worker(stream.data)
    counts = [len(spans) for spans in blocks.values()]
    idle = [sum(max(0.0, b[0] - a[1]) for a, b in pairwise(s)) for s in blocks.values()]
    return {
        "wall_s": round(seconds, 2),
        "cpu_s": [round(s, 2) for s in spent],
        "client_cpu_s": round(own, 2),
        "blocks": counts,
        "share": round(max(counts) / sum(counts), 3),
        "idle_s": [round(s, 2) for s in idle],
    }


def _spans_by_worker(tasks: Any) -> dict[str, list[tuple[float, float]]]:
    """Return start and stop of each block that a worker computed, in order."""
    found: dict[str, list[tuple[float, float]]] = {}
    for task in tasks:
        for span in task["startstops"]:
            if span["action"] == "compute" and str(task["key"]).startswith("eocene-compute"):
                found.setdefault(task["worker"], []).append((span["start"], span["stop"]))
    return {worker: sorted(spans) for worker, spans in found.items()}


def measure_workers(folder: Path, size: int, width: int, rounds: int) -> dict[str, Any]:
    """Return the best of some rounds on one worker and on two, one after the other."""
    archive, model = open_scene(folder / "scene", size, width)
    graph = make_graph(model)
    plan = make_plan(graph, archive)
    graph["load"]["arguments"]["spatial_extent"] = WARM_UP
    corner = make_plan(graph, archive)
    runs: dict[int, list[dict[str, Any]]] = {1: [], 2: []}
    with ExitStack() as stack:
        clusters = {n: stack.enter_context(local_cluster(folder / f"cluster-{n}", n)) for n in runs}
        for cluster in clusters.values():
            measure(corner, cluster)
        for _ in range(rounds):
            for count, cluster in clusters.items():
                with clusters[3 - count].at_rest():
                    runs[count].append(measure_run(plan, cluster))
    best = {n: min(told, key=lambda run: run["wall_s"]) for n, told in runs.items()}
    return {
        "scene": f"{size} × {size}",
        "block": plan.block_size,
        "one_worker": best[1],
        "two_workers": best[2],
        "faster": round(best[1]["wall_s"] / best[2]["wall_s"], 2),
    }


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4096, help="pixels along an edge of the scene")
    parser.add_argument("--width", type=int, default=16, help="filters of the U-Net's first stage")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        told = measure_workers(Path(name), options.size, options.width, options.rounds)
    print(json.dumps(told, indent=2, ensure_ascii=False))


if __name__ == "__main__":
    main()
