"""Array processes inside graphs of cubes with pixels, beside numpy on the whole cube."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import xarray as xr

from eocene.model import InputError
from eocene.process import make_plan, run
from tests.process.graphs import DATA, call

X, INDEX, LABEL = ({"from_parameter": name} for name in ("x", "index", "label"))
DATES = np.array(["2024-01-01", "2024-03-01", "2024-05-01", "2024-07-01", "2024-09-01"], "datetime64[ns]")


@pytest.fixture(scope="module")
def cube() -> xr.DataArray:
    """Two bands on five dates, all but the first with gaps; more pixels than a block of the cache."""
    random = np.random.default_rng(5)
    values = random.integers(0, 40, (5, 2, 70, 300)).astype(np.float32)
    values[1:][random.random(values[1:].shape) < 0.25] = np.nan
    axes = {"y": 5_000_000 - 10.0 * np.arange(70), "x": 400_000 + 10.0 * np.arange(300)}
    labels = {"t": DATES, "bands": ["red", "nir"]}
    return xr.DataArray(values, {**labels, **axes}, ["t", "bands", "y", "x"], attrs={"crs": "EPSG:32631"})


def along(cube: xr.DataArray, dimension: str, process: dict[str, Any], **more: Any) -> xr.DataArray:
    """Return what a process along a dimension makes of the cube; its last node is the result."""
    *_, last = process.values()
    last["result"] = True
    node = call(
        "apply_dimension",
        data={"from_parameter": "cube"},
        dimension=dimension,
        process={"process_graph": process},
        result=True,
        **more,
    )
    return run({"along": node}, None, {"cube": cube})


def test_sorted_dates_stay_dates_and_removed_nodata_stands_behind(cube: xr.DataArray) -> None:
    found = along(cube, "t", {"sort": call("sort", data=DATA)})
    assert np.array_equal(found.values, np.sort(cube.values, axis=0), equal_nan=True)
    assert np.array_equal(found.t, cube.t)


def test_rearranging_by_order_is_sorting_also_downwards(cube: xr.DataArray) -> None:
    graph = {
        "order": call("order", data=DATA, asc=False, nodata=True),
        "sorted": call("rearrange", data=DATA, order={"from_node": "order"}),
    }
    assert np.array_equal(along(cube, "t", graph).values, -np.sort(-cube.values, axis=0), equal_nan=True)


def test_quantiles_stand_along_a_dimension_of_their_own(cube: xr.DataArray) -> None:
    graph = {"q": call("quantiles", data=DATA, probabilities=[0.1, 0.9])}
    found = along(cube, "t", graph, target_dimension="quantile")
    expected = np.nanquantile(cube.values.astype(float), [0.1, 0.9], axis=0)
    np.testing.assert_allclose(found.transpose("quantile", "bands", "y", "x").values, expected, rtol=1e-6)
    assert found["quantile"].values.tolist() == [0, 1]


def test_a_running_sum_skips_gaps_and_keeps_them(cube: xr.DataArray) -> None:
    found = along(cube, "t", {"sum": call("cumsum", data=DATA)})
    expected = np.where(np.isnan(cube.values), np.nan, np.nancumsum(cube.values, axis=0))
    assert np.array_equal(found.values, expected, equal_nan=True)


def test_each_entry_is_mapped_with_its_value_index_and_label(cube: xr.DataArray) -> None:
    late = {
        "late": call("date_between", x=LABEL, min="2024-04-01", max="2025-01-01"),
        "scaled": call("multiply", x=X, y=INDEX),
        "either": call(
            "if", value={"from_node": "late"}, accept={"from_node": "scaled"}, reject=-1, result=True
        ),
    }
    found = along(cube, "t", {"map": call("array_apply", data=DATA, process={"process_graph": late})})
    expected = cube.values * np.arange(5, dtype=np.float32)[:, None, None, None]
    expected[:2] = -1
    assert np.array_equal(found.values, expected, equal_nan=True)


def test_entries_are_kept_by_label_and_appended_to(cube: xr.DataArray) -> None:
    only_nir = {"eq": call("eq", x=LABEL, y="nir", result=True)}
    graph = {
        "kept": call("array_filter", data=DATA, condition={"process_graph": only_nir}),
        "more": call("array_append", data={"from_node": "kept"}, value=7),
    }
    found = along(cube, "bands", graph).transpose("bands", "t", "y", "x").values
    assert np.array_equal(found[0], cube.sel(bands="nir").values, equal_nan=True)
    assert (found[1] == 7).all()


def test_a_position_is_found_for_each_pixel(cube: xr.DataArray) -> None:
    reducer = {"find": call("array_find", data=DATA, value=3, result=True)}
    reduce = call(
        "reduce_dimension",
        data={"from_parameter": "cube"},
        dimension="t",
        reducer={"process_graph": reducer},
        result=True,
    )
    found = run({"find": reduce}, None, {"cube": cube}).values
    is_three = cube.values == 3
    expected = np.where(is_three.any(axis=0), is_three.argmax(axis=0), np.nan)
    assert np.array_equal(found, expected, equal_nan=True)


def test_keeping_by_pixel_values_is_refused_before_anything_is_read(cube: xr.DataArray) -> None:
    large = {"gt": call("gt", x=X, y=3, result=True)}
    graph = {"kept": call("array_filter", data=DATA, condition={"process_graph": large}, result=True)}
    node = call(
        "apply_dimension",
        data={"from_parameter": "cube"},
        dimension="t",
        process={"process_graph": graph},
        result=True,
    )
    with pytest.raises(InputError, match="array_apply"):
        make_plan({"along": node}, None, {"cube": cube})
