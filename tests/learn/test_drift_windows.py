"""Later samples are cut into windows by time and held to what a model knows, by features and answers."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.drift_windows import check_windows
from eocene.model import InputError

DAY = np.timedelta64(86_400, "s")


def make_fields(seed: int, n: int, shift: float = 0.0) -> Samples:
    """Two classes of series of 4 dates and 2 bands; from the middle of the year on, red may be brighter."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(1, 3, n)
    features = labels[:, None, None] + rng.normal(size=(n, 4, 2))
    time = np.datetime64("2024-01-01", "s") + np.sort(rng.integers(0, 365, n)) * DAY
    features[time >= np.datetime64("2024-07-01"), :, 0] += shift
    order = rng.permutation(n)
    axes = {"t": ("2024-05", "2024-06", "2024-07", "2024-08"), "bands": ("red", "nir")}
    x, y = rng.uniform(0, 9000, (2, n))
    return Samples(
        features[order], labels[order], x, y, 32631, axes, {1: "wheat", 2: "maize"},
        columns={"time": time[order]}, name="fields",
    )  # fmt: skip


def test_windows_follow_the_time_and_name_what_changed():
    windows = check_windows(make_fields(0, 900), make_fields(1, 650, shift=1.5), window=100)
    assert len(windows) == 6  # fifty samples fill no window
    assert [each.first for each in windows] == sorted(each.first for each in windows)
    late = [each.drift.is_drift for each in windows if each.first >= "2024-07-01"]
    early = [each.drift.is_drift for each in windows if each.last < "2024-07-01"]
    assert (late, early) == ([True] * len(late), [False] * len(early))
    assert min(len(late), len(early)) >= 2
    assert {name.split("/")[1] for name, _ in windows[-1].drift.features} == {"red"}


def test_answers_are_watched_beside_a_reference_that_was_not_learnt():
    known, held_out, later = make_fields(0, 300), make_fields(1, 900), make_fields(2, 300)
    model = train(known, ModelSpec(settings={"n_estimators": 20}))
    rare = np.flatnonzero((later.labels == 1) | (np.arange(300) % 5 == 0))
    windows = check_windows(held_out, later.take(rare), predictor=model, window=150)
    assert windows[0].drift.is_drift
    assert windows[0].drift.features[0][0].startswith("answer ")


def test_chips_are_compared_by_the_means_of_their_bands():
    rng = np.random.default_rng(0)
    axes = {"bands": ("red", "nir"), "y": tuple("abcd"), "x": tuple("abcd")}

    def make_chips(n: int, bright: float) -> Samples:
        features = rng.normal(size=(n, 2, 4, 4))
        features[:, 1] += bright
        features[0, 0] = np.nan
        return Samples(features, np.ones(n), np.arange(n), np.zeros(n), 32631, axes)

    (window,) = check_windows(make_chips(500, 0.0), make_chips(100, 0.5))
    assert (window.first, [name for name, _ in window.drift.features]) == (None, ["nir"])


def test_samples_of_another_form_are_refused():
    fields = make_fields(0, 400)
    other = replace(fields, features=fields.features[:, :3], axes={**fields.axes, "t": ("a", "b", "c")})
    with pytest.raises(InputError, match=r"shape \(3, 2\) cannot be compared with such of \(4, 2\)"):
        check_windows(fields, other)


@pytest.mark.parametrize("named", [False, True])
def test_drift_is_told_of_a_registered_model(named, tmp_path):
    known, later, held_out = make_fields(0, 900), make_fields(1, 400, shift=1.5), make_fields(2, 900)
    spec = ModelSpec(settings={"n_estimators": 10})
    with eocene.open(tmp_path) as ws:
        for samples in (known, later, held_out):
            samples.save(ws.layout.datasets)
        model = ws.models.register(train(known, spec), evaluate(known, spec, {}), known)
    words = ["models", "drift", model, later.id, "-w", tmp_path, "--window", 100, "--rate", 0.02]
    words += ["--reference", held_out.id] if named else []
    result = CliRunner().invoke(app, [str(word) for word in words], catch_exceptions=False)
    told = json.loads(result.stdout)
    assert told["watched"] == (["features", "answers"] if named else ["features"])
    assert told["reference"] == (held_out if named else known).id
    assert 1 <= told["alarms"] < len(told["windows"]) == 4
    assert told["windows"][-1]["is_drift"]
