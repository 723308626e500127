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
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray


class _Outside(nn.Module):
    """A module that is told nothing of what is missing, and whatever it gives as one vector a sample.

    Parameters
    ----------
    module : nn.Module
    turn : sequence of int
        Where the module wants each dimension of a batch.
    """

    def __init__(self, module: nn.Module, turn: Sequence[int]) -> None:
        super().__init__()
        self.module, self.turn = module, tuple(turn)

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return the (n, d) vectors of scaled values, 0 where missing."""
        del present
        return pool(self.module(values.permute(self.turn)))


def pool(given: Any) -> Tensor:
    """Return (n, d) vectors: of a list the last one, of tokens (n, k, d) or maps (n, d, y, x) the mean.

    Source: timm 1.0, "Feature Extraction" (pooled vectors, ``forward_features``, lists of maps by
    ``features_only``); TerraTorch, whose backbones give a list with the tokens or maps of some layers.
    """
    while isinstance(given, list | tuple) and len(given):
        given = given[-1]
    if not isinstance(given, Tensor) or not 2 <= given.ndim <= 4:
        told = tuple(given.shape) if isinstance(given, Tensor) else type(given).__name__
        raise InputError(
            f"The module gives {told}, not vectors, tokens or maps.", "Wrap it, so that it gives (n, d)."
        )
    if given.ndim == 2:
        return given
    return given.mean(1) if given.ndim == 3 else given.mean((2, 3))


def adapt_module(
    module: nn.Module,
    axes: Mapping[str, tuple[str, ...]],
    *,
    order: tuple[str, ...] | None = None,
    weights: bytes | None = None,
    mean: NDArray[Any] | float = 0.0,
    deviation: NDArray[Any] | float = 1.0,
) -> tuple[bytes, VectorSignature]:
    """Return a torch module as an encoder that is kept here, with what it takes and gives.

    Parameters
    ----------
    module : nn.Module
        Samples (n, …) → vectors (n, d), such as ``timm.create_model(name, num_classes=0, in_chans=4)``; or
        tokens (n, k, d), maps (n, d, y, x) or a list that ends in one of these, of which the mean is taken.
    axes : mapping of str to tuple of str
        The dimensions of one sample with their labels.
    order : tuple of str, optional
        Their order as the module takes it, such as ("bands", "t", "y", "x"); by default that of ``axes``.
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
    wanted = tuple(axes) if order is None else order
    if sorted(wanted) != sorted(axes):
        raise InputError(f"The order {wanted} is not one of {tuple(axes)}.", "Name each dimension once.")
    turn = [0, *(1 + list(axes).index(dim) for dim in wanted)]
    frame = Frame(_Outside(module, turn), shape, middle, spread).eval()
    with torch.no_grad():
        vectors = frame(torch.zeros(2, *full))
    if len(vectors) != 2:
        raise InputError(
            f"The module gives {tuple(vectors.shape)} for 2 samples, not a vector for each.",
            "Wrap it, so that it gives (n, d).",
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
