"""Cubes and geometries handed in as parameters, without a workspace, beside xarray and numpy."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr

from eocene.process import make_plan
from tests.process.graphs import call, callback

X, Y = np.arange(600_005.0, 600_305, 10), np.arange(5_300_295.0, 5_299_995, -10)


def p(name: str) -> dict[str, str]:
    return {"from_parameter": name}


@pytest.fixture
def cube() -> xr.DataArray:
    values = np.random.default_rng(3).random((2, 2, 30, 30)).astype(np.float32)
    values[:, :, 5:9, 7:20] = np.nan
    times = np.array(["2024-01-01", "2024-02-01"], "datetime64[ns]")
    coords = {"t": times, "bands": ["B04", "B08"], "y": Y, "x": X}
    return xr.DataArray(values, coords, ("t", "bands", "y", "x"), attrs={"crs": "EPSG:32632"})


@pytest.fixture
def zones() -> gpd.GeoDataFrame:
    shapes = [
        shapely.Point(600_150, 5_300_150).buffer(80),
        shapely.box(600_000, 5_300_000, 600_095, 5_300_300),
    ]
    return gpd.GeoDataFrame({"name": ["round", "strip"]}, geometry=shapes, crs=32632)


def run(graph: dict[str, Any], **parameters: Any) -> Any:
    return make_plan(graph, parameters=parameters).run()


@pytest.mark.parametrize("south_up", [False, True])
def test_geometries_are_aggregated_over_a_cube(
    cube: xr.DataArray, zones: gpd.GeoDataFrame, south_up: bool
) -> None:
    graph = {
        "z": call(
            "aggregate_spatial",
            data=p("cube"),
            geometries=p("zones"),
            reducer=callback("mean"),
            target_dimension="n",
            result=True,
        )
    }
    given = cube.sortby("y") if south_up else cube
    table = run(graph, cube=given, zones=zones)
    x, y = np.meshgrid(X, Y)
    for name, shape in zip(zones.name, zones.geometry, strict=True):
        inside = shapely.intersects_xy(shape, x, y)
        rows = table[table.name == name]
        for band in ("B04", "B08"):
            pixels = cube.sel(bands=band).values[:, inside]
            assert np.allclose(rows[f"{band}_value"], np.nanmean(pixels, axis=1), rtol=1e-6)
            assert (rows[f"{band}_total_count"] == inside.sum()).all()
            assert (rows[f"{band}_valid_count"] == np.isfinite(pixels).sum(axis=1)).all()
    assert table.crs == zones.crs


def test_a_cube_keeps_its_place_and_labels(cube: xr.DataArray) -> None:
    double = {"process_graph": {"x": call("multiply", x=p("x"), y=2, result=True)}}
    found = run({"a": call("apply", data=p("cube"), process=double, result=True)}, cube=cube)
    assert np.array_equal(found.values, cube.values * 2, equal_nan=True)
    for dim in cube.dims:
        assert found[dim].values.tolist() == cube[dim].values.tolist()
    assert found.attrs["crs"] == "EPSG:32632"


def test_geometries_go_in_and_come_out(zones: gpd.GeoDataFrame) -> None:
    graph = {
        "wide": call("vector_buffer", geometries=p("zones"), distance=10),
        "near": call("filter_vector", data={"from_node": "wide"}, geometries=p("point"), result=True),
    }
    point = gpd.GeoDataFrame(geometry=[shapely.Point(600_100, 5_300_150)], crs=32632).to_crs(4326)
    found = run(graph, zones=zones, point=point)
    assert found.name.tolist() == ["round", "strip"]
    assert found.geometry.tolist() == [g.buffer(10, quad_segs=16) for g in zones.geometry]


def test_regular_points_take_the_pixels_under_them(cube: xr.DataArray, zones: gpd.GeoDataFrame) -> None:
    graph = {
        "points": call("vector_to_regular_points", data=p("zones"), distance=30, group=False),
        "values": call(
            "aggregate_spatial",
            data=p("cube"),
            geometries={"from_node": "points"},
            reducer=callback("first"),
            result=True,
        ),
    }
    table = run(graph, cube=cube, zones=zones)
    assert set(table.geom_type) == {"Point"}
    xs, ys = table.geometry.x.to_numpy(), table.geometry.y.to_numpy()
    cols, rows = ((xs - 600_000) // 10).astype(int), ((5_300_300 - ys) // 10).astype(int)
    steps = (table.t == table.t.max()).astype(int).to_numpy()
    assert np.array_equal(
        table.B08.to_numpy(), cube.values[steps, 1, rows, cols].astype(float), equal_nan=True
    )
