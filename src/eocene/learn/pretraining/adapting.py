"""Encoders of others that are torch modules: of timm, torchgeo, terratorch or one's own, with safetensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from eocene.learn.embed.encoder import VectorSignature, name_vectors
from eocene.learn.extra import import_extra
from eocene.learn.networks.frame import Frame
from eocene.learn.networks.shape import describe_shape
from eocene.learn.onnx_check import check_tensors
from eocene.learn.training.export import export_network
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class _Outside(nn.Module):
    """A module that is told nothing of what is missing."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self.module = module

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return the (n, d) vectors of scaled values, 0 where missing."""
        del present
        vectors: Tensor = self.module(values)
        return vectors


def adapt_module(
    module: nn.Module,
    axes: Mapping[str, tuple[str, ...]],
    *,
    weights: bytes | None = None,
    mean: NDArray[Any] | float = 0.0,
    deviation: NDArray[Any] | float = 1.0,
) -> tuple[bytes, VectorSignature]:
    """Return a torch module as an encoder that is kept here, with what it takes and gives.

    Parameters
    ----------
    module : nn.Module
        Samples (n, …) → vectors (n, d), such as ``timm.create_model(name, num_classes=0, in_chans=4)``.
    axes : mapping of str to tuple of str
        The dimensions of one sample with their labels, in the order that the module takes.
    weights : bytes, optional
        safetensors with all weights of the module; by default it is taken as it is.
    mean, deviation : float, or array that broadcasts over one sample
        ``(value - mean) / deviation`` is what the module was taught on; what is missing becomes the mean.

    Returns
    -------
    bytes, VectorSignature
        What ``EncoderStore.write`` takes.

    Raises
    ------
    DamageError
        If the weights are no safetensors.
    InputError
        If they are not the module's, or it does not give one vector a sample.
    """
    if weights is not None:
        _load_weights(module, weights)
    shape = describe_shape(axes, 0)
    full = tuple(shape.sizes)
    middle, spread = (
        torch.from_numpy(np.broadcast_to(np.asarray(v, np.float32), full).copy()) for v in (mean, deviation)
    )
    frame = Frame(_Outside(module), shape, middle, spread).eval()
    with torch.no_grad():
        vectors = frame(torch.zeros(2, *full))
    if vectors.ndim != 2 or len(vectors) != 2:
        raise InputError(
            f"The module gives {tuple(vectors.shape)} for 2 samples, not a vector for each.",
            "Leave out its head, and pool what it gives.",
        )
    length = int(vectors.shape[1])
    model = import_extra("onnx").ModelProto.FromString(export_network(frame, shape))
    return name_vectors(model, length), VectorSignature(dict(axes), length=length)


def _load_weights(module: nn.Module, weights: bytes) -> None:
    check_tensors(weights, "the encoder")
    try:
        module.load_state_dict(import_extra("safetensors.torch").load(weights))
    except (RuntimeError, ValueError, KeyError) as error:
        raise InputError(
            f"The weights are not the module's: {error}.", "Build the module that they were saved from."
        ) from error
