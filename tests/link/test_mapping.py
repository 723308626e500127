"""What is mapped can be read back, and bad input is refused before anything is yielded."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from tests.link.world import JOB

from eocene.link import feature_iri, hash_graph, map_features, map_observations, map_parcels, map_provenance
from eocene.link.rdf import check_base, date_time
from eocene.model import InputError

SQUARES = [shapely.box(10, 48, 10.01, 48.01), shapely.box(10.01, 48, 10.02, 48.01)]


def make_frame(**columns):
    return gpd.GeoDataFrame({"id": [1, 2], **columns}, geometry=SQUARES, crs=4326)


def test_the_same_input_gives_the_same_quads():
    frame = make_frame(**{"class": ["maize", None], "confidence": [0.5, np.nan]})
    assert list(map_parcels(frame)) == list(map_parcels(frame.copy()))
    assert list(map_provenance(JOB)) == list(map_provenance(dict(JOB)))


def test_geometries_come_back_bit_for_bit_so_that_neighbours_still_touch(world):
    rows = world.store.query("SELECT ?p ?w { ?p a ecn:Parcel ; geo:hasGeometry/geo:asWKT ?w }")
    known = {row["p"]: shapely.from_wkt(row["w"]) for row in rows}
    frame = world.parcels.to_crs(4326)
    for name, shape in zip(frame["id"], frame.geometry, strict=True):
        assert shapely.equals_exact(known[feature_iri("parcels", name).value], shape)


def test_areas_are_square_metres_in_whatever_crs():
    frame = make_frame()
    projected = frame.to_crs(frame.estimate_utm_crs())
    for given in (frame, projected):
        areas = [
            float(quad.object.value)
            for quad in map_parcels(given)
            if quad.predicate.value.endswith("MetricArea")
        ]
        assert areas == pytest.approx(list(projected.area))


def test_observations_that_are_missing_are_left_out(world):
    count = next(iter(world.store.query("SELECT (COUNT(*) AS ?n) { ?o a sosa:Observation }")))["n"]
    assert count == world.observations["value"].notna().sum()


def test_provenance_names_graph_items_model_and_software(world):
    question = (
        "SELECT ?kind ?id { <urn:eocene:job:job-1> prov:used ?e . ?e a ?kind ; dcterms:identifier ?id }"
    )
    found = {(row["kind"].rsplit(":", 1)[-1], row["id"]) for row in world.store.query(question)}
    assert ("ProcessGraph", "sha256:" + hash_graph(JOB["graph"])) in found
    assert {("Item", "S2A_1"), ("Item", "S2B_2"), ("Model", "forest-1")} <= found
    assert world.store.query(
        "ASK { <urn:eocene:job:job-1> prov:wasAssociatedWith ?s ; prov:generated <urn:eocene:layer:parcels> ;"
        ' prov:startedAtTime "2024-07-01T00:00:00Z"^^xsd:dateTime . ?s a prov:SoftwareAgent }'
    ).boolean


def test_the_hash_of_a_graph_does_not_hang_on_the_order_of_its_keys():
    assert hash_graph({"a": 1, "b": {"c": 2, "d": 3}}) == hash_graph({"b": {"d": 3, "c": 2}, "a": 1})
    assert hash_graph({"a": 1}) != hash_graph({"a": 2})


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda f: f.assign(id=[1, 1]), "more than one"),
        (lambda f: f.assign(id=[1, None]), "has no 'id'"),
        (lambda f: f.drop(columns="id"), "no column 'id'"),
        (lambda f: f.set_crs(None, allow_override=True), "no CRS"),
        (lambda f: f.set_geometry([SQUARES[0], None]), "no geometry"),
        (lambda f: f.set_geometry([SQUARES[0], shapely.Polygon()]), "no geometry"),
        (
            lambda f: f.set_geometry([SQUARES[0], shapely.from_wkt("POLYGON((0 0,1 1,1 0,0 1,0 0))")]),
            "invalid",
        ),
        (lambda f: f.assign(confidence=[0.5, 1.5]), "confidence"),
    ],
)
def test_faulty_features_are_refused(spoil, reason):
    with pytest.raises(InputError, match=reason):
        map_features(spoil(make_frame()), layer="x")


def make_table(**columns):
    return pd.DataFrame(
        {"feature": ["a"], "time": ["2024-06-01"], "property": ["NDVI"], "value": [0.5], **columns}
    )


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (make_table().drop(columns="time"), "lack the column 'time'"),
        (make_table(time=[None]), "no time"),
        (make_table(value=[np.inf]), "infinite"),
        (pd.concat([make_table(), make_table()]), "Two observations"),
    ],
)
def test_faulty_observations_are_refused(table, reason):
    with pytest.raises(InputError, match=reason):
        map_observations(table, layer="x")


@pytest.mark.parametrize(
    "job",
    [
        {"id": "1"},
        {"id": "1", "graph": {"a": {1, 2}}},
        {"id": "1", "graph": {}, "items": [{"no": "id"}]},
        {"id": "1", "graph": {}, "started": "yesterday"},
        {"id": "1", "graph": {}, "unknown": 1},
    ],
)
def test_faulty_jobs_are_refused(job):
    with pytest.raises(InputError):
        map_provenance(job)


def test_times_are_utc_and_short():
    assert date_time("2024-06-01T12:00:00+02:00").value == "2024-06-01T10:00:00Z"
    assert date_time("2024-06-01T10:00:00.250000").value == "2024-06-01T10:00:00.25Z"
    assert date_time("2024-06-01T00:00:00").value == "2024-06-01T00:00:00Z"


@pytest.mark.parametrize("base", ["eocene", "https://my.org/eo", "urn:with space:"])
def test_a_base_that_makes_no_iris_is_refused(base):
    with pytest.raises(InputError):
        check_base(base)
