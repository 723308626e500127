"""Networks that learn shares of classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.learn.mixtures import CLASSES, simulate_mixtures
from tests.learn.training.conftest import make_samples
from tests.learn.training.test_networks import CASES, SMALL
from tests.learn.training.test_resuming import kill_soon, train_in_pieces, weights

from eocene.curate import block_split, random_split
from eocene.curate.dataset import Dataset
from eocene.learn import ModelRegistry, ModelSpec, evaluate, onnx_file, train
from eocene.learn.fractions import find_fractions
from eocene.learn.score import score_shares
from eocene.model import InputError, Layout

torch = pytest.importorskip("torch")

from eocene.learn.training.augment import mix_samples  # noqa: E402
from eocene.learn.training.batches import Batch  # noqa: E402
from eocene.learn.training.feeding import cut_portion  # noqa: E402
from eocene.learn.training.launch import prepare_task, train_on_ranks  # noqa: E402
from eocene.learn.training.loss import Loss  # noqa: E402
from eocene.learn.training.stored import train_stored  # noqa: E402

FAST = {"width": 32, "epochs": 15, "learning_rate": 0.01, "batch_size": 16}


@pytest.fixture(scope="module")
def mixed():
    return simulate_mixtures("series", 160)


@pytest.fixture(scope="module")
def mlp() -> ModelSpec:
    return ModelSpec("mlp", seed=3, settings=FAST, target="fractions")


def measure(model, samples) -> tuple[float, float]:
    """Return the mean absolute error of a model's shares, and that of their mean."""
    told = find_fractions(samples.columns)
    naive = np.tile(told.mean(np.arange(len(samples))), (len(samples), 1))
    given = (model.estimate_probabilities(samples.features), naive)
    own, mean = (score_shares(told.values, shares, told.known)["mae"] for shares in given)
    return own, mean


@pytest.mark.parametrize(("kind", "form"), CASES)
def test_every_network_learns_shares(kind, form):
    samples = make_samples(form, 60, gaps=0)
    bright = samples.features.reshape(60, -1).mean(axis=1)
    share = 1 / (1 + np.exp(-1.5 * (bright - bright.mean()) / bright.std()))
    samples = replace(samples, columns={"fraction_1": 1 - share, "fraction_4": share})
    slow = kind in ("u_net", "u_tae")  # which first have to find that all their pixels have one answer
    how = {"epochs": 100, "learning_rate": 0.003} if slow else {"epochs": 25, "learning_rate": 0.01}
    settings = {**SMALL[kind], **how, "validation": 0.0, "batch_size": 15}
    model = train(samples, ModelSpec(kind, 1, settings, target="fractions"), threads=1)
    assert model.classes == (1, 4)
    own, mean = measure(model, samples)
    assert own < 0.5 * mean
    np.testing.assert_allclose(model.estimate_probabilities(samples.features).sum(axis=1), 1, atol=1e-5)


def test_shares_in_left_out_blocks_are_told_far_better_than_by_their_mean(mixed, mlp, tmp_path):
    splits = {"random": random_split(mixed, 2, 0), "block": block_split(mixed, 2, 250, 0)}
    report = evaluate(mixed, mlp, splits, threads=1)
    for split in report.splits.values():
        assert split.fractions["pooled"]["mae"] < 0.5 * split.fractions["baseline"]["mae"]
        assert split.fractions["pooled"]["r2"] > 0.7
        assert split.fractions["baseline"]["r2"] < 0.1
    registry = ModelRegistry(Layout(tmp_path))
    model = train(mixed, mlp, threads=1)
    item = registry.item(registry.register(model, report, mixed))
    assert item["properties"]["eocene:onnx_difference"] <= 1e-5


@pytest.mark.parametrize("mixup", [0.0, 0.4])
def test_the_loss_is_the_cross_entropy_of_shares_however_samples_are_mixed(mixup):
    rng = np.random.default_rng(2)
    answers = rng.dirichlet([1, 1, 1], 20).astype(np.float32)
    batch = Batch(rng.normal(size=(20, 4)), answers, rng.uniform(0.1, 1, 20).astype(np.float32))
    if mixup:
        batch = mix_samples(batch, mixup, np.random.default_rng(0))
        share = batch.share[:, None]
        answers = share * batch.answers + (1 - share) * batch.others
    scores, loss = rng.normal(size=(20, 3)), Loss(np.ones(3, np.float32))
    portion = cut_portion(batch, loss.weigh(batch), slice(None))
    logs = scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
    expected = -(batch.weights * (answers * logs).sum(axis=1)).sum()
    assert float(loss.sum(torch.tensor(scores), portion)) == pytest.approx(expected, rel=1e-5)
    assert portion.total == pytest.approx(batch.weights.sum())


