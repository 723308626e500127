"""Masked autoencoders, and models that are tuned from them."""

from __future__ import annotations

import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest

from eocene.curate import Samples
from eocene.learn import ModelSpec, train
from eocene.model import DamageError, InputError, NotFoundError

torch = pytest.importorskip("torch")

from eocene.learn.embed.encoder import Encoder  # noqa: E402
from eocene.learn.embed.encoders import EncoderStore  # noqa: E402
from eocene.learn.networks.shape import describe_shape  # noqa: E402
from eocene.learn.onnx_file import measure_difference  # noqa: E402
from eocene.learn.pretraining import (  # noqa: E402
    PretrainingSettings,
    load_pretrained,
    pretrain,
    save_pretrained,
)
from eocene.learn.pretraining.lora import adapt, merge  # noqa: E402
from eocene.learn.pretraining.masked import make_encoder  # noqa: E402
from eocene.learn.pretraining.networks import MaskedAutoencoder  # noqa: E402

SMALL = PretrainingSettings(epochs=3, batch_size=32, width=16, depth=1, heads=2, patch=4, decoder_width=16)
DATES = tuple(f"2024-{month:02d}-01" for month in range(1, 11))


def draw_series(n: int = 96, seed: int = 0) -> Samples:
    """Draw waves of two phases with gaps."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, n)
    at = np.arange(10)[None, :, None] / 10 + 0.5 * labels[:, None, None] + random.normal(0, 0.05, (n, 1, 1))
    features = np.sin(2 * np.pi * at) * np.array([1.0, -2.0]) + random.normal(0, 0.1, (n, 10, 2))
    gaps = random.random((n, 10)) < 0.2
    features[gaps & (gaps.cumsum(axis=1) <= 2)] = np.nan
    return Samples(
        features=features, labels=labels, x=random.uniform(0, 1000, n), y=random.uniform(0, 1000, n),
        epsg=32633, axes={"t": DATES, "bands": ("B04", "B08")}, name="waves",
    )  # fmt: skip


@pytest.fixture(scope="module")
def series() -> Samples:
    return draw_series()


@pytest.fixture(scope="module")
def encoder(series):
    return pretrain(series, SMALL, seed=1, threads=1)


def test_the_same_seed_gives_the_same_encoder_whatever_was_drawn_before(series, encoder):
    torch.rand(7)
    assert pretrain(series, SMALL, seed=1, threads=1).id == encoder.id
    assert pretrain(series, SMALL, seed=2, threads=1).id != encoder.id


def test_labels_are_not_looked_at(series, encoder):
    others = Samples(
        features=series.features, labels=1 - series.labels, x=series.x, y=series.y, epsg=series.epsg,
        axes=series.axes, name="waves",
    )  # fmt: skip
    assert pretrain(others, SMALL, seed=1, threads=1).id == encoder.id


def test_guessing_gets_better_than_the_mean(series):
    longer = PretrainingSettings(epochs=60, width=16, depth=1, heads=2, decoder_width=16, batch_size=32)
    history = pretrain(series, longer, seed=0, threads=1).history
    # What is hidden has variance 1: always guessing the mean would lose 1.
    assert history[-1]["loss"] < 0.5 < history[0]["loss"]


def test_what_is_hidden_does_not_reach_the_encoder(series, encoder):
    """The error of hidden tokens changes with them, but what the encoder makes of the rest does not."""
    core = MaskedAutoencoder(make_encoder(encoder.shape, SMALL), 0.5, 16).eval()
    values, present = torch.zeros(1, 10, 2), torch.ones(1, 10, 2)
    seen = []
    core.encoder.attend = lambda tokens, there, run=core.encoder.attend: (
        seen.append(tokens) or run(tokens, there)
    )
    for change in (0.0, 5.0):
        torch.manual_seed(0)
        order = (torch.rand(1, 10) - 1.0).argsort(dim=1)
        changed = values.clone()
        changed[0, order[0, core.seen :]] += change
        torch.manual_seed(0)
        core(changed, present)
    assert torch.equal(seen[0], seen[1])
    assert seen[0].shape[1] == core.seen == 5


def test_a_date_without_values_changes_nothing_but_itself(encoder, series):
    sample = np.array(series.features[:1])
    sample[0, 3] = np.nan
    assert np.isfinite(encoder.embed(sample)).all()
    empty = np.full_like(sample, np.nan)
    assert np.isfinite(encoder.embed(empty)).all()


@pytest.fixture(scope="module")
def kept(encoder, series, tmp_path_factory):
    """The store and the id of a pretrained encoder."""
    store = EncoderStore(tmp_path_factory.mktemp("encoders"))
    return store, save_pretrained(store, encoder, series.features)


def test_an_encoder_is_kept_and_comes_back_the_same(encoder, series, kept):
    store, encoder_id = kept
    assert {p.name for p in (store.root / encoder_id).iterdir()} == {
        "item.json", "encoder.onnx", "encoder.safetensors",
    }  # fmt: skip
    again = load_pretrained(store, encoder_id)
    assert again.id == encoder.id
    np.testing.assert_array_equal(again.embed(series.features), encoder.embed(series.features))
    by_onnx = store.load(encoder_id).embed(series.features)
    np.testing.assert_allclose(by_onnx, encoder.embed(series.features), atol=1e-4)
    item = json.loads((store.root / encoder_id / "item.json").read_text())
    assert item["properties"]["mlm:hyperparameters"]["hidden"] == 0.6
    assert store.ids() == [encoder_id]


@pytest.mark.parametrize("name", ["encoder.onnx", "encoder.safetensors"])
def test_changed_files_of_an_encoder_are_refused(kept, tmp_path, name):
    shutil.copytree(kept[0].root, tmp_path, dirs_exist_ok=True)
    store, encoder_id = EncoderStore(tmp_path), kept[1]
    path = tmp_path / encoder_id / name
    path.write_bytes(path.read_bytes()[:-1] + b"\0\1")
    with pytest.raises(DamageError, match="truncated or was changed"):
        store.load(encoder_id) if name.endswith("onnx") else store.tensors(encoder_id)


@pytest.mark.parametrize("method", ["full", "lora", "linear_probe", "frozen", "random"])
def test_every_way_of_tuning_learns(encoder, series, method):
    settings = {"encoder": encoder.id, "method": method, "epochs": 12, "learning_rate": 5e-3, "rank": 2}
    model = train(series, ModelSpec("pretrained", 0, settings), rows=np.arange(64), threads=1)
    assert (model.classify(series.features[64:]) == series.labels[64:]).mean() >= 0.8
    if method == "lora":  # whose products are added to their layers before
        assert measure_difference(model, model.fitted.export_onnx(), series.features) <= 1e-5


def test_only_what_a_method_promises_is_changed(encoder, series):
    def weights(method: str) -> dict[str, np.ndarray]:
        settings = {"encoder": encoder.id, "method": method, "epochs": 1}
        model = train(series, ModelSpec("pretrained", 0, settings), threads=1)
        core = model.fitted.network.members[0].core.encoder
        return {key: value.numpy() for key, value in core.state_dict().items()}

    before = {key: value.numpy() for key, value in encoder.network.core.state_dict().items()}
    changed = {
        method: {key for key, value in weights(method).items() if not np.array_equal(value, before[key])}
        for method in ("full", "lora", "linear_probe", "frozen")
    }
    assert changed["linear_probe"] == changed["frozen"] == set()
    assert changed["lora"] == {f"blocks.0.{layer}.weight" for layer in ("qkv", "project")}
    assert changed["full"] > changed["lora"]


def test_a_low_rank_product_can_be_added_to_its_layer(encoder):
    core = make_encoder(encoder.shape, SMALL)
    values, present = torch.randn(4, 10, 2), torch.ones(4, 10, 2)
    plain = core(values, present)
    adapt(core, 3)
    assert torch.equal(core(values, present), plain)  # it starts as nothing
    with torch.no_grad():
        for name, part in core.named_parameters():
            if name.endswith("up"):
                part.normal_()
    adapted = core(values, present)
    assert not torch.allclose(adapted, plain)
    merge(core)
    assert torch.allclose(core(values, present), adapted, atol=1e-5)
    assert set(core.state_dict()) == set(make_encoder(encoder.shape, SMALL).state_dict())


def test_chips_are_cut_into_patches_row_by_row():
    random = np.random.default_rng(0)
    n = 24
    samples = Samples(
        features=random.normal(size=(n, 2, 8, 12)), labels=np.arange(n) % 2, x=np.zeros(n), y=np.zeros(n),
        epsg=32633, name="chips",
        axes={"bands": ("VV", "VH"), "y": tuple("abcdefgh"), "x": tuple("abcdefghijkl")},
    )  # fmt: skip
    encoder = pretrain(samples, SMALL, threads=1)
    assert encoder.embed(samples.features).shape == (n, 16)
    core = make_encoder(encoder.shape, SMALL)
    tokens = core.cut(torch.from_numpy(samples.features.copy()))
    assert tokens.shape == (n, 6, 32)
    np.testing.assert_array_equal(
        tokens[3, 4].numpy(), samples.features[3, :, 4:8, 4:8].ravel()
    )  # the second row, the second column
    with pytest.raises(InputError, match="do not divide"):
        pretrain(samples, PretrainingSettings(patch=5), threads=1)


@pytest.mark.parametrize("dims", [("t", "bands"), ("bands", "y", "x"), ("t", "bands", "y", "x")])
def test_a_masked_autoencoder_learns_in_mixed_precision_as_on_a_gpu(dims):
    side, axes = tuple("abcdefgh"), {"t": DATES, "bands": ("B04", "B08")}
    shape = describe_shape({dim: axes.get(dim, side) for dim in dims}, 16)
    torch.manual_seed(0)
    core = MaskedAutoencoder(make_encoder(shape, SMALL), 0.5, 16)
    values, losses = torch.randn(3, *shape.sizes), []
    for context in (nullcontext(), torch.autocast("cpu", dtype=torch.bfloat16)):
        torch.manual_seed(1)
        with context:
            losses.append(core(values, torch.ones_like(values)).float())
    torch.testing.assert_close(losses[1], losses[0], rtol=0.05, atol=0.05)
    losses[1].sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in core.parameters() if p.grad is not None)
    assert core.encoder.embed.weight.grad.abs().max() > 0


def test_rows_cannot_be_pretrained_on(series):
    with pytest.raises(InputError, match=r"Samples of \(features\)"):
        pretrain(series.flatten(), SMALL)


def test_tuning_says_what_is_missing_or_does_not_fit(encoder, series):
    with pytest.raises(NotFoundError, match="No encoder 'masked-series-0'"):
        train(series, ModelSpec("pretrained", 0, {"encoder": "masked-series-0"}))
    other = Samples(
        features=series.features[:, :5], labels=series.labels, x=series.x, y=series.y, epsg=32633,
        axes={"t": DATES[:5], "bands": series.axes["bands"]},
    )  # fmt: skip
    with pytest.raises(InputError, match="takes samples of 10 t × 2 bands, these have 5 t × 2 bands"):
        train(other, ModelSpec("pretrained", 0, {"encoder": encoder.id}))


def test_a_module_of_others_is_taken_with_its_weights(tmp_path):
    from safetensors.torch import save

    from eocene.learn.pretraining import adapt_module

    def build() -> torch.nn.Module:
        layers = [torch.nn.Conv2d(2, 5, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1)]
        return torch.nn.Sequential(*layers, torch.nn.Flatten())

    torch.manual_seed(3)
    module = build().eval()
    axes = {"bands": ("VV", "VH"), "y": tuple("abcdef"), "x": tuple("abcdef")}
    data, signature = adapt_module(build(), axes, weights=save(module.state_dict()), mean=2.0, deviation=4.0)
    store = EncoderStore(tmp_path)
    encoder = store.load(store.write("outside", data, signature))
    chips = np.random.default_rng(0).normal(2, 4, (3, 2, 6, 6)).astype(np.float32)
    chips[1, 0, 2, 2] = np.nan
    filled = np.where(np.isnan(chips), 2.0, chips)
    with torch.no_grad():
        expected = module(torch.from_numpy(((filled - 2.0) / 4.0).astype(np.float32)))
    np.testing.assert_allclose(encoder.embed(chips), expected.numpy(), atol=1e-5)
    with pytest.raises(InputError, match="not the module's"):
        adapt_module(torch.nn.Flatten(), axes, weights=save(module.state_dict()))
    with pytest.raises(InputError, match="not a vector for each"):
        adapt_module(
            torch.nn.Flatten(start_dim=0, end_dim=1), {"bands": ("VV", "VH"), "y": ("a",), "x": ("a",)}
        )
    with pytest.raises(InputError, match="not one of"):
        adapt_module(module, axes, order=("bands", "y"))


def test_what_libraries_give_of_a_sample_becomes_one_vector():
    """Pooled vectors, the tokens of a transformer, maps, and lists of those of some layers."""
    from eocene.learn.pretraining.adapting import pool

    vectors, tokens, maps = torch.randn(3, 5), torch.randn(3, 7, 5), torch.randn(3, 5, 4, 6)
    assert torch.equal(pool(vectors), vectors)
    torch.testing.assert_close(pool([vectors, tokens])[1], torch.stack(list(tokens[1])).mean(0))
    torch.testing.assert_close(pool((tokens, maps))[2, 3], maps[2, 3].sum() / 24)
    for strange in ([], torch.zeros(3), {"features": vectors}):
        with pytest.raises(InputError, match="not vectors, tokens or maps"):
            pool(strange)


def test_a_module_may_want_the_dimensions_in_another_order():
    from eocene.learn.pretraining import adapt_module

    class Spread(torch.nn.Module):
        def forward(self, values):
            assert values.shape[1:] == (2, 3, 4, 4)  # bands, t, y, x
            return [values.mean((1, 2)), values.std((2, 3, 4))]

    axes = {"t": ("1", "2", "3"), "bands": ("VV", "VH"), "y": tuple("abcd"), "x": tuple("abcd")}
    chips = np.random.default_rng(0).normal(size=(2, 3, 2, 4, 4)).astype(np.float32)
    data, signature = adapt_module(Spread(), axes, order=("bands", "t", "y", "x"))
    expected = chips.transpose(0, 2, 1, 3, 4).reshape(2, 2, -1).std(-1, ddof=1)
    np.testing.assert_allclose(Encoder(data, signature).embed(chips), expected, atol=1e-5)


def test_vectors_can_be_learnt_from_by_any_model(encoder, series, kept):
    from eocene.learn.embed import embed_samples

    embedded = embed_samples(series, kept[0].load(kept[1]))
    assert embedded.axes == {"features": tuple(f"e{n:03d}" for n in range(16))}
    np.testing.assert_allclose(embedded.features, encoder.embed(series.features), atol=1e-4)
    with pytest.raises(InputError, match="other labels"):
        embed_samples(series.flatten(), kept[0].load(kept[1]))
