"""Models over HTTP: openEO's own client, REST and Python give the same answers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import openeo
import pytest
from tests.serve.conftest import read_error

from eocene.archive import Archive
from eocene.curate import random_split, sample_pixels
from eocene.curate.faults import admit
from eocene.jobs import Accounts
from eocene.learn import ModelRegistry, ModelSpec, evaluate, registry, train
from eocene.learn.answering import plan_places
from eocene.learn.explain.places import read_subject
from eocene.learn.features import make_feature_graph
from eocene.learn.folder import read_json
from eocene.model import InputError, transformer
from eocene.process import make_plan

MONTHS = ["2024-03-01", "2024-06-01"]
pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")


@pytest.fixture(scope="module")
def archive(workspace) -> Archive:
    return Archive(workspace)


@pytest.fixture(scope="module")
def model_id(archive):
    graph = make_feature_graph(MONTHS)
    plan = make_plan(graph, archive)
    load = {"process_id": "load_collection", "arguments": {"id": "reference"}, "result": True}
    samples = sample_pixels(
        plan.read(), make_plan({"load": load}, archive).read(), per_class=40,
        sources={"items": [i["id"] for i in plan.items], "graph": graph, "label": "reference"},
    )  # fmt: skip
    samples = admit(samples, ["missing"], "Some were under clouds most of the time.")
    spec = ModelSpec(settings={"n_estimators": 15})
    report = evaluate(samples, spec, {"random": random_split(samples, 2, 0)})
    registry = ModelRegistry(archive.layout)
    registered = registry.register(train(samples, spec), report, samples)
    yield registered
    registry.delete(registered)


@pytest.fixture(scope="module")
def connection(server) -> openeo.Connection:
    made = openeo.connect(f"{server.url}/openeo/1.2")
    made.authenticate_basic(server.user, server.password)
    return made


def fetch(cube, path) -> dict:
    """Compute a cube on the server and return it as JSON."""
    cube.download(path, format="JSON")
    return json.loads(path.read_text())


def read_places(plan, number: int) -> list[tuple[float, float, int, int]]:
    """Return lon, lat and row, column of some pixels."""
    rows, cols = (np.random.default_rng(1).integers(5, n - 5, number) for n in plan.grid.shape)
    back = transformer(plan.grid.epsg, 4326)
    x, y = np.asarray(plan.grid.x)[cols], np.asarray(plan.grid.y)[rows]
    return [(*back.transform(a, b), int(r), int(c)) for a, b, r, c in zip(x, y, rows, cols, strict=True)]


def test_client_rest_and_python_give_equal_predictions(server, connection, archive, model_id, tmp_path):
    graph = make_feature_graph(MONTHS, model=model_id)
    plan = make_plan(graph, archive)
    ours = plan.read().to_numpy()
    map_ = fetch(connection.datacube_from_flat_graph(graph), tmp_path / "map.json")
    theirs = np.array(map_["values"], np.float32)
    np.testing.assert_array_equal(theirs, ours)
    places = read_places(plan, 12)
    points = {
        "type": "FeatureCollection",
        "features": [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": p[:2]}}
            for p in places
        ],
    }
    answer = server.post(f"/models/{model_id}/predict", {"geometry": points}).json()["predictions"]
    features = make_plan(make_feature_graph(MONTHS), archive).read().to_numpy()
    columns = [features[..., r, c].ravel() for *_, r, c in places]
    rows = [[None if np.isnan(v) else float(v) for v in column] for column in columns]
    by_rows = server.post(f"/models/{model_id}/predict", {"rows": rows}).json()["predictions"]
    assert answer == by_rows
    for told, (*_, r, c) in zip(answer, places, strict=True):
        if told is None:
            assert np.isnan(ours[0, r, c])
            continue
        assert (told["class"], np.float32(told["confidence"])) == (ours[0, r, c], ours[1, r, c])
        assert sum(told["probabilities"].values()) == pytest.approx(1)


def test_an_area_is_told_by_its_pixels(server, archive, model_id):
    plan = make_plan(make_feature_graph(MONTHS, model=model_id), archive)
    (lon, lat, *_), *_ = read_places(plan, 1)
    ring = [[lon + a, lat + b] for a, b in ((0, 0), (0.002, 0), (0.002, 0.001), (0, 0.001), (0, 0))]
    body = {"geometry": {"type": "Polygon", "coordinates": [ring]}}
    (told,) = server.post(f"/models/{model_id}/predict", body).json()["predictions"]
    assert sum(row["pixels"] for row in told["classes"]) == told["pixels"] > 50
    assert sum(row["share"] for row in told["classes"]) == pytest.approx(1)


def test_shares_that_a_model_has_learnt_are_the_same_over_http_and_in_python(server, archive):
    pytest.importorskip("torch")
    graph = make_feature_graph(MONTHS)
    load = {"process_id": "load_collection", "arguments": {"id": "reference"}, "result": True}
    features, classes = (make_plan(g, archive).read() for g in (graph, {"load": load}))
    samples = sample_pixels(features, classes, per_class=30, sources={"graph": graph})
    shares = np.random.default_rng(0).dirichlet(np.ones(3), len(samples))
    columns = {f"fraction_{value}": shares[:, k] for k, value in enumerate(samples.classes[:3])}
    samples = replace(samples, columns={**samples.columns, **columns})
    samples = admit(samples, ["missing"], "Some were under clouds most of the time.")
    spec = ModelSpec("mlp", settings={"width": 8, "epochs": 1}, target="fractions")
    model, models = train(samples, spec), ModelRegistry(archive.layout)
    shares_id = models.register(model, evaluate(samples, spec, {}), samples)
    asked = make_feature_graph(MONTHS, model=shares_id)
    asked["map"]["process_id"] = "ml_predict_probabilities"
    try:
        plan = make_plan(asked, archive)
        ours, places = plan.read().to_numpy(), read_places(plan, 6)
        points = [
            {"type": "Feature", "properties": {}, "geometry": {"type": "Point", "coordinates": p[:2]}}
            for p in places
        ]
        body = {"geometry": {"type": "FeatureCollection", "features": points}}
        answer = server.post(f"/models/{shares_id}/predict", body).json()["predictions"]
    finally:
        models.delete(shares_id)
    assert any(told is not None for told in answer)
    for told, (*_, r, c) in zip(answer, places, strict=True):
        if told is None:
            assert np.isnan(ours[:, r, c]).all()
            continue
        given = np.float32(list(told["probabilities"].values()))
        np.testing.assert_array_equal(given, ours[:, r, c])
        row = features.to_numpy()[..., r, c].reshape(1, -1)
        np.testing.assert_allclose(given, model.estimate_probabilities(row)[0], atol=1e-5)


def test_places_cost_what_their_pixels_are_expected_to_and_are_refused_without_credits(
    server, archive, model_id
):
    (lon, lat, *_), *_ = read_places(make_plan(make_feature_graph(MONTHS), archive), 1)
    predictor, far = ModelRegistry(archive.layout).load(model_id), 0.004
    point = {"type": "Point", "coordinates": [lon, lat]}
    ring = [[lon, lat], [lon + far, lat], [lon + far, lat + far], [lon, lat + far], [lon, lat]]
    area = {"type": "Polygon", "coordinates": [ring]}
    small, large = (
        plan_places(predictor, place, None, lambda made: make_plan(made, archive)).expected_s
        for place in (point, area)
    )
    assert 0 < small < large
    accounts = Accounts(archive.layout)
    accounts.set_quota(server.user, {"credits": 0})
    try:
        refused = server.post(f"/models/{model_id}/predict", {"geometry": area})
        assert read_error(refused) == (402, "PaymentRequired")
    finally:
        accounts.set_quota(server.user, {"credits": None})
    assert server.post(f"/models/{model_id}/predict", {"geometry": point}).status_code == 200


def test_a_model_that_is_loaded_is_looked_up_once_a_request(server, model_id, monkeypatch):
    server.post(f"/models/{model_id}/predict", {"rows": []})
    reads = []
    monkeypatch.setattr(registry, "read_json", lambda path: reads.append(path.name) or read_json(path))
    assert server.post(f"/models/{model_id}/predict", {"rows": []}).json()["predictions"] == []
    assert reads == ["item.json"]  # whether the account may see it


def test_rows_by_name_equal_rows_in_order(server, model_id, archive):
    names = ModelRegistry(archive.layout).load(model_id).feature_names
    row = [float(n) / 20 for n in range(len(names))]
    named = dict(zip(names, row, strict=True))
    told = server.post(f"/models/{model_id}/predict", {"rows": [row, named, {}]}).json()["predictions"]
    assert told[0] == told[1]
    assert told[2] is None


@pytest.mark.parametrize(
    ("body", "status", "fault"),
    [
        ({}, 400, "either rows or geometry"),
        ({"rows": [[1.0]]}, 400, "does not hold"),
        ({"rows": [{"B99": 1}]}, 400, "has 'B99'"),
        ({"rows": [["a"] * 21]}, 400, "does not hold"),
        ({"rows": 3}, 400, "no list of rows"),
        ({"geometry": {"type": "Point"}}, 400, ""),
        ({"geometry": {"type": "Point", "coordinates": [9, 48]}, "time": ["x", "y"]}, 400, ""),
    ],
)
def test_wrong_bodies_are_told_what_is_wrong(server, model_id, body, status, fault):
    answer = server.post(f"/models/{model_id}/predict", body)
    assert answer.status_code == status, answer.text
    assert fault in answer.json()["message"]


def test_the_report_is_json_to_programs_and_a_page_to_browsers(server, model_id):
    told = server.get(f"/models/{model_id}/report")
    assert told.json()["splits"]["random"]["classes"][0]["iou"] is not None
    page = server.get(f"/models/{model_id}/report", headers={"Accept": "text/html,application/xhtml+xml"})
    assert page.headers["content-type"].startswith("text/html")
    assert "<h2>random split</h2>" in page.text
    assert {told.headers["vary"], page.headers["vary"]} == {"Accept"}
    asset = server.get(f"/models/{model_id}").json()["assets"]["page"]
    kept = server.client.get(asset["href"])
    assert kept.text == page.text
    for answer in (page, kept):
        assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none'")


def test_the_report_of_a_model_is_for_those_who_may_see_the_model(server, archive, model_id):
    item = archive.layout.models / model_id / "item.json"
    before = item.read_text()
    told = json.loads(before)
    told["properties"]["eocene:owner"] = "somebody"
    item.write_text(json.dumps(told))
    try:
        for form in ("application/json", "text/html"):
            headers = server.as_user(Accept=form)
            assert server.get(f"/models/{model_id}/report", headers=headers).status_code == 404
            assert server.get(f"/models/{model_id}/files/report.html", headers=headers).status_code == 404
    finally:
        item.write_text(before)


def test_what_is_explained_at_a_point_are_the_features_that_predictions_see(archive, model_id):
    registry = ModelRegistry(archive.layout)
    predictor, graph = registry.load(model_id), make_feature_graph(MONTHS)
    features = make_plan(graph, archive).read().to_numpy()
    (lon, lat, r, c), *_ = read_places(make_plan(graph, archive), 1)
    point = {"type": "Point", "coordinates": [lon, lat]}
    places = plan_places(predictor, point, None, lambda made: make_plan(made, archive))
    subject = read_subject(places, places.features[0])
    np.testing.assert_array_equal(subject.features, features[..., r, c].ravel())
    area = replace(places.features[0], geometry=places.features[0].geometry.buffer(0.001))
    with pytest.raises(InputError, match="an area has many of"):
        read_subject(places, area)


def test_who_has_not_logged_in_gets_no_predictions(server, model_id):
    assert server.client.post(f"/models/{model_id}/predict", json={"rows": []}).status_code == 401
    assert server.post("/models/none-000000000000/predict", {"rows": []}).status_code == 404


def training_points(connection, archive) -> dict:
    """Return GeoJSON of places with the class of the reference map there."""
    load = {"process_id": "load_collection", "arguments": {"id": "reference"}, "result": True}
    plan = make_plan({"load": load}, archive)
    classes = np.squeeze(plan.read().to_numpy())
    found = [
        {"type": "Feature", "properties": {"target": int(classes[r, c])},
         "geometry": {"type": "Point", "coordinates": [lon, lat]}}
        for lon, lat, r, c in read_places(plan, 60) if np.isfinite(classes[r, c])
    ]  # fmt: skip
    return {"type": "FeatureCollection", "features": found}


@pytest.mark.timeout(300)
def test_a_client_trains_saves_and_uses_a_model_of_its_own(server, connection, archive, tmp_path):
    points = training_points(connection, archive)
    extent = ["2024-03-01", "2024-04-01"]
    cube = connection.load_collection("sentinel-2-l2a", bands=["B04", "B08"], temporal_extent=extent)
    image = cube.reduce_dimension("t", "mean")
    table = image.aggregate_spatial(points, "mean")
    trained = table.fit_class_random_forest(points, num_trees=10, seed=1)
    flat = trained.flat_graph()
    flat["save"] = {
        "process_id": "save_ml_model",
        "arguments": {"data": {"from_node": next(k for k, v in flat.items() if v.get("result"))},
                      "name": "of-the-client"},
        "result": True,
    }  # fmt: skip
    for key in flat:
        flat[key]["result"] = key == "save"
    job = connection.create_job({"process_graph": flat})
    job.start_and_wait(max_poll_interval=0.2)
    listed = server.get("/models", headers=server.as_user()).json()["models"]
    saved = [item["id"] for item in listed if item["id"].startswith("of-the-client-")]
    assert len(saved) == 1
    assert "of-the-client" not in server.get("/models").text  # it is the account's
    assert listed[0]["properties"]["eocene:owner"] == server.user
    predicted = image.predict_random_forest(saved[0], dimension="bands")
    direct = image.process("ml_predict", data=image, model=connection.load_ml_model("of-the-client"))
    one, two = (fetch(c, tmp_path / f"{n}.json") for n, c in enumerate((predicted, direct)))
    place = two["coords"]["bands"].index("class")
    np.testing.assert_array_equal(np.array(one["values"], float), np.array(two["values"], float)[place])
    ModelRegistry(archive.layout).delete(saved[0])
