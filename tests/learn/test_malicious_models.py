"""Files that only pretend to be models, or do more than compute: each is refused, and says why."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from eocene.learn import ModelRegistry, onnx_check
from eocene.learn.onnx_check import check_onnx, check_tensors
from eocene.learn.onnx_file import export_onnx
from eocene.learn.signature import Signature
from eocene.model import DamageError


class Bomb:
    """What a pickle would run when it is loaded."""

    def __reduce__(self):
        return print, ("loaded",)


def zipped(name: str, data: bytes) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, data)
    return held.getvalue()


def tensors(header: object, data: bytes, *, length: int | None = None) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + data


def change(data: bytes, edit) -> bytes:
    model = onnx.ModelProto.FromString(data)
    edit(model)
    return model.SerializeToString()


@pytest.fixture(scope="module")
def good(model) -> bytes:
    return export_onnx(model)


@pytest.fixture(scope="module")
def signature(model) -> Signature:
    return Signature({"features": model.feature_names}, dict(model.class_names))


def outside(model) -> None:
    tensor = model.graph.initializer.add(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../etc/passwd")


def outside_in_an_attribute(model) -> None:
    tensor = TensorProto(name="w", data_type=TensorProto.FLOAT, dims=[1])
    tensor.external_data.add(key="location", value="/dev/zero")
    model.graph.node.append(helper.make_node("Constant", [], ["c"], value=tensor))


def control_flow(model) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Loop", ["", ""], ["z"], body=body))


def own_domain(model) -> None:
    model.graph.node.append(helper.make_node("Identity", ["features"], ["z"], domain="com.microsoft"))


def own_opset(model) -> None:
    model.opset_import.add(domain="evil.ops", version=1)


def own_function(model) -> None:
    made = helper.make_function("f", "g", ["a"], ["b"], [helper.make_node("Relu", ["a"], ["b"])], [])
    model.functions.append(made)


def python_operator(model) -> None:
    model.graph.node.append(helper.make_node("PyOp", ["features"], ["z"], domain="ai.onnx.contrib"))


def random_numbers(model) -> None:
    model.graph.node.append(helper.make_node("RandomNormal", [], ["z"], shape=[2]))


def huge(model) -> None:
    shape = onnx.numpy_helper.from_array(np.array([40_000, 40_000], np.int64), "huge_shape")
    model.graph.initializer.append(shape)
    model.graph.node.append(helper.make_node("ConstantOfShape", ["huge_shape"], ["huge"]))
    model.graph.node.append(helper.make_node("ReduceSum", ["huge"], ["z"]))


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (outside, "data in other files"),
        (outside_in_an_attribute, "data in other files"),
        (control_flow, "uses Loop"),
        (own_domain, "uses com.microsoft"),
        (own_opset, "uses evil.ops"),
        (own_function, "functions"),
        (python_operator, "uses PyOp, ai.onnx.contrib"),
        (random_numbers, "uses RandomNormal"),
        (huge, "one sample would take"),
    ],
)
def test_onnx_that_does_more_than_compute_is_refused(good, signature, edit, why):
    check_onnx(good, signature, "the model")
    with pytest.raises(DamageError, match=why):
        check_onnx(change(good, edit), signature, "the model")


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (pickle.dumps(Bomb()), "a pickle"),
        (pickle.dumps(Bomb(), protocol=0), "no ONNX file"),
        (zipped("archive/data.pkl", pickle.dumps(Bomb())), "a zip archive, such as torch.save"),
        (zipped("model.onnx", b"x"), "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + b"\x00" * 64, "an HDF5 file"),
        (b"\x93NUMPY\x01\x00", "a numpy file"),
        (b"\x1f\x8b\x08" + b"\x00" * 20, "compressed"),
        (b"#!/bin/sh\nrm -rf /\n", "a script"),
        (b'{"class": "os.system"}', "JSON"),
        (b"", "ONNX"),
    ],
)
def test_other_formats_are_named_and_refused(signature, data, why):
    with pytest.raises(DamageError, match=why) as caught:
        check_onnx(data, signature, "model.onnx")
    assert "refused" in str(caught.value)


def test_a_file_saved_by_torch_is_refused(signature, tmp_path):
    torch = pytest.importorskip("torch")
    torch.save({"w": torch.zeros(2)}, tmp_path / "model.pt")
    with pytest.raises(DamageError, match=r"torch\.save"):
        check_onnx((tmp_path / "model.pt").read_bytes(), signature, "model.pt")


def test_a_file_above_the_limit_is_refused_before_it_is_parsed(good, signature, monkeypatch):
    monkeypatch.setattr(onnx_check, "MAX_BYTES", 100)
    with pytest.raises(DamageError, match="the limit is 100"):
        check_onnx(good, signature, "the model")


ONE = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "data",
    [
        tensors({"w": ONE}, b"\0" * 4),  # data cut off
        tensors({"w": {**ONE, "data_offsets": [0, 4]}}, b"\0" * 4),  # less than the shape says
        tensors({"w": {**ONE, "data_offsets": [-8, 0]}}, b"\0" * 8),
        tensors({"w": {**ONE, "data_offsets": [8, 0]}}, b"\0" * 8),
        tensors({"w": {**ONE, "data_offsets": [2**60, 2**60 + 8]}}, b"\0" * 8),
        tensors({"a": ONE, "b": ONE}, b"\0" * 8),  # two in one place
        tensors({"a": ONE, "b": {**ONE, "data_offsets": [12, 20]}}, b"\0" * 20),  # a hole between
        tensors({"w": {**ONE, "shape": [2**62, 4]}}, b"\0" * 8),  # a shape that overflows
        tensors({"w": {**ONE, "dtype": "O"}}, b"\0" * 8),
        tensors({"w": ONE}, b"\0" * 8, length=2**40),
        tensors([1, 2], b""),
        b"\x08",
    ],
)
def test_safetensors_whose_header_and_data_disagree_are_refused(data):
    pytest.importorskip("safetensors")
    check_tensors(tensors({"w": ONE}, b"\0" * 8), "weights")
    with pytest.raises(DamageError, match=r"refused: its header"):
        check_tensors(data, "weights")


def test_a_pickle_in_place_of_weights_is_named():
    pytest.importorskip("safetensors")
    with pytest.raises(DamageError, match="a pickle"):
        check_tensors(pickle.dumps(Bomb()), "weights")


@pytest.mark.parametrize("name", ["model.onnx", "weights.pt", "model.pkl"])
def test_the_registry_loads_none_of_them(layout, model, report, samples, name, capsys):
    registry = ModelRegistry(layout)
    registered = registry.register(model, report, samples)
    (registry.root / registered / name).write_bytes(pickle.dumps(Bomb()))
    with pytest.raises(DamageError, match=name.replace(".", r"\.")):
        registry.load(registered)
    assert "loaded" not in capsys.readouterr().out
