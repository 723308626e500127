from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import AXES, make_samples

from eocene.learn import ModelSpec, onnx_file, train
from eocene.learn.models import find_kind, kind_names
from eocene.learn.networks.shape import find_days
from eocene.model import InputError

torch = pytest.importorskip("torch")

SMALL = {
    "mlp": {"width": 16},
    "lstm": {"width": 8},
    "temp_cnn": {"filters": 8, "dense": 16},
    "l_tae": {"heads": 4, "head_width": 4, "dense": 16},
    "small_cnn": {"width": 4, "depth": 2},
    "u_net": {"width": 4, "depth": 3},
    "u_tae": {"width": 4, "depth": 2, "heads": 2},
}
FORMS = {tuple(axes): form for form, axes in AXES.items()}
CASES = [(kind, FORMS[form]) for kind in SMALL for form in find_kind(kind).takes]
EXPORTED = [pytest.param(*case, marks=() if case == ("mlp", "rows") else pytest.mark.long) for case in CASES]


def fit(kind: str, form: str, **settings):
    samples = make_samples(form, 60)
    return samples, train(samples, ModelSpec(kind, 1, {**SMALL[kind], "epochs": 4, **settings}), threads=1)


def test_every_network_kind_is_tried_here():
    ours = {"mlp", "lstm", "temp_cnn", "l_tae", "small_cnn", "u_net", "u_tae"}
    assert ours <= set(kind_names())
    assert ours == set(SMALL)


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_a_network_learns_and_its_answers_do_not_depend_on_those_beside(kind, form):
    samples, model = fit(kind, form, epochs=20, learning_rate=0.01, validation=0.0, batch_size=30)
    assert (model.classify(samples.features) == samples.labels).mean() > 0.55
    together = model.estimate_probabilities(samples.features)
    np.testing.assert_allclose(together.sum(axis=1), 1, atol=1e-5)
    np.testing.assert_allclose(model.estimate_probabilities(samples.features[:1]), together[:1], atol=1e-6)


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_samples_without_any_value_get_finite_probabilities(kind, form):
    samples, model = fit(kind, form, epochs=1)
    nothing = np.full_like(samples.features[:2], np.nan)
    infinite = np.full_like(samples.features[:2], np.inf)
    answer = model.estimate_probabilities(nothing)
    assert np.isfinite(answer).all()
    np.testing.assert_array_equal(model.estimate_probabilities(infinite), answer)


@pytest.mark.parametrize(("kind", "form"), EXPORTED)
def test_the_onnx_form_of_a_network_answers_alike_for_any_number_of_samples(kind, form):
    samples, model = fit(kind, form, members=2)
    data = onnx_file.export_onnx(model)
    for count in (60, 1, 7):
        assert onnx_file.measure_difference(model, data, samples.features[:count]) <= 1e-5
    nothing = np.full_like(samples.features[:2], np.nan)
    assert onnx_file.measure_difference(model, data, nothing) <= 1e-5


@pytest.mark.parametrize(("kind", "form"), [("u_net", "chips"), ("u_tae", "chip series")])
def test_labels_of_pixels_give_answers_of_pixels(kind, form):
    samples = make_samples(form, 60)
    edge = len(samples.axes["y"])
    labels = np.repeat(np.repeat(samples.labels[:, None, None], edge, 1), edge, 2)
    labels[:, :, : edge // 2] = 7  # the left half of every chip is water
    labels[:, 0] = -1
    features = samples.features.copy()
    features[..., : edge // 2] = -9
    samples = replace(samples, features=features)
    settings = {**SMALL[kind], "epochs": 25, "learning_rate": 0.01, "validation": 0.0}
    model = train(samples, ModelSpec(kind, settings=settings), threads=1, pixel_labels=labels)
    assert model.classes == (1, 2, 3, 7)
    answer = model.estimate_probabilities(samples.features)
    assert answer.shape == (60, 4, edge, edge)
    named = np.array(model.classes)[answer.argmax(1)]
    assert (named == labels)[:, 1:, : edge // 2].mean() > 0.95
    assert (named == 7)[:, 1:, edge // 2 :].mean() < 0.2
    with pytest.raises(InputError, match="labels of pixels have shape"):
        train(samples, ModelSpec(kind), pixel_labels=labels[:, 1:])


def test_rare_classes_are_found_more_often_when_classes_are_balanced(rows):
    kept = np.concatenate([np.flatnonzero(rows.labels != 2), np.flatnonzero(rows.labels == 2)[:6]])
    rare = rows.take(kept)
    found = {}
    for how in (None, "balanced"):
        settings = {"width": 16, "epochs": 15, "learning_rate": 0.01, "class_weight": how, "validation": 0.0}
        model = train(rare, ModelSpec("mlp", settings=settings), threads=1)
        found[how] = model.estimate_probabilities(rows.features)[rows.labels == 2, 1].mean()
    assert found["balanced"] > found[None] + 0.1


def test_smoothed_labels_give_less_certain_answers(rows):
    certainty = []
    for smoothing in (0.0, 0.5):
        settings = {
            "width": 32,
            "epochs": 20,
            "learning_rate": 0.01,
            "label_smoothing": smoothing,
            "validation": 0.0,
        }
        model = train(rows, ModelSpec("mlp", settings=settings), threads=1)
        certainty.append(model.estimate_probabilities(rows.features).max(axis=1).mean())
    assert certainty[1] < certainty[0] - 0.1


def test_the_weights_of_a_network_are_safetensors(rows):
    safetensors = pytest.importorskip("safetensors.torch")
    model = train(rows, ModelSpec("mlp", settings={"width": 8, "epochs": 1}), threads=1)
    tensors = safetensors.load(model.fitted.export_tensors())
    assert {key: tuple(t.shape) for key, t in tensors.items()} == {
        key: tuple(t.shape) for key, t in model.fitted.network.state_dict().items()
    }


@pytest.mark.parametrize(
    ("labels", "days"),
    [
        (("2024-01-01", "2024-03-01", "2025-01-01"), (0.0, 60.0, 366.0)),
        (("2024-02", "2024-05"), (31.0, 121.0)),
        (("2024-02-03T10:30:00Z",), (33.0,)),
        (("16", "48"), (16.0, 48.0)),
        (("spring", "autumn"), (0.0, 182.625)),
        ((), ()),
    ],
)
def test_dates_stand_where_they_are_in_the_year(labels, days):
    assert find_days(labels) == days


def test_a_layer_that_is_left_out_passes_on_what_it_gets(rows):
    settings = {"width": 8, "epochs": 1}
    whole = train(rows, ModelSpec("mlp", settings=settings), threads=1)
    without = train(rows, ModelSpec("mlp", settings={**settings, "leave_out": "layers.4"}), threads=1)
    assert len(without.fitted.export_tensors()) < len(whole.fitted.export_tensors())
    with pytest.raises(InputError, match=r"no layer 'layers\.99'"):
        train(rows, ModelSpec("mlp", settings={**settings, "leave_out": "layers.99"}), threads=1)
