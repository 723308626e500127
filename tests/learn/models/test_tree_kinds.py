from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eocene.learn import ModelSpec, onnx_check, onnx_file, train
from eocene.learn.models.boosted_onnx import round_down
from eocene.model import InputError

SPECS = {
    "random_forest": ModelSpec("random_forest", settings={"n_estimators": 20}),
    "lightgbm": ModelSpec("lightgbm", settings={"n_estimators": 30, "min_child_samples": 5}),
}


@pytest.fixture(params=SPECS)
def spec(request) -> ModelSpec:
    return SPECS[request.param]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_onnx_form_answers_alike_also_where_values_are_missing(samples, spec, classes):
    part = samples if classes == 3 else samples.take(samples.labels != 99)
    model = train(part, spec, threads=1)
    data = onnx_file.export_onnx(model)
    onnx_check.check_onnx(data, onnx_file.signature_of(model, data), "the model")
    unseen = np.random.default_rng(0).normal(size=(4000, 4)).astype(np.float32)
    unseen[np.random.default_rng(1).random(unseen.shape) < 0.2] = np.nan
    assert onnx_file.measure_difference(model, data, unseen) <= 1e-5
    assert onnx_file.measure_difference(model, data, unseen[:1]) <= 1e-5


def test_values_on_a_threshold_go_the_same_way_in_onnx(samples):
    """The thresholds of LightGBM lie between values as doubles; those of ONNX are float32."""
    rng = np.random.default_rng(4)
    whole = replace(samples, features=rng.integers(0, 60, samples.features.shape).astype(np.float32))
    model = train(whole, SPECS["lightgbm"], threads=1)
    assert onnx_file.measure_difference(model, onnx_file.export_onnx(model), whole.features) <= 1e-5
    values = rng.normal(size=1000)
    kept = np.array([round_down(v) for v in values])
    assert (kept <= values).all()
    assert (np.nextafter(kept.astype(np.float32), np.float32(np.inf)) > values).all()


def test_one_seed_gives_one_model_whatever_the_threads(samples, spec):
    answers = [train(samples, spec, threads=t).estimate_probabilities(samples.features) for t in (1, 2, 1)]
    np.testing.assert_array_equal(answers[0], answers[1])
    np.testing.assert_array_equal(answers[1], answers[2])
    other = train(samples, replace(spec, seed=9), threads=1).estimate_probabilities(samples.features)
    assert np.abs(other - answers[0]).max() > 0.01


def test_series_are_learnt_as_their_rows_are(samples, spec):
    axes = {"t": ("2024-05", "2024-06"), "bands": ("B04", "B08")}
    series = replace(samples, features=samples.features.reshape(-1, 2, 2), axes=axes)
    model = train(series, spec, threads=1)
    assert model.feature_names == samples.feature_names
    np.testing.assert_array_equal(
        model.estimate_probabilities(series.features),
        train(samples, spec, threads=1).estimate_probabilities(samples.features),
    )
    assert onnx_file.measure_difference(model, onnx_file.export_onnx(model), series.features) <= 1e-5


def test_a_weight_counts_like_samples_told_again(samples):
    """A forest of whole leaves on no draws is hard to foresee; boosting without draws is not."""
    settings = {"feature_fraction": 1.0, "bagging_fraction": 1.0, "n_estimators": 5, "min_child_samples": 1}
    spec = ModelSpec("lightgbm", settings=settings)
    twice = np.flatnonzero(samples.labels == 13)
    weight = np.ones(len(samples))
    weight[twice] = 2
    weighed = train(replace(samples, columns={"weight": weight}), spec, threads=1)
    told_again = train(samples.take(np.concatenate([np.arange(len(samples)), twice])), spec, threads=1)
    rare = [m.estimate_probabilities(samples.features)[:, 1].mean() for m in (weighed, told_again)]
    plain = train(samples, spec, threads=1).estimate_probabilities(samples.features)[:, 1].mean()
    assert rare[0] == pytest.approx(rare[1], abs=0.01)
    assert rare[0] > plain + 0.02


def test_samples_of_a_form_that_the_kind_does_not_take_are_refused(samples, spec):
    chips = replace(
        samples,
        features=samples.features.reshape(-1, 1, 2, 2),
        axes={"bands": ("B04",), "y": ("0", "1"), "x": ("0", "1")},
    )
    with pytest.raises(InputError, match=r"these have \(bands, y, x\)"):
        train(chips, spec)
    assert len(train(chips.flatten(), spec, threads=1).feature_names) == 4


def test_features_of_another_length_are_refused(samples, spec):
    with pytest.raises(InputError, match=r"samples of shape \(4,\)"):
        train(samples, spec, threads=1).estimate_probabilities(np.zeros((3, 5), np.float32))
