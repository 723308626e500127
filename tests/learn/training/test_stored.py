"""A stored data set is learnt as it streams."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples

from eocene.curate.dataset import Dataset
from eocene.learn import ModelSpec
from eocene.model import InputError

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
