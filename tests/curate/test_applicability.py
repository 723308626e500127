from __future__ import annotations

import numpy as np
import pytest

from eocene.curate import random_split
from eocene.curate.applicability import measure_applicability
from eocene.model import InputError


@pytest.fixture
def learnt(make_samples):
    """Two features that count and one that does not, with folds by chance."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(200, 3)) * [1, 10, 5] + [0, 100, 0]
    samples = make_samples(np.arange(200), np.zeros(200), rng.integers(0, 2, 200))
    return features, random_split(samples, 5, 0), np.array([2.0, 1.0, -0.1])


def test_the_index_is_the_published_one_by_hand(learnt):
    features, splits, weight = learnt
    area = measure_applicability(features, splits, weight)
    counted = np.array([1.0, 0.5, 0.0]) / features.std(axis=0)
    here = (features - features.mean(axis=0)) * counted
    pixels = np.array([[3.0, 130.0, 0.0], features[7]])
    there = (pixels - features.mean(axis=0)) * counted
    pairs = np.linalg.norm(here[:, None] - here[None], axis=2)
    mean_distance = pairs[np.triu_indices(200, 1)].mean()
    by_hand = np.linalg.norm(there[:, None] - here[None], axis=2).min(axis=1) / mean_distance
    np.testing.assert_allclose(area.estimate_dissimilarity(pixels), by_hand, rtol=1e-6, atol=1e-7)
    own = np.concatenate([pairs[np.ix_(test, train)].min(axis=1) for train, test in splits]) / mean_distance
    low, high = np.percentile(own, [25, 75])
    assert area.threshold == pytest.approx(own[own <= high + 1.5 * (high - low)].max())


def test_training_samples_are_inside_and_what_is_far_in_a_feature_that_counts_is_outside(learnt):
    features, splits, weight = learnt
    area = measure_applicability(features, splits, weight)
    assert area.find_inside(features).all()
    far = features.copy()
    far[:, 2] += 1e6
    assert area.find_inside(far).all()
    far[:, 1] += 1e3
    assert not area.find_inside(far).any()


def test_a_missing_value_is_the_mean_of_training_and_a_row_of_them_is_nowhere(learnt):
    features, splits, weight = learnt
    area = measure_applicability(features, splits, weight)
    mean = features.mean(axis=0)
    gap, filled = np.array([[0.3, np.nan, 2.0]]), np.array([[0.3, mean[1], 2.0]])
    np.testing.assert_array_equal(area.estimate_dissimilarity(gap), area.estimate_dissimilarity(filled))
    nothing = np.full((1, 3), np.nan)
    assert np.isnan(area.estimate_dissimilarity(nothing)).all()
    assert not area.find_inside(nothing).any()


def test_a_pixel_has_the_same_index_whatever_else_is_asked(learnt):
    features, splits, weight = learnt
    area = measure_applicability(features, splits, weight)
    pixels = np.random.default_rng(1).normal(size=(500, 3)) * 50
    whole = area.estimate_dissimilarity(pixels)
    parts = np.concatenate([area.estimate_dissimilarity(pixels[i : i + 7]) for i in range(0, 500, 7)])
    np.testing.assert_array_equal(whole, parts)


def test_many_training_samples_are_thinned_by_the_seed_alone():
    features = np.random.default_rng(2).normal(size=(12_000, 2)).astype(np.float32)
    halves = [(np.arange(6000), np.arange(6000, 12_000)), (np.arange(6000, 12_000), np.arange(6000))]
    one, again = (measure_applicability(features, halves, seed=4) for _ in range(2))
    assert len(one.references) == 5000
    assert one.threshold == again.threshold
    assert one.find_inside(features).mean() > 0.95


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"features": np.zeros((200, 3))}, "No feature that counts varies"),
        ({"features": np.zeros((2, 3))}, "span no space"),
        ({"importance": np.ones(2)}, "shape \\(2,\\) for 3 features"),
        ({"importance": -np.ones(3)}, "No feature that counts"),
        ({"splits": []}, "No fold has samples"),
    ],
)
def test_what_spans_no_space_is_refused(change, text, learnt):
    features, splits, weight = learnt
    arguments = {"features": features, "splits": splits, "importance": weight, **change}
    with pytest.raises(InputError, match=text):
        measure_applicability(**arguments)


def test_other_features_than_those_of_training_are_refused(learnt):
    features, splits, weight = learnt
    with pytest.raises(InputError, match="Give the same features"):
        measure_applicability(features, splits, weight).estimate_dissimilarity(features[:, :2])
