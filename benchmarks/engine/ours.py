"""Eocene on one graph: ``python ours.py WORKSPACE GRAPH OUTPUT.npy``; the whole result in memory."""

from __future__ import annotations

import sys
from pathlib import Path

import dask.array  # noqa: F401 (xarray loads it with its first array; the peer has it from the start)
import numpy as np
from graphs import GRAPHS
from meter import measured

import eocene
from eocene.process import registry


def main(folder: Path, graph: str, output: Path) -> None:
    workspace = eocene.open(folder)
    registry.specs()  # loads the processes
    assert workspace.archive  # loads the archive
    with measured(engine="ours", graph=graph):
        result = eocene.run({"process_graph": GRAPHS[graph]()}, workspace=workspace)
    lead = [d for d in ("t", "bands") if d in result.dims]
    np.save(output, result.transpose(*lead, "y", "x").values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
