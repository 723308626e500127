"""What the sandbox costs: a warm call, and the throughput of a trivial function beside the same in-process.

The graph reduces the bands of a cube of 12 dates, 2 bands and 1024² pixels to an NDVI by code of a user: once
by processes behind walls and once by ``EOCENE_UDF=unsafe``, in turns, each plan kept warm. A warm call is one
on 256² pixels of one band by a process that has run the code before.
Run with ``python benchmarks/udf.py [edge]``; prints one JSON object.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from typing import Any

import numpy as np
import xarray as xr

from eocene.process import Plan, make_plan
from eocene.process.udf import SandboxRunner, UdfCall, UnsafeRunner, offering
from eocene.process.udf.owners import UdfCode, UdfOwner
from eocene.process.udf.walls import find_obstacle

CALLS = 200
ROUNDS = 5
NDVI = """
import xarray

def apply_datacube(cube: xarray.DataArray, context: dict) -> xarray.DataArray:
    red, nir = cube.sel(bands="red"), cube.sel(bands="nir")
    return (nir - red) / (nir + red)
"""
DOUBLE = "def apply_datacube(cube, context):\n    return cube * 2\n"


def make_cube(edge: int) -> xr.DataArray:
    """Return 12 dates of 2 bands, float32."""
    values = np.random.default_rng(1).random((12, 2, edge, edge), np.float32)
    dates = np.array([f"2024-{m:02d}-01" for m in range(1, 13)], "M8[ns]")
    coords = {"t": dates, "bands": ["red", "nir"], "y": -10.0 * np.arange(edge), "x": 10.0 * np.arange(edge)}
    return xr.DataArray(values, coords, ("t", "bands", "y", "x"), attrs={"crs": "EPSG:32632"})


def make_graph() -> dict[str, Any]:
    arguments = {"data": {"from_parameter": "data"}, "udf": NDVI, "runtime": "Python"}
    step = {"process_id": "run_udf", "arguments": arguments, "result": True}
    reduce = {
        "data": {"from_parameter": "cube"},
        "dimension": "bands",
        "reducer": {"process_graph": {"u": step}},
    }
    return {"r": {"process_id": "reduce_dimension", "arguments": reduce, "result": True}}


def time_calls(runner: SandboxRunner) -> dict[str, float]:
    """Return milliseconds of the first call, which waits for a process, and of warm ones."""
    data = make_cube(256).isel(t=0, bands=0, drop=True)
    call = UdfCall(UdfCode.of(DOUBLE, UdfOwner()), "Python", None, data, None, {})
    spent = []
    for _ in range(CALLS + 1):
        start = time.perf_counter()
        runner.run(call)
        spent.append(1e3 * (time.perf_counter() - start))
    first, warm = spent[0], sorted(spent[1:])
    return {
        "first_call_ms": first,
        "warm_call_ms": warm[CALLS // 2],
        "warm_call_p95_ms": warm[CALLS * 95 // 100],
    }


def time_plan(plan: Plan) -> tuple[float, Any]:
    start = time.perf_counter()
    result = plan.run()
    return time.perf_counter() - start, result.values


def main() -> None:
    obstacle = find_obstacle()
    if obstacle:
        print(json.dumps({"skipped": obstacle}))
        return
    cube = make_cube(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
    kept, unsafe = SandboxRunner(), UnsafeRunner()
    times: dict[str, list[float]] = {"sandbox": [], "in_process": []}
    figures = time_calls(kept)
    with offering(unsafe):
        plans = [make_plan(make_graph(), None, {"cube": cube}) for _ in range(2)]
    for turn in range(ROUNDS + 1):
        values = {}
        for name, runner, plan in zip(times, (kept, unsafe), plans, strict=True):
            with offering(runner):
                seconds, values[name] = time_plan(plan)
            if turn:  # the first round warms both
                times[name].append(seconds)
        np.testing.assert_array_equal(values["sandbox"], values["in_process"])
    kept.close()
    seconds = {name: statistics.median(spent) for name, spent in times.items()}
    figures |= {f"{name}_mvalues_per_s": cube.size / 1e6 / s for name, s in seconds.items()}
    figures["throughput_ratio"] = seconds["in_process"] / seconds["sandbox"]
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
