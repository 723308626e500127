"""Vector cubes beside geopandas: what goes in comes out."""

from __future__ import annotations

import json
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from eocene.cube.block import Block
from eocene.cube.feature import (
    Feature,
    from_geodataframe,
    geometry_dimension,
    has_metres,
    make_vector_cube,
    to_geodataframe,
)
from eocene.cube.geojson import make_property_cube, read_features, read_geojson
from eocene.model import InputError

SQUARE = {"type": "Polygon", "coordinates": [[[9, 48], [9.1, 48], [9.1, 48.1], [9, 48.1], [9, 48]]]}


def frame() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {"name": ["a", "b", "c"], "size": [1.5, np.nan, 3.0], "day": pd.to_datetime(["2024-01-01"] * 3)},
        geometry=[shapely.box(0, 0, 1, 1), shapely.Point(3, 4), shapely.LineString([(0, 0), (1, 2)])],
        crs=32632,
    )


def collection(**properties: list[Any]) -> dict[str, Any]:
    rows = zip(*properties.values(), strict=True)
    return {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "id": f"f{n}",
                "geometry": SQUARE,
                "properties": {k: v for k, v in zip(properties, row, strict=True) if v is not ...},
            }
            for n, row in enumerate(rows)
        ],
    }


def test_a_table_is_the_same_after_a_way_through_a_cube() -> None:
    table = frame()
    found = to_geodataframe(from_geodataframe(table))
    assert found.crs == table.crs
    pd.testing.assert_frame_equal(found[table.columns], table, check_dtype=False)


def test_a_table_without_crs_is_refused() -> None:
    with pytest.raises(InputError, match="set_crs"):
        from_geodataframe(frame().set_crs(None, allow_override=True))


def test_geojson_is_what_geopandas_reads() -> None:
    document = json.loads(frame().to_crs(4326).drop(columns="day").to_json())
    cube = make_vector_cube(read_geojson(document))
    expected = gpd.GeoDataFrame.from_features(document, crs=4326)
    pd.testing.assert_frame_equal(to_geodataframe(cube), expected, check_dtype=False)


def test_a_feature_shows_its_geometry_as_wkt_and_keeps_its_id() -> None:
    (feature,) = read_geojson({"type": "Feature", "id": 7, "geometry": SQUARE, "properties": None})
    assert str(feature) == "POLYGON ((9 48, 9.1 48, 9.1 48.1, 9 48.1, 9 48))"
    assert (feature.id, feature.epsg, feature.properties) == (7, 4326, {})


@pytest.mark.parametrize(
    ("name", "epsg"),
    [("EPSG:32632", 32632), ("urn:ogc:def:crs:EPSG::32632", 32632), ("urn:ogc:def:crs:OGC:1.3:CRS84", 4326)],
)
def test_the_member_crs_is_heard(name: str, epsg: int) -> None:
    document = collection(a=[1]) | {"crs": {"type": "name", "properties": {"name": name}}}
    assert [f.epsg for f in read_geojson(document)] == [epsg]


