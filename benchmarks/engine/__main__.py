"""How fast the engine is beside openeo-processes-dask and a hand-fused kernel, in the same run.

Run with ``python benchmarks/engine --peer /path/to/peer/bin/python``, or with the environment variable
``EOCENE_BENCHMARK_PEER``. The peer needs an environment of its own::

    python -m venv peer && peer/bin/pip install -r benchmarks/engine/peer-requirements.txt

Each contender runs in its own process, in turn, ``--runs`` times; minima are compared. What is measured is
graph to result in memory: CPU and wall seconds after the imports, and the peak memory of the process.
Prints a JSON object for each graph. Without a peer only the floor is beside us.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from graphs import GRAPHS, SIZES
from run import prepare, run_contender

FIGURES = ("cpu_s", "wall_s", "peak_mb")


def best(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {figure: min(r[figure] for r in runs) for figure in FIGURES}


def compare_graph(graph: str, folder: Path, peer: str | None, runs: int) -> dict[str, Any]:
    """Return the figures of all contenders on a graph, our ratios to them, and how the values differ."""
    contenders = {"ours": (sys.executable, "ours.py", folder / "workspace")}
    if peer:
        contenders["peer"] = (peer, "peer.py", folder)
    if graph == "ndvi":
        contenders["floor"] = (sys.executable, "floor.py", folder)
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in contenders}
    for _ in range(runs):
        for name, (python, script, source) in contenders.items():
            taken[name].append(run_contender(python, script, source, graph, folder / f"{graph}-{name}.npy"))
    figures = {name: best(found) for name, found in taken.items()}
    report: dict[str, Any] = dict(figures)
    mine = np.load(folder / f"{graph}-ours.npy")
    for name in contenders:
        if name != "ours":
            report[f"ours/{name}"] = {f: round(figures["ours"][f] / figures[name][f], 3) for f in FIGURES}
            report[f"values beside {name}"] = differ(mine, np.load(folder / f"{graph}-{name}.npy"))
    return report


def differ(mine: Any, other: Any) -> dict[str, float]:
    """Return the largest relative difference and how many pixels are missing in one but not in both."""
    mine, other = mine.astype(np.float64), other.astype(np.float64)
    gap = np.abs(mine - other) / np.maximum(np.abs(other), 1)
    missing = np.isnan(mine) != np.isnan(other)
    return {"largest": float(np.nanmax(gap)), "missing_in_one": int(missing.sum())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", default=os.environ.get("EOCENE_BENCHMARK_PEER"), help="the peer's python")
    parser.add_argument("--folder", type=Path, help="where the data are kept; a temporary folder by default")
    parser.add_argument("--graphs", nargs="+", default=list(GRAPHS), choices=list(GRAPHS))
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for graph in given.graphs:
            archive = folder / f"{SIZES[graph]}-12"
            prepare(archive, SIZES[graph])
            report = compare_graph(graph, archive, given.peer, given.runs)
            print(json.dumps({"graph": graph, **report}, indent=1), flush=True)


if __name__ == "__main__":
    main()
