"""Explanations over HTTP: of answers for rows and places, with the rights and limits of predictions."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.serve.conftest import read_error

from eocene.archive import Archive
from eocene.curate import DatasetWriter, Layer, Samples
from eocene.curate.dataset import FEATURES, PIXEL_LABELS
from eocene.jobs import Accounts
from eocene.learn import ModelRegistry, ModelSpec, evaluate, train
from eocene.learn.explain import Question, asked, explain_answer, plant_truth
from eocene.learn.explain.planted import Planted
from eocene.learn.features import make_feature_graph
from eocene.model import transformer
from eocene.process import make_plan

MONTHS, EDGE = ["2024-03-01", "2024-06-01"], 8
pytestmark = pytest.mark.filterwarnings("ignore:Use .@. matmul:PendingDeprecationWarning")


@pytest.fixture(scope="module")
def archive(workspace) -> Archive:
    return Archive(workspace)


@pytest.fixture(scope="module")
def cube(archive):
    """The features of the area, (t, bands, y, x), and their plan."""
    plan = make_plan(make_feature_graph(MONTHS), archive)
    return plan, plan.read()


@pytest.fixture(scope="module")
def registry(archive) -> ModelRegistry:
    return ModelRegistry(archive.layout)


def make_samples(cube, edge: int) -> Samples:
    """Cut the area into chips, or take every 7th pixel of every 7th row where the edge is 1."""
    plan, values = cube
    numbers = values.to_numpy().astype(np.float32)
    rows, cols = plan.grid.shape
    step = edge if edge > 1 else 7
    corners = [(r, c) for r in range(0, rows - edge, step) for c in range(0, cols - edge, step)]
    cut = np.stack([numbers[..., r : r + edge, c : c + edge] for r, c in corners])
    months = tuple(str(date)[:7] for date in values.t.to_numpy())
    axes = {"t": months, "bands": tuple(map(str, values.bands.to_numpy()))}
    pixels = tuple(str(i) for i in range(edge))
    axes = axes | {"y": pixels, "x": pixels} if edge > 1 else axes
    known = np.isfinite(cut).reshape(len(cut), -1).mean(axis=1) > 0.7
    places = [(float(plan.grid.x[c]), float(plan.grid.y[r])) for r, c in corners]
    x, y = np.array(places).T
    features = cut if edge > 1 else cut[..., 0, 0]
    return Samples(
        features[known], np.zeros(known.sum()), x[known], y[known], plan.grid.epsg, axes,
        sources={"graph": make_feature_graph(MONTHS), "items": [i["id"] for i in plan.items]},
    )  # fmt: skip


def register(registry, samples: Samples, kind: str, **settings) -> str:
    spec = ModelSpec(kind, settings=settings)
    samples.save(registry.layout.datasets)
    return registry.register(train(samples, spec, threads=1), evaluate(samples, spec, {}), samples)


def store_chips(registry, made: Planted) -> Samples:
    """Store chips with the classes of their pixels and return them as they are read."""
    samples = made.samples
    edges = {dim: samples.axes[dim] for dim in ("y", "x")}
    layers = {FEATURES: Layer(samples.axes), PIXEL_LABELS: Layer(edges, "int16", nodata=-1)}
    writer = DatasetWriter(
        registry.layout.datasets, layers, epsg=samples.epsg, name="chips", class_names=samples.class_names,
        sources=samples.sources, seed=None,
    )  # fmt: skip
    with writer:
        stored = {FEATURES: samples.features, PIXEL_LABELS: made.pixels.astype(np.int16)}
        writer.append(stored, samples.labels, samples.x, samples.y, {})
        return Samples.load(writer.finish())


@pytest.fixture(scope="module")
def classes(cube, registry):
    """A classifier of pixels whose classes one band decides."""
    made = plant_truth(make_samples(cube, 1), by="bands", noise=0.02, seed=4)
    model = register(registry, made.samples, "random_forest", n_estimators=20)
    yield model, made
    registry.delete(model)


@pytest.fixture(scope="module")
def values(cube, registry):
    """A regression of pixels whose targets one date decides."""
    made = plant_truth(make_samples(cube, 1), "regression", by="t", noise=0.02, seed=2)
    model = register(registry, made.samples, "random_forest_regression", n_estimators=20)
    yield model, made
    registry.delete(model)


@pytest.fixture(scope="module")
def pixels(cube, registry):
    """A U-TAE of chips, the class of whose pixels one date decides."""
    pytest.importorskip("torch")
    made = plant_truth(make_samples(cube, EDGE), by="t", pixels=True, noise=0.02, seed=1)
    samples = store_chips(registry, made)
    settings = {"width": 8, "depth": 1, "heads": 2, "epochs": 15, "learning_rate": 0.01, "validation": 0.0}
    spec = ModelSpec("u_tae", settings=settings)
    trained = train(samples, spec, threads=1, pixel_labels=made.pixels)
    model = registry.register(trained, evaluate(samples, spec, {}, pixel_labels=made.pixels), samples)
    yield model, made
    registry.delete(model)


def ask(server, model: str, **body):
    answer = server.post(f"/models/{model}/explain", body)
    assert answer.status_code == 200, answer.text
    return answer.json()


def as_json(rows):
    return [[None if np.isnan(v) else float(v) for v in row.ravel()] for row in rows]


def find_strongest(explanations) -> str:
    """Return the part with the largest attribution in the mean of all explanations."""
    strength: dict[str, float] = {}
    for one in explanations:
        for part in one["attribution"]:
            strength[part["name"]] = strength.get(part["name"], 0) + abs(part["value"])
    return max(strength, key=strength.__getitem__)


def locate(plan, row: int, col: int) -> tuple[float, float]:
    return transformer(plan.grid.epsg, 4326).transform(float(plan.grid.x[col]), float(plan.grid.y[row]))


def test_the_band_that_decides_a_class_is_named(server, classes):
    model, made = classes
    told = ask(server, model, rows=as_json(made.samples.features[:20]), by="bands")
    assert told["dataset"] == made.samples.id
    assert find_strongest(told["explanations"]) == made.names[made.driver]
    importance = ask(server, model, by="bands")["importance"]
    assert importance[0]["name"] == made.names[made.driver]


def test_python_and_http_explain_alike(server, classes, registry):
    model, made = classes
    (told,) = ask(server, model, rows=as_json(made.samples.features[:1]), by="t", seed=3)["explanations"]
    ours = explain_answer(
        registry.load(model, threads=1), made.samples.features[0], made.samples, Question(by="t", seed=3)
    )
    del ours["counterfactual"]["changes"]
    assert told == json.loads(json.dumps(ours))


def test_a_point_is_explained_as_the_features_under_it(server, classes, cube):
    model, _ = classes
    plan, numbers = cube
    row, col = np.argwhere(np.isfinite(numbers.to_numpy()).all(axis=(0, 1)))[500]
    point = {"type": "Point", "coordinates": locate(plan, row, col)}
    by_place = ask(server, model, geometry=point, by="bands")
    by_row = ask(server, model, rows=as_json(numbers.to_numpy()[None, ..., row, col]), by="bands")
    assert by_place == by_row


def test_the_date_that_decides_a_value_is_named_and_changed(server, values):
    model, made = values
    rows = made.samples.features[:20]
    told = ask(server, model, rows=as_json(rows), by="t")["explanations"]
    assert find_strongest(told) == made.names[made.driver]
    assert ask(server, model, by="t")["importance"][0]["name"] == made.names[made.driver]
    low = int(np.argmin([one["value"] for one in told]))
    goal = float(np.median(made.samples.columns["target"]))
    usual = as_json(made.samples.features[:200])
    (one,) = ask(server, model, rows=as_json(rows[[low]]), by="t", wanted=f">{goal}", background=usual)[
        "explanations"
    ]
    assert one["counterfactual"]["value"] > goal
    assert made.names[made.driver] in one["counterfactual"]["changed"]
    assert {part["name"] for part in one["counterfactual"]["changes"]} == set(
        one["counterfactual"]["changed"]
    )


def test_the_date_that_decides_the_class_of_pixels_is_named(server, pixels):
    model, made = pixels
    chips, masks = made.samples.features[:6], (made.pixels[:6] == 1)
    chosen = np.flatnonzero(masks.any(axis=(1, 2)))[:4]
    body = {"rows": as_json(chips[chosen]), "pixels": masks[chosen].astype(int).tolist(), "class": 1}
    told = ask(server, model, by="t", **body)["explanations"]
    assert find_strongest(told) == made.names[made.driver]
    assert [one["pixels"] for one in told] == masks[chosen].sum(axis=(1, 2)).tolist()
    assert ask(server, model, by="t")["importance"][0]["name"] == made.names[made.driver]


def test_a_place_is_explained_by_the_chip_around_it(server, pixels, cube, registry):
    model, _ = pixels
    plan, numbers = cube
    whole = np.isfinite(numbers.to_numpy()).all(axis=(0, 1))
    row, col = next(
        (int(r), int(c))
        for r, c in np.argwhere(whole)
        if min(r, c) > EDGE and whole[r - EDGE : r + EDGE, c - EDGE : c + EDGE].all()
    )
    lon, lat = locate(plan, row, col)
    point = {"type": "Point", "coordinates": [lon, lat]}
    (one,) = ask(server, model, geometry=point, by="t")["explanations"]
    assert one["pixels"] == 1
    half = EDGE // 2
    chip = numbers.to_numpy()[None, ..., row - half : row + half, col - half : col + half].astype(np.float32)
    shown = registry.load(model).estimate_probabilities(chip)[0, :, half, half]
    assert list(one["probabilities"].values()) == pytest.approx(shown.tolist(), abs=1e-5)
    a, b = locate(plan, row - 1, col - 1), locate(plan, row + 1, col + 1)
    ring = [[a[0], a[1]], [b[0], a[1]], [b[0], b[1]], [a[0], b[1]], [a[0], a[1]]]
    (area,) = ask(server, model, geometry={"type": "Polygon", "coordinates": [ring]}, by="t")["explanations"]
    assert 1 < area["pixels"] <= 9
    far = [[lon, lat], [lon + 0.01, lat], [lon + 0.01, lat + 0.01], [lon, lat]]
    refused = server.post(f"/models/{model}/explain", {"geometry": {"type": "Polygon", "coordinates": [far]}})
    assert refused.status_code == 400
    assert "looks at chips of 8 × 8" in refused.json()["message"]


def test_the_models_of_others_do_not_exist(server, archive, classes):
    model, made = classes
    rows = as_json(made.samples.features[:1])
    item = archive.layout.models / model / "item.json"
    before = item.read_text()
    told = json.loads(before)
    told["properties"]["eocene:owner"] = "somebody"
    item.write_text(json.dumps(told))
    try:
        assert read_error(server.post(f"/models/{model}/explain", {"rows": rows})) == (404, "ModelNotFound")
        assert read_error(server.post(f"/models/{model}/explain", {"depth": 1})) == (404, "ModelNotFound")
    finally:
        item.write_text(before)
    assert server.post("/models/none-000000000000/explain", {"rows": rows}).status_code == 404
    assert server.client.post(f"/models/{model}/explain", json={"rows": rows}).status_code == 401


def test_explanations_cost_credits_and_are_refused_without(server, archive, classes):
    model, made = classes
    body = {"rows": as_json(made.samples.features[:1])}
    accounts = Accounts(archive.layout)
    accounts.set_quota(server.user, {"credits": 0})
    try:
        refused = server.post(f"/models/{model}/explain", body)
        assert read_error(refused) == (402, "PaymentRequired")
    finally:
        accounts.set_quota(server.user, {"credits": None})
    assert server.post(f"/models/{model}/explain", body).status_code == 200


def test_explanations_take_turns_with_results(server, classes, monkeypatch):
    model, made = classes
    queue, turns = server.app.state.queues["results"], []
    take = queue.turn
    monkeypatch.setattr(queue, "turn", lambda user: turns.append(user) or take(user))
    body = {"rows": as_json(made.samples.features[:1])}
    server.post(f"/models/{model}/predict", body)
    assert turns == []
    assert server.post(f"/models/{model}/explain", body).status_code == 200
    assert len(turns) == 1


@pytest.mark.parametrize("late", [False, True])
def test_what_takes_too_long_is_refused_before_or_stopped(server, classes, monkeypatch, late):
    model, made = classes
    monkeypatch.setattr(asked, "MOST_S", 1e-6)
    if late:  # it seemed to be quick
        monkeypatch.setattr(asked, "_time_answer", lambda predictor: 0.0)
    refused = server.post(f"/models/{model}/explain", {"rows": as_json(made.samples.features[:1])})
    assert read_error(refused) == (400, "ProcessGraphComplexity")
    assert "takes more than" in refused.json()["message"]


def test_without_its_data_set_a_model_is_explained_by_what_is_sent(server, registry, classes):
    _, made = classes
    half = made.samples.take(np.arange(0, len(made.samples), 2))
    spec = ModelSpec(settings={"n_estimators": 10})
    model = registry.register(train(half, spec), evaluate(half, spec, {}), half, name="alone")
    try:
        rows = as_json(half.features[:1])
        refused = server.post(f"/models/{model}/explain", {"rows": rows})
        assert read_error(refused) == (400, "InvalidParameterValue")
        assert "background" in refused.json()["message"]
        told = ask(server, model, rows=rows, background=as_json(half.features[:50]), by="bands")
        assert told["dataset"] is None
        assert told["explanations"][0]["attribution"]
    finally:
        registry.delete(model)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"rows": 3}, "no list of rows"),
        ({"rows": [[1.0]]}, "does not hold"),
        ({"rows": [{}] * 21}, "at most 20"),
        ({"rows": [{}], "by": "y"}, "Name one of t, bands"),
        ({"rows": [{}], "class": "wheat"}, "knows no class"),
        ({"geometry": {"type": "Point"}}, ""),
        ({"geometry": {"type": "MultiPoint", "coordinates": [[9, 48]]}, "wanted": "wheat"}, "knows no class"),
        ({"time": ["2024-03-01", "2024-06-01"]}, "is of an answer"),
    ],
)
def test_wrong_bodies_are_told_what_is_wrong(server, classes, body, fault):
    answer = server.post(f"/models/{classes[0]}/explain", body)
    assert answer.status_code == 400, answer.text
    assert fault in answer.json()["message"]


def test_wrong_masks_are_told_what_is_wrong(server, pixels):
    model, made = pixels
    rows = as_json(made.samples.features[:1])
    for masks, fault in (
        ([], "as long as rows"),
        ([[[1] * EDGE]], "8 lists of 8 numbers 0 or 1"),
        ([[[2] * EDGE] * EDGE], "8 lists of 8 numbers 0 or 1"),
        ([[[0] * EDGE] * EDGE], "select none"),
    ):
        answer = server.post(f"/models/{model}/explain", {"rows": rows, "pixels": masks})
        assert answer.status_code == 400
        assert fault in answer.json()["message"]
