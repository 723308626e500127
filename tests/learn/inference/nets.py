"""Small networks as ONNX, written by hand: no torch is needed to run them."""

from __future__ import annotations

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from eocene.learn.signature import Signature

BANDS = ("B02", "B03", "B04")
CLASSES = {1: "water", 5: "forest"}


def chip_signature(edge: int, *, dense: bool = True, classes: dict[int, str] | None = None) -> Signature:
    places = tuple(str(n) for n in range(edge))
    return Signature({"bands": BANDS, "y": places, "x": places}, classes or CLASSES, dense=dense)


def make_net(*, pooled: bool = True, edge: int | None = None, bottleneck: bool = False) -> bytes:
    """Return a network of 3 bands to 2 classes a pixel; with pooling it has a stride of 2.

    Missing values count as 0. ``edge`` fixes the size; a bottleneck lets each pixel look at all.
    """
    random = np.random.default_rng(7)
    weights = {
        "w1": random.normal(size=(6, 3, 3, 3)) / 4,
        "w2": random.normal(size=(6, 6, 3, 3)) / 6,
        "w3": random.normal(size=(2, 12, 1, 1)) / 2,
    }
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "features"], ["known"]),
        helper.make_node("Conv", ["known", "w1"], ["c1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["c1"], ["r1"]),
    ]
    if pooled:
        nodes += [
            helper.make_node("MaxPool", ["r1"], ["p1"], kernel_shape=[2, 2], strides=[2, 2]),
            helper.make_node("Conv", ["p1", "w2"], ["c2"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c2"], ["r2"]),
            helper.make_node("Resize", ["r2", "", "scales"], ["u2"], mode="nearest"),
        ]
    else:
        nodes += [
            helper.make_node("Conv", ["r1", "w2"], ["c2"], pads=[1, 1, 1, 1]),
            helper.make_node("Relu", ["c2"], ["u2"]),
        ]
    if bottleneck:
        nodes += [
            helper.make_node("GlobalAveragePool", ["u2"], ["mean"]),
            helper.make_node("Add", ["u2", "mean"], ["seen"]),
        ]
    nodes += [
        helper.make_node("Concat", ["r1", "seen" if bottleneck else "u2"], ["both"], axis=1),
        helper.make_node("Conv", ["both", "w3"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    tensors = [numpy_helper.from_array(v.astype(np.float32), k) for k, v in weights.items()]
    tensors += [numpy_helper.from_array(np.zeros((), np.float32), "zero")]
    tensors += [numpy_helper.from_array(np.array([1, 1, 2, 2], np.float32), "scales")]
    return _write(nodes, tensors, 3, edge, 2)


def _write(nodes, tensors, bands: int, edge: int | None, classes: int) -> bytes:
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, bands, edge, edge])
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, classes, edge, edge])
    graph = helper.make_graph(nodes, "net", [given], [made], tensors)
    opsets = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()


def make_chip_net(edge: int) -> bytes:
    """Return a network that answers once for a chip of fixed size."""
    random = np.random.default_rng(3)
    weight = numpy_helper.from_array(random.normal(size=(3, 2)).astype(np.float32), "w")
    zero = numpy_helper.from_array(np.zeros((), np.float32), "zero")
    nodes = [
        helper.make_node("IsNaN", ["features"], ["missing"]),
        helper.make_node("Where", ["missing", "zero", "features"], ["known"]),
        helper.make_node("ReduceMean", ["known"], ["mean"], axes=[2, 3], keepdims=0),
        helper.make_node("MatMul", ["mean", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["probabilities"], axis=1),
    ]
    given = helper.make_tensor_value_info("features", TensorProto.FLOAT, [None, 3, edge, edge])
    made = helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [None, 2])
    graph = helper.make_graph(nodes, "net", [given], [made], [weight, zero])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model)
    return model.SerializeToString()
