"""Encoders that answer: an ONNX file that turns samples into vectors, checked as every model is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.onnx_check import shapes_of
from eocene.learn.predict import Predictor
from eocene.learn.signature import INPUT, Signature
from eocene.model import DamageError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples

VECTORS = "vectors"
_LARGEST_CHIP = 4096


@dataclass(frozen=True)
class VectorSignature(Signature):
    """What an encoder takes, and how many numbers its vectors have.

    Parameters
    ----------
    length : int
        Numbers in a vector.
    """

    length: int = 0

    @property
    def output(self) -> str:
        """The name of what it gives."""
        return VECTORS

    @property
    def width(self) -> int:
        """Numbers that it gives of a sample."""
        return self.length


class Encoder(Predictor):
    """Turns samples into vectors by onnxruntime; made as a Predictor is, and as safe between threads."""

    signature: VectorSignature

    def embed(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (n, d) vectors of samples (n, …) or (n, features); NaN is a missing value.

        Raises
        ------
        InputError
            If a sample has another number of values than the encoder takes.
        """
        return self.estimate_probabilities(features)


def embed_samples(samples: Samples, encoder: Encoder) -> Samples:
    """Return samples whose features are their vectors, so that any model can learn from these.

    Raises
    ------
    InputError
        If the samples have other axes than those that the encoder takes.
    """
    if dict(samples.axes) != dict(encoder.signature.axes):
        raise InputError(
            f"{encoder.name} takes {', '.join(encoder.signature.axes)} with other labels than these.",
            "Draw samples by the graph that the encoder was made for.",
        )
    names = tuple(f"e{number:03d}" for number in range(encoder.signature.length))
    return replace(samples, features=encoder.embed(samples.features), axes={"features": names})


def adapt_onnx(
    data: bytes,
    axes: Mapping[str, tuple[str, ...]],
    *,
    mean: NDArray[Any] | float = 0.0,
    deviation: NDArray[Any] | float = 1.0,
) -> tuple[bytes, VectorSignature]:
    """Return an outside encoder in the form that is kept here, with what it takes and gives.

    Its values are scaled before it sees them, and what is missing becomes the mean, since most encoders know
    no missing values.

    Parameters
    ----------
    data : bytes
        ONNX with one input, (n, features) for pixels or (n, …) for chips, n free, and as its first output
        vectors (n, d). No external data.
    axes : mapping of str to tuple of str
        The dimensions of one sample with their labels, in the order of the input.
    mean, deviation : float, or array that broadcasts over one sample
        ``(value - mean) / deviation`` is what the encoder was taught on.

    Raises
    ------
    DamageError
        If it is no ONNX file of one such input and output.
    UnavailableError
        If onnx is not installed.
    """
    onnx = import_extra("onnx")
    try:
        model = onnx.ModelProto.FromString(data)
        inputs, outputs = shapes_of(model)
        ((name, taken),) = inputs.items()
        length = next(iter(outputs.values()))[1]
    except Exception as error:  # the decoder raises types of its own
        raise DamageError(
            "The encoder is refused: it is no ONNX file with one input and an output (n, d).",
            "Export it again, with the size of its vectors fixed.",
        ) from error
    if not isinstance(length, int):
        raise InputError("The encoder does not say how long its vectors are.", "Export it with a fixed size.")
    signature = VectorSignature(dict(axes), length=length)
    wanted = signature.sample
    if len(taken) != len(wanted) + 1 or any(
        n not in (None, m) for n, m in zip(taken[1:], wanted, strict=True)
    ):
        raise InputError(f"The encoder takes {taken}, samples are {wanted}.", "Name the axes that it takes.")
    _scale(model, name, signature.sample, np.asarray(mean), np.asarray(deviation))
    return name_vectors(model, length), signature


