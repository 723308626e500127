from __future__ import annotations

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.explain import (
    attribute_answers,
    attribute_trees,
    find_counterfactual,
    permute_features,
    plant_driver,
)
from eocene.model import InputError


@pytest.fixture(scope="module")
def series():
    """Four dates of three bands; the class is whether red of June is above zero."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(500, 4, 3)).astype(np.float32)
    features[rng.random(features.shape) < 0.03] = np.nan
    labels = np.where(np.nan_to_num(features[:, 2, 1]) > 0, 7, 3)
    axes = {"t": ("2024-04", "2024-05", "2024-06", "2024-07"), "bands": ("blue", "red", "nir")}
    return Samples(features, labels, np.arange(500.0), np.zeros(500), 32631, axes)


@pytest.fixture(scope="module")
def trees(series):
    spec = ModelSpec("lightgbm", settings={"n_estimators": 40, "learning_rate": 0.2})
    return train(series, spec, threads=1)


class Linear:
    """Adds weighted features; its Shapley values are known in closed form."""

    def __init__(self, weights):
        self.weights = weights

    def estimate_probabilities(self, features):
        score = features.reshape(len(features), -1) @ self.weights
        return np.stack([1 - score, score], axis=1)


@pytest.mark.parametrize(("by", "name"), [("bands", "red"), ("t", "2024-06"), (None, "2024-06/red")])
def test_what_decides_is_the_most_important_by_band_by_date_and_by_both(by, name, trees, series):
    told = sorted(permute_features(trees, series, trees.classes, by=by, rounds=2), key=lambda one: -one.mean)
    assert told[0].name == name
    assert told[0].mean > 10 * abs(told[1].mean)


def test_sampled_shapley_values_of_a_linear_model_are_exact(series):
    rows = series.take(np.flatnonzero(np.isfinite(series.features).all(axis=(1, 2)))[:40])
    weights = np.linspace(-1, 1, 12)
    told = attribute_answers(Linear(weights), rows.take(np.arange(3)), rows.take(np.array([9])), rounds=2)
    gap = (rows.features[:3] - rows.features[9]).reshape(3, -1)
    np.testing.assert_allclose(told.values[:, :, 1], gap * weights, atol=1e-5)


def test_shapley_values_equal_the_mean_over_all_orders_and_sum_to_the_answer(trees, series):
    sample, usual = series.take(np.array([4])), series.take(np.array([8]))
    told = attribute_answers(trees, sample, usual, by="bands", rounds=200)
    exact = np.zeros((3, 2))
    for order in permutations(range(3)):
        now = usual.features[0].copy()
        for band in order:
            before = trees.estimate_probabilities(now[None])[0]
            now[:, band] = sample.features[0][:, band]
            exact[band] += (trees.estimate_probabilities(now[None])[0] - before) / 6
    np.testing.assert_allclose(told.values[0], exact, atol=0.05)
    answer = trees.estimate_probabilities(sample.features)[0]
    np.testing.assert_allclose(told.base + told.values[0].sum(axis=0), answer, atol=1e-6)
    assert told.rank(0, 1)[0][0] == "red"


def test_exact_values_of_trees_sum_to_their_raw_score(trees, series):
    told = attribute_trees(trees, series.take(np.arange(20)))
    raw = trees.fitted.booster.predict(series.features[:20].reshape(20, -1), raw_score=True)
    np.testing.assert_allclose(told.base + told.values.sum(axis=1)[:, 0], raw, atol=1e-8)
    assert np.abs(told.values[:, :, 0]).mean(axis=0).argmax() == told.names.index("2024-06/red")


def test_another_answer_needs_only_what_decides_to_change(trees, series):
    row = int(np.flatnonzero(series.labels == 3)[0])
    told = find_counterfactual(trees, series.features[row], series, trees.classes, 7)
    assert told.changed[-1] == "2024-06/red"
    assert len(told.changed) <= 3
    assert trees.classify(told.features[None])[0] == 7
    same = np.isclose(told.features, series.features[row], equal_nan=True)
    assert (~same).sum() == len(told.changed)


def test_no_part_of_a_change_can_be_left_out(series):
    """The answer is whether features 0 and 1 are high, and 2 is a lure that the first step takes."""

    class Lured:
        def estimate_probabilities(self, features):
            first, second, lure = features.reshape(len(features), -1)[:, :3].T > 0
            share = np.where(first & second, 0.9, 0.1 + 0.3 * lure)
            return np.stack([1 - share, share], axis=1)

    high = series.take(np.array([0]))
    lent = np.ones_like(high.features)
    donor = replace(high, features=lent, labels=np.array([1]), class_names={})
    told = find_counterfactual(Lured(), -lent[0], donor, (0, 1), 1)
    assert set(told.changed) == {"2024-04/blue", "2024-04/red"}
    assert told.score == pytest.approx(0.9)


def test_a_sample_full_of_gaps_is_not_the_nearest(trees, series):
    row = int(np.flatnonzero(series.labels == 3)[0])
    gaps = np.where(series.features == series.features[:, 2:3, 1:2], series.features, np.nan)
    emptied = replace(series, features=np.concatenate([gaps[:20], series.features[20:]]))
    told = find_counterfactual(trees, series.features[row], emptied, trees.classes, 7)
    assert told.donor >= 20


def test_what_is_already_answered_so_needs_no_change(trees, series):
    row = int(np.flatnonzero(series.labels == 7)[0])
    assert find_counterfactual(trees, series.features[row], series, trees.classes, 7).changed == ()


@pytest.mark.parametrize("kind", ["random_forest", "lightgbm"])
@pytest.mark.parametrize("by", ["bands", None])
def test_a_planted_driver_is_found(kind, by, series):
    spec = ModelSpec(kind, settings={"n_estimators": 20})
    for seed in range(2):
        told = plant_driver(series, spec, by=by, seed=seed)
        assert told.is_found
        assert told.margin > 2


@pytest.mark.long
def test_a_planted_driver_is_found_in_a_network_too(series):
    pytest.importorskip("torch")
    spec = ModelSpec("temp_cnn", settings={"epochs": 20})
    assert plant_driver(series, spec, by="bands").is_found


def test_what_cannot_be_explained_is_refused(trees, series):
    with pytest.raises(InputError, match="no dimension 'y'"):
        permute_features(trees, series, trees.classes, by="y")
    with pytest.raises(InputError, match="knows no class 9"):
        find_counterfactual(trees, series.features[0], series, trees.classes, 9)
    with pytest.raises(InputError, match="other axes"):
        attribute_answers(trees, series, series.flatten())
    forest = train(series, ModelSpec(settings={"n_estimators": 2}))
    with pytest.raises(InputError, match="no boosted trees"):
        attribute_trees(forest, series)
    with pytest.raises(InputError, match="nothing to shuffle"):
        permute_features(trees, series, [99])