WRONG: dict[str, Any] = {
    "no object": [1, 2],
    "no type": {"a": 1},
    "a collection of geometries": {"type": "GeometryCollection", "geometries": [SQUARE]},
    "a geometry in a collection of features": {"type": "FeatureCollection", "features": [SQUARE]},
    "an open ring of two points": {"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]},
    "a coordinate that is none": {"type": "Point", "coordinates": [float("nan"), 1]},
    "a text as coordinate": {"type": "Point", "coordinates": ["a", "b"]},
    "metres taken for degrees": {"type": "Point", "coordinates": [600_000, 5_300_000]},
    "a crs that is none": collection(a=[1]) | {"crs": {"properties": {"name": "Lambert"}}},
    "an EPSG code that is none": collection(a=[1]) | {"crs": {"properties": {"name": "EPSG:1"}}},
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_no_geojson_is_named(name: str) -> None:
    with pytest.raises(InputError) as caught:
        read_geojson(WRONG[name])
    assert caught.value.code == "ProcessParameterInvalid"
    assert caught.value.remedy


def test_a_feature_without_geometry_is_empty() -> None:
    (feature,) = read_geojson({"type": "Feature", "geometry": None, "properties": {"a": 1}})
    assert feature.geometry.is_empty


def test_properties_become_a_dimension() -> None:
    features = read_geojson(collection(a=[1, 2.5], b=[3, ...]))
    cube = make_property_cube(features, ["a", "b"])
    assert cube.dims == ("geometry", "properties")
    assert cube.labels["properties"] == ("a", "b")
    assert cube.values.dtype == np.float64
    assert cube.filled()[0].tolist() == [1, 3]
    assert cube.valid is not None
    assert cube.valid.tolist() == [[True, True], [True, False]]


def test_an_array_as_property_gives_its_positions() -> None:
    features = read_geojson(collection(a=[[1, 2, 3], [4], ...]))
    cube = make_property_cube(features, ["a"])
    assert cube.labels["properties"] == (0, 1, 2)
    assert np.array_equal(cube.filled(), [[1, 2, 3], [4, np.nan, np.nan], [np.nan] * 3], equal_nan=True)


@pytest.mark.parametrize(
    ("values", "dtype"), [([1, 2], float), ([True, ...], bool), (["x", "y"], object), ([1, "y"], object)]
)
def test_properties_keep_their_kind(values: list[Any], dtype: type) -> None:
    assert make_property_cube(read_geojson(collection(a=values)), ["a"]).values.dtype == np.dtype(dtype)


def test_rows_are_geometries_by_times_and_columns_bands() -> None:
    features = read_geojson(collection(name=["p", "q"]))
    times = (
        np.datetime64("2024-01-01", "s"),
        np.datetime64("2024-02-01", "s"),
        np.datetime64("2024-03-01", "s"),
    )
    values = np.arange(2 * 3 * 2 * 2, dtype=np.float32).reshape(2, 3, 2, 2)
    valid = values != 7
    cube = Block(
        values,
        ("geometry", "t", "bands", "count"),
        {"geometry": tuple(features), "t": times, "bands": ("B04", "B08"), "count": ("value", "total")},
        valid,
    )
    table = to_geodataframe(cube)
    assert list(table.columns) == [
        "geometry",
        "name",
        "t",
        "B04_value",
        "B04_total",
        "B08_value",
        "B08_total",
    ]
    assert table.name.tolist() == ["p"] * 3 + ["q"] * 3
    assert table.t.tolist() == [pd.Timestamp(t) for t in times] * 2
    expected = np.where(valid, values, np.nan).reshape(6, 4)
    assert np.array_equal(table.iloc[:, 3:].to_numpy(float), expected, equal_nan=True)


def test_a_value_takes_the_place_of_a_property_of_its_name() -> None:
    cube = make_vector_cube(read_geojson(collection(value=["old"], other=[1])))
    assert list(to_geodataframe(cube).columns) == ["geometry", "value", "other"]
    numbers = cube.with_(values=np.array([5.0]), valid=None)
    table = to_geodataframe(numbers)
    assert list(table.columns) == ["geometry", "other", "value"]
    assert table.value.tolist() == [5.0]


def test_no_geometry_at_all_is_a_table_without_rows() -> None:
    assert len(to_geodataframe(make_vector_cube([]))) == 0


def test_a_feature_moves_to_another_crs_as_geopandas_moves_it() -> None:
    (feature,) = read_geojson(SQUARE)
    moved = feature.to_epsg(32632)
    expected = gpd.GeoSeries([feature.geometry], crs=4326).to_crs(32632)[0]
    assert moved.epsg == 32632
    assert moved.geometry.equals_exact(expected, 1e-6)
    assert moved.to_epsg(32632) is moved


def test_geometries_come_as_cube_table_or_geojson() -> None:
    table = frame().to_crs(4326)
    found = [
        read_features(g) for g in (table, from_geodataframe(table), json.loads(table[["geometry"]].to_json()))
    ]
    assert [[str(f) for f in features] for features in found] == [[g.wkt for g in table.geometry]] * 3


def test_a_cube_without_geometries_is_refused() -> None:
    with pytest.raises(InputError, match="vector cube"):
        geometry_dimension(Block(np.zeros(2), ("t",), {"t": (1, 2)}))


@pytest.mark.parametrize(("epsg", "metric"), [(4326, False), (32632, True), (2263, False), (3857, True)])
def test_metres_are_told_from_degrees_and_feet(epsg: int, metric: bool) -> None:
    assert has_metres(epsg) is metric


def test_two_features_are_never_the_same_label() -> None:
    assert Feature(shapely.Point(0, 0)) != Feature(shapely.Point(0, 0))
