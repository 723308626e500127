from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics

from eocene.learn.evaluation import fit_temperature, measure_ece, scale_by_temperature
from eocene.learn.evaluation.calibration import describe_calibration, measure_log_loss, measure_reliability
from eocene.model import InputError


@pytest.fixture(scope="module")
def honest():
    """Probabilities from which the classes were drawn."""
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet([0.7, 0.7, 0.7], 20_000)
    truth = (rng.random((20_000, 1)) > probabilities.cumsum(axis=1)).sum(axis=1)
    return probabilities, truth


def test_honest_probabilities_have_hardly_any_calibration_error(honest):
    assert measure_ece(*honest) < 0.01
    assert fit_temperature(*honest) == pytest.approx(1, abs=0.05)


def test_the_temperature_that_made_a_model_too_sure_is_found_and_undone(honest):
    probabilities, truth = honest
    sure = scale_by_temperature(probabilities, 0.5)
    assert measure_ece(sure, truth) > 0.05
    assert fit_temperature(sure, truth) == pytest.approx(2, rel=0.05)
    told = describe_calibration(sure, truth)
    assert told["ece_scaled"] < 0.015 < told["ece"]
    assert told["log_loss_scaled"] < told["log_loss"]
    np.testing.assert_array_equal(sure.argmax(axis=1), probabilities.argmax(axis=1))


def test_the_error_is_the_mean_gap_over_bins_by_hand():
    probabilities = np.array([[0.95, 0.05], [0.9, 0.1], [0.3, 0.7], [0.65, 0.35]])
    truth = np.array([0, 1, 1, 1])
    assert measure_ece(probabilities, truth, bins=10) == pytest.approx((2 * 0.425 + 0.3 + 0.65) / 4)
    rows = measure_reliability(probabilities, truth, bins=10)
    assert [(row["low"], row["count"]) for row in rows] == [(0.6, 1), (0.7, 1), (0.9, 2)]


def test_losses_equal_those_of_scikit_learn(honest):
    probabilities, truth = (part[:500] for part in honest)
    told = describe_calibration(probabilities, truth)
    assert told["log_loss"] == pytest.approx(metrics.log_loss(truth, probabilities), abs=1e-4)
    assert measure_log_loss(probabilities, truth) == told["log_loss"]
    single = metrics.brier_score_loss(truth == 1, probabilities[:, 1])
    two = np.stack([1 - probabilities[:, 1], probabilities[:, 1]], axis=1)
    assert describe_calibration(two, (truth == 1).astype(int))["brier"] == pytest.approx(2 * single)


def test_classes_that_were_never_learnt_do_not_heat_the_temperature(honest):
    probabilities, truth = honest
    known = np.array(probabilities)
    known[:5000, 2] = 0
    known[:5000] /= known[:5000].sum(axis=1, keepdims=True)
    learnt = (truth != 2) | (np.arange(len(truth)) >= 5000)
    told = describe_calibration(known, truth, learnt=learnt)
    assert told["temperature"] == pytest.approx(1, abs=0.15)
    assert describe_calibration(known, truth)["temperature"] > 1.3
    assert told["unlearnt_share"] == pytest.approx(1 - learnt.mean())


def test_no_samples_are_refused():
    with pytest.raises(InputError, match="at least one"):
        measure_ece(np.empty((0, 3)), np.empty(0, int))
