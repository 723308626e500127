"""Commands that train from the disk, update a registered model, and write one with weights of 8 bits."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from tests.learn.training.conftest import make_samples
from typer.testing import CliRunner

import eocene
from eocene.cli import app
from eocene.curate import Samples, block_split
from eocene.curate.dataset import Dataset, DatasetWriter, Layer
from eocene.learn import ModelSpec, evaluate, train
from eocene.learn.continual import join_memory
from eocene.learn.evaluation.streamed import evaluate_stored
from eocene.learn.onnx_file import open_session
from eocene.learn.renewal import renew_model
from eocene.model import ConflictError, InputError, NotFoundError

NETWORK = ModelSpec(
    "mlp", seed=2, settings={"width": 16, "epochs": 8, "batch_size": 16, "learning_rate": 0.01}
)
FOREST = ModelSpec(settings={"n_estimators": 20})


def invoke(*words: object):
    return CliRunner().invoke(app, [str(word) for word in words])


def call(*words: object):
    done = invoke(*words)
    assert done.exit_code == 0, done.exception or done.output
    return json.loads(done.stdout)


def draw(seed: int, turned: bool, count: int = 400) -> Samples:
    """Two classes by the first feature; in the second world, far off in the others, the other way round."""
    rng = np.random.default_rng(seed)
    features = rng.normal(size=(count, 4)).astype(np.float32)
    features[:, 1:] += 4 * turned
    labels = ((features[:, 0] > 0) ^ turned).astype(int)
    x, y = rng.uniform(0, 3000, (2, count))
    names = {0: "low", 1: "high"}
    return Samples(
        features, labels, x, y, 32631, {"features": ("a", "b", "c", "d")}, names, {"graph": {"g": 1}}
    )


@pytest.fixture
def desk(tmp_path):
    """A workspace with a forest of the old world; its folder, the model's id, and the new samples' id."""
    with eocene.open(tmp_path / "desk") as ws:
        old, new = draw(0, False), draw(1, True)
        for samples in (old, new):
            samples.save(ws.layout.datasets)
        model = ws.models.register(train(old, FOREST), evaluate(old, FOREST, {}), old, name="crops")
    return tmp_path / "desk", model, new.id


@pytest.fixture
def network(tmp_path):
    """A workspace with a network of series; its folder, its id, and the data set's id."""
    pytest.importorskip("torch")
    samples = make_samples("series", 300)
    with eocene.open(tmp_path / "desk") as ws:
        samples.save(ws.layout.datasets)
        model = ws.models.register(train(samples, NETWORK), evaluate(samples, NETWORK, {}), samples)
    return tmp_path / "desk", model, samples.id


def test_a_network_streams_from_the_disk_and_is_registered_with_its_scores(tmp_path):
    pytest.importorskip("torch")
    samples = make_samples("series", 300)
    with eocene.open(tmp_path / "desk") as ws:
        samples.save(ws.layout.datasets)
    (tmp_path / "net.json").write_text(NETWORK.to_json())
    told = call(
        "train-stored", samples.id, "-w", tmp_path / "desk", "--spec", tmp_path / "net.json",
        "--block-m", 200, "--folds", 2, "--folder", tmp_path / "steps",
    )  # fmt: skip
    with eocene.open(tmp_path / "desk") as ws:
        report, item = ws.models.report(told["model"]), ws.models.item(told["model"])
        answer = ws.models.load(told["model"]).classify(samples.features)
    assert (tmp_path / "steps" / "mlp-0" / "record.jsonl").is_file()
    assert item["properties"]["eocene:lineage"]["sources"]["dataset"] == samples.id
    assert report["samples"] == 300
    assert (answer == samples.labels).mean() > 0.8
    # The folds, in memory: the same training by the same rows, up to the order of batches.
    folds = block_split(samples, 2, 200, NETWORK.seed)
    beside = evaluate(samples, NETWORK, {"block": folds}, forest=False)
    assert told["accuracy_block"] == pytest.approx(beside.accuracy("block"), abs=0.08)
    assert told["accuracy_block"] > 0.75
    assert report["splits"]["block"]["baseline"] == beside.splits["block"].baseline
    assert sum(fold["test"] for fold in report["splits"]["block"]["folds"]) == 300


