"""How long a first answer takes: CPU of two windows of 256² of the NDVI graph in a fresh process.

Run with ``python benchmarks/engine/first_window.py [--folder DATA]``. The clock starts when Eocene and its
processes are imported and the workspace is open; ``first`` is the plan and the first window, ``second``
the window beside it, as a map asks for them. Prints one JSON object: milliseconds, best and median.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from run import prepare, run_contender


def answer(folder: Path) -> None:
    """Answer two windows and print the CPU milliseconds of both."""
    from graphs import GRAPHS
    from meter import cpu_seconds

    import eocene
    from eocene.model import Grid
    from eocene.process import make_plan, registry

    registry.specs()
    archive = eocene.open(folder / "workspace").archive
    marks = [cpu_seconds()]
    plan = make_plan({"process_graph": GRAPHS["ndvi"]()}, archive)
    whole = plan.schema.grid
    for right in (0, 256):
        plan.compute(Grid(whole.lattice, whole.left + right, whole.top, 256, 256))
        marks.append(cpu_seconds())
    first, second = np.diff(marks) * 1000
    print(json.dumps({"first": round(first, 1), "second": round(second, 1)}))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the data are kept; a temporary folder by default")
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--answer", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.answer:
        answer(given.answer)
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = (given.folder or Path(temporary)) / "2048-12"
        prepare(folder, sensors=("s2",))
        runs = [
            run_contender(sys.executable, "first_window.py", "--answer", folder) for _ in range(given.runs)
        ]
    report = {
        name: {"best": min(r[name] for r in runs), "median": statistics.median(r[name] for r in runs)}
        for name in runs[0]
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
