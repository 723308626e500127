"""Masked autoencoders of series of chips: what they are cut into, and what is tuned from them."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.learn.models.kind import CHIP_SERIES
from eocene.model import InputError

torch = pytest.importorskip("torch")

from eocene.learn.embed.encoders import EncoderStore  # noqa: E402
from eocene.learn.pretraining import (  # noqa: E402
    PretrainingSettings,
    load_pretrained,
    pretrain,
    save_pretrained,
)
from eocene.learn.pretraining.masked import make_encoder  # noqa: E402

SMALL = PretrainingSettings(epochs=3, batch_size=32, width=16, depth=1, heads=2, patch=4, decoder_width=16)
DATES = ("2024-03-01", "2024-05-01", "2024-07-01", "2024-09-01")
AXES = {"t": DATES, "bands": ("B04", "B08"), "y": tuple("abcdefgh"), "x": tuple("abcdefgh")}


def draw_chips(n: int = 96, seed: int = 0) -> Samples:
    """Draw chips that get brighter or darker in time, by class; of all dates together none is brighter."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    course = np.linspace(-1, 1, len(DATES)) * (2 * labels[:, None] - 1)
    features = course[:, :, None, None, None] + random.normal(0, 0.5, (n, 4, 2, 8, 8))
    features[random.random((n, 4)) < 0.1] = np.nan
    features[:, 1, :, 2:5, 2:5] = np.nan
    return Samples(
        features=features, labels=labels, x=random.uniform(0, 1000, n), y=random.uniform(0, 1000, n),
        epsg=32633, axes=AXES, name="courses",
    )  # fmt: skip


@pytest.fixture(scope="module")
def chips() -> Samples:
    return draw_chips()


@pytest.fixture(scope="module")
def encoder(chips):
    return pretrain(chips, SMALL, seed=1, threads=1)


def test_chips_are_cut_date_by_date_and_each_token_knows_its_day_and_place(encoder, chips):
    core = make_encoder(encoder.shape, SMALL)
    samples = np.nan_to_num(chips.features[:3])
    tokens = core.cut(torch.from_numpy(samples.copy()))
    assert tokens.shape == (3, 4 * 2 * 2, 2 * 4 * 4)
    # The third date, the second row, the first column of patches.
    np.testing.assert_array_equal(tokens[1, 2 * 4 + 2].numpy(), samples[1, 2, :, 4:8, 0:4].ravel())
    assert len(np.unique(core.places.numpy().round(4), axis=0)) == 16


def test_guessing_gets_better_than_the_mean_of_a_patch():
    """Patches with a pattern of their own: a slope that turns with the date."""
    random = np.random.default_rng(0)
    slope = np.linspace(-1, 1, 8)
    turned = np.stack([np.add.outer(a * slope, b * slope) for a, b in ((1, 0), (0, 1), (-1, 0), (0, -1))])
    features = np.broadcast_to(turned[None, :, None], (64, 4, 2, 8, 8)) + random.normal(
        0, 0.05, (64, 4, 2, 8, 8)
    )
    zeros = np.zeros(64)
    samples = Samples(features, np.arange(64) % 2, zeros, zeros, 32633, AXES)
    longer = replace(SMALL, epochs=30, batch_size=16, learning_rate=5e-3)
    history = pretrain(samples, longer, threads=1).history
    assert history[-1]["loss"] < 0.5 < history[0]["loss"]  # patches have variance 1


@pytest.fixture(scope="module")
def kept(encoder, chips, tmp_path_factory):
    """The store and the id of the encoder."""
    store = EncoderStore(tmp_path_factory.mktemp("encoders"))
    return store, save_pretrained(store, encoder, chips.features)


def test_an_encoder_of_chip_series_is_kept_and_answers_alike_by_onnx(encoder, chips, kept):
    store, encoder_id = kept
    assert encoder_id.startswith("masked-chip-series-")
    assert load_pretrained(store, encoder_id).id == encoder.id
    loaded = store.load(encoder_id)
    assert tuple(loaded.signature.axes) == CHIP_SERIES
    np.testing.assert_allclose(loaded.embed(chips.features), encoder.embed(chips.features), atol=1e-4)


@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_tuned_encoder_sees_the_course_of_time(encoder, chips, method):
    settings = {"encoder": encoder.id, "method": method, "epochs": 15, "learning_rate": 5e-3, "rank": 2}
    model = train(chips, ModelSpec("pretrained", 0, settings), rows=np.arange(64), threads=1)
    assert (model.classify(chips.features[64:]) == chips.labels[64:]).mean() >= 0.8


def test_an_encoder_is_found_by_its_id_in_the_store_too(chips, kept):
    store, encoder_id = kept
    load_pretrained(store, encoder_id)
    settings = {"encoder": encoder_id, "method": "linear_probe"}
    assert train(chips, ModelSpec("pretrained", 0, settings), threads=1).classes == (0, 1)


@pytest.mark.long
def test_commands_pretrain_an_encoder_and_tune_a_model_from_it(chips, tmp_path):
    from typer.testing import CliRunner

    import eocene
    from eocene.cli import app

    def call(*arguments: str) -> dict:
        return json.loads(
            CliRunner().invoke(app, [*arguments, "-w", str(tmp_path)], catch_exceptions=False).stdout
        )

    with eocene.open(tmp_path) as ws:
        dataset = chips.save(ws.layout.datasets).name
    few = {
        "epochs": 3,
        "batch_size": 32,
        "width": 16,
        "depth": 1,
        "heads": 2,
        "patch": 4,
        "decoder_width": 16,
    }
    encoder = call("pretrain", dataset, "--settings", json.dumps(few))["encoder"]
    spec = {"kind": "pretrained", "settings": {"encoder": encoder, "epochs": 15, "learning_rate": 5e-3}}
    told = call("train", dataset, "--spec", json.dumps(spec), "--folds", "2", "--block-m", "300")
    assert told["accuracy_block"] >= 0.8
    with eocene.open(tmp_path) as ws:
        properties = ws.models.item(told["model"])["properties"]
    assert (properties["mlm:pretrained"], properties["mlm:pretrained_source"]) == (True, encoder)


def test_patches_must_divide_the_chips_of_each_date(chips):
    with pytest.raises(InputError, match="Patches of 5 pixels do not divide chips of 8 × 8"):
        pretrain(chips, PretrainingSettings(patch=5))


def test_the_kind_is_known_before_torch_is_loaded():
    program = (
        "import sys; from eocene.learn import ModelSpec; from eocene.learn.models import kind_names\n"
        "assert 'pretrained' in kind_names() and ModelSpec('pretrained').described.takes\n"
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program], check=True)
