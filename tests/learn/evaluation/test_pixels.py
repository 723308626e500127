from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn import metrics
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import DatasetWriter, Layer, Samples, random_split
from eocene.curate.dataset import FEATURES, PIXEL_LABELS
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.evaluation import answers
from eocene.learn.evaluation.page import write_page
from eocene.model import InputError

LABEL_AXES = {"y": tuple("abcdefgh"), "x": tuple("abcdefgh")}
SPEC = ModelSpec(
    "u_net", settings={"width": 4, "depth": 1, "epochs": 6, "learning_rate": 0.02, "validation": 0.0}
)


@pytest.fixture(scope="module")
def chips():
    """Chips of 8 × 8 pixels with two bands: class 3 where the first is high; a rim unlabelled."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(40, 2, 8, 8)).astype(np.float32)
    labels = np.where(features[:, 0] > 0.6, 3, 1)
    labels[:, 0] = -1
    axes = {"bands": ("B04", "B08"), "y": tuple("abcdefgh"), "x": tuple("abcdefgh")}
    place = 4_000_000 + 1000.0 * np.arange(40)
    columns = {"region": np.where(np.arange(40) < 20, "north", "south")}
    samples = Samples(features, np.ones(40), place, place, 3035, axes, {1: "land"}, columns=columns)
    return samples, labels


@pytest.fixture(scope="module")
def report(chips):
    pytest.importorskip("torch")
    samples, labels = chips
    folds = {"random": random_split(samples, 2, 0)}
    return evaluate(samples, SPEC, folds, threads=1, pixel_labels=labels)


def test_every_labelled_pixel_of_the_tested_chips_is_counted_as_scikit_learn_does(chips, report):
    samples, labels = chips
    truth, answer = [], []
    for learnt, tested in random_split(samples, 2, 0):
        model = train(samples, SPEC, rows=learnt, threads=1, pixel_labels=labels)
        best = np.array(model.classes)[model.estimate_probabilities(samples.features[tested]).argmax(1)]
        known = labels[tested] >= 0
        truth.append(labels[tested][known])
        answer.append(best[known])
    truth, answer = np.concatenate(truth), np.concatenate(answer)
    score = report.splits["random"]
    np.testing.assert_array_equal(score.confusion, metrics.confusion_matrix(truth, answer, labels=[1, 3]))
    assert np.sum(score.confusion) == 40 * 56
    each = metrics.jaccard_score(truth, answer, labels=[1, 3], average=None)
    assert [row["iou"] for row in score.classes] == pytest.approx(each.tolist())
    assert score.pooled["mean_iou"] == pytest.approx(each.mean())
    assert score.calibration["brier"] < 0.5
    groups = {line["name"]: line["support"] for line in score.groups["region"]}
    assert groups == {"north": 20 * 56, "south": 20 * 56}


def test_baselines_answer_for_the_same_pixels(chips, report):
    _, labels = chips
    score = report.splits["random"]
    assert score.baseline["accuracy"] == pytest.approx((labels[labels >= 0] == 1).mean())
    assert score.forest["accuracy"] > 0.98  # one threshold on one band of the pixel itself


def test_the_page_says_that_pixels_were_counted(report):
    page = write_page(report.to_dict())
    assert "Every labelled pixel of the tested chips" in page
    assert "IoU" in page
    assert report.unit == "pixel"
    assert report.class_names == {1: "land", 3: "3"}


def test_of_many_pixels_some_are_drawn_for_calibration_and_all_are_counted(chips, monkeypatch):
    samples, labels = chips
    pytest.importorskip("torch")
    monkeypatch.setattr(answers, "MOST_SHOWN", 300)
    asked = answers.Asked(samples, labels)
    quick = replace(SPEC, settings={**SPEC.settings, "epochs": 1})
    found = answers.answer_folds(asked, quick, random_split(samples, 2, 0), 1)
    assert len(found.truth) == 40 * 56
    assert 400 < len(found.shown) < 800
    best = found.classes[found.probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(best, found.answer[found.shown])


def test_labels_of_other_chips_are_refused(chips):
    samples, labels = chips
    with pytest.raises(InputError, match="labels of pixels have shape"):
        evaluate(samples, SPEC, {}, pixel_labels=labels[:, 1:])


@pytest.mark.long  # writes ONNX, which takes torch long
def test_a_model_of_pixels_is_trained_scored_and_registered_by_one_command(chips, tmp_path):
    pytest.importorskip("torch")
    samples, labels = chips
    spec = replace(SPEC, settings={**SPEC.settings, "epochs": 2})
    with eocene.open(tmp_path / "desk") as ws:
        layers = {FEATURES: Layer(samples.axes), PIXEL_LABELS: Layer(LABEL_AXES, "int16", nodata=-1)}
        with DatasetWriter(
            ws.layout.datasets, layers, epsg=3035, name="chips", class_names={1: "land", 3: "water"},
            sources={"graph": None, "items": []}, seed=None,
        ) as writer:  # fmt: skip
            stored = {FEATURES: samples.features, PIXEL_LABELS: labels.astype(np.int16)}
            writer.append(stored, samples.labels, samples.x, samples.y, samples.columns)
            dataset = writer.finish().name
        words = ["train", dataset, "-w", tmp_path / "desk", "--spec", spec.to_json(), "--pixels"]
        done = CliRunner().invoke(app, [*map(str, words), "--folds", "2", "--block-m", "5000"])
        assert done.exit_code == 0, done.output
        model = json.loads(done.stdout)["model"]
        told = ws.models.report(model)
        assert told["unit"] == "pixel"
        assert np.sum(told["splits"]["random"]["confusion"]) == 40 * 56
        assert ws.models.load(model).signature.dense
        assert "| class | pixels |" in (ws.layout.models / model / "card.md").read_text()
