"""What an explanation that is asked for as JSON may take, and what it may hold."""

from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.explain import asked, background
from eocene.learn.explain.background import Usual, find_dataset, read_usual
from eocene.learn.explain.batches import Bounded
from eocene.learn.explain.reading import plan_explanation
from eocene.learn.registry import ModelRegistry
from eocene.model import InputError, Layout

NAMES = tuple(f"{date}/{band}" for date in ("2024-05", "2024-06") for band in ("B04", "B08"))


@pytest.fixture(scope="module")
def rows():
    rng = np.random.default_rng(1)
    features = rng.normal(size=(200, 4)).astype(np.float32)
    place = 4_000_000 + 1000.0 * np.arange(200)
    labels = np.where(features[:, 3] > 0, 2, 1)
    return Samples(features, labels, place, place, 3035, {"features": NAMES}, {1: "bare", 2: "crops"})


@pytest.fixture(scope="module")
def desk(rows, tmp_path_factory):
    layout = Layout(tmp_path_factory.mktemp("desk"))
    registry, spec = ModelRegistry(layout), ModelSpec(settings={"n_estimators": 10})
    rows.save(layout.datasets)
    return layout, registry, registry.register(train(rows, spec), evaluate(rows, spec, {}), rows)


@pytest.fixture(scope="module")
def predictor(desk):
    return desk[1].load(desk[2], threads=1)


def plan(predictor, body):
    return plan_explanation(predictor, body, lambda graph: graph)


class Echo:
    def estimate_probabilities(self, features):
        return features


def test_a_model_answers_until_its_time_is_over():
    now = [0.0]
    model = Bounded(Echo(), 2.0, clock=lambda: now[0])
    now[0] = 1.9
    assert model.estimate_probabilities(3) == 3
    now[0] = 2.1
    with pytest.raises(InputError, match="takes more than 2 s") as refused:
        model.estimate_probabilities(3)
    assert refused.value.code == "ProcessGraphComplexity"


def test_what_takes_too_long_is_refused_before_it_begins(predictor, monkeypatch):
    planned = plan(predictor, {"rows": [[0.1] * 4]})
    assert 0 < planned.expected_s < 5
    monkeypatch.setattr(asked, "_time_answer", lambda predictor: 1.0)
    with pytest.raises(InputError, match="takes more than 30 s"):
        planned.expected_s  # noqa: B018


def test_more_rows_more_parts_and_no_rows_cost_more(predictor, monkeypatch):
    monkeypatch.setattr(asked, "_time_answer", lambda predictor: 1e-5)
    one, ten, bands = (
        plan(predictor, body).expected_s
        for body in ({"rows": [[0.1] * 4]}, {"rows": [[0.1] * 4] * 10}, {"rows": [[0.1] * 4], "by": "bands"})
    )
    assert ten == pytest.approx(10 * one)
    assert bands < one < plan(predictor, {}).expected_s


def test_a_planted_driver_is_found_by_what_is_sent_alone(predictor, rows):
    asked_for, usual = rows.features[:3].tolist(), rows.features.tolist()
    body = {"rows": asked_for, "background": usual, "by": "bands", "class": "bare"}
    told = plan(predictor, body).answer(lambda: pytest.fail("nothing stored is needed"))
    assert told["dataset"] is None
    for one in told["explanations"]:
        assert one["attribution"][0]["name"] == "B08"
        assert one["explained"] == "bare"
        assert one["counterfactual"]["changes"][-1]["name"] == "B08"


def test_values_of_a_stored_data_set_are_not_told(predictor, rows):
    told = plan(predictor, {"rows": [*rows.features[:1].tolist(), [None] * 4]}).answer(
        lambda: Usual("kept", rows)
    )
    first, missing = told["explanations"]
    assert (told["dataset"], missing) == ("kept", None)
    assert "2024-06/B08" in first["counterfactual"]["changed"]
    assert "changes" not in first["counterfactual"]


def test_without_rows_the_importance_is_told(predictor, rows):
    told = plan(predictor, {"by": "t"}).answer(lambda: Usual("kept", rows))
    assert [part["name"] for part in told["importance"]] == ["2024-06", "2024-05"]


def test_without_anything_usual_nothing_is_explained(predictor):
    with pytest.raises(InputError, match=r"not in the workspace\. Send rows"):
        plan(predictor, {"rows": [[0.1] * 4]}).answer(lambda: None)


def test_of_a_large_data_set_some_samples_are_drawn(desk, rows, monkeypatch):
    layout = desk[0]
    found = find_dataset(layout, desk[1].item(desk[2]))
    assert found == rows.id
    whole = read_usual(layout, found)
    assert (len(whole.samples), whole.dataset, whole.pixels) == (200, rows.id, None)
    monkeypatch.setattr(background, "MOST_BYTES", 16 * 50)
    background._read.cache_clear()
    some = read_usual(layout, found).samples
    background._read.cache_clear()
    assert len(some) == 50
    assert {tuple(row) for row in some.features} <= {tuple(row) for row in rows.features}


@pytest.mark.parametrize("name", ["..", "../datasets", "/etc", "", "none", None, 3])
def test_a_lineage_leads_to_no_other_folder(desk, name):
    item = {"properties": {"eocene:lineage": {"dataset": name, "sources": {"dataset": name}}}}
    assert find_dataset(desk[0], item) is None
    assert find_dataset(desk[0], {"properties": {}}) is None


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"rows": [[1, 2, 3]]}, "does not hold 4 numbers"),
        ({"rows": [[1, 2, 3, 4]] * 21}, "at most 20"),
        ({"rows": [[1, 2, 3, 4]], "geometry": {}}, "both rows and geometry"),
        ({"rows": [[1, 2, 3, 4]], "time": ["a", "b"]}, "time is there without geometry"),
        ({"geometry": {}, "pixels": []}, "pixels is there without rows"),
        ({"wanted": "crops"}, "wanted is of an answer"),
        ({"background": [[1, 2, 3, 4]]}, "background is of an answer"),
        ({"rows": [[1, 2, 3, 4]], "background": []}, "background has no row"),
        ({"rows": [[1, 2, 3, 4]], "background": [[1]]}, "does not hold 4 numbers"),
        ({"rows": [[1, 2, 3, 4]], "depth": 3}, "has 'depth'"),
        ({"rows": [[1, 2, 3, 4]], "by": "y"}, "Name one of t, bands"),
        ({"rows": [[1, 2, 3, 4]], "by": ["t"]}, "Name one of t, bands"),
        ({"rows": [[1, 2, 3, 4]], "seed": -1}, "seed is no whole number"),
        ({"rows": [[1, 2, 3, 4]], "class": "wheat"}, "bare, crops"),
        ({"rows": [[1, 2, 3, 4]], "wanted": 7}, "bare, crops"),
        ({"rows": [[1, 2, 3, 4]], "wanted": {"above": 3}}, "neither a class nor a text"),
        ({"rows": [[1, 2, 3, 4]], "pixels": [[[1]]]}, "does not answer per pixel"),
        ({"geometry": {"type": "Point", "coordinates": [9, 48]}}, "does not tell how its features"),
    ],
)
def test_wrong_bodies_are_told_what_is_wrong(predictor, body, fault):
    with pytest.raises(InputError, match=fault) as refused:
        plan(predictor, body)
    assert refused.value.code == "InvalidParameterValue"
