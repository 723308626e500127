from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples

from eocene.curate import random_split
from eocene.learn import ModelSpec
from eocene.learn.training.ablation import ablate, find_layers, leave_label, list_labels
from eocene.model import InputError

TREES = ModelSpec("lightgbm", settings={"n_estimators": 20, "min_child_samples": 5})


@pytest.fixture(scope="module")
def planted():
    """Series in which the classes are told by the band nir on 2024-05-01 alone."""
    samples = make_samples("series", 300, gaps=0.0)
    features = np.random.default_rng(0).normal(size=samples.features.shape)
    features[:, 3, 1] += 3 * samples.labels
    return replace(samples, features=features)


def test_the_planted_band_and_date_are_missed_most(planted):
    rows = ablate(planted, TREES, random_split(planted, 3, 0), ["bands", "dates"], threads=1)
    assert rows[0].part == "nothing"
    assert rows[0].accuracy > 0.85
    assert {(row.part, row.name) for row in rows[1:3]} == {("bands", "nir"), ("dates", "2024-05-01")}
    assert all(row.lost > 0.3 for row in rows[1:3])
    assert all(row.lost < 0.1 for row in rows[3:])
    assert len(rows) == 1 + 3 + 6


def test_rows_named_like_series_are_left_out_alike(planted):
    flat = planted.flatten()
    assert list_labels(flat, "bands") == ["red", "nir", "swir"]
    assert list_labels(flat, "dates") == list(planted.axes["t"])
    without = leave_label(flat, "bands", "nir")
    np.testing.assert_array_equal(without.features, leave_label(planted, "bands", "nir").flatten().features)
    assert leave_label(flat, "features", "2024-05-01/nir").features.shape == (300, 17)


@pytest.mark.long
def test_layers_of_a_network_are_passed_by(planted):
    pytest.importorskip("torch")
    spec = ModelSpec("mlp", settings={"width": 8, "epochs": 2, "depth": 2})
    assert find_layers(planted, spec) == ["layers.1", "layers.4", "layers.5"]
    rows = ablate(planted, spec, random_split(planted, 2, 0), ["layers"], threads=1)
    assert {row.name for row in rows} == {"", "layers.1", "layers.4", "layers.5"}


@pytest.mark.parametrize(
    ("form", "spec", "part", "fault"),
    [
        ("rows", TREES, "bands", "no bands to leave out"),
        ("rows", TREES, "layers", "lightgbm has no layers"),
        ("rows", TREES, "weather", "weather cannot be left out"),
        ("chips", ModelSpec("small_cnn"), "features", "pixels are no features"),
    ],
)
def test_what_cannot_be_left_out_is_named_before_anything_is_trained(form, spec, part, fault):
    samples = make_samples(form)
    with pytest.raises(InputError, match=fault):
        ablate(samples, spec, random_split(samples, 2, 0), [part])
