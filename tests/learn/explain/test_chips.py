"""Explanations of models that answer for each pixel of a chip: the mean score over some of the pixels."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import DatasetWriter, Layer, Samples
from eocene.curate.dataset import FEATURES, PIXEL_LABELS
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.explain import (
    MeanOverPixels,
    Question,
    attribute_answers,
    batches,
    explain_answer,
    explain_model,
    find_counterfactual,
    permute_features,
    plant_driver,
    plant_truth,
)
from eocene.model import InputError

pytest.importorskip("torch")

DATES, BANDS, EDGE = ("2024-05", "2024-06", "2024-07"), ("B02", "B04", "B08"), 8
SMALL = {
    "u_net": ModelSpec(
        "u_net", settings={"width": 4, "depth": 1, "epochs": 20, "learning_rate": 0.02, "validation": 0.0}
    ),
    "u_tae": ModelSpec(
        "u_tae",
        settings={"width": 8, "depth": 1, "heads": 2, "epochs": 20, "learning_rate": 0.02, "validation": 0.0},
    ),
}


def draw_chips(kind: str, count: int = 60) -> Samples:
    """Draw chips of noise, of three dates for U-TAE."""
    pixels = tuple(str(i) for i in range(EDGE))
    axes = {"bands": BANDS, "y": pixels, "x": pixels}
    axes = {"t": DATES, **axes} if kind == "u_tae" else axes
    shape = tuple(len(labels) for labels in axes.values())
    features = np.random.default_rng(2).normal(size=(count, *shape)).astype(np.float32)
    place = 4_000_000 + 1000.0 * np.arange(count)
    return Samples(features, np.zeros(count), place, place, 3035, axes)


class Bright:
    """Says of each pixel that class 7 has the probability of the logistic function of a layer, else 3."""

    def __init__(self, *layer):
        self.layer = layer

    def estimate_probabilities(self, features):
        share = 1 / (1 + np.exp(-features[(slice(None), *self.layer)]))
        return np.stack([1 - share, share], axis=1)


@pytest.mark.parametrize(
    ("kind", "by"), [("u_net", "bands"), ("u_tae", "bands"), ("u_tae", "t"), ("u_tae", None)]
)
def test_a_planted_driver_of_pixels_is_found(kind, by):
    told = plant_driver(draw_chips(kind), SMALL[kind], by=by, pixels=True, noise=0.05)
    assert told.is_found
    assert told.margin > 2
    assert told.accuracy > 0.7


@pytest.mark.parametrize(("kind", "by"), [("u_net", "bands"), ("u_tae", "t")])
def test_the_answer_for_pixels_is_put_down_to_the_planted_driver(kind, by):
    made = plant_truth(draw_chips(kind), by=by, pixels=True, noise=0.05, seed=3)
    model = train(made.samples, SMALL[kind], threads=1, pixel_labels=made.pixels)
    for chip in range(3):
        where = made.pixels[chip] == 1
        mean = MeanOverPixels(model, where)
        told = attribute_answers(mean, made.samples.take([chip]), made.samples, by=by)
        assert told.rank(0, 1)[0][0] == made.names[made.driver]
        answer = model.estimate_probabilities(made.samples.features[[chip]])[0][:, where].mean(axis=1)
        np.testing.assert_allclose(told.base + told.values[0].sum(axis=0), answer, atol=1e-5)


def test_the_mean_over_pixels_is_that_of_numpy_in_batches_of_any_size(monkeypatch):
    chips = draw_chips("u_tae", 9).features
    where = np.random.default_rng(0).random((EDGE, EDGE)) < 0.3
    model = Bright(1, 2)
    whole = model.estimate_probabilities(chips)[:, :, where].mean(axis=2, dtype=np.float64)
    np.testing.assert_allclose(MeanOverPixels(model, where).estimate_probabilities(chips), whole)
    monkeypatch.setattr(batches, "AT_ONCE_BYTES", chips[0].nbytes * 2)
    np.testing.assert_allclose(MeanOverPixels(model, where).estimate_probabilities(chips), whole)


def test_explanations_do_not_depend_on_how_much_is_asked_at_once(monkeypatch):
    samples = draw_chips("u_tae", 12)
    where = np.ones((EDGE, EDGE), bool)
    labels = np.where(samples.features[:, 1, 2] > 0, 7, 3)

    def explain():
        model = MeanOverPixels(Bright(1, 2), where)
        told = attribute_answers(model, samples.take([0]), samples, rounds=4)
        return told.values, permute_features(Bright(1, 2), samples, (3, 7), rounds=1, pixel_labels=labels)

    (values, importance) = explain()
    monkeypatch.setattr(batches, "AT_ONCE_BYTES", samples.features[0].nbytes * 3)
    (again, importance_again) = explain()
    np.testing.assert_allclose(again, values, atol=1e-12)
    assert [one.mean for one in importance_again] == pytest.approx([one.mean for one in importance])


def test_pixels_that_are_not_selected_or_labelled_count_for_nothing():
    samples = draw_chips("u_tae", 20)
    where = np.zeros((EDGE, EDGE), bool)
    where[2, 3] = True
    told = attribute_answers(
        MeanOverPixels(Bright(1, 2), where), samples.take([5]), samples.take([6]), rounds=2
    )
    one, other = (Bright(1, 2).estimate_probabilities(samples.features[[n]])[0, 1, 2, 3] for n in (5, 6))
    assert dict(told.rank(0, 1))["2024-06/B08"] == pytest.approx(one - other, abs=1e-6)
    labels = np.full((20, EDGE, EDGE), -1)
    labels[:, 0] = np.where(samples.features[:, 1, 2, 0] > 0, 7, 3)
    changed = samples.features.copy()
    changed[:, :, :, 1:] = 0  # where nothing is labelled
    one, two = (
        permute_features(Bright(1, 2), replace(samples, features=f), (3, 7), rounds=1, pixel_labels=labels)
        for f in (samples.features, changed)
    )
    assert [part.mean for part in one] == pytest.approx([part.mean for part in two])


def test_the_mean_answer_for_pixels_changes_by_what_decides_alone():
    samples = draw_chips("u_net", 30)
    model = MeanOverPixels(Bright(1), np.ones((EDGE, EDGE), bool))
    dark = int(model.estimate_probabilities(samples.features)[:, 1].argmin())
    told = find_counterfactual(model, samples.features[dark], samples, (3, 7), 7, by_truth=False)
    assert told.changed == ("B04",)
    assert told.score > 0.5


def test_wrong_questions_about_pixels_are_told_so():
    samples = draw_chips("u_net", 6)
    with pytest.raises(InputError, match="No pixel of the chip"):
        MeanOverPixels(Bright(0), np.zeros((EDGE, EDGE), bool))
    with pytest.raises(InputError, match="the selected pixels have"):
        MeanOverPixels(Bright(0), np.ones((4, 4), bool)).estimate_probabilities(samples.features)
    with pytest.raises(InputError, match="labels of pixels have shape"):
        permute_features(Bright(0), samples, (3, 7), pixel_labels=np.zeros((6, 4, 4), int))
    with pytest.raises(InputError, match="are no chips"):
        plant_truth(replace(samples.flatten(), name="rows"), pixels=True)
    with pytest.raises(InputError, match="nothing to shuffle"):
        permute_features(Bright(0), samples, (3, 7), pixel_labels=np.full((6, EDGE, EDGE), -1))


@pytest.fixture(scope="module")
def desk(tmp_path_factory):
    """A workspace with chips whose pixels are of class 1 where June is bright, and a U-TAE of them."""
    folder = tmp_path_factory.mktemp("desk")
    drawn = draw_chips("u_tae")
    labels = np.where(drawn.features[:, 1].mean(axis=1) > 0, 1, 0)
    labels[:, 0] = -1
    pixels = {dim: drawn.axes[dim] for dim in ("y", "x")}
    with eocene.open(folder) as ws:
        layers = {FEATURES: Layer(drawn.axes), PIXEL_LABELS: Layer(pixels, "int16", nodata=-1)}
        with DatasetWriter(
            ws.layout.datasets, layers, epsg=3035, name="chips", class_names={0: "dark"},
            sources={"graph": None, "items": []}, seed=None,
        ) as writer:  # fmt: skip
            stored = {FEATURES: drawn.features, PIXEL_LABELS: labels.astype(np.int16)}
            writer.append(stored, drawn.labels, drawn.x, drawn.y, {})
            dataset = writer.finish().name
        samples = Samples.load(ws.layout.datasets / dataset)
        spec = SMALL["u_tae"]
        model = train(samples, spec, threads=1, pixel_labels=labels)
        report = evaluate(samples, spec, {}, pixel_labels=labels)
        name = ws.models.register(model, report, samples, name="bright")
        return folder, ws.models.load(name), samples, labels


def test_a_registered_model_of_pixels_is_explained(desk):
    _, predictor, samples, labels = desk
    told = explain_model(predictor, samples, by="t", rounds=2, pixel_labels=labels)
    assert told[0]["name"] == "2024-06"
    where = labels[4] == 1
    answer = explain_answer(predictor, samples.features[4], samples, Question(by="t", of=1), where=where)
    assert answer["attribution"][0]["name"] == "2024-06"
    assert "2024-06" in answer["counterfactual"]["changed"]
    shown = predictor.estimate_probabilities(samples.features[[4]])[0][:, where].mean(axis=1)
    assert list(answer["probabilities"].values()) == pytest.approx(shown.tolist(), abs=1e-5)
    assert (answer["pixels"], answer["explained"]) == (int(where.sum()), "1")
    with pytest.raises(InputError, match="answers for each pixel"):
        explain_model(predictor, samples, by="t")
    with pytest.raises(InputError, match="the selected pixels have"):
        explain_answer(predictor, samples.features[4], samples, where=np.ones((4, 4), bool))


def test_a_model_of_pixels_is_explained_by_one_command(desk):
    folder, _, _, labels = desk
    words = ["models", "explain", "bright", "-w", str(folder), "--by", "t"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    assert (told["importance"][0]["name"], told["learnt_from"]) == ("2024-06", True)
    for where, count in (([], (labels[4] >= 0).sum()), (["--where", "1"], (labels[4] == 1).sum())):
        done = CliRunner().invoke(app, [*words, "--sample", "4", "--of", "1", *where])
        answer = json.loads(done.stdout)["answer"]
        assert answer["attribution"][0]["name"] == "2024-06"
        assert answer["pixels"] == count
    done = CliRunner().invoke(app, [*words, "--sample", "4", "--where", "wheat"])
    assert "knows no class 'wheat'" in str(done.exception)
