"""How much faster two workers of a Dask cluster are than one, and what it costs to lose workers.

Each worker is one process with one thread. The graph is bound by computing: a long chain of functions on
every pixel of a season. A worker is killed at random moments in the last part; its nanny starts it again.

    python benchmarks/cluster.py [--size 512] [--steps 400] [--kills 5]
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.process.clusters import local_cluster, measure, measure_with_kills, simulated_plan


def main() -> None:
    """Print the figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=512, help="pixels along an edge of a tile")
    parser.add_argument("--steps", type=int, default=400, help="functions on every value")
    parser.add_argument("--kills", type=int, default=5, help="workers that are lost")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with simulated_plan(folder, options.size, options.steps) as plan:
            seconds, values, taken = {}, {}, {}
            for workers in (1, 2):
                with local_cluster(folder / f"cluster-{workers}", workers) as cluster:
                    measure(plan, cluster)  # warm
                    before = cluster.cpu_seconds()
                    seconds[workers], values[workers] = measure(plan, cluster)
                    after = cluster.cpu_seconds()
                    taken[workers] = [b - a for a, b in zip(before, after, strict=True)]
                    if workers == 2:
                        killed_s, left = measure_with_kills(plan, cluster, seconds[2], options.kills)
            blocks = len(list(plan.blocks()))
    figures = {
        "blocks": blocks,
        "seconds with 1 worker": round(seconds[1], 2),
        "seconds with 2 workers": round(seconds[2], 2),
        "speed-up": round(seconds[1] / seconds[2], 2),
        "processor seconds of the workers": {n: [round(s, 2) for s in t] for n, t in taken.items()},
        "workers killed": options.kills,
        "seconds with kills": round(killed_s, 2),
        "ratio with kills": round(killed_s / seconds[2], 2),
        "equal bits": all(v.tobytes() == values[1].tobytes() for v in (values[2], left)),
    }
    print(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
