"""A trained model as ONNX bytes, compared with the model itself, and the session that runs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.signature import INPUT, PROBABILITIES, VALUES, Signature
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.train import TrainedModel

TOLERANCE = 1e-5
_ROWS = 2048


def export_onnx(model: TrainedModel) -> bytes:
    """Return the model as an ONNX file without external data.

    Its input ``features`` is float32, (n, f) for pixels and (n, …) for chips; its output ``probabilities``
    (n, classes), or (n, classes, y, x), float32.

    Raises
    ------
    UnavailableError
        If a package that writes it is not installed.
    """
    return model.fitted.export_onnx()


def signature_of(model: TrainedModel, data: bytes) -> Signature:
    """Return what a trained model takes and gives; its ONNX form tells whether it answers for each pixel."""
    outputs = import_extra("onnx").ModelProto.FromString(data).graph.output
    dense = any(v.name == PROBABILITIES and len(v.type.tensor_type.shape.dim) == 4 for v in outputs)
    classes = {v: model.class_names[v] for v in model.classes}
    return Signature(dict(model.axes), classes, dense=dense)


def measure_difference(model: TrainedModel, data: bytes, features: NDArray[np.float32]) -> float:
    """Return the largest difference of an answer between the model and its ONNX form.

    Of probabilities as it is, of values of a regression as a part of their standard deviation.
    """
    session = open_session(data)
    output = VALUES if model.spec.described.task == "regression" else PROBABILITIES
    rows = model.shape_for_onnx(features)
    worst, answers = 0.0, []
    for first in range(0, len(rows), _ROWS):
        part = rows[first : first + _ROWS]
        (ours,) = session.run([output], {INPUT: part})
        theirs = model.estimate_probabilities(part)
        answers.append(theirs)
        worst = max(worst, float(np.abs(ours - theirs).max(initial=0.0)))
    if output == VALUES and answers:
        worst /= max(float(np.concatenate(answers).std()), 1e-30)
    return worst


def open_session(data: bytes, *, threads: int = 1) -> Any:
    """Return an onnxruntime session, on one thread unless told: rows are shared out by the caller.

    One thread sums the trees of a row in one order, so that a probability depends neither on the
    number of rows beside it nor on the machine's cores.
    """
    runtime = import_extra("onnxruntime")
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    # What a window of another size took would be kept for ever: windows differ, so nothing is.
    options.enable_cpu_mem_arena = False
    return runtime.InferenceSession(data, options, providers=["CPUExecutionProvider"])


def runtime_errors() -> tuple[type[Exception], ...]:
    """Return what onnxruntime raises where a network cannot be run on what it is given."""
    state = import_extra("onnxruntime").capi.onnxruntime_pybind11_state
    return (state.Fail, state.InvalidArgument, state.RuntimeException, state.InvalidGraph)


def check_parity(model: TrainedModel, data: bytes, features: NDArray[np.float32]) -> float:
    """Return the difference between model and ONNX, refusing one above 1e-5."""
    difference = measure_difference(model, data, features)
    if not difference <= TOLERANCE:
        raise InputError(
            f"The ONNX form differs from the trained model by {difference:.2g}.",
            f"At most {TOLERANCE:g} is accepted; check the scale of the features.",
        )
    return difference
