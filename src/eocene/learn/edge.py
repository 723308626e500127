"""Models for small machines: weights of 8 bits with the loss stated, and a run within memory and time.

Source: Jacob et al. 2018, "Quantization and training of neural networks for efficient integer-arithmetic-only
inference" (CVPR); onnxruntime's static quantization, which writes operators of ONNX itself.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.onnx_check import check_onnx
from eocene.learn.onnx_file import open_session
from eocene.learn.signature import INPUT
from eocene.model import InputError
from eocene.model.files import write_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.learn.signature import Signature

_WEIGHTED = {"Conv", "MatMul", "Gemm"}
_BATCH = 256


@dataclass(frozen=True)
class Quantized:
    """A network with weights of 8 bits, and what that costs.

    Parameters
    ----------
    data : bytes
        ONNX without external data.
    agreement : float
        Part of the answers whose class stays the same.
    difference : float
        Largest difference of a probability, or of a value.
    bytes_before, bytes_after : int
    """

    data: bytes
    agreement: float
    difference: float
    bytes_before: int
    bytes_after: int


def quantize(data: bytes, signature: Signature, features: NDArray[np.float32]) -> Quantized:
    """Return a network whose weights and activations are whole numbers of 8 bits.

    Parameters
    ----------
    data : bytes
        Its ONNX form.
    signature : Signature
    features : (n, …) float32
        Samples, as the network takes them: half tell the ranges of activations, the others measure the loss.

    Raises
    ------
    InputError
        If it has no weights to make smaller, as trees have none, or there are fewer than two samples.
    """
    onnx = import_extra("onnx")
    kinds = {node.op_type for node in onnx.ModelProto.FromString(data).graph.node}
    if not kinds & _WEIGHTED:
        raise InputError(
            "The model has no layers of weights; trees do not get smaller by 8 bits.",
            "Use fewer or shallower trees.",
        )
    if len(features) < 2:
        raise InputError("Ranges and loss need samples.", "Give at least two.")
    rows = np.asarray(features, np.float32).reshape(len(features), *signature.sample)
    made = _quantize(data, rows[0::2])
    check_onnx(made, signature, "the quantized model")
    held = rows[1::2]
    before, after = (_answer(d, signature, held) for d in (data, made))
    same = 1.0
    if not signature.is_regression:
        same = float((before.argmax(axis=1) == after.argmax(axis=1)).mean())
    return Quantized(made, same, float(np.abs(before - after).max()), len(data), len(made))


def _quantize(data: bytes, rows: NDArray[np.float32]) -> bytes:
    tools = import_extra("onnxruntime.quantization")

    class Reader(tools.CalibrationDataReader):  # type: ignore[misc, name-defined]
        """Hands out batches once."""

        def __init__(self) -> None:
            self.batches: Iterator[dict[str, Any]] = iter(
                [{INPUT: rows[i : i + _BATCH]} for i in range(0, len(rows), _BATCH)]
            )

        def get_next(self) -> dict[str, Any] | None:
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as name:
        source, target = Path(name) / "source.onnx", Path(name) / "target.onnx"
        source.write_bytes(data)
        tools.quantize_static(
            str(source),
            str(target),
            Reader(),
            quant_format=tools.QuantFormat.QDQ,
            per_channel=True,
            weight_type=tools.QuantType.QInt8,
            activation_type=tools.QuantType.QUInt8,
            op_types_to_quantize=sorted(_WEIGHTED),
        )
        return target.read_bytes()


def _answer(data: bytes, signature: Signature, rows: NDArray[np.float32]) -> NDArray[np.float32]:
    session = open_session(data)
    parts = [
        session.run([signature.output], {INPUT: rows[i : i + _BATCH]})[0] for i in range(0, len(rows), _BATCH)
    ]
    return np.concatenate(parts)


def run_bounded(
    data: bytes,
    signature: Signature,
    features: NDArray[np.float32],
    *,
    memory_bytes: int,
    seconds: float,
) -> tuple[NDArray[np.float32], dict[str, float]]:
    """Answer in a process of its own that may take so much memory and time, and no more.

    The process imports numpy and onnxruntime only, on one thread, as on a small machine.

    Returns
    -------
    answers : (n, k, …) float32
    taken : dict
        ``peak_bytes`` of the process and its ``seconds`` of processor time.

    Raises
    ------
    InputError
        If it would take more: says what.
    """
    rows = np.asarray(features, np.float32).reshape(len(features), *signature.sample)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.onnx").write_bytes(data)
        np.save(folder / "rows.npy", rows)
        told = {"output": signature.output, "memory": memory_bytes, "seconds": seconds, "batch": _BATCH}
        write_json(folder / "told.json", told)
        command = [sys.executable, "-I", str(Path(__file__).with_name("edge_run.py")), name]
        try:
            done = subprocess.run(  # noqa: S603
                command, capture_output=True, text=True, check=False, timeout=4 * seconds + 60
            )
        except subprocess.TimeoutExpired as error:
            raise _exceeded(f"more than {seconds:g} s") from error
        if done.returncode != 0:
            what = f"more than {memory_bytes / 2**20:.0f} MiB or {seconds:g} s"
            raise _exceeded(what)
        return np.load(folder / "answers.npy"), json.loads(done.stdout.splitlines()[-1])


def _exceeded(what: str) -> InputError:
    return InputError(
        f"The model takes {what} for these samples.",
        "Give it fewer samples or more room, or quantize it.",
        code="ProcessGraphComplexity",
    )