def test_pixels_and_shares_are_scored_from_the_disk_too(tmp_path):
    pytest.importorskip("torch")
    samples = make_samples("chips", 40, gaps=0.0)
    pixels = np.broadcast_to(samples.labels[:, None, None], (40, 8, 8)).astype(np.uint8).copy()
    pixels[:, 0] = 0
    edge = tuple("01234567")
    layers = {"features": Layer(samples.axes), "labels": Layer({"y": edge, "x": edge}, "uint8", nodata=0)}
    with DatasetWriter(tmp_path, layers, epsg=32632, name="chips") as writer:
        parts = {"features": samples.features, "labels": pixels}
        writer.append(parts, samples.labels, samples.x, samples.y, {})
        dataset = Dataset.open(writer.finish())
    folds = block_split(dataset, 2, 200, 0)
    spec = ModelSpec("u_net", settings={"width": 4, "depth": 1, "epochs": 2, "batch_size": 8})
    report, shown = evaluate_stored(dataset, spec, {"block": folds}, threads=1, pixel_labels="labels")
    assert (report.unit, report.classes, report.dataset) == ("pixel", (1, 2, 3), shown.id)
    assert sum(map(sum, report.splits["block"].confusion)) == 40 * 7 * 8  # but for those without a class
    rng = np.random.default_rng(0)
    shares = {
        f"fraction_{k}": column for k, column in zip((1, 2, 3), rng.dirichlet(np.ones(3), 120).T, strict=True)
    }
    mixed = replace(make_samples("series", 120), columns=shares)
    told, _ = evaluate_stored(
        Dataset.open(mixed.save(tmp_path)), replace(NETWORK, target="fractions"),
        {"block": block_split(mixed, 2, 200, 0)}, threads=1,
    )  # fmt: skip
    assert 0 < told.splits["block"].fractions["pooled"]["mae"] < 0.5


@pytest.mark.parametrize(
    ("spec", "more", "fault"),
    [
        ('{"kind": "random_forest"}', ("--block-m", 200), "does not learn from a stream"),
        ('{"kind": "mlp"}', ("--pixels", "--block-m", 200), "no layer 'labels'"),
        ('{"kind": "pretrained", "settings": {"encoder": "e"}}', ("--block-m", 200), "from a stream"),
        ('{"kind": "smoke"}', (), "smoke"),
        ('{"kind": "mlp", "settings": {"epochs": 1}}', ("--block-m", 100_000), "block"),
    ],
)
def test_what_cannot_be_streamed_is_named_and_nothing_is_registered(network, spec, more, fault):
    folder, model, dataset = network
    done = invoke("train-stored", dataset, "-w", folder, "--spec", spec, *more)
    assert isinstance(done.exception, InputError)
    assert fault in str(done.exception)
    with eocene.open(folder) as ws:
        assert [item["id"] for item in ws.models.list()] == [model]


def test_an_update_is_registered_with_its_scores_on_old_and_new(desk):
    folder, model, new = desk
    told = call("models", "update", model, new, "-w", folder, "--most-forgotten", 0.05)
    assert told["is_bounded"]
    assert (told["naive"]["old"] < 0.6, told["after"]["old"] > 0.9) == (True, True)
    assert (told["before"]["new"] < 0.6, told["after"]["new"] > 0.9) == (True, True)
    assert told["model"].startswith("crops-")
    with eocene.open(folder) as ws:
        report, item = ws.models.report(told["model"]), ws.models.item(told["model"])
        learnt = Samples.load(ws.layout.datasets / item["properties"]["eocene:lineage"]["dataset"])
        answers = ws.models.load(told["model"]).classify(draw(7, True).features)
    for name in ("old", "new"):
        assert report["splits"][name]["pooled"]["macro_f1"] == pytest.approx(told["after"][name], abs=0.02)
    assert (answers == draw(7, True).labels).mean() > 0.85
    assert item["properties"]["eocene:lineage"]["graph"] == {"g": 1}
    old, later = draw(0, False), draw(1, True)
    (old_rows, _), *_ = block_split(old, 5, 640, 0)
    (new_rows, _), *_ = block_split(later, 5, 640, 0)
    assert learnt.id == join_memory(old.take(old_rows), later.take(new_rows), told["replayed"]).id
    assert call("models", "report", told["model"], "-w", folder)["dataset"] == learnt.id


