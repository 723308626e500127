"""How much faster two workers of a Dask cluster are than one, and what it costs to lose workers.

Each worker is one process with one thread. The graph is bound by computing: a long chain of functions on
every pixel of a season. A worker is killed at random moments in the last part; its nanny starts it again.

    python benchmarks/cluster.py [--size 512] [--steps 400] [--rounds 3] [--kills 5]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.process.clusters import local_cluster, measure, measure_with_kills, simulated_plan

if TYPE_CHECKING:
    from tests.process.clusters import LocalCluster

    from eocene.process import Plan


@dataclass(frozen=True)
class Run:
    """Seconds on the clock, the result, and processor seconds of each worker."""

    seconds: float
    values: Any
    taken: list[float]


def take(plan: Plan, cluster: LocalCluster) -> Run:
    """Run a plan on a cluster, once for its workers to have loaded all, and once measured."""
    measure(plan, cluster)
    before = cluster.cpu_seconds()
    seconds, values = measure(plan, cluster)
    return Run(seconds, values, [b - a for a, b in zip(before, cluster.cpu_seconds(), strict=True)])


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, help="pixels along an edge of a tile")
    parser.add_argument("--steps", type=int, default=400, help="functions on every value")
    parser.add_argument("--rounds", type=int, default=3, help="of which the best are compared")
    parser.add_argument("--kills", type=int, default=5, help="workers that are lost")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with ExitStack() as stack:
            plan = stack.enter_context(simulated_plan(folder, options.size, options.steps))
            clusters = {n: stack.enter_context(local_cluster(folder / f"cluster-{n}", n)) for n in (1, 2)}
            rounds = [
                {n: take(plan, cluster) for n, cluster in clusters.items()} for _ in range(options.rounds)
            ]
            best = {n: min((found[n] for found in rounds), key=lambda run: run.seconds) for n in clusters}
            blocks = len(list(plan.parts()))
            killed_s, left = measure_with_kills(plan, clusters[2], best[2].seconds, options.kills)
    figures = {
        "blocks": blocks,
        "rounds": [
            {f"{n} workers, s": round(run.seconds, 2) for n, run in found.items()} for found in rounds
        ],
        "seconds with 1 worker": round(best[1].seconds, 2),
        "seconds with 2 workers": round(best[2].seconds, 2),
        "speed-up": round(best[1].seconds / best[2].seconds, 2),
        "processor seconds of the workers": {n: [round(s, 2) for s in run.taken] for n, run in best.items()},
        "workers killed": options.kills,
        "seconds with kills": round(killed_s, 2),
        "ratio with kills": round(killed_s / best[2].seconds, 2),
        "equal bits": all(v.tobytes() == best[1].values.tobytes() for v in (best[2].values, left)),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
