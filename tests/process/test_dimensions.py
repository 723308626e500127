"""Dimensions and labels that are made, named, split, joined, filtered and worked along."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import eocene
from eocene.cube.block import Block
from eocene.model import EoceneError
from eocene.process.callback import Callback
from eocene.process.graph import parse_graph
from tests.cube.scenes import TINY
from tests.process.graphs import DATA, call, callback
from tests.process.test_periods import reducer, run

DAYS = tuple(np.datetime64(f"2024-05-{day:02d}", "s") for day in (1, 4, 9))
CUBE = {"from_parameter": "cube"}


def raster() -> Block:
    random = np.random.default_rng(2)
    values = random.integers(0, 1000, (3, 2, *TINY.shape)).astype(np.int16)
    labels = {"t": DAYS, "bands": ("red", "nir")}
    return Block(values, ("t", "bands", "y", "x"), labels, random.random(values.shape) < 0.8, TINY)


def make_scene() -> xr.DataArray:
    """Return a raster of more pixels than a sub-block, as people hand it in."""
    random = np.random.default_rng(5)
    values = random.integers(0, 50, (3, 2, 70, 260)).astype("float32")
    values[random.random(values.shape) < 0.2] = np.nan
    return xr.DataArray(
        values,
        dims=("t", "bands", "y", "x"),
        coords={
            "t": pd.date_range("2024-01-20", periods=3, freq="40D"),
            "bands": ["red", "nir"],
            "y": 5e6 - 10.0 * np.arange(70),
            "x": 6e5 + 10.0 * np.arange(260),
        },
        attrs={"crs": "EPSG:32632"},
    )


@pytest.fixture(scope="module")
def scene() -> xr.DataArray:
    return make_scene()


def code_of(name: str, /, **arguments: Any) -> str:
    with pytest.raises(EoceneError) as caught:
        run(name, **arguments)
    assert caught.value.remedy
    return caught.value.code


def test_a_cube_is_built_from_nothing() -> None:
    cube = run("create_data_cube")
    assert (cube.dims, cube.values.shape) == ((), ())
    cube = run("add_dimension", data=cube, name="band", label="red", type="bands")
    cube = run("add_dimension", data=cube, name="when", label="2024-05-01T10:00:00Z", type="temporal")
    cube = run("add_dimension", data=cube, name="run", label=1)
    assert cube.dims == ("run", "when", "band")
    assert [cube.kind_of(d) for d in cube.dims] == ["other", "temporal", "bands"]
    assert cube.labels["when"] == (np.datetime64("2024-05-01T10:00:00"),)
    assert not cube.valid.any()
    assert code_of("add_dimension", data=cube, name="run", label=1) == "DimensionExists"
    assert code_of("add_dimension", data=cube, name="z", label=1, type="height") == "ProcessParameterInvalid"


def test_no_fourth_axis_of_space_is_added() -> None:
    cube = run("add_dimension", data=raster(), name="z", label=10, type="spatial")
    assert cube.kind_of("z") == "spatial"
    assert cube.dims[-2:] == ("y", "x")
    assert code_of("add_dimension", data=cube, name="w", label=10, type="spatial") == "DimensionExists"


def test_a_renamed_dimension_keeps_its_type_and_labels() -> None:
    cube = run("rename_dimension", data=raster(), source="t", target="when")
    assert cube.kind_of("when") == "temporal"
    assert cube.grid == TINY
    assert run("dimension_labels", data=cube, dimension="when") == [
        f"2024-05-0{d}T00:00:00Z" for d in (1, 4, 9)
    ]
    space = run("rename_dimension", data=raster(), source="x", target="lon")
    assert space.dims == ("t", "bands", "y", "lon")
    assert space.kind_of("lon") == "spatial"
    assert space.labels["lon"] == tuple(TINY.x)
    assert code_of("rename_dimension", data=raster(), source="t", target="x") == "DimensionExists"


@pytest.mark.parametrize("names", [["t", "bands"], ["bands", "t"], ["y", "x"], ["x", "t"], ["bands"]])
def test_flattening_stacks_like_xarray_and_unflattening_undoes_it(names: list[str]) -> None:
    cube = raster()
    plain = cube.off_grid()
    flat = run("flatten_dimensions", data=cube, dimensions=names, target_dimension="all")
    array = xr.DataArray(cube.filled(), dims=cube.dims, coords={d: list(plain.labels[d]) for d in cube.dims})
    expected = array.stack(all=names).transpose(*flat.dims)
    assert np.array_equal(flat.filled(), expected.values, equal_nan=True)
    texts = [[str(v) for v in run("dimension_labels", data=plain, dimension=d)] for d in names]
    assert flat.labels["all"][:2] == tuple(
        "~".join([*(t[0] for t in texts[:-1]), last]) for last in texts[-1][:2]
    )
    assert flat.kind_of("all") == "other"
    assert "all" not in array.dims
    if len(names) > 1:
        new = [f"new {name}" for name in names]
        back = run("unflatten_dimension", data=flat, dimension="all", target_dimensions=new)
        order = [names.index(d.removeprefix("new ")) if d in new else d for d in back.dims]
        assert [n for n in order if isinstance(n, int)] == list(range(len(names)))
        again = array.rename(dict(zip(names, new, strict=True))).transpose(*back.dims)
        assert np.array_equal(back.filled(), again.values, equal_nan=True)


@settings(max_examples=40)
@given(data=st.data())
def test_unflattened_labels_may_stand_in_any_order(data: st.DataObject) -> None:
    labels = data.draw(st.permutations([f"{a}/{b}" for a in "pqr" for b in "12"]))
    cube = Block(np.arange(6.0), ("x",), {"x": tuple(labels)})
    found = run(
        "unflatten_dimension", data=cube, dimension="x", target_dimensions=["a", "b"], label_separator="/"
    )
    for i, a in enumerate(found.labels["a"]):
        for j, b in enumerate(found.labels["b"]):
            assert found.values[i, j] == labels.index(f"{a}/{b}")


def test_what_cannot_be_split_or_joined_is_refused() -> None:
    cube = Block(np.arange(3.0), ("d",), {"d": ("a~1", "a~2", "b~1")})
    assert (
        code_of("unflatten_dimension", data=cube, dimension="d", target_dimensions=["x", "y"])
        == "ProcessParameterInvalid"
    )
    assert (
        code_of("unflatten_dimension", data=cube, dimension="d", target_dimensions=["d", "y"])
        == "TargetDimensionExists"
    )
    assert (
        code_of("flatten_dimensions", data=raster(), dimensions=["t", "z"], target_dimension="n")
        == "DimensionNotAvailable"
    )
    assert (
        code_of("flatten_dimensions", data=raster(), dimensions=["t", "x"], target_dimension="bands")
        == "TargetDimensionExists"
    )


def test_results_along_a_dimension_stay_replace_it_or_lie_in_another() -> None:
    cube = raster()
    reverse = Callback(
        parse_graph({"s": call("rearrange", data=DATA, order=[2, 1, 0], result=True)}), {}, "t"
    )
    stays = run("apply_dimension", data=cube, process=reverse, dimension="t")
    assert (stays.labels, stays.grid, stays.dims) == (cube.labels, TINY, cube.dims)
    assert np.array_equal(stays.filled(), cube.filled()[::-1], equal_nan=True)
    two = Callback(parse_graph({"s": call("rearrange", data=DATA, order=[0, 2], result=True)}), {}, "t")
    shorter = run("apply_dimension", data=cube, process=two, dimension="t")
    assert shorter.labels["t"] == (0, 1)
    assert shorter.kind_of("t") == "temporal"
    renamed = run("apply_dimension", data=cube, process=two, dimension="t", target_dimension="step")
    assert renamed.dims == ("step", "bands", "y", "x")
    assert renamed.kind_of("step") == "other"
    moved = run(
        "apply_dimension", data=cube.take("bands", [1]), process=two, dimension="t", target_dimension="bands"
    )
    assert moved.dims == ("bands", "y", "x")
    assert (moved.labels["bands"], moved.kind_of("bands")) == ((0, 1), "bands")
    assert np.array_equal(moved.filled(), cube.filled()[[0, 2], 1], equal_nan=True)
    into = {"data": cube, "process": two, "dimension": "t"}
    assert code_of("apply_dimension", **into, target_dimension="bands") == "DimensionLabelCountMismatch"
    assert (
        code_of("apply_dimension", data=cube, process=reducer("mean"), dimension="t")
        == "ProcessParameterInvalid"
    )


def test_numbers_that_do_not_depend_on_the_data_fill_the_cube() -> None:
    fixed = Callback(parse_graph({"a": call("array_create", data=[7, 8], result=True)}), {}, "t")
    found = run("apply_dimension", data=raster(), process=fixed, dimension="t")
    assert found.values.shape == (2, 2, *TINY.shape)
    assert (found.values[1] == 8).all()


@pytest.mark.parametrize("dimension", ["x", "y", "t", "bands"])
def test_a_raster_is_reduced_along_each_of_its_dimensions(scene: xr.DataArray, dimension: str) -> None:
    graph = {
        "r": call("reduce_dimension", data=CUBE, dimension=dimension, reducer=callback("max"), result=True)
    }
    found = eocene.run(graph, parameters={"cube": scene})
    expected = scene.max(dimension)
    assert found.dims == expected.dims
    assert np.array_equal(found.values, expected.values, equal_nan=True)
    for d in found.dims:
        assert (found[d].values == expected[d].values).all()


@pytest.mark.parametrize("dimension", ["x", "y"])
def test_a_raster_is_sorted_along_its_pixels_and_stays_one(scene: xr.DataArray, dimension: str) -> None:
    graph = {
        "s": call(
            "apply_dimension",
            data=CUBE,
            dimension=dimension,
            process=callback("sort", nodata=True),
            result=True,
        )
    }
    found = eocene.run(graph, parameters={"cube": scene})
    assert "spatial_ref" in found.coords
    assert np.array_equal(
        found.values, np.sort(scene.values, axis=scene.dims.index(dimension)), equal_nan=True
    )


def test_months_of_a_raster_without_a_date_have_no_data_in_every_way_of_asking(scene: xr.DataArray) -> None:
    wide = scene.assign_coords(t=pd.to_datetime(["2024-01-20", "2024-02-03", "2024-05-30"]))
    graph = {
        "m": call(
            "aggregate_temporal_period", data=CUBE, period="month", reducer=callback("mean"), result=True
        )
    }
    found = eocene.run(graph, parameters={"cube": wide})
    assert [str(t)[:7] for t in found.t.values] == [f"2024-0{m}" for m in range(1, 6)]
    assert np.isnan(found.values).all(axis=(1, 2, 3)).tolist() == [False, False, True, True, False]
    assert np.array_equal(found.values[4], wide.values[2], equal_nan=True)
    plan = eocene.process.make_plan(graph, parameters={"cube": wide})
    for month in ("2024-03", "2024-05"):
        alone = plan.read(times=[month])
        assert np.array_equal(alone.values[0], found.sel(t=month).values[0], equal_nan=True)
