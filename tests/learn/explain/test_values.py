"""Explanations of regressions: what moves a value, and what would move it past another."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.explain import (
    Past,
    Question,
    attribute_answers,
    attribute_trees,
    explain_answer,
    explain_model,
    find_counterfactual,
    permute_features,
    plant_driver,
)
from eocene.learn.explain.goals import read_past
from eocene.model import InputError

DATES, BANDS = ("2024-05", "2024-06", "2024-07"), ("B04", "B08")


@pytest.fixture(scope="module")
def biomass():
    """Series whose target is 50 t and 10 t for each unit of B08 in June."""
    rng = np.random.default_rng(5)
    features = rng.normal(size=(300, 3, 2)).astype(np.float32)
    place = 4_000_000 + 1000.0 * np.arange(300)
    targets = 50 + 10 * features[:, 1, 1].astype(np.float64)
    return Samples(
        features, np.zeros(300), place, place, 3035, {"t": DATES, "bands": BANDS},
        sources={"graph": None}, columns={"target": targets},
    )  # fmt: skip


@pytest.fixture(scope="module")
def trees(biomass):
    return train(biomass, ModelSpec("lightgbm_regression", settings={"n_estimators": 60}), threads=1)


@pytest.fixture(scope="module")
def desk(biomass, tmp_path_factory):
    folder = tmp_path_factory.mktemp("desk")
    spec = ModelSpec("random_forest_regression", settings={"n_estimators": 20})
    with eocene.open(folder) as ws:
        biomass.save(ws.layout.datasets)
        model = ws.models.register(train(biomass, spec), evaluate(biomass, spec, {}), biomass, name="biomass")
        return folder, ws.models.load(model)


class Sum:
    """Gives the sum of features times weights; all about it is known in closed form."""

    def __init__(self, weights):
        self.weights = weights

    def estimate_probabilities(self, features):
        return (features.reshape(len(features), -1) @ self.weights)[:, None]


@pytest.mark.parametrize("kind", ["random_forest_regression", "lightgbm_regression"])
@pytest.mark.parametrize("by", ["bands", "t", None])
def test_a_planted_driver_of_a_value_is_found(kind, by, biomass):
    told = plant_driver(biomass, ModelSpec(kind, settings={"n_estimators": 30}), by=by, seed=1)
    assert told.is_found
    assert told.margin > 2
    assert told.accuracy > 0.3


def test_importance_of_a_value_is_the_growth_of_its_error_in_its_unit(biomass):
    weights = np.array([0, 0, 0, 2.0, 0, 0])
    exact = replace(biomass, columns={"target": biomass.features[:, 1, 1].astype(float) * 2})
    told = {one.name: one.mean for one in permute_features(Sum(weights), exact, (), rounds=20)}
    shuffled = 2 * np.sqrt(2) * biomass.features[:, 1, 1].std()  # of two independent draws
    assert told["2024-06/B08"] == pytest.approx(shuffled, rel=0.05)
    assert {name for name, mean in told.items() if abs(mean) > 1e-6} == {"2024-06/B08"}


def test_attribution_of_a_value_is_exact_for_a_sum(biomass):
    weights = np.linspace(-1, 1, 6)
    told = attribute_answers(Sum(weights), biomass.take([3]), biomass.take([8]), rounds=2)
    gap = (biomass.features[3] - biomass.features[8]).reshape(-1)
    np.testing.assert_allclose(told.values[0, :, 0], gap * weights, atol=1e-5)


def test_exact_values_of_trees_sum_to_the_value_itself(trees, biomass):
    rows = biomass.take(np.arange(20))
    told = attribute_trees(trees, rows)
    answer = trees.estimate_probabilities(rows.features)[:, 0]
    np.testing.assert_allclose(told.base + told.values.sum(axis=1)[:, 0], answer, atol=1e-8)
    assert np.abs(told.values[:, :, 0]).mean(axis=0).argmax() == told.names.index("2024-06/B08")


@pytest.mark.parametrize(("value", "above"), [(60.0, True), (40.0, False)])
def test_only_what_decides_has_to_change_to_get_past_a_value(value, above, trees, biomass):
    row = int(np.abs(biomass.columns["target"] - 50).argmin())
    told = find_counterfactual(trees, biomass.features[row], biomass, (), Past(value, above=above))
    assert told.changed == ("2024-06/B08",)
    assert (told.score > value) == above
    assert told.score == trees.estimate_probabilities(told.features[None])[0, 0]
    target = biomass.columns["target"][told.donor]
    assert (target > value) == above


def test_the_parts_that_move_a_sum_most_change_until_it_is_past(biomass):
    weights = np.array([1.0, 2.0, 4.0, 8.0, 0.0, -1.0])
    own, lent = np.zeros((3, 2), np.float32), np.ones((3, 2), np.float32)
    donor = replace(biomass.take([0]), features=lent[None], columns={})
    changed = {
        goal: find_counterfactual(Sum(weights), own, donor, (), Past(goal)).changed for goal in (-1.0, 7, 11)
    }
    assert changed == {-1.0: (), 7: ("2024-06/B08",), 11: ("2024-06/B08", "2024-06/B04")}


def test_a_registered_regression_is_explained(desk, biomass):
    _, predictor = desk
    assert explain_model(predictor, biomass, by="bands", rounds=2)[0]["name"] == "B08"
    told = explain_answer(predictor, biomass.features[4], biomass, Question(by="t", wanted="+5"))
    shares = sum(part["value"] for part in told["attribution"])
    assert told["base"] + shares == pytest.approx(told["value"], abs=1e-3)
    assert told["attribution"][0]["name"] == "2024-06"
    assert told["counterfactual"]["changed"] == ["2024-06"]
    assert told["counterfactual"]["value"] > told["value"] + 5
    plain = explain_answer(predictor, biomass.features[4], biomass)
    assert (plain["counterfactual"], plain["explained"]) == (None, None)


def test_a_regression_is_explained_by_one_command(desk):
    words = ["models", "explain", "biomass", "-w", str(desk[0])]
    importance = json.loads(CliRunner().invoke(app, [*words, "--by", "t"]).stdout)["importance"]
    assert importance[0]["name"] == "2024-06"
    done = CliRunner().invoke(app, [*words, "--sample", "4", "--wanted", "<40"])
    told = json.loads(done.stdout)["answer"]["counterfactual"]
    assert told["value"] < 40
    assert "2024-06/B08" in told["changed"]


@pytest.mark.parametrize(
    ("told", "past"),
    [
        (">3.5", Past(3.5)),
        ("< -2", Past(-2, above=False)),
        ("+0.5", Past(10.5)),
        (" -1e0 ", Past(9, above=False)),
    ],
)
def test_what_a_value_shall_get_past_is_read(told, past):
    assert read_past(told, 10.0) == past


@pytest.mark.parametrize("told", ["", "3", ">", "+-1", "nan", ">inf", "> 1e999", "wheat"])
def test_what_is_no_value_to_get_past_is_refused(told):
    with pytest.raises(InputError, match="no value to get past"):
        read_past(told, 10.0)


def test_wrong_questions_about_values_are_told_so(desk, trees, biomass):
    _, predictor = desk
    row = biomass.features[4]
    with pytest.raises(InputError, match="No sample of a value above 1000"):
        explain_answer(predictor, row, biomass, Question(wanted=">1000"))
    with pytest.raises(InputError, match="gives values, not classes"):
        explain_answer(predictor, row, biomass, Question(of="wheat"))
    with pytest.raises(InputError, match="gives values, 3 is none"):
        find_counterfactual(trees, row, biomass, (), 3)
    with pytest.raises(InputError, match="gives classes, a value above 3 is none"):
        find_counterfactual(trees, row, biomass, (1, 2), Past(3))
    with pytest.raises(InputError, match='column "target"'):
        explain_model(predictor, replace(biomass, columns={}))
    with pytest.raises(InputError, match="answers for each sample"):
        explain_model(predictor, biomass, pixel_labels=np.zeros((300, 1, 1), int))
