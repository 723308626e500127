"""Processes on geometries, beside shapely, geopandas and pyproj."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely

from eocene.cube.block import Block
from eocene.cube.feature import Feature, features_of, make_vector_cube
from eocene.model import InputError
from eocene.process.processes.vector import (
    filter_vector,
    vector_buffer,
    vector_reproject,
    vector_to_random_points,
    vector_to_regular_points,
)

X, Y = 600_000.0, 5_300_000.0
SQUARE = shapely.box(X, Y, X + 100, Y + 60)
LINE = shapely.LineString([(X, Y), (X + 30, Y), (X + 30, Y + 45)])
POINTS = shapely.MultiPoint([(X, Y), (X + 1, Y), (X + 2, Y)])
EMPTY = shapely.Polygon()


def cube(*geometries: Any, epsg: int = 32632) -> Block:
    return make_vector_cube([Feature(g, epsg, {"n": n}, f"id{n}") for n, g in enumerate(geometries)])


def shapes(result: Block) -> list[Any]:
    return [f.geometry for f in features_of(result)]


def test_a_buffer_is_shapelys_and_keeps_what_is_known() -> None:
    values = np.arange(8.0).reshape(4, 2)
    data = cube(SQUARE, LINE, POINTS, EMPTY).with_(
        values=values, valid=None, dims=("geometry", "bands"),
        labels={**cube(SQUARE, LINE, POINTS, EMPTY).labels, "bands": ("a", "b")},
    )  # fmt: skip
    result = vector_buffer(data, 12.5)
    assert shapes(result)[:3] == [g.buffer(12.5, quad_segs=16) for g in (SQUARE, LINE, POINTS)]
    assert shapes(result)[3] is EMPTY
    assert result.values is values
    assert [(f.id, dict(f.properties)) for f in features_of(result)] == [
        (f"id{n}", {"n": n}) for n in range(4)
    ]


def test_shrinking_may_leave_nothing() -> None:
    small, gone = shapes(vector_buffer(cube(SQUARE, LINE), -10))
    assert small.area == pytest.approx(80 * 40)
    assert gone.is_empty


@pytest.mark.parametrize("epsg", [4326, 2263])
def test_distances_need_metres(epsg: int) -> None:
    for process in (vector_buffer, vector_to_regular_points):
        with pytest.raises(InputError) as caught:
            process(cube(shapely.Point(9, 48), epsg=epsg), 10)
        assert caught.value.code == "UnitMismatch"
        assert "vector_reproject" in caught.value.remedy


@pytest.mark.parametrize("projection", [4326, "EPSG:4326", "4326", "wkt"])
def test_reprojecting_is_geopandas(projection: Any) -> None:
    from pyproj import CRS

    data = cube(SQUARE, LINE, POINTS, EMPTY)
    given = CRS.from_epsg(4326).to_wkt() if projection == "wkt" else projection
    result = vector_reproject(data, given)
    wanted = gpd.GeoSeries([SQUARE, LINE, POINTS, EMPTY], crs=32632).to_crs(4326)
    assert {f.epsg for f in features_of(result)} == {4326}
    assert all(a.equals_exact(b, 1e-9) for a, b in zip(shapes(result), wanted, strict=True))


def test_reprojecting_names_what_is_wrong() -> None:
    with pytest.raises(InputError, match="EPSG"):
        vector_reproject(cube(SQUARE), "Lambert")
    with pytest.raises(InputError, match="EPSG"):
        vector_reproject(cube(SQUARE), 999_999_999)
    with pytest.raises(InputError) as caught:
        vector_reproject(cube(SQUARE), 4326, "shape")
    assert caught.value.code == "DimensionNotAvailable"
    assert features_of(vector_reproject(cube(SQUARE), 4326, "geometry"))[0].epsg == 4326


def test_random_points_lie_in_their_geometry_each_once() -> None:
    result = vector_to_random_points(cube(SQUARE, LINE, POINTS, EMPTY), geometry_count=50, seed=4)
    square, line, points, empty = shapes(result)
    assert all(g.geom_type == "MultiPoint" for g in (square, line, points))
    assert [len(g.geoms) for g in (square, line, points)] == [50, 50, 3]
    assert square.within(SQUARE)
    assert shapely.distance(line, LINE) < 1e-6
    assert max(p.distance(LINE) for p in line.geoms) < 1e-6
    assert set(points.geoms) == set(POINTS.geoms)
    assert empty is EMPTY
    assert [f.id for f in features_of(result)] == ["id0", "id1", "id2", "id3"]
    assert len({p.wkt for p in square.geoms}) == 50


def test_random_points_are_spread_evenly() -> None:
    two = shapely.MultiPolygon(
        [shapely.box(X, Y, X + 300, Y + 100), shapely.box(X + 500, Y, X + 600, Y + 100)]
    )
    (points,) = shapes(vector_to_random_points(cube(two), geometry_count=4000, seed=1))
    x = shapely.get_coordinates(points)[:, 0] - X
    assert np.count_nonzero(x < 400) == pytest.approx(3000, abs=150)
    assert np.histogram(x[x < 400], 3, (0, 300))[0] == pytest.approx([1000] * 3, abs=150)


def test_a_sliver_still_gets_a_point() -> None:
    sliver = shapely.Polygon([(X, Y), (X + 1000, Y + 1000), (X + 1000, Y + 1000.0001)])
    (points,) = shapes(vector_to_random_points(cube(sliver), seed=1))
    assert len(points.geoms) == 1


@pytest.mark.parametrize(
    ("arguments", "counts"),
    [
        ({}, [1, 1, 1]),
        ({"geometry_count": 4}, [4, 4, 4]),
        ({"total_count": 11}, [4, 4, 3]),
        ({"total_count": 11, "geometry_count": 2}, [2, 2, 2]),
    ],
)
def test_points_are_shared_out(arguments: dict[str, Any], counts: list[int]) -> None:
    data = cube(SQUARE, SQUARE, LINE)
    assert [len(g.geoms) for g in shapes(vector_to_random_points(data, **arguments))] == counts


def test_fewer_points_than_geometries_are_refused() -> None:
    with pytest.raises(InputError) as caught:
        vector_to_random_points(cube(SQUARE, LINE), total_count=1)
    assert caught.value.code == "CountMismatch"
    with pytest.raises(InputError, match="less than 1"):
        vector_to_random_points(cube(SQUARE), geometry_count=0)


def test_a_seed_gives_the_same_points_whatever_the_neighbours() -> None:
    def points(data: Block, seed: int | None) -> list[str]:
        return [g.wkt for g in shapes(vector_to_random_points(data, geometry_count=3, seed=seed))]

    both = points(cube(SQUARE, LINE), 7)
    assert both == points(cube(SQUARE, LINE), 7)
    assert both[:1] == points(cube(SQUARE), 7)
    assert both != points(cube(SQUARE, LINE), 8)
    assert points(cube(SQUARE), 7) != points(cube(SQUARE), -7)
    assert points(cube(SQUARE), None) == points(cube(SQUARE), None)


def test_points_that_are_not_grouped_have_no_id_and_their_geometrys_values() -> None:
    data = cube(SQUARE, EMPTY, LINE).with_(values=np.array([5.0, 6.0, 7.0]), valid=None)
    result = vector_to_random_points(data, geometry_count=2, group=False, seed=1)
    assert [g.geom_type for g in shapes(result)] == ["Point", "Point", "Polygon", "Point", "Point"]
    assert [f.id for f in features_of(result)] == [None, None, "id1", None, None]
    assert [f.properties["n"] for f in features_of(result)] == [0, 0, 1, 2, 2]
    assert result.values.tolist() == [5, 5, 6, 7, 7]


def test_regular_points_of_a_polygon_are_the_centres_of_cells() -> None:
    (points,) = shapes(vector_to_regular_points(cube(SQUARE), 25))
    found = {tuple(p - (X, Y)) for p in shapely.get_coordinates(points)}
    assert found == {(x, y) for x in (12.5, 37.5, 62.5, 87.5) for y in (47.5, 22.5)}


def test_a_polygon_that_holds_no_centre_gives_its_first_coordinate() -> None:
    triangle = shapely.Polygon([(X, Y), (X + 100, Y), (X, Y + 1)])
    (points,) = shapes(vector_to_regular_points(cube(triangle), 90))
    assert shapely.get_coordinates(points).tolist() == [[X, Y]]


def test_regular_points_walk_along_lines_and_leave_points() -> None:
    line, points, empty = shapes(vector_to_regular_points(cube(LINE, POINTS, EMPTY), 15))
    assert (shapely.get_coordinates(line) - (X, Y)).tolist() == [
        [0, 0], [15, 0], [30, 0], [30, 15], [30, 30], [30, 45]
    ]  # fmt: skip
    assert points.equals(POINTS)
    assert empty is EMPTY


def test_too_many_points_are_refused_before_memory_is_full() -> None:
    with pytest.raises(InputError, match="larger distance"):
        vector_to_regular_points(cube(shapely.box(X, Y, X + 1e6, Y + 1e6)), 0.01)
    with pytest.raises(InputError, match="not positive"):
        vector_to_regular_points(cube(SQUARE), 0)


RELATIONS = ["intersects", "disjoint", "equals", "touches", "crosses", "overlaps", "contains", "within"]
CANDIDATES = [
    SQUARE,
    shapely.box(X + 10, Y + 10, X + 20, Y + 20),
    shapely.box(X + 100, Y, X + 200, Y + 60),
    shapely.box(X + 50, Y + 20, X + 150, Y + 90),
    shapely.box(X - 50, Y - 50, X + 150, Y + 90),
    shapely.LineString([(X - 10, Y + 5), (X + 110, Y + 5)]),
    shapely.box(X + 900, Y, X + 901, Y + 1),
]


@pytest.mark.parametrize("relation", RELATIONS)
def test_a_relation_is_that_of_the_union_to_each_candidate(relation: str) -> None:
    halves = [shapely.box(X, Y, X + 40, Y + 60), shapely.box(X + 40, Y, X + 100, Y + 60)]
    result = filter_vector(cube(*CANDIDATES, EMPTY), cube(*halves), relation)
    wanted = [n for n, c in enumerate(CANDIDATES) if getattr(shapely, relation)(SQUARE, c)]
    assert [f.properties["n"] for f in features_of(result)] == wanted
    assert 0 < len(wanted) < len(CANDIDATES)


def test_candidates_and_base_may_stand_in_two_crs() -> None:
    base = vector_reproject(cube(SQUARE.buffer(5)), 4326)
    assert len(features_of(filter_vector(cube(*CANDIDATES), base, "contains"))) == 2


def test_an_unknown_relation_is_refused() -> None:
    with pytest.raises(InputError, match="near"):
        filter_vector(cube(SQUARE), cube(SQUARE), "near")
