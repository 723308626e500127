"""A trained model as ONNX bytes, and the check that ONNX bytes from a disk must pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.model import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.learn.train import TrainedModel

MAX_BYTES = 512 * 2**20
TOLERANCE = 1e-5
INPUT, PROBABILITIES = "features", "probabilities"
_OPSETS = {"": 17, "ai.onnx.ml": 3}
_OPERATORS = frozenset(
    {"Imputer", "TreeEnsembleClassifier", "TreeEnsembleRegressor", "Softmax", "Cast", "Identity"}
)


def export_onnx(model: TrainedModel) -> bytes:
    """Return the model as an ONNX file without external data.

    Its input ``features`` is float32, (n, f) for pixels; its output ``probabilities`` (n, classes) float32.

    Raises
    ------
    UnavailableError
        If a package that writes it is not installed.
    """
    return model.fitted.export_onnx()


def measure_difference(model: TrainedModel, data: bytes, features: NDArray[np.float32]) -> float:
    """Return the largest difference of probability between the model and its ONNX form."""
    session = open_session(data)
    rows = model.shape_for_onnx(features)
    (ours,) = session.run([PROBABILITIES], {INPUT: rows})
    return float(np.abs(ours - model.estimate_probabilities(rows)).max(initial=0.0))


def open_session(data: bytes) -> Any:
    """Return an onnxruntime session on one thread; rows are shared out by the caller.

    One thread sums the trees of a row in one order, so that a probability depends neither on the
    number of rows beside it nor on the machine's cores.
    """
    runtime = import_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def check_onnx(data: bytes, features: int, classes: int, name: str) -> None:
    """Refuse bytes that are not a self-contained model of the promised shape.

    Raises
    ------
    DamageError
        If the file is too large, cannot be parsed, names external data, uses an operator that our
        export never writes, or has other inputs and outputs.
    """
    if len(data) > MAX_BYTES:
        raise _refuse(name, f"it has {len(data)} bytes, the limit is {MAX_BYTES}")
    onnx = import_extra("onnx")
    try:
        graph = onnx.ModelProto.FromString(data)
    except Exception as error:  # the decoder raises types of its own
        raise _refuse(name, "it is truncated or no ONNX file") from error
    if any(t.external_data or t.data_location == onnx.TensorProto.EXTERNAL for t in _tensors(graph)):
        raise _refuse(name, "it refers to data in other files")
    if len(graph.functions) or graph.graph.sparse_initializer:
        raise _refuse(name, "it brings functions or sparse tensors of its own")
    foreign = {n.op_type for n in graph.graph.node} - _OPERATORS
    foreign |= {n.domain for n in graph.graph.node if n.domain not in _OPSETS}
    if foreign:
        raise _refuse(name, f"it uses {', '.join(sorted(foreign))}")
    try:
        onnx.checker.check_model(graph)
    except onnx.checker.ValidationError as error:
        raise _refuse(name, "it breaks the rules of ONNX") from error
    inputs = {v.name: _shape(v) for v in graph.graph.input}
    outputs = {v.name: _shape(v) for v in graph.graph.output}
    if inputs != {INPUT: (None, features)} or outputs.get(PROBABILITIES) != (None, classes):
        raise _refuse(
            name, f"it takes {inputs} and gives {outputs}, not {features} features and {classes} classes"
        )


def check_parity(model: TrainedModel, data: bytes, features: NDArray[np.float32]) -> float:
    """Return the difference between model and ONNX, refusing one above 1e-5."""
    difference = measure_difference(model, data, features)
    if not difference <= TOLERANCE:
        raise InputError(
            f"The ONNX form differs from the trained model by a probability of {difference:.2g}.",
            f"At most {TOLERANCE:g} is accepted; check the scale of the features.",
        )
    return difference


def _tensors(message: Any) -> Iterator[Any]:
    """Every tensor anywhere in a protobuf message, however deeply nested."""
    stack = [message]
    while stack:
        current = stack.pop()
        for field, value in current.ListFields():
            if field.message_type is None:
                continue
            children = [value] if hasattr(value, "ListFields") else list(value)
            for child in children:
                if not hasattr(child, "ListFields"):
                    continue
                if child.DESCRIPTOR.name == "TensorProto":
                    yield child
                stack.append(child)


def _shape(value: Any) -> tuple[int | None, ...]:
    dims = value.type.tensor_type.shape.dim
    return tuple(d.dim_value if d.HasField("dim_value") else None for d in dims)


def _refuse(name: str, why: str) -> DamageError:
    return DamageError(f"{name} is refused: {why}.", "Train and register the model again.")
