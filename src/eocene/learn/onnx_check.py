"""What the bytes of a model must pass before anything runs them: ONNX and safetensors, nothing else.

Both formats hold numbers and, ONNX, operators from a fixed list; neither can name code. What could still harm
is refused here: data in other files, operators that are not arithmetic, functions of one's own, graphs that
ask for more memory than a model needs, and files that only pretend.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from eocene.learn.extra import import_extra
from eocene.model import DamageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.learn.signature import Signature

MAX_BYTES = 512 * 2**20
MAX_SAMPLE_BYTES = 2 * 2**30
"""What one sample may take while it is worked on, a chip of the model's own size."""
DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_FOREIGN = {
    b"\x80": "it is a pickle, which runs code when it is loaded",
    b"PK": "it is a zip archive, such as torch.save writes, with a pickle inside",
    b"\x89HDF": "it is an HDF5 file, as Keras writes it",
    b"\x93NUMPY": "it is a numpy file",
    b"\x1f\x8b": "it is compressed",
    b"{": "it is JSON",
    b"#!": "it is a script",
}

_WIDE = (7, 11, 13)
"""Types of ONNX of 8 bytes: int64, float64, uint64."""

_LISTED = """
Imputer Scaler Normalizer TreeEnsemble TreeEnsembleClassifier TreeEnsembleRegressor Abs Add And Cast
CastLike Ceil Clip Cos Div Equal Erf Exp Floor Greater GreaterOrEqual Identity IsInf IsNaN Less LessOrEqual
Log Max Mean Min Mod Mul Neg Not Or Pow Reciprocal Round Sign Sin Sqrt Sub Sum Tanh Where Xor AveragePool
BatchNormalization Conv ConvTranspose Dropout Einsum Elu GRU Gelu Gemm GlobalAveragePool GlobalMaxPool
GroupNormalization HardSigmoid HardSwish InstanceNormalization LSTM LayerNormalization LeakyRelu LogSoftmax
LpNormalization MatMul MaxPool Mish PRelu RMSNormalization RNN Relu Resize Selu Sigmoid Softmax Softplus
Swish ArgMax ArgMin Concat Constant ConstantOfShape CumSum DepthToSpace Expand Flatten Gather GatherElements
GatherND OneHot Pad Range ReduceL1 ReduceL2 ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum
ReduceSumSquare Reshape ScatterElements ScatterND Shape Size Slice SpaceToDepth Split Squeeze Tile TopK
Transpose Trilu Unsqueeze ConvInteger DequantizeLinear DynamicQuantizeLinear MatMulInteger QLinearConv
QLinearMatMul QuantizeLinear
"""
OPERATORS = frozenset(_LISTED.split())
"""Operators that only compute. Left out: control flow, random numbers, sequences, texts and whatever is not
of ONNX itself."""


def check_onnx(data: bytes, signature: Signature, name: str) -> None:
    """Refuse bytes that are not a self-contained model of the promised form.

    Raises
    ------
    DamageError
        If the file is too large, is another format, cannot be parsed, names external data, uses an operator
        that does more than arithmetic, takes too much memory, or has other inputs and outputs.
    """
    _check_size(data, name)
    _refuse_foreign(data, name)
    onnx = import_extra("onnx")
    try:
        graph = onnx.ModelProto.FromString(data)
    except Exception as error:  # the decoder raises types of its own
        raise refuse(name, "it is truncated or no ONNX file") from error
    if any(t.external_data or t.data_location == onnx.TensorProto.EXTERNAL for t in _tensors(graph)):
        raise refuse(name, "it refers to data in other files")
    if len(graph.functions) or graph.graph.sparse_initializer or len(graph.training_info):
        raise refuse(name, "it brings functions, sparse tensors or training steps of its own")
    foreign = {n.op_type for n in graph.graph.node} - OPERATORS
    foreign |= {n.domain for n in graph.graph.node if n.domain not in DOMAINS}
    foreign |= {o.domain for o in graph.opset_import if o.domain not in DOMAINS}
    if foreign:
        raise refuse(name, f"it uses {', '.join(sorted(foreign))}")
    try:
        onnx.checker.check_model(graph)
    except onnx.checker.ValidationError as error:
        raise refuse(name, "it breaks the rules of ONNX") from error
    fault = signature.find_fault(*shapes_of(graph))
    if fault:
        raise refuse(name, fault)
    _check_memory(graph, signature, name)


