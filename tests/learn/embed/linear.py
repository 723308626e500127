"""An encoder that can be computed by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

onnx: Any = pytest.importorskip("onnx")


def make_onnx(weights: np.ndarray, sample: list[int], *, name: str = "pixels") -> bytes:
    """Return ONNX of samples, flattened, times a matrix."""
    helper = onnx.helper
    nodes = [
        helper.make_node("Flatten", [name], ["flat"], axis=1),
        helper.make_node("MatMul", ["flat", "weights"], ["out"]),
    ]
    graph = helper.make_graph(
        nodes, "linear",
        [helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, ["n", *sample])],
        [helper.make_tensor_value_info("out", onnx.TensorProto.FLOAT, ["n", weights.shape[1]])],
        [onnx.numpy_helper.from_array(weights.astype(np.float32), "weights")],
    )  # fmt: skip
    opsets = [helper.make_opsetid("", 17)]
    return bytes(helper.make_model(graph, opset_imports=opsets, ir_version=9).SerializeToString())