def test_an_update_that_forgets_too_much_registers_nothing(desk):
    folder, model, _ = desk
    against = replace(draw(0, False), labels=1 - draw(0, False).labels, name="against")
    with eocene.open(folder) as ws:
        shifted = replace(against, features=against.features + np.float32(1e-3))
        shifted.save(ws.layout.datasets)
    told = call("models", "update", model, shifted.id, "-w", folder)
    assert (told["model"], told["is_bounded"]) == (None, False)
    with eocene.open(folder) as ws:
        assert [item["id"] for item in ws.models.list()] == [model]


def test_what_cannot_be_updated_says_why(desk, network):
    folder, model, new = desk
    with eocene.open(folder) as ws:
        old, later = draw(0, False), draw(1, True)
        renamed = replace(later, class_names={0: "high", 1: "low"})
        other = replace(later, axes={"features": ("a", "b", "c", "e")})
        for samples, error, fault in (
            (old, ConflictError, "has learnt"),
            (renamed, InputError, "is 'low' to"),
            (other, InputError, "features that are not those"),
            (replace(later, x=np.zeros(400), y=np.zeros(400)), InputError, "block"),
        ):
            with pytest.raises(error, match=fault):
                renew_model(ws.models, model, samples)
        values = replace(old, columns={"target": old.features[:, 0].astype(float)}, name="values")
        spec = ModelSpec("random_forest_regression", settings={"n_estimators": 2})
        from eocene.learn.validation import evaluate_values

        yields = ws.models.register(train(values, spec), evaluate_values(values, spec, {}), values)
        with pytest.raises(InputError, match="one class a sample"):
            renew_model(ws.models, yields, later)
        (ws.layout.datasets / old.id).rename(folder / "elsewhere")
        with pytest.raises(NotFoundError, match="is not in this workspace"):
            renew_model(ws.models, model, later)
    for words in ((model, new, "--most-forgotten", 2), ("nobody", new), (model, "nothing")):
        assert isinstance(
            invoke("models", "update", *words, "-w", folder).exception, InputError | NotFoundError
        )


def test_a_network_is_written_with_weights_of_8_bits_and_the_loss_is_told(network, tmp_path):
    folder, model, dataset = network
    told = call("models", "quantize", model, "-w", folder, "-o", tmp_path / "small.onnx")
    assert (told["model"], told["dataset"], told["samples"]) == (model, dataset, 300)
    data = (tmp_path / "small.onnx").read_bytes()
    assert told["bytes_after"] == len(data)
    samples = make_samples("series", 300)
    with eocene.open(folder) as ws:
        before = ws.models.load(model).estimate_probabilities(samples.features)[1::2]
        assert told["bytes_before"] == len(ws.models.read_onnx(model))
    rows = samples.features.reshape(300, -1)[1::2]
    (after,) = open_session(data).run(["probabilities"], {"features": rows})
    assert told["difference"] == pytest.approx(np.abs(before - after).max(), abs=1e-5)
    assert told["agreement"] == pytest.approx((before.argmax(1) == after.argmax(1)).mean())
    assert told["agreement"] > 0.9


def test_what_has_no_weights_or_no_samples_is_not_quantized(desk, network, tmp_path):
    folder, forest, other = desk
    target = tmp_path / "out.onnx"
    done = invoke("models", "quantize", forest, "-w", folder, "-o", target)
    assert "no layers of weights" in str(done.exception)
    folder, model, dataset = network
    assert ".onnx" in str(
        invoke("models", "quantize", model, "-w", folder, "-o", tmp_path / "a.bin").exception
    )
    done = invoke("models", "quantize", model, "-w", folder, "-o", target, "--on", other)
    assert "features that are not those" in str(done.exception)
    with eocene.open(folder) as ws:
        (ws.layout.datasets / dataset).rename(tmp_path / "elsewhere")
    done = invoke("models", "quantize", model, "-w", folder, "-o", target)
    assert "--on" in str(done.exception)
    assert not target.exists()