def check_tensors(data: bytes, name: str) -> None:
    """Refuse bytes that are not safetensors whose tensors lie side by side in the file, each once.

    Raises
    ------
    DamageError
        If the file is too large, is another format, or its header and its data do not agree.
    UnavailableError
        If the package safetensors is not installed.
    """
    _check_size(data, name)
    safetensors = import_extra("safetensors")
    try:
        safetensors.deserialize(data)
    except Exception as error:  # the decoder raises a type of its own
        _refuse_foreign(data, name)  # only now: the length of a header may begin as a pickle does
        raise refuse(name, f"its header and its data do not agree ({error})") from error


def working_bytes(data: bytes, signature: Signature, batch: int = 1) -> int | None:
    """Return the most bytes of tensors that live at once while a batch is computed; None if unknown.

    Shapes are inferred, nothing is run: after each operator what it gives is alive until its last user.
    """
    onnx = import_extra("onnx")
    size, is_known = _live_bytes(onnx.ModelProto.FromString(data), signature.input_shape(batch))
    return size if is_known else None


def shapes_of(graph: Any) -> tuple[dict[str, tuple[int | None, ...]], dict[str, tuple[int | None, ...]]]:
    """Return the shapes of inputs and outputs by name; None for a free dimension."""
    weights = {w.name for w in graph.graph.initializer}
    inputs = {v.name: _shape(v) for v in graph.graph.input if v.name not in weights}
    return inputs, {v.name: _shape(v) for v in graph.graph.output}


def refuse(name: str, why: str) -> DamageError:
    """Return the error that refuses a model's file."""
    return DamageError(
        f"{name} is refused: {why}.", "Export it again, or train and register the model again."
    )


def _check_size(data: bytes, name: str) -> None:
    if len(data) > MAX_BYTES:
        raise refuse(name, f"it has {len(data)} bytes, the limit is {MAX_BYTES}")


def _refuse_foreign(data: bytes, name: str) -> None:
    for start, what in _FOREIGN.items():
        if data.startswith(start):
            raise refuse(name, what)


def _check_memory(graph: Any, signature: Signature, name: str) -> None:
    size, _ = _live_bytes(graph, signature.input_shape(1))
    if size > MAX_SAMPLE_BYTES:
        raise refuse(name, f"one sample would take {size} bytes, the limit is {MAX_SAMPLE_BYTES}")


def _live_bytes(graph: Any, shape: tuple[int, ...]) -> tuple[int, bool]:
    """Return the most bytes that live at once, and whether all shapes are known; if not it is a least."""
    onnx = import_extra("onnx")
    fixed = onnx.ModelProto()
    fixed.CopyFrom(graph)
    weights = {w.name for w in fixed.graph.initializer}
    given = next(v for v in fixed.graph.input if v.name not in weights)
    for dim, length in zip(given.type.tensor_type.shape.dim, shape, strict=True):
        dim.dim_value = length
    del fixed.graph.value_info[:]
    try:
        inferred = onnx.shape_inference.infer_shapes(fixed, data_prop=True)
    except Exception:  # noqa: BLE001  what cannot be inferred is not known
        return 0, False
    sizes = {v.name: _bytes_of(v) for v in (*inferred.graph.value_info, *inferred.graph.input)}
    last: dict[str, int] = {}
    for number, node in enumerate(inferred.graph.node):
        last |= dict.fromkeys(node.input, number)
    alive, most = {given.name: sizes.get(given.name) or 0}, 0
    for number, node in enumerate(inferred.graph.node):
        alive |= {output: sizes.get(output) or 0 for output in node.output if output}
        most = max(most, sum(alive.values()))
        alive = {k: v for k, v in alive.items() if last.get(k, -1) > number}
    known = [sizes.get(output) for node in inferred.graph.node for output in node.output if output in last]
    return most, all(size is not None for size in known)


def _bytes_of(value: Any) -> int | None:
    shape = _shape(value)
    if not value.type.HasField("tensor_type") or any(n is None for n in shape):
        return None
    width = 8 if value.type.tensor_type.elem_type in _WIDE else 4
    return width * math.prod(n for n in shape if n is not None)


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor anywhere in a protobuf message, however deeply nested."""
    stack = [message]
    while stack:
        current = stack.pop()
        for field, value in current.ListFields():
            if field.message_type is None:
                continue
            for child in [value] if hasattr(value, "ListFields") else list(value):
                if not hasattr(child, "ListFields"):
                    continue
                if child.DESCRIPTOR.name == "TensorProto":
                    yield child
                stack.append(child)


def _shape(value: Any) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)
