"""How peak memory grows when the area, or the number of dates, is four times as large.

Run with ``python benchmarks/engine/growth.py [--folder DATA]``: the NDVI graph is streamed to disk (COG and
Zarr), each archive in a process of its own. Prints one JSON object. Needs 4 GB of disk.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from run import prepare, run_contender

ARCHIVES = {"one": (2048, 12), "area x 4": (4096, 12), "dates x 4": (2048, 48)}


def write(folder: Path) -> None:
    """Stream the graph's result of a workspace into a temporary folder and print the figures."""
    from graphs import GRAPHS
    from meter import measured

    import eocene
    from eocene.process import make_plan
    from eocene.process.output.results import write_results
    from eocene.process.output.stac import ResultInfo

    with tempfile.TemporaryDirectory(dir=folder) as target, measured(engine="ours", graph="ndvi"):
        info = ResultInfo("growth", "growth", "2024-01-01T00:00:00Z", {})
        plan = make_plan({"process_graph": GRAPHS["ndvi"]()}, eocene.open(folder / "workspace").archive)
        write_results(plan, Path(target) / "result", info)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--folder", type=Path, help="where the data are kept; a temporary folder by default")
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.write:
        write(given.write)
        return
    with tempfile.TemporaryDirectory() as temporary:
        report: dict[str, Any] = {}
        for name, (size, count) in ARCHIVES.items():
            folder = (given.folder or Path(temporary)) / f"{size}-{count}"
            prepare(folder, size, count, ("s2",))
            report[name] = run_contender(sys.executable, "growth.py", "--write", folder)
    base = report["one"]["peak_mb"]
    report["peak memory, times that of one"] = {n: round(report[n]["peak_mb"] / base, 3) for n in ARCHIVES}
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
