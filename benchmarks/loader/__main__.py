"""How fast the loader is beside odc-stac and beside decoding alone, in the same run.

Run with ``python benchmarks/loader --peer peer/bin/python``. The peer needs an environment of its own::

    python -m venv peer && peer/bin/pip install -r benchmarks/loader/peer-requirements.txt

Loads 24 dates of two overlapping UTM tiles, five bands and SCL, onto one grid of 1024², masks clouds and
takes monthly medians: from local files, and over HTTP with 20 ms per request. Each contender runs in its own
process, in turn, ``--runs`` times; minima are compared. Prints a JSON object for each place.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
from run import ask, prepare, run_contender, serving

FIGURES = ("cpu_s", "wall_s", "peak_mb")
PLACES = {"local": None, "http": 0.02}
THREADS = (2, 8, 24)
"""The peer has so many threads; its best counts."""


def contenders(folder: Path, place: str, peer: str | None) -> dict[str, tuple[Any, ...]]:
    """Return the command of each contender, by name."""
    mine = (sys.executable, "ours.py", folder / f"workspace-{place}", folder / f"{place}-ours.npy")
    found: dict[str, tuple[Any, ...]] = {"ours": mine}
    if place == "http":
        found["again"] = mine
    if place == "local":
        found["decoding"] = (sys.executable, "floor.py", folder / "data")
    for mode in ("eager", "dask") if peer else ():
        for threads in THREADS:
            name = f"{mode}-{threads}"
            found[name] = (
                peer,
                "peer.py",
                folder / f"{place}.json",
                mode,
                threads,
                folder / f"{place}-{mode}.npy",
            )
    return found


def compare(folder: Path, place: str, peer: str | None, runs: int) -> dict[str, Any]:
    """Return the figures of all contenders, our ratios to the best of each, and how values differ."""
    delay = PLACES[place]
    with nullcontext(str(folder / "data")) if delay is None else serving(folder / "data", delay) as root:
        prepare(folder, place, root)
        taken: dict[str, list[dict[str, Any]]] = {}
        for _ in range(runs):
            for name, (python, script, *arguments) in contenders(folder, place, peer).items():
                if name == "ours":  # what was learnt of the files is forgotten
                    (folder / f"workspace-{place}" / "headers.sqlite").unlink(missing_ok=True)
                if delay is not None:
                    ask(root, "reset")
                figures = run_contender(python, script, *arguments)
                if delay is not None:
                    figures |= ask(root, "stats")
                taken.setdefault(name, []).append(figures)
                print(json.dumps({"place": place, "contender": name, **figures}), file=sys.stderr, flush=True)
    best = {
        name: {key: min(r[key] for r in found) for key in found[0] if key != "engine"}
        for name, found in taken.items()
    }
    return best | ratios(best) | values(folder, place, peer)


def ratios(best: dict[str, dict[str, float]]) -> dict[str, Any]:
    """Return our figures over the best of each peer's."""
    found = {}
    for other in ("eager", "dask", "decoding"):
        theirs = [f for name, f in best.items() if name.startswith(other)]
        if theirs:
            found[f"ours/{other}"] = {
                k: round(best["ours"][k] / min(t[k] for t in theirs), 3) for k in FIGURES
            }
    return found


def values(folder: Path, place: str, peer: str | None) -> dict[str, Any]:
    """Return the share of values that differ from the peer's, which transforms coordinates approximately."""
    if not peer:
        return {}
    mine, other = (np.load(folder / f"{place}-{name}.npy") for name in ("ours", "eager"))
    same = (mine == other) | (np.isnan(mine) & np.isnan(other))
    return {"values that differ from eager": float(1 - same.mean())}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--peer", default=os.environ.get("EOCENE_BENCHMARK_PEER"), help="the peer's python")
    parser.add_argument("--folder", type=Path, help="where the data are kept; a temporary folder by default")
    parser.add_argument("--places", nargs="+", default=list(PLACES), choices=list(PLACES))
    parser.add_argument("--runs", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        for place in given.places:
            print(
                json.dumps({"place": place, **compare(folder, place, given.peer, given.runs)}, indent=1),
                flush=True,
            )


if __name__ == "__main__":
    main()
