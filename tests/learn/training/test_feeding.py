"""Batches are made ahead of the step that learns them, and nothing of a step is waited for."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from eocene.learn import train

torch = pytest.importorskip("torch")

from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode  # noqa: E402

from eocene.learn.training import fit, loop  # noqa: E402
from eocene.learn.training.batches import ArraySource, Batch  # noqa: E402
from eocene.learn.training.feeding import cut_portion, look_ahead  # noqa: E402
from eocene.learn.training.loss import Loss  # noqa: E402


def feeders() -> list[str]:
    return [each.name for each in threading.enumerate() if each.name.startswith("eocene-feed")]


def test_what_is_made_ahead_comes_in_its_order_and_by_another_thread():
    made = []

    def make():
        for number in range(20):
            made.append(threading.current_thread().name)
            yield number

    assert list(look_ahead(make(), 2)) == list(range(20))
    assert all(name.startswith("eocene-feed") for name in made)
    assert not feeders()


def test_no_more_is_made_ahead_than_was_asked_for():
    made = []

    def make():
        for number in range(50):
            made.append(number)
            yield number

    for used in look_ahead(make(), 3):
        assert len(made) <= used + 1 + 3
    assert len(made) == 50


def test_an_error_comes_after_what_was_made_before_it():
    def make():
        yield from (1, 2)
        raise ValueError("the third is damaged")

    items = look_ahead(make(), 2)
    assert [next(items), next(items)] == [1, 2]
    with pytest.raises(ValueError, match="the third is damaged"):
        next(items)
    assert not feeders()


def test_whoever_stops_early_ends_the_thread_and_the_source():
    ended = []

    def make():
        try:
            yield from range(1_000)
        finally:
            ended.append(True)

    items = look_ahead(make(), 2)
    assert next(items) == 0
    items.close()
    assert ended == [True]
    assert not feeders()


def test_a_network_learns_the_same_from_batches_that_are_made_ahead(series, spec, tmp_path, monkeypatch):
    plain = train(series, spec, threads=1)
    for room in (loop, fit):
        monkeypatch.setattr(room, "feed", lambda portions, device: look_ahead(portions, 2))
    ahead = train(series, spec, threads=1, folder=tmp_path)
    assert ahead.fitted.export_tensors() == plain.fitted.export_tensors()
    assert ahead.fitted.histories == plain.fitted.histories


def test_a_step_reads_no_number_that_the_device_computes(spec):
    """Tensors without values: whoever asks one for its value, and so would wait for a GPU, is refused."""
    rng = np.random.default_rng(0)
    features, answers = rng.normal(size=(8, 5)).astype(np.float32), rng.integers(0, 3, 8)
    ones = np.ones(8, np.float32)
    batch = Batch(features, answers, ones, np.roll(answers, 1), np.full(8, 0.3, np.float32))
    loss = Loss(np.ones(3, np.float32), smoothing=0.1)
    lesson = loop.Lesson(ArraySource(features, answers, ones, 8, 0), loss, spec.options, seed=0)
    portion = cut_portion(batch, loss.weigh(batch), slice(0, 8))
    training = loop._Training(torch.nn.Linear(5, 3), lesson)
    with FakeTensorMode() as mode:
        training.network = torch.nn.Linear(5, 3)
        training.lost = torch.zeros(1, dtype=torch.float64)
        # AdamW counts steps by tensors that stay on the processor, which it may read.
        training.optimiser = torch.optim.SGD(training.network.parameters(), lr=0.1)
        for _ in range(3):
            training._step(portion.map(mode.from_tensor))
        with pytest.raises(DataDependentOutputException):
            float(training.lost)
    assert training.progress.step == 3