def read_axes(told: Any) -> dict[str, tuple[str, ...]]:
    """Return the axes of a sample of plain values: labels, or how many there are of y and x.

    Raises
    ------
    InputError
        If these are none, or there are no bands.

    Examples
    --------
    >>> read_axes({"bands": ["B04", "B08"], "y": 2, "x": 2})["y"]
    ('0', '1')
    """
    known = isinstance(told, dict) and set(told) <= {"t", "bands", "y", "x"} and "bands" in told
    axes = {}
    for dim, labels in told.items() if known else ():
        if isinstance(labels, list) and labels and all(isinstance(v, str) for v in labels):
            axes[dim] = tuple(labels)
        elif dim in ("y", "x") and type(labels) is int and 0 < labels <= _LARGEST_CHIP:
            axes[dim] = tuple(map(str, range(labels)))
    if not axes or len(axes) != len(told) or ("y" in axes) != ("x" in axes):
        raise InputError(
            f"{str(told)[:200]} does not tell what an encoder takes.",
            'Write {"bands": ["B04", "B08"], "y": 64, "x": 64}, or {"t": ["2024-05"], "bands": ["B04"]}.',
        )
    return axes


def spread_over_bands(values: Sequence[float], axes: Mapping[str, tuple[str, ...]]) -> NDArray[np.float32]:
    """Return numbers, one or one a band, for each number of a sample as an encoder takes it.

    Raises
    ------
    InputError
        If there are more or fewer than bands.
    """
    if len(values) not in (1, len(axes["bands"])):
        raise InputError(
            f"{len(values)} numbers stand for {len(axes['bands'])} bands.", "Give one, or one a band."
        )
    dims = tuple(len(labels) if dim == "bands" and len(values) > 1 else 1 for dim, labels in axes.items())
    whole = tuple(len(labels) for labels in axes.values())
    filled = np.broadcast_to(np.asarray(values, np.float32).reshape(dims), whole)
    return filled.reshape(VectorSignature(axes, length=1).sample)


def name_vectors(model: Any, length: int) -> bytes:
    """Return a graph as bytes, its first output named "vectors" and no other one."""
    onnx, helper = import_extra("onnx"), import_extra("onnx.helper")
    output = model.graph.output[0].name
    for node in model.graph.node:
        node.output[:] = [VECTORS if o == output else o for o in node.output]
        node.input[:] = [VECTORS if i == output else i for i in node.input]
    del model.graph.output[:], model.graph.value_info[:]
    told = helper.make_tensor_value_info(VECTORS, onnx.TensorProto.FLOAT, ["n", length])
    model.graph.output.append(told)
    return bytes(model.SerializeToString())


def _scale(model: Any, name: str, sample: tuple[int, ...], mean: Any, deviation: Any) -> None:
    """Put (features − mean) / deviation, 0 where missing, before the input ``name`` of a graph."""
    onnx, helper = import_extra("onnx"), import_extra("onnx.helper")
    numpy_helper = import_extra("onnx.numpy_helper")
    weights = {w.name for w in model.graph.initializer}
    kept = [v for v in model.graph.input if v.name in weights]
    del model.graph.input[:]
    shape = ["n", *sample]
    model.graph.input.extend([helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, shape), *kept])

    def fill(values: Any) -> Any:
        return np.broadcast_to(np.asarray(values, np.float32), sample).astype(np.float32)[None]

    constants = {"mean": fill(mean), "deviation": fill(deviation), "nothing": np.zeros(1, np.float32)}
    for key, values in constants.items():
        model.graph.initializer.append(numpy_helper.from_array(values, f"eocene_{key}"))
    steps = (
        ("IsNaN", (INPUT,), "eocene_missing"),
        ("Sub", (INPUT, "eocene_mean"), "eocene_moved"),
        ("Div", ("eocene_moved", "eocene_deviation"), "eocene_scaled"),
        ("Where", ("eocene_missing", "eocene_nothing", "eocene_scaled"), "eocene_input"),
    )
    nodes = [helper.make_node(operator, inputs, [made]) for operator, inputs, made in steps]
    for node in model.graph.node:
        node.input[:] = ["eocene_input" if i == name else i for i in node.input]
    rest = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend([*nodes, *rest])