def test_whole_shares_are_learnt_as_labels_are(series):
    """A sample that is all of one class is a sample with its label."""
    whole = {f"fraction_{v}": (series.labels == v).astype(float) for v in series.classes}
    spec = ModelSpec("mlp", seed=3, settings={"width": 16, "epochs": 3, "mixup": 0.2})
    labelled = train(series, spec, threads=1)
    shared = train(replace(series, columns=whole), replace(spec, target="fractions"), threads=1)
    answers = [model.estimate_probabilities(series.features) for model in (labelled, shared)]
    np.testing.assert_allclose(*answers, atol=1e-5)
    losses = [[row["check_loss"] for row in model.fitted.histories[0]] for model in (labelled, shared)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_one_seed_gives_equal_weights_and_what_was_cut_off_goes_on_to_them(mixed, mlp, tmp_path, monkeypatch):
    changed = {"epochs": 5, "mixup": 0.2, "jitter": 0.1, "drop_dates": 0.1, "checkpoint_steps": 3}
    spec = replace(mlp, settings={**mlp.settings, **changed})
    whole = train(mixed, spec, threads=1)
    assert weights(train(mixed, spec, threads=1)) == weights(whole)
    pieces = train_in_pieces(mixed, spec, tmp_path, (4, 13, 2), monkeypatch)
    assert weights(pieces) == weights(whole)
    assert pieces.fitted.histories == whole.fitted.histories
    with pytest.raises(InputError, match="checkpoint of another training"):
        train(mixed, replace(spec, target="label"), threads=1, folder=tmp_path)


def test_a_process_killed_while_it_learns_shares_is_taken_up_to_equal_weights(mixed, mlp, tmp_path):
    spec = replace(mlp, settings={**mlp.settings, "epochs": 4, "checkpoint_steps": 3})
    prepare_task(mixed, spec, tmp_path)
    kill_soon(tmp_path, steps=15)
    resumed = train(mixed, spec, threads=1, folder=tmp_path / "training")
    assert weights(resumed) == weights(train(mixed, spec, threads=1))


def test_a_stored_data_set_is_learnt_as_it_streams(mixed, mlp, tmp_path):
    dataset = Dataset.open(mixed.save(tmp_path))
    rows = np.arange(0, 160, 2)
    models = [train_stored(dataset, mlp, rows=rows, workers=workers, threads=1) for workers in (0, 2)]
    assert weights(models[0]) == weights(models[1])
    assert models[0].classes == tuple(CLASSES)
    own, mean = measure(models[0], mixed.take(rows + 1))
    assert own < 0.5 * mean
    train_stored(dataset, replace(mlp, settings={**mlp.settings, "epochs": 1}), folder=tmp_path / "kept")
    short = ModelSpec("mlp", seed=3, settings={**mlp.settings, "epochs": 1})
    with pytest.raises(InputError, match="checkpoint of another training"):
        train_stored(dataset, short, folder=tmp_path / "kept")
    with pytest.raises(InputError, match="Labels of pixels are classes"):
        train_stored(dataset, mlp, pixel_labels="labels")


def test_a_stored_sample_counts_as_much_as_is_known_of_it(mixed, mlp, tmp_path):
    """Whether weights stand in one column or in two makes no difference."""
    known = mixed.columns["labelled"].astype(np.float64)
    shares = {name: mixed.columns[name] for name in mixed.columns if name.startswith("fraction")}
    fast = replace(mlp, settings={**mlp.settings, "epochs": 2})
    models = []
    for columns in (shares | {"labelled": known}, shares | {"weight": known}, shares):
        dataset = Dataset.open(replace(mixed, columns=columns).save(tmp_path))
        models.append(train_stored(dataset, fast, threads=1).estimate_probabilities(mixed.features))
    np.testing.assert_allclose(models[0], models[1], atol=1e-6)
    assert np.abs(models[0] - models[2]).max() > 1e-4


@pytest.mark.long
def test_two_processes_learn_shares_as_one_does(mixed, mlp, tmp_path):
    spec = replace(mlp, settings={**mlp.settings, "epochs": 3, "dropout": 0.0})
    one, two = train(mixed, spec, threads=1), train_on_ranks(mixed, spec, 2, tmp_path)
    answers = [model.estimate_probabilities(mixed.features) for model in (one, two)]
    np.testing.assert_allclose(*answers, atol=1e-4)


@pytest.mark.long
@pytest.mark.parametrize(("kind", "form"), CASES)
def test_the_onnx_form_gives_the_same_shares(kind, form):
    samples = make_samples(form, 60)
    share = np.random.default_rng(0).random(60)
    samples = replace(samples, columns={"fraction_1": 1 - share, "fraction_4": share})
    spec = ModelSpec(kind, 1, {**SMALL[kind], "epochs": 1}, target="fractions")
    model = train(samples, spec, threads=1)
    assert onnx_file.measure_difference(model, onnx_file.export_onnx(model), samples.features) <= 1e-5
