"""Boxes and geometries: which pixels they keep, mask and hand on."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from shapely.geometry import LineString, MultiPoint, Point, Polygon, box, mapping

from eocene.model import InputError
from eocene.process import make_plan
from tests.process.graphs import call, callback
from tests.process.rasters import DATA, PLACE, assert_same_in_a_window, plan_of, random_cube

WEST, SOUTH, EAST, NORTH = PLACE.bounds
CENTRES = np.meshgrid(PLACE.x, PLACE.y)


def utm(geometry: Any) -> dict[str, Any]:
    """Return GeoJSON in the CRS of the cube."""
    return {
        "type": "FeatureCollection",
        "crs": {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::32632"}},
        "features": [
            {"type": "Feature", "properties": {}, "geometry": mapping(g)}
            for g in (geometry if isinstance(geometry, list) else [geometry])
        ],
    }


def extent(west: float, south: float, east: float, north: float, crs: Any = 32632) -> dict[str, Any]:
    return {"west": west, "south": south, "east": east, "north": north, "crs": crs}


@given(
    st.tuples(st.floats(-60, 290), st.floats(-60, 290)).filter(lambda p: abs(p[0] - p[1]) > 1e-3),
    st.tuples(st.floats(-60, 230), st.floats(-60, 230)).filter(lambda p: abs(p[0] - p[1]) > 1e-3),
)
@settings(max_examples=30, deadline=None)
def test_a_box_keeps_the_pixels_whose_centres_it_holds(
    across: tuple[float, float], along: tuple[float, float]
) -> None:
    west, east = WEST + min(across), WEST + max(across)
    south, north = SOUTH + min(along), SOUTH + max(along)
    grid = plan_of(random_cube(), "filter_bbox", extent=extent(west, south, east, north)).schema.grid
    assert grid is not None
    inside_x = (PLACE.x >= west - 1e-5) & (PLACE.x <= east + 1e-5)
    inside_y = (PLACE.y >= south - 1e-5) & (PLACE.y <= north + 1e-5)
    if inside_x.any() and inside_y.any():
        assert grid.x.tolist() == PLACE.x[inside_x].tolist()
        assert grid.y.tolist() == PLACE.y[inside_y].tolist()
    else:
        assert grid.shape == (0, 0)


def test_a_centre_on_the_edge_of_the_box_is_in_it() -> None:
    found = plan_of(
        random_cube(), "filter_bbox", extent=extent(WEST + 15, SOUTH + 25, WEST + 35, SOUTH + 45)
    ).run()
    assert found.x.values.tolist() == [WEST + 15, WEST + 25, WEST + 35]
    assert found.y.values.tolist() == [SOUTH + 45, SOUTH + 35, SOUTH + 25]


@pytest.mark.parametrize(
    "form", ["EPSG:32632", CRS(32632).to_wkt(), CRS(32632).to_json_dict()], ids=["code", "wkt", "json"]
)
def test_the_crs_of_a_box_may_be_a_code_wkt_or_proj_json(form: Any) -> None:
    bounds = (WEST + 12, SOUTH + 22, WEST + 84, SOUTH + 66)
    found = plan_of(random_cube(), "filter_bbox", extent=extent(*bounds, crs=form)).schema.grid
    assert found == plan_of(random_cube(), "filter_bbox", extent=extent(*bounds)).schema.grid


def test_a_box_beside_the_cube_leaves_a_cube_without_pixels() -> None:
    found = plan_of(random_cube(), "filter_bbox", extent=extent(0, 0, 10, 10)).run()
    assert found.shape == (3, 2, 0, 0)
    assert found.dims == ("t", "bands", "y", "x")


@pytest.mark.parametrize(
    "node",
    [
        call("apply_kernel", data={"from_node": "box"}, kernel=[[1, 1, 1]], border="wrap"),
        call("resample_spatial", data={"from_node": "box"}, resolution=20, method="bilinear"),
        call("aggregate_spatial_window", data={"from_node": "box"}, size=[2, 2], reducer=callback("mean")),
        call(
            "apply_neighborhood",
            data={"from_node": "box"},
            size=[{"dimension": "t", "value": 1}],
            process=callback("apply_kernel", kernel=[[1]]),
        ),
    ],
    ids=lambda node: node["process_id"],
)
def test_what_follows_a_box_beside_the_cube_gives_no_pixels_either(node: dict[str, Any]) -> None:
    graph = {
        "box": call("filter_bbox", data=DATA, extent=extent(0, 0, 10, 10)),
        "after": {**node, "result": True},
    }
    assert make_plan(graph, parameters={"data": random_cube()}).run().shape == (3, 2, 0, 0)


def test_a_box_keeps_the_geometries_that_lie_in_it_wholly() -> None:
    table = gpd.GeoDataFrame(
        {"name": ["in", "on the edge", "half", "out"]},
        geometry=[box(2, 2, 3, 3), box(0, 0, 5, 5), box(4, 4, 6, 6), box(7, 7, 8, 8)],
        crs=4326,
    )
    node = call("filter_bbox", data=DATA, extent={"west": 0, "south": 0, "east": 5, "north": 5}, result=True)
    found = make_plan({"only": node}, parameters={"data": table}).run()
    assert found["name"].tolist() == ["in", "on the edge"]


@st.composite
def triangles(draw: st.DrawFn) -> Polygon:
    corner = st.tuples(st.floats(-40, 270), st.floats(-40, 210))
    shape = Polygon([(WEST + x, SOUTH + y) for x, y in draw(st.lists(corner, min_size=3, max_size=3))])
    return shape if shape.area > 100 else box(WEST + 33, SOUTH + 21, WEST + 80, SOUTH + 60)


@given(st.lists(triangles(), min_size=1, max_size=3))
@settings(max_examples=20, deadline=None)
def test_pixels_of_polygons_are_kept_in_the_smallest_cube_around_them(shapes: list[Polygon]) -> None:
    cube = random_cube()
    inside = shapely.intersects_xy(shapely.union_all(shapes), *CENTRES)
    found = plan_of(cube, "filter_spatial", geometries=utm(shapes)).run()
    expected = cube.where(inside)
    rows, cols = np.isin(PLACE.y, found.y.values), np.isin(PLACE.x, found.x.values)
    assert np.array_equal(found.values, expected.values[..., rows, :][..., cols], equal_nan=True)
    assert not inside[~rows].any()
    assert not inside[:, ~cols].any()


def test_points_keep_the_pixel_under_them_and_lines_those_that_they_touch() -> None:
    cube = random_cube(share_missing=0)
    points = MultiPoint([(WEST + 12, NORTH - 3), (WEST + 47, NORTH - 38)])
    found = plan_of(cube, "filter_spatial", geometries=utm(points)).run()
    assert np.argwhere(np.isfinite(found.values[0, 0])).tolist() == [[0, 0], [3, 3]]
    line = LineString([(WEST + 5, NORTH - 5), (WEST + 38, NORTH - 5)])
    found = plan_of(cube, "filter_spatial", geometries=utm(line)).run()
    assert np.isfinite(found.sel(y=NORTH - 5).values[0, 0]).tolist()[:4] == [True] * 4
    assert np.isfinite(found.values[0, 0]).sum() == 4


def test_geometries_beside_the_cube_leave_a_cube_without_pixels() -> None:
    assert plan_of(random_cube(), "filter_spatial", geometries=utm(Point(0, 0))).run().shape == (3, 2, 0, 0)


@given(
    st.lists(triangles(), min_size=1, max_size=2), st.booleans(), st.sampled_from([None, -5, 0.5]), st.data()
)
@settings(max_examples=30, deadline=None)
def test_a_polygon_masks_its_outside_or_inside_and_leaves_no_data_alone(
    shapes: list[Polygon], inside: bool, replacement: float | None, data: st.DataObject
) -> None:
    cube = random_cube()
    plan = plan_of(cube, "mask_polygon", mask=utm(shapes), inside=inside, replacement=replacement)
    replaced = shapely.intersects_xy(shapely.union_all(shapes), *CENTRES) == inside
    new = np.nan if replacement is None else replacement
    expected = np.where(replaced & np.isfinite(cube.values), new, cube.values)
    assert np.array_equal(plan.run().values, expected, equal_nan=True)
    assert_same_in_a_window(plan, data)


def test_integers_become_wide_enough_for_the_replacement() -> None:
    cube = random_cube(dtype="uint8")
    found = plan_of(
        cube, "mask_polygon", mask=utm(box(WEST, SOUTH, WEST + 50, NORTH)), replacement=-0.5
    ).run()
    assert (found.values[..., 5:] == -0.5).all()
    assert np.array_equal(found.values[..., :5], cube.values[..., :5])


def test_a_table_masks_like_geojson() -> None:
    shape = box(WEST + 20, SOUTH + 20, WEST + 90, SOUTH + 90)
    table = gpd.GeoDataFrame(geometry=[shape], crs=32632)
    node = call("mask_polygon", data=DATA, mask={"from_parameter": "zones"}, result=True)
    cube = random_cube()
    found = make_plan({"only": node}, parameters={"data": cube, "zones": table}).run()
    assert np.array_equal(
        found.values, plan_of(cube, "mask_polygon", mask=utm(shape)).run().values, equal_nan=True
    )


@pytest.mark.parametrize(
    "geometries", [utm(Point(WEST, NORTH)), utm(Polygon()), {"type": "FeatureCollection", "features": []}]
)
def test_masking_needs_a_polygon(geometries: dict[str, Any]) -> None:
    with pytest.raises(InputError, match="polygon") as error:
        plan_of(random_cube(), "mask_polygon", mask=geometries)
    assert error.value.code == "ProcessParameterInvalid"


def scaled(**arguments: Any) -> dict[str, Any]:
    return {"process_graph": {"k": call("apply_kernel", data=DATA, result=True, **arguments)}}


@given(st.data())
@settings(max_examples=8, deadline=None)
def test_a_process_gets_each_polygon_by_itself_masked_outside(data: st.DataObject) -> None:
    cube = random_cube()
    shapes = [
        box(WEST - 30, SOUTH + 12, WEST + 83, SOUTH + 74),
        box(WEST + 101, SOUTH + 43, WEST + 177, NORTH + 50),
    ]
    blur = [[1, 1, 1], [1, 1, 1], [1, 1, 1]]
    plan = plan_of(cube, "apply_polygon", geometries=utm(shapes), process=scaled(kernel=blur), mask_value=10)
    found = plan.run().values
    expected = cube.values.copy()
    for shape in shapes:
        inside = shapely.intersects_xy(shape, *CENTRES)
        rows, cols = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
        part = np.ix_(range(3), range(2), rows, cols)
        values = np.pad(np.nan_to_num(cube.values[part]), [(0, 0), (0, 0), (1, 1), (1, 1)])
        total = sum(values[..., a : a + len(rows), b : b + len(cols)] for a in range(3) for b in range(3))
        expected[part] = total
    assert np.allclose(found, expected, equal_nan=True)
    assert_same_in_a_window(plan, data)


def test_polygons_that_share_a_pixel_are_refused_before_reading() -> None:
    shapes = [box(WEST, SOUTH, WEST + 58, NORTH), box(WEST + 52, SOUTH, EAST, NORTH)]
    with pytest.raises(InputError, match="share a pixel") as error:
        plan_of(random_cube(), "apply_polygon", geometries=utm(shapes), process=scaled(kernel=[[1]]))
    assert error.value.code == "GeometriesOverlap"
    apart = [box(WEST, SOUTH, WEST + 54, NORTH), box(WEST + 51, SOUTH, EAST, NORTH)]
    assert (
        plan_of(random_cube(), "apply_polygon", geometries=utm(apart), process=scaled(kernel=[[2]]))
        .run()
        .size
    )


def test_a_process_of_a_polygon_must_keep_the_dimensions() -> None:
    reducer = {"process_graph": {"m": call("mean", data=DATA, result=True)}}
    child = {
        "process_graph": {
            "r": call("reduce_dimension", data=DATA, dimension="t", reducer=reducer, result=True)
        }
    }
    with pytest.raises(InputError, match="dimensions") as error:
        plan_of(random_cube(), "apply_polygon", geometries=utm(box(WEST, SOUTH, EAST, NORTH)), process=child)
    assert error.value.code == "DataCubePropertiesImmutable"
