"""What the sandbox costs: a warm call, and the throughput of a trivial function beside the same in-process.

The graph reduces the bands of a cube of 12 dates, 2 bands and 1024² pixels to an NDVI by code of a user: once
by processes behind walls and once by ``EOCENE_UDF=unsafe``, in turns. ``kept`` runs one plan again and again,
``fresh`` makes a plan for each run, which gets processes that have run nobody's code. A warm call is one on
256² pixels of one band by a process that has run the code before; ``first_call`` includes the import of all
packages, once in a server, and ``new_owner`` is the first call of every other plan.
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
from eocene.process.udf import SandboxRunner, UdfCall, UdfRunner, UnsafeRunner, offering
from eocene.process.udf.obstacles import find_obstacle
from eocene.process.udf.owners import UdfCode, UdfOwner

CALLS = 200
OWNERS = 20
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
    owner, spent, new = UdfOwner(), [], []
    for times, count, kept in ((spent, CALLS + 1, owner), (new, OWNERS, None)):
        for _ in range(count):
            call = UdfCall(UdfCode.of(DOUBLE, kept or UdfOwner()), "Python", None, data, None, {})
            start = time.perf_counter()
            runner.run(call)
            times.append(1e3 * (time.perf_counter() - start))
    first, warm = spent[0], sorted(spent[1:])
    return {
        "first_call_ms": first,
        "new_owner_ms": statistics.median(new),
        "warm_call_ms": warm[CALLS // 2],
        "warm_call_p95_ms": warm[CALLS * 95 // 100],
    }


def time_plan(plan: Plan | None, cube: xr.DataArray) -> tuple[float, Any]:
    """Return the seconds of a run, those of making the plan included if there is none yet, and the values."""
    start = time.perf_counter()
    result = (plan or make_plan(make_graph(), None, {"cube": cube})).run()
    return time.perf_counter() - start, result.values


def compare(
    runners: dict[str, UdfRunner], plans: dict[str, Plan | None], cube: xr.DataArray
) -> dict[str, float]:
    """Return the median seconds of each runner, measured in turns after a round that warms both."""
    times: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(ROUNDS + 1):
        values = {}
        for name, runner in runners.items():
            with offering(runner):
                seconds, values[name] = time_plan(plans[name], cube)
            if turn:
                times[name].append(seconds)
        np.testing.assert_array_equal(values["sandbox"], values["in_process"])
    return {name: statistics.median(spent) for name, spent in times.items()}


def main() -> None:
    obstacle = find_obstacle()
    if obstacle:
        print(json.dumps({"skipped": obstacle}))
        return
    cube = make_cube(int(sys.argv[1]) if len(sys.argv) > 1 else 1024)
    runners = {"sandbox": SandboxRunner(), "in_process": UnsafeRunner()}
    figures = time_calls(runners["sandbox"])
    with offering(runners["in_process"]):
        kept = {name: make_plan(make_graph(), None, {"cube": cube}) for name in runners}
    for case, plans in (("kept", kept), ("fresh", dict.fromkeys(runners))):
        seconds = compare(runners, plans, cube)
        figures |= {f"{case}_{name}_mvalues_per_s": cube.size / 1e6 / s for name, s in seconds.items()}
        figures[f"{case}_throughput_ratio"] = seconds["in_process"] / seconds["sandbox"]
    runners["sandbox"].close()
    print(json.dumps({name: round(value, 2) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
