"""Stages: what needs a whole cube is computed once, before the threads that need it."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
import pytest
import xarray as xr

import eocene
from eocene.model import Grid
from eocene.process import make_plan
from tests.process.graphs import call, callback

RNG = np.random.default_rng(3)
CUBE = xr.DataArray(
    RNG.integers(0, 900, (3, 2, 70, 90)).astype(np.float32),
    dims=("t", "bands", "y", "x"),
    coords={
        "t": np.array(["2024-01-01", "2024-02-01", "2024-03-01"], "datetime64[ns]"),
        "bands": ["a", "b"],
        "y": 5_200_000 - 10 * np.arange(70.0),
        "x": 600_000 + 10 * np.arange(90.0),
    },
    attrs={"crs": "EPSG:32632"},
)
INPUT = {"from_parameter": "cube"}


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


def sort(data: Any, dimension: str, **more: Any) -> dict[str, Any]:
    return call("apply_dimension", data=data, dimension=dimension, process=callback("sort", asc=True), **more)


TWICE = {"rows": sort(INPUT, "x"), "columns": sort(ref("rows"), "y", result=True)}
EXPECTED = np.sort(np.sort(CUBE.values, axis=3), axis=2)


def test_a_stage_behind_a_stage_gives_what_numpy_gives() -> None:
    result = eocene.run(TWICE, parameters={"cube": CUBE})
    np.testing.assert_array_equal(result.values, EXPECTED)


@pytest.mark.timeout(60)
def test_a_window_may_be_asked_for_before_any_stage_is_computed_and_by_many_threads() -> None:
    plan = make_plan(TWICE, parameters={"cube": CUBE})
    grid = plan.grid
    windows = [Grid(grid.lattice, grid.left + 10 * n, grid.top + 5, 8, 20) for n in range(8)]
    found: dict[int, np.ndarray] = {}

    def read(number: int) -> None:
        found[number] = plan.read(windows[number]).values

    threads = [threading.Thread(target=read, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(8):
        left = 10 * number
        np.testing.assert_array_equal(found[number], EXPECTED[:, :, 5:25, left : left + 8])


def test_a_value_of_the_whole_meets_the_pixels_again() -> None:
    difference = {
        "process_graph": {
            "d": call("subtract", x={"from_parameter": "x"}, y={"from_parameter": "y"}, result=True)
        }
    }
    graph = {
        "mean": call("reduce_spatial", data=INPUT, reducer=callback("mean")),
        "off": call("merge_cubes", cube1=INPUT, cube2=ref("mean"), overlap_resolver=difference, result=True),
    }
    result = eocene.run(graph, parameters={"cube": CUBE})
    means = CUBE.values.astype(np.float64).mean(axis=(2, 3), keepdims=True)
    np.testing.assert_allclose(result.values, CUBE.values - means, rtol=1e-4, atol=1e-3)


def test_reducing_what_a_box_leaves_empty_gives_no_data() -> None:
    far = {"west": 20, "south": 40, "east": 20.01, "north": 40.01}
    graph = {
        "box": call("filter_bbox", data=INPUT, extent=far),
        "mean": call("reduce_spatial", data=ref("box"), reducer=callback("mean"), result=True),
    }
    assert np.isnan(eocene.run(graph, parameters={"cube": CUBE}).values).all()


def test_one_of_two_cubes_is_chosen_as_it_is_and_dimensions_are_known_without_reading() -> None:
    other = CUBE.assign_coords(y=CUBE.y + 5_000)
    graph = {
        "dates": call("dimension_labels", data=INPUT, dimension="t"),
        "n": call("count", data=ref("dates"), condition=True),
        "few": call("lt", x=ref("n"), y=5),
        "if": call("if", value=ref("few"), accept=INPUT, reject={"from_parameter": "other"}, result=True),
    }
    result = eocene.run(graph, parameters={"cube": CUBE, "other": other})
    np.testing.assert_array_equal(result.values, CUBE.values)
