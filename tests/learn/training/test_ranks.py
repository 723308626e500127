"""Several processes that share every batch learn what one does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from eocene.learn import ModelSpec, train
from eocene.model import InputError, UnavailableError

pytest.importorskip("torch")

from eocene.learn.training.launch import train_on_ranks
from eocene.learn.training.ranks import Ranks


def test_the_shares_of_a_batch_are_the_batch():
    for length in (1, 7, 64):
        for count in (1, 2, 3, 5):
            parts = [Ranks(rank, count).share(length) for rank in range(count)]
            assert np.concatenate([np.arange(length)[part] for part in parts]).tolist() == list(range(length))


@pytest.mark.long
def test_two_processes_learn_what_one_does(series, spec, tmp_path):
    """Dropout is drawn by each process for itself, so that it is left out here."""
    spec = replace(
        spec, settings={**spec.settings, "dropout": 0.0, "batch_size": 15, "class_weight": "balanced"}
    )
    alone = train(series, spec, threads=1)
    together = train_on_ranks(series, spec, 2, tmp_path)
    curves = [
        np.array([list(row.values()) for row in model.fitted.histories[0]]) for model in (alone, together)
    ]
    np.testing.assert_allclose(curves[0], curves[1], atol=1e-4)
    answers = [model.estimate_probabilities(series.features) for model in (alone, together)]
    np.testing.assert_allclose(answers[0], answers[1], atol=1e-3)


def test_trees_are_not_trained_by_several_processes(series, tmp_path):
    with pytest.raises(InputError, match="2 processes cannot train the kind 'lightgbm'"):
        train_on_ranks(series, ModelSpec("lightgbm"), 2, tmp_path)


@pytest.mark.long
def test_a_process_that_fails_ends_the_others_and_tells_why(series, spec, tmp_path):
    wrong = replace(spec, settings={**spec.settings, "leave_out": "no.such.layer"})
    with pytest.raises(UnavailableError, match="no layer"):
        train_on_ranks(series, wrong, 2, tmp_path)
