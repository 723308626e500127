"""A stored data set is learnt as it streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples

from eocene.curate.dataset import Dataset, DatasetWriter, Layer
from eocene.curate.faults import Resolution, check_samples, resolve_stored
from eocene.learn import ModelSpec
from eocene.model import ConflictError, InputError

pytest.importorskip("torch")

from eocene.learn.training import loop
from eocene.learn.training.stored import train_stored

SPEC = ModelSpec("mlp", seed=2, settings={"width": 16, "epochs": 10, "batch_size": 16, "learning_rate": 0.01})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Dataset:
    samples = make_samples("series", 200)
    return Dataset.open(samples.save(tmp_path_factory.mktemp("stored")))


def test_a_network_learns_from_a_stream_the_same_for_every_number_of_workers(dataset):
    models = [train_stored(dataset, SPEC, workers=workers, threads=1) for workers in (0, 2)]
    assert models[0].fitted.export_tensors() == models[1].fitted.export_tensors()
    whole = dataset.read()
    assert (models[0].classify(whole.features) == whole.labels).mean() > 0.8
    assert models[0].feature_names == whole.feature_names


def test_a_stream_that_was_cut_off_goes_on_to_equal_weights(dataset, tmp_path, monkeypatch):
    spec = replace(SPEC, settings={**SPEC.settings, "epochs": 3, "checkpoint_steps": 2})
    whole = train_stored(dataset, spec, threads=1)
    step, done = loop._Training._step, []

    def count(self, batch):
        done.append(1)
        if len(done) == 16:
            raise KeyboardInterrupt
        step(self, batch)

    monkeypatch.setattr(loop._Training, "_step", count)
    with pytest.raises(KeyboardInterrupt):
        train_stored(dataset, spec, threads=1, folder=tmp_path)
    resumed = train_stored(dataset, spec, threads=1, folder=tmp_path)
    assert resumed.fitted.export_tensors() == whole.fitted.export_tensors()


def test_only_the_rows_that_are_told_are_learnt(dataset):
    rows = np.flatnonzero(dataset.labels != 3)
    model = train_stored(dataset, SPEC, rows=rows, threads=1)
    assert model.classes == (1, 2)


def test_what_cannot_learn_from_a_stream_says_so(dataset):
    with pytest.raises(InputError, match="does not learn from a stream"):
        train_stored(dataset, ModelSpec("lightgbm"))
    with pytest.raises(InputError, match="does not learn from a stream"):
        train_stored(dataset, ModelSpec("u_net"))
    with pytest.raises(InputError, match="1 class"):
        train_stored(dataset, SPEC, rows=np.flatnonzero(dataset.labels == 2))


def test_a_stored_data_set_with_faults_is_refused_until_someone_says_what_becomes_of_them(tmp_path):
    samples = make_samples("series", 60)
    features = samples.features.copy()
    features[7] = 0
    dataset = Dataset.open(replace(samples, features=features).save(tmp_path))
    with pytest.raises(ConflictError, match="1 samples with nodata"):
        train_stored(dataset, SPEC)
    report = check_samples(dataset, kinds=["nodata"])
    with pytest.raises(ConflictError, match="1 samples with nodata"):
        train_stored(dataset, SPEC, report=report)
    for resolution in (Resolution("nodata", "drop"), Resolution("nodata", "keep", "we study gaps")):
        settled = resolve_stored(dataset, report, [resolution], tmp_path)
        short = replace(SPEC, settings={**SPEC.settings, "epochs": 1})
        assert train_stored(settled, short, threads=1).classes == (1, 2, 3)


def test_labels_of_pixels_are_learnt_from_a_layer_as_from_an_array(tmp_path):
    """What a pixel holds, not what its chip is labelled, tells its class: above 2 it is 5, else 7."""
    samples = make_samples("chips", 80, gaps=0)
    labels = np.where(samples.features[:, 0] > 2, 5, 7).astype(np.int64)
    labels[:, 0] = -1
    edges = {dim: samples.axes[dim] for dim in ("y", "x")}
    layers = {"features": Layer(samples.axes), "labels": Layer(edges, "int16", nodata=-1)}
    with DatasetWriter(tmp_path, layers, epsg=samples.epsg, class_names={1: "a", 2: "b", 3: "c"}) as writer:
        pixels = {"features": samples.features, "labels": labels.astype(np.int16)}
        writer.append(pixels, samples.labels, samples.x, samples.y)
        dataset = Dataset.open(writer.finish())
    settings = {"depth": 1, "width": 8, "epochs": 12, "batch_size": 16, "learning_rate": 0.02}
    spec = ModelSpec("u_net", settings=settings | {"class_weight": "balanced"})
    models = [
        train_stored(dataset, spec, workers=workers, threads=1, pixel_labels="labels") for workers in (0, 2)
    ]
    assert models[0].fitted.export_tensors() == models[1].fitted.export_tensors()
    assert models[0].classes == (5, 7)
    answer = models[0].estimate_probabilities(samples.features)
    named = np.array([5, 7])[answer.argmax(1)]
    assert (named == labels)[:, 1:].mean() > 0.9
    with pytest.raises(InputError, match="no layer 'pixels'"):
        train_stored(dataset, spec, pixel_labels="pixels")
    with pytest.raises(InputError, match="not the pixels"):
        train_stored(dataset, spec, pixel_labels="features")
