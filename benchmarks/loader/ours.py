"""Eocene: ``python ours.py WORKSPACE OUTPUT.npy``; load, mask and monthly median of the grid, in memory."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import dask.array  # noqa: F401 (xarray loads it with its first array; the peer has it from the start)
import numpy as np
from meter import measured
from scene import CLOUDY, EPSG, box

import eocene
import eocene.cube.hot  # loads what reads materialised areas; imports are not measured
from eocene.model import Lattice
from eocene.process import make_plan, registry


def node(process: str, **arguments: Any) -> dict[str, Any]:
    return {"process_id": process, "arguments": arguments}


def of(name: str) -> dict[str, str]:
    return {"from_node": name}


def graph() -> dict[str, Any]:
    west, south, east, north = box()
    extent = {"west": west, "south": south, "east": east, "north": north, "crs": EPSG}
    scl, data = {"from_node": "scl"}, {"from_parameter": "data"}
    cloudy: dict[str, Any] = {"scl": node("array_element", data=data, index=0)}
    for value in CLOUDY:
        cloudy[f"is{value}"] = node("eq", x=scl, y=value)
    cloudy["any"] = node("any", data=[of(f"is{v}") for v in CLOUDY]) | {"result": True}
    median = {"process_graph": {"m": node("median", data=data) | {"result": True}}}
    return {
        "load": node("load_collection", id="s2", spatial_extent=extent, temporal_extent=None),
        "cut": node("filter_bbox", data=of("load"), extent=extent),
        "bands": node("filter_bands", data=of("cut"), bands=["B02", "B03", "B04", "B08", "B11"]),
        "classes": node("filter_bands", data=of("cut"), bands=["SCL"]),
        "cloud": node(
            "reduce_dimension", data=of("classes"), dimension="bands", reducer={"process_graph": cloudy}
        ),
        "clear": node("mask", data=of("bands"), mask=of("cloud")),
        "month": node("aggregate_temporal_period", data=of("clear"), period="month", reducer=median)
        | {"result": True},
    }


def main(folder: Path, output: Path) -> None:
    workspace = eocene.open(folder)
    registry.specs()  # loads the processes
    lattice = Lattice(EPSG, (10.0, 10.0))
    with measured(engine="ours"):
        result = make_plan(graph(), workspace.archive, lattice=lattice).run()
    np.save(output, result.transpose("t", "bands", "y", "x").values)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
