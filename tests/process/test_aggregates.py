"""Zones, periods, warps and merges of the simulated world beside shapely, pandas and pyproj."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from pyproj import Transformer

import eocene
from eocene.process import make_plan
from tests.process.graphs import call, callback, load

if TYPE_CHECKING:
    import xarray as xr

    from eocene.workspace import Workspace


def ref(node: str) -> dict[str, str]:
    return {"from_node": node}


SPRING = ["2024-03-01", "2024-05-01"]


@pytest.fixture(scope="module")
def cube(world: Workspace) -> xr.DataArray:
    return eocene.run({"load": {**load(temporal_extent=SPRING), "result": True}}, workspace=world)


@pytest.fixture(scope="module")
def zones(cube: xr.DataArray) -> gpd.GeoDataFrame:
    """Random polygons, one with a hole, one outside, one between pixel centres, a point and two points."""
    random = np.random.default_rng(8)
    west, east = float(cube.x.min()), float(cube.x.max())
    south, north = float(cube.y.min()), float(cube.y.max())
    shapes = []
    for _ in range(6):
        centre = random.uniform((west, south), (east, north))
        angles = np.sort(random.uniform(0, 2 * np.pi, 7))
        radii = random.uniform(30, 300, 7)
        shapes.append(
            shapely.Polygon(centre + radii[:, None] * np.stack([np.cos(angles), np.sin(angles)], 1))
        )
    x, y = west + 600.3, south + 500.2
    shapes.append(shapely.Point(x, y).buffer(150).difference(shapely.Point(x, y).buffer(60)))
    shapes.append(shapely.box(west - 9000, south, west - 8000, north))
    shapes.append(shapely.box(x + 1, y + 1, x + 2, y + 2))
    shapes.append(shapely.Point(x + 3, y + 4))
    shapes.append(shapely.MultiPoint([(x, y), (x + 100, y + 70)]))
    names = [f"zone {i}" for i in range(len(shapes))]
    return gpd.GeoDataFrame({"name": names}, geometry=shapes, crs=32632).to_crs(4326)


def geojson(zones: gpd.GeoDataFrame) -> dict[str, Any]:
    import json

    return json.loads(zones.to_json())


def pixels_of(geometry: Any, cube: xr.DataArray) -> np.ndarray:
    """Return where pixel centres lie in a polygon, or the pixels under points."""
    x, y = np.meshgrid(cube.x.values, cube.y.values)
    if geometry.geom_type in ("Point", "MultiPoint"):
        points = shapely.get_parts(geometry)
        return np.any([(abs(x - p.x) <= 5) & (abs(y - p.y) <= 5) for p in points], axis=0)
    return shapely.contains_xy(geometry, x, y)


def zonal_graph(zones: gpd.GeoDataFrame, reducer: str = "mean") -> dict[str, Any]:
    return {
        "load": load(temporal_extent=SPRING),
        "zones": call(
            "aggregate_spatial",
            data=ref("load"),
            geometries=geojson(zones),
            reducer=callback(reducer),
            result=True,
        ),
    }


@pytest.mark.parametrize("reducer", ["mean", "max", "count"])
def test_zones_equal_shapely_pixel_by_pixel(
    world: Workspace, cube: xr.DataArray, zones: gpd.GeoDataFrame, reducer: str
) -> None:
    table = eocene.run(zonal_graph(zones, reducer), workspace=world)
    function = {"mean": np.nanmean, "max": np.nanmax, "count": lambda v: np.isfinite(v).sum()}[reducer]
    assert len(table) == len(zones) * cube.sizes["t"]
    assert list(table.columns) == ["geometry", "name", "t", "B04", "B08", "SCL"]
    metric = zones.to_crs(32632)
    for row, name in enumerate(zones.name):
        where = pixels_of(metric.geometry[row], cube)
        mine = table[table.name == name].sort_values("t")
        assert mine.t.tolist() == pd.DatetimeIndex(cube.t.values).tolist()
        for band in ("B04", "B08", "SCL"):
            values = cube.sel(bands=band).values[:, where].astype(np.float64)
            empty = np.isnan(values).all(axis=1) if where.any() else np.ones(cube.sizes["t"], bool)
            expected = [
                np.nan if (e and (reducer != "count" or not where.any())) else function(v)
                for v, e in zip(values, empty, strict=True)
            ]
            np.testing.assert_allclose(mine[band].to_numpy(), expected, rtol=1e-6)


@pytest.mark.parametrize("size", [16, 50, 512])
def test_zones_do_not_depend_on_the_block_size(
    world: Workspace, zones: gpd.GeoDataFrame, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eocene.process.run import Plan

    graph = zonal_graph(zones, "sd")
    whole = eocene.run(graph, workspace=world)
    monkeypatch.setattr(Plan, "block_size", size)
    pd.testing.assert_frame_equal(
        pd.DataFrame(make_plan(graph, world.archive).run(workers=2).drop(columns="geometry")),
        pd.DataFrame(whole.drop(columns="geometry")),
        check_exact=True,
    )


def test_two_sensors_on_one_grid_are_merged(world: Workspace) -> None:
    graph: dict[str, Any] = {
        "s2": load(temporal_extent=SPRING, bands=["B04", "B08"]),
        "optical": call("reduce_dimension", data=ref("s2"), dimension="t", reducer=callback("median")),
        "s1": load(id="sentinel-1-grd", temporal_extent=SPRING, bands=["VV", "VH"]),
        "grid": call("resample_cube_spatial", data=ref("s1"), target=ref("s2")),
        "radar": call("reduce_dimension", data=ref("grid"), dimension="t", reducer=callback("mean")),
        "both": call("merge_cubes", cube1=ref("optical"), cube2=ref("radar"), result=True),
    }
    cube = eocene.run(graph, workspace=world)
    assert cube.bands.values.tolist() == ["B04", "B08", "VV", "VH"]
    for node, bands in (("optical", ["B04", "B08"]), ("radar", ["VV", "VH"])):
        alone = {k: {**v, "result": k == node} for k, v in graph.items() if k != "both"}
        assert cube.sel(bands=bands).values.tobytes() == eocene.run(alone, workspace=world).values.tobytes()
    assert np.isfinite(cube).mean() > 0.4


@pytest.mark.parametrize(("epsg", "size"), [(4326, 0.0002), (3857, 20.0), (32633, 15.0), (32632, 35.0)])
def test_a_warped_cube_holds_the_pixel_under_each_centre(
    world: Workspace, cube: xr.DataArray, epsg: int, size: float
) -> None:
    graph = {
        "load": load(temporal_extent=SPRING),
        "warp": call("resample_spatial", data=ref("load"), projection=epsg, resolution=size, result=True),
    }
    warped = eocene.run(graph, workspace=world)
    assert warped.attrs["crs"] == f"EPSG:{epsg}"
    x, y = np.meshgrid(warped.x.values, warped.y.values)
    x, y = Transformer.from_crs(epsg, 32632, always_xy=True).transform(x, y)
    col = np.floor((x - (cube.x.values[0] - 5)) / 10).astype(int)
    row = np.floor(((cube.y.values[0] + 5) - y) / 10).astype(int)
    inside = (row >= 0) & (row < cube.sizes["y"]) & (col >= 0) & (col < cube.sizes["x"])
    picked = cube.values[..., np.clip(row, 0, cube.sizes["y"] - 1), np.clip(col, 0, cube.sizes["x"] - 1)]
    expected = np.where(inside, picked, np.nan)
    assert not inside.all()
    assert np.array_equal(warped.values, expected, equal_nan=True)


def test_a_box_keeps_the_pixels_whose_centres_it_holds(world: Workspace, cube: xr.DataArray) -> None:
    west, north = float(cube.x[10]) - 3, float(cube.y[20]) + 2
    extent = {"west": west, "south": north - 107, "east": west + 55, "north": north, "crs": 32632}
    graph = {
        "load": load(temporal_extent=SPRING),
        "box": call("filter_bbox", data=ref("load"), extent=extent, result=True),
    }
    found = eocene.run(graph, workspace=world)
    assert np.array_equal(found.values, cube.values[..., 20:31, 10:16], equal_nan=True)
    assert found.x.values.tolist() == cube.x.values[10:16].tolist()


@pytest.mark.parametrize("period", ["week", "dekad"])
def test_weeks_and_dekads_are_not_taken_for_months(world: Workspace, period: str) -> None:
    graph = {
        "load": load(temporal_extent=["2024-03-01", "2024-04-10"], bands=["B04"]),
        "p": call(
            "aggregate_temporal_period",
            data=ref("load"),
            period=period,
            reducer=callback("mean"),
            result=True,
        ),
    }
    labels = eocene.run(graph, workspace=world).t.values.tolist()
    assert all(isinstance(label, str) for label in labels)


def test_months_are_the_means_of_their_dates(world: Workspace, cube: xr.DataArray) -> None:
    graph = {
        "load": load(temporal_extent=SPRING),
        "p": call(
            "aggregate_temporal_period",
            data=ref("load"),
            period="month",
            reducer=callback("mean"),
            result=True,
        ),
    }
    found = eocene.run(graph, workspace=world)
    expected = cube.groupby("t.month").mean()
    np.testing.assert_allclose(found.values, expected.transpose("month", "bands", "y", "x").values, rtol=1e-5)
    assert [str(t)[:10] for t in found.t.values] == ["2024-03-01", "2024-04-01"]


@pytest.mark.parametrize("labels", [[], ["early", "late"]])
def test_intervals_hold_the_dates_from_their_start_up_to_their_end(
    world: Workspace, cube: xr.DataArray, labels: list[str]
) -> None:
    middle = str(cube.t.values[3])[:10]
    intervals = [["2024-03-01", middle], [f"{middle}T00:00:00Z", "2024-05-01"], ["1990-01-01", "1991-01-01"]]
    names = [*labels, "never"] if labels else []
    graph = {
        "load": load(temporal_extent=SPRING),
        "p": call(
            "aggregate_temporal",
            data=ref("load"),
            intervals=intervals,
            labels=names,
            reducer=callback("max"),
            result=True,
        ),
    }
    found = eocene.run(graph, workspace=world)
    assert np.array_equal(found.values[0], cube[:3].max("t").values, equal_nan=True)
    assert np.array_equal(found.values[1], cube[3:].max("t").values, equal_nan=True)
    assert np.isnan(found.values[2]).all()
    if labels:
        assert found.t.values.tolist() == ["early", "late", "never"]
    else:
        assert [str(t)[:10] for t in found.t.values] == ["2024-03-01", middle, "1990-01-01"]


def test_a_point_gives_the_series_of_its_pixel(world: Workspace, cube: xr.DataArray) -> None:
    plan = world.plan({"load": {**load(temporal_extent=SPRING), "result": True}})
    lon, lat = Transformer.from_crs(32632, 4326, always_xy=True).transform(
        float(cube.x[40]) + 4.9, float(cube.y[50]) - 4.9
    )
    assert np.array_equal(plan.read_point(lon, lat).values, cube.values[..., 50, 40], equal_nan=True)
