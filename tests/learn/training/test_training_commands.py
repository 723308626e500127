from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples
from typer.testing import CliRunner

import eocene
from eocene.cli import app


@pytest.fixture
def desk(tmp_path):
    with eocene.open(tmp_path / "desk") as ws:
        samples = make_samples("series")
        samples.save(ws.layout.datasets)
    return tmp_path / "desk", samples.id


def call(*words: object):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_bands_and_dates_are_left_out_by_one_command(desk, tmp_path):
    folder, dataset = desk
    (tmp_path / "trees.yaml").write_text(
        "kind: lightgbm\nsettings:\n  n_estimators: 5\n  min_child_samples: 5\n"
    )
    rows = call(
        "ablate", dataset, "-w", folder, "--spec", tmp_path / "trees.yaml", "--leave", "bands",
        "--block-m", 100, "--folds", 2,
    )  # fmt: skip
    assert rows[0]["part"] == "nothing"
    assert {row["name"] for row in rows[1:]} == {"red", "nir", "swir"}


def test_a_part_is_left_out_though_what_is_left_of_some_samples_looks_empty(tmp_path):
    samples = make_samples("series")
    features = np.array(samples.features)
    features[:3, :, 1:] = 0.25  # but for one band these hold one value
    samples = replace(samples, features=features)
    with eocene.open(tmp_path) as ws:
        samples.save(ws.layout.datasets)
    spec = json.dumps({"kind": "random_forest", "settings": {"n_estimators": 5}})
    words = ("--leave", "bands", "--block-m", 100, "--folds", 2)
    rows = call("ablate", samples.id, "-w", tmp_path, "--spec", spec, *words)
    assert {row["name"] for row in rows[1:]} == {"red", "nir", "swir"}


@pytest.mark.long
def test_settings_are_searched_by_one_command_and_one_file(desk, tmp_path):
    pytest.importorskip("optuna")
    folder, dataset = desk
    (tmp_path / "plan.yaml").write_text(
        "kind: lightgbm\nsettings: {min_child_samples: 5}\n"
        "search: {n_estimators: [1, 20]}\ntrials: 3\nworkers: 1\n"
    )
    found = call("tune", dataset, tmp_path / "plan.yaml", "--folder", tmp_path / "search", "-w", folder)
    assert found["spec"]["kind"] == "lightgbm"
    assert len(found["trials"]) == 3
    assert (tmp_path / "search" / "trials.jsonl").is_file()


@pytest.mark.long
def test_a_network_is_trained_scored_and_registered_by_one_command(desk, tmp_path):
    pytest.importorskip("torch")
    folder, dataset = desk
    (tmp_path / "net.yaml").write_text("kind: mlp\nsettings: {width: 8, epochs: 2}\n")
    told = call(
        "train", dataset, "-w", folder, "--spec", tmp_path / "net.yaml", "--block-m", 100, "--folds", 2,
        "--folder", tmp_path / "checkpoints",
    )  # fmt: skip
    assert 0 < told["accuracy_block"] < 1
    assert (tmp_path / "checkpoints" / "mlp-0" / "record.jsonl").is_file()
    with eocene.open(folder) as ws:
        predictor = ws.models.load(told["model"])
        assert predictor.feature_names == make_samples("series").feature_names
