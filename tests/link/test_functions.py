"""GeoSPARQL functions equal geopandas; joins by the index equal joins pair by pair."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.link.world import draw_shapes

from eocene.link import LinkStore, layer_graph, map_features
from eocene.link.evaluate import Evaluator
from eocene.link.functions import RELATIONS
from eocene.link.index import SpatialIndex
from eocene.link.rdf import PREFIXES
from eocene.model import InputError, StateError

WKT = '"{}"^^geo:wktLiteral'
PAIR = "?a a ecn:A ; geo:hasGeometry/geo:asWKT ?x . ?b a ecn:B ; geo:hasGeometry/geo:asWKT ?y . "


def make_store(folder, seed=0, count=40):
    rng = np.random.default_rng(seed)
    frames = [
        gpd.GeoDataFrame({"id": np.arange(count)}, geometry=draw_shapes(rng, count, 900), crs=32632)
        for _ in "AB"
    ]
    store = LinkStore(folder / "graph")
    for kind, frame in zip("AB", frames, strict=True):
        store.load(map_features(frame, layer=kind, kind=kind), layer_graph(kind))
    return store, *frames


@pytest.fixture(scope="module")
def layers(tmp_path_factory):
    return make_store(tmp_path_factory.mktemp("functions"))


def read_pairs(solutions):
    return {(int(row["a"].rsplit(":", 1)[1]), int(row["b"].rsplit(":", 1)[1])) for row in solutions}


@pytest.mark.parametrize("name", sorted(RELATIONS))
def test_relations_equal_geopandas(layers, name):
    store, a, b = layers
    found = read_pairs(store.query(f"SELECT ?a ?b {{ {PAIR} FILTER(geof:{name}(?x, ?y)) }}"))
    x, y = a.to_crs(4326).geometry.to_numpy(), b.to_crs(4326).geometry.to_numpy()
    truth = RELATIONS[name](x[:, None], y[None, :])
    assert found == {(int(i), int(j)) for i, j in np.argwhere(truth)}


def test_distances_equal_geopandas_in_the_metric_crs(layers):
    store, a, b = layers
    rows = store.query(f"SELECT ?a ?b ?d {{ {PAIR} BIND(geof:distance(?x, ?y, uom:metre) AS ?d) }}")
    assert store.metric_frame.epsg == 32632
    assert store.metric_frame.max_scale_error < 0.0005
    assert len(rows) == len(a) * len(b)
    for row in rows:
        i, j = read_pairs([row]).pop()
        assert row["d"] == pytest.approx(a.geometry[i].distance(b.geometry[j]), abs=1e-6)


@pytest.mark.parametrize(
    "condition",
    [
        "FILTER(geof:distance(?x, ?y, uom:metre) < 700)",
        "FILTER(700 > (geof:distance(?y, ?x, uom:metre)))",
        "FILTER(geof:distance(?x, ?y, unit:KiloM) <= 0.7 && ?a != ?b)",
        "FILTER((geof:metricDistance(?x, ?y) < 7e2) && (?a != ?b))",
        "BIND(geof:distance(?x, ?y, uom:metre) AS ?d) FILTER(?d < 700)",
    ],
)
def test_every_way_to_say_near_is_narrowed_and_right(layers, condition):
    store, a, b = layers
    evaluator = Evaluator(store._current().generation.store, PREFIXES)
    question = f"SELECT ?a ?b {{ {PAIR} {condition} }}"
    assert "VALUES" in evaluator._narrow(question)
    truth = shapely.distance(a.geometry.to_numpy()[:, None], b.geometry.to_numpy()[None, :]) < 700
    assert read_pairs(store.query(question)) == {(int(i), int(j)) for i, j in np.argwhere(truth)}


@pytest.mark.parametrize(
    "body",
    [
        f"{PAIR} FILTER(geof:sfIntersects(?x, ?y) || ?a = ?b)",
        f"{PAIR} FILTER(!geof:sfIntersects(?x, ?y))",
        f"{PAIR} FILTER(geof:distance(?x, ?y, uom:metre) > 700)",
        f"{PAIR} FILTER(geof:distance(?x, ?y, uom:metre) * 2 < 700)",
        f"?a a ecn:A OPTIONAL {{ {PAIR} FILTER(geof:sfTouches(?x, ?y)) }}",
        "?a geo:hasGeometry/geo:asWKT ?x . BIND(geof:envelope(?x) AS ?y) BIND(?a AS ?b) "
        "FILTER(geof:sfWithin(?x, ?y))",
        f"{PAIR} MINUS {{ {PAIR} FILTER(geof:distance(?x, ?y, uom:metre) < 2000) }}",
        f"{PAIR} FILTER NOT EXISTS {{ ?c a ecn:B ; geo:hasGeometry/geo:asWKT ?z . "
        "FILTER(geof:sfIntersects(?x, ?z)) } FILTER(?a = ?a)",
        "?a a ecn:A ; geo:hasGeometry [ geo:asWKT ?x ] . ?b a ecn:B ; geo:hasGeometry [ geo:asWKT ?y ] . "
        "FILTER(geof:sfIntersects(?x, ?y))",
        "_:a geo:asWKT ?x . ?b geo:hasGeometry _:b . _:b geo:asWKT ?y . ?a geo:hasGeometry _:a "
        "FILTER(geof:sfOverlaps(?x, ?y))",
        f"GRAPH ?g {{ {PAIR} }} FILTER(geof:sfIntersects(?x, ?y))",
        f"{{ {PAIR} FILTER(geof:sfEquals(?x, ?y)) }} UNION {{ {PAIR} FILTER(geof:sfTouches(?x, ?y)) }}",
    ],
)
def test_narrowing_never_changes_an_answer(layers, body):
    store, _, _ = layers
    evaluator = Evaluator(store._current().generation.store, PREFIXES)
    question = f"SELECT * {{ {body} }}"
    quick = evaluator.answer(question, limit=100_000)
    plain = evaluator.answer(question, limit=100_000, narrow=False)
    assert sorted(map(str, quick.bindings)) == sorted(map(str, plain.bindings))


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), metres=st.floats(0, 3000))
def test_pairs_of_the_index_equal_brute_force(seed, metres):
    rng = np.random.default_rng(seed)
    shapes = gpd.GeoSeries(draw_shapes(rng, 24, 600), crs=32632).to_crs(4326)
    texts = list(shapely.to_wkt(shapes.to_numpy(), rounding_precision=-1))
    index = SpatialIndex(texts, metric_crs=32632)
    found = {tuple(pair) for pair in index.find_within(texts[:12], texts[12:], metres)}
    metric = shapes.to_crs(32632).to_numpy()
    truth = shapely.distance(metric[:12, None], metric[None, 12:])
    assert {tuple(pair) for pair in np.argwhere(truth < metres)} <= found
    assert all(truth[i, j] <= metres + 1e-3 for i, j in found)


def ask_one(store, expression):
    return next(iter(store.query(f"SELECT ({expression} AS ?v) {{}}")))["v"]


def test_measures_and_constructions_equal_shapely(layers):
    store, a, _ = layers
    shape, text = a.geometry[0], WKT.format(a.to_crs(4326).geometry[0].wkt)
    assert ask_one(store, f"geof:area({text}, unit:HA)") == pytest.approx(shape.area / 1e4)
    assert ask_one(store, f"geof:metricArea({text})") == pytest.approx(shape.area)
    assert ask_one(store, f"geof:metricLength({text})") == pytest.approx(shape.length)
    wide = f"geof:buffer({text}, 100, uom:metre)"
    assert ask_one(store, f"geof:metricArea({wide})") == pytest.approx(shape.buffer(100).area)
    assert ask_one(store, f"geof:metricArea(geof:intersection({text}, {wide}))") == pytest.approx(shape.area)
    centre = shapely.from_wkt(ask_one(store, f"geof:centroid({text})"))
    back = gpd.GeoSeries([centre], crs=4326).to_crs(32632)[0]
    assert back.distance(shape.centroid) < 1e-6
    assert ask_one(store, f"geof:sfWithin({text}, geof:envelope({text}))") is True
    assert ask_one(store, f"geof:sfWithin({text}, geof:convexHull({text}))") is True


def test_a_crs_in_the_literal_is_honoured_with_its_axis_order(layers):
    store, _, _ = layers
    epsg = '"<http://www.opengis.net/def/crs/EPSG/0/4326> POINT (48 10)"^^geo:wktLiteral'
    utm = '"<http://www.opengis.net/def/crs/EPSG/0/32632> POINT (600000 5300000)"^^geo:wktLiteral'
    assert ask_one(store, f'geof:distance({epsg}, "POINT (10 48)"^^geo:wktLiteral, uom:metre)') == 0.0
    other = '"<http://www.opengis.net/def/crs/EPSG/0/32632> POINT (600300 5300400)"^^geo:wktLiteral'
    assert ask_one(store, f"geof:distance({utm}, {other}, uom:metre)") == pytest.approx(500, abs=1e-6)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ('geof:distance("POINT (1 2)"^^geo:wktLiteral, "POINT (1 2)"^^geo:wktLiteral)', "takes 3 arguments"),
        (
            'geof:distance("POINT (1 2)"^^geo:wktLiteral, "POINT (1 2)"^^geo:wktLiteral, uom:ell)',
            "not a unit",
        ),
        ('geof:metricArea("POLYGON (1 2)"^^geo:wktLiteral)', "not a WKT"),
        ('geof:metricArea("POINT (1 2)")', "not a geo:wktLiteral"),
        ('geof:metricArea("<urn:x> POINT (1 2)"^^geo:wktLiteral)', "urn:x"),
        ('geof:metricBuffer("POINT (10 48)"^^geo:wktLiteral, "wide")', "not a radius"),
    ],
)
def test_what_a_function_cannot_take_is_an_error_and_not_a_lost_row(layers, expression, reason):
    with pytest.raises(InputError, match=reason):
        layers[0].query(f"SELECT ({expression} AS ?v) {{}}")


def test_features_too_far_apart_are_not_measured_wrongly(tmp_path):
    points = gpd.GeoDataFrame({"id": [1, 2]}, geometry=gpd.points_from_xy([-10, 40], [50, 50]), crs=4326)
    store = LinkStore(tmp_path / "graph")
    store.load(map_features(points, layer="p", kind="A"), layer_graph("p"))
    question = "SELECT (geof:metricArea(?x) AS ?v) { ?a geo:hasGeometry/geo:asWKT ?x }"
    with pytest.raises(StateError, match="too far apart"):
        store.query(question)
    assert len(LinkStore(tmp_path / "graph").query(question.replace("metricArea", "envelope"))) == 2


def test_a_metric_crs_in_degrees_is_refused(tmp_path):
    with pytest.raises(InputError, match="metres"):
        LinkStore(tmp_path / "graph", metric_crs=4326)
