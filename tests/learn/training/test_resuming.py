"""A training that is killed goes on as if it had not been."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from eocene.learn import ModelSpec, train
from eocene.model import DamageError, InputError

torch = pytest.importorskip("torch")

from eocene.learn.training import loop  # noqa: E402
from eocene.learn.training.launch import prepare_task  # noqa: E402

WORK = """
import json, sys, time
from pathlib import Path
from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.training import loop
folder = Path(sys.argv[1])
step = loop._Training._step
def slow(self, batch):
    step(self, batch)
    time.sleep(0.02)
loop._Training._step = slow
task = json.loads((folder / "task.json").read_text())
samples = Samples.load(folder / task["samples"])
train(samples, ModelSpec.from_dict(task["spec"]), threads=1, folder=folder / "training")
time.sleep(600)  # it only ends by being killed
"""


def weights(model) -> bytes:
    return model.fitted.export_tensors()


class CutOffError(Exception):
    pass


def train_in_pieces(samples, spec, folder, cuts, monkeypatch):
    """Train, cut off after each of these numbers of steps; return the model."""
    step = loop._Training._step
    for cut in [*cuts, None]:
        done = 0

        def count(self, batch, cut=cut):
            nonlocal done
            if done == cut:
                raise CutOffError
            done += 1
            step(self, batch)

        monkeypatch.setattr(loop._Training, "_step", count)
        try:
            return train(samples, spec, threads=1, folder=folder)
        except CutOffError:
            continue
    raise AssertionError("the last piece is never cut off")


def test_two_trainings_with_one_seed_give_equal_weights_and_another_seed_others(series, spec):
    first, second = (weights(train(series, spec, threads=1)) for _ in range(2))
    assert first == second
    assert weights(train(series, replace(spec, seed=4), threads=1)) != first


def test_training_leaves_threads_and_draws_of_the_process_alone(series, spec):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    before = torch.get_num_threads()
    train(series, spec, threads=1, until=1)
    assert torch.get_num_threads() == before
    assert torch.equal(torch.rand(3), expected)


@pytest.mark.parametrize("cuts", [(1,), (8,), (5, 9, 2)])
def test_a_training_that_was_cut_off_anywhere_gives_equal_weights(series, spec, cuts, tmp_path, monkeypatch):
    whole = train(series, spec, threads=1)
    pieces = train_in_pieces(series, spec, tmp_path, cuts, monkeypatch)
    assert weights(pieces) == weights(whole)
    assert pieces.fitted.histories == whole.fitted.histories


def test_a_process_killed_at_any_moment_is_taken_up_to_equal_weights(series, spec, tmp_path):
    whole = train(series, spec, threads=1)
    prepare_task(series, spec, tmp_path)
    kill_soon(tmp_path, steps=random.SystemRandom().randint(1, 30))
    resumed = train(series, spec, threads=1, folder=tmp_path / "training")
    assert weights(resumed) == weights(whole)
    assert resumed.fitted.histories == whole.fitted.histories


@pytest.mark.long
def test_a_process_killed_again_and_again_is_taken_up_to_equal_weights(series, spec, tmp_path):
    whole = train(series, spec, threads=1)
    prepare_task(series, spec, tmp_path)
    for _ in range(4):
        kill_soon(tmp_path, steps=random.SystemRandom().randint(1, 12))
    assert weights(train(series, spec, threads=1, folder=tmp_path / "training")) == weights(whole)


def kill_soon(folder, steps: int) -> None:
    """Start a training, kill -9 it some steps after its first checkpoint."""
    command = [sys.executable, "-c", WORK, str(folder)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sign = folder / "training" / "mlp-0" / "checkpoint.safetensors"
    while not sign.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.02 * steps)
    process.kill()
    assert process.wait() == -signal.SIGKILL


def test_a_checkpoint_of_another_training_is_refused(series, spec, tmp_path):
    train(series, spec, threads=1, folder=tmp_path, until=1)
    with pytest.raises(InputError, match="checkpoint of another training"):
        train(series, replace(spec, seed=9), threads=1, folder=tmp_path)
    with pytest.raises(InputError, match="checkpoint of another training"):
        train(series.take(np.arange(100)), spec, threads=1, folder=tmp_path)


@pytest.mark.parametrize("damage", [b"", b"\x80\x04pickle", None])
def test_a_damaged_checkpoint_is_named(series, spec, tmp_path, damage):
    train(series, spec, threads=1, folder=tmp_path, until=1)
    path = tmp_path / "mlp-0" / "checkpoint.safetensors"
    path.write_bytes(path.read_bytes()[:-5] if damage is None else damage)
    with pytest.raises(DamageError, match="cannot be read"):
        train(series, spec, threads=1, folder=tmp_path)


def test_the_folder_holds_the_checkpoint_the_record_and_its_picture(series, spec, tmp_path):
    model = train(series, spec, threads=1, folder=tmp_path)
    folder = tmp_path / "mlp-0"
    assert {p.name for p in folder.iterdir()} == {"checkpoint.safetensors", "record.jsonl", "curves.svg"}
    lines = (folder / "record.jsonl").read_text().splitlines()
    assert len(lines) == len(model.fitted.histories[0]) == 6
    assert "check_loss" in lines[0]
    assert "<polyline" in (folder / "curves.svg").read_text()


def test_members_have_seeds_and_folders_of_their_own(series, spec, tmp_path):
    several = ModelSpec("mlp", seed=3, settings={**spec.settings, "members": 2, "epochs": 2})
    model = train(series, several, threads=1, folder=tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"mlp-0", "mlp-1"}
    first, second = model.fitted.histories
    assert first != second
