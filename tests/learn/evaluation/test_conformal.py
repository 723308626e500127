from __future__ import annotations

import numpy as np
import pytest

from eocene.learn.evaluation import calibrate_sets, measure_sets
from eocene.learn.evaluation.conformal import describe_sets
from eocene.model import InputError


def draw(rng, n):
    """Samples of 6 classes, and a model of them that is too sure and partly wrong."""
    truth = rng.integers(0, 6, n)
    logits = rng.normal(size=(n, 6)) * 1.5
    logits[np.arange(n), truth] += 1.2
    raised = np.exp(2 * logits)
    return raised / raised.sum(axis=1, keepdims=True), truth


@pytest.mark.parametrize("method", ["lac", "aps"])
@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_hold_the_true_class_as_often_as_promised(method, coverage):
    rng = np.random.default_rng(1)
    sets = calibrate_sets(*draw(rng, 4000), coverage, method=method)
    probabilities, truth = draw(rng, 8000)
    told = measure_sets(sets.choose(probabilities, seed=2), truth)
    assert told["coverage"] == pytest.approx(coverage, abs=0.02)
    assert 1 < told["mean_size"] < 6


def test_the_threshold_is_the_published_rank_by_hand():
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.5, 0.5]])
    sets = calibrate_sets(probabilities, np.array([0, 1, 1, 0]), 0.6)
    # Scores are 0.1, 0.6, 0.2 and 0.5; the third of them, since (4 + 1) · 0.6 = 3.
    assert sets.threshold == pytest.approx(0.5)
    np.testing.assert_array_equal(sets.choose(probabilities), probabilities >= 0.5)


def test_data_unlike_those_calibrated_on_are_covered_less():
    rng = np.random.default_rng(3)
    sets = calibrate_sets(*draw(rng, 3000), 0.9)
    probabilities, truth = draw(rng, 3000)
    shifted = np.roll(probabilities, 1, axis=1)[rng.permutation(3000) < 1500]
    held = truth[: len(shifted)]
    assert measure_sets(sets.choose(shifted), held)["coverage"] < 0.8


def test_a_report_states_coverage_beside_what_was_promised():
    probabilities, truth = draw(np.random.default_rng(4), 3000)
    told = describe_sets(probabilities, truth, 0.9)
    assert told["nominal"] == 0.9
    assert told["coverage"] == pytest.approx(0.9, abs=0.02)
    assert describe_sets(probabilities[:12], truth[:12], 0.9) is None


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"coverage": 0.99}, "Give at least 99"),
        ({"coverage": 1.0}, "between 0 and 1"),
        ({"method": "raps"}, "No sets are made by 'raps'"),
    ],
)
def test_promises_that_cannot_be_kept_are_refused(arguments, text):
    probabilities, truth = draw(np.random.default_rng(5), 50)
    with pytest.raises(InputError, match=text):
        calibrate_sets(probabilities, truth, **arguments)
