"""Items of models and encoders hold to the MLM extension, whatever they take and give."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from safetensors.numpy import save
from tests.learn.embed.linear import make_onnx
from tests.learn.mlm_rules import find_breaches

from eocene.curate import Samples
from eocene.learn import ModelSpec
from eocene.learn.embed.encoder import VectorSignature, adapt_onnx
from eocene.learn.embed.encoders import EncoderStore
from eocene.learn.mlm import Described, describe_model
from eocene.learn.signature import Signature

BANDS, SIDE = ("B04", "B08"), tuple(map(str, range(16)))
CLASSES = {1: "Wheat, winter", 2: "meadow"}
SIGNATURES = {
    "series of pixels": ("random_forest", Signature({"t": ("2024-03", "2024-04"), "bands": BANDS}, CLASSES)),
    "features of pixels": ("lightgbm", Signature({"features": ("a", "b", "c", "d")}, CLASSES)),
    "a value": ("random_forest_regression", Signature({"features": ("a", "b", "c", "d")})),
    "chips": ("u_net", Signature({"bands": BANDS, "y": SIDE, "x": SIDE}, CLASSES, dense=True)),
    "series of chips": (
        "u_tae",
        Signature({"t": ("2024-03",), "bands": BANDS, "y": SIDE, "x": SIDE}, CLASSES),
    ),
}


@pytest.fixture(params=SIGNATURES)
def item(request):
    kind, signature = SIGNATURES[request.param]
    return describe(ModelSpec(kind), signature)


def describe(spec, signature):
    count = len(signature.feature_names)
    features = np.zeros((4, count), np.float32)
    axes = {"features": signature.feature_names}
    places = (np.arange(4.0) + 6e5, np.arange(4.0) + 5e6)
    samples = Samples(features, np.array([1, 2, 1, 2]), *places, 32631, axes, CLASSES)
    told = Described("a-model-0123456789ab", spec, signature)
    return describe_model(told, samples, b"model", b"weights")


@pytest.fixture
def encoder(tmp_path):
    store = EncoderStore(tmp_path)
    axes = {"t": ("2024-03", "2024-04"), "bands": BANDS}
    data, signature = adapt_onnx(make_onnx(np.ones((4, 3)), [4]), axes)
    tensors = save({"weights": np.ones(3, np.float32)})
    assert isinstance(signature, VectorSignature)
    return store.item(store.write("linear", data, signature, tensors=tensors))


def test_an_item_of_a_model_breaks_no_rule_of_the_extension(item):
    assert find_breaches(item) == []


def test_a_tuned_model_names_the_encoder_that_it_was_begun_from():
    signature, settings = SIGNATURES["series of pixels"][1], {"encoder": "masked-series-0123456789ab"}
    tuned = describe(ModelSpec("pretrained", settings=settings), signature)
    assert find_breaches(tuned) == []
    assert tuned["properties"]["mlm:pretrained"] is True
    assert tuned["properties"]["mlm:pretrained_source"] == settings["encoder"]
    new = describe(ModelSpec("pretrained", settings={**settings, "method": "random"}), signature)
    assert new["properties"]["mlm:pretrained"] is False


def test_an_item_of_an_encoder_breaks_no_rule_of_the_extension(encoder):
    assert find_breaches(encoder) == []


def test_each_number_of_a_pixel_is_a_band_of_the_input(encoder):
    taken = encoder["properties"]["mlm:input"][0]
    assert taken["bands"] == ["2024-03/B04", "2024-03/B08", "2024-04/B04", "2024-04/B08"]
    assert taken["input"]["shape"] == [-1, 4]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("properties", "mlm:tasks"), ["guessing"]),
        (("properties", "mlm:accelerator"), "abacus"),
        (("properties", "mlm:artifact_type"), "onnx"),
        (("properties", "mlm:framework_version"), "new"),
        (("properties", "mlm:input", 0, "input", "dim_order"), ["batch", "channel"]),
        (("properties", "mlm:input", 0, "input", "shape"), [-1]),
        (("properties", "mlm:output", 0, "name"), ""),
        (("properties", "bands"), []),
        (("assets", "model", "roles"), ["data"]),
        (("assets", "tensors", "mlm:artifact_type"), "safetensors"),
    ],
)
def test_a_field_that_is_not_the_extensions_is_seen(encoder, path, value):
    changed = copy.deepcopy(encoder)
    part = changed
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    assert find_breaches(changed) != []
