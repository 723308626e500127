"""Pretrained encoders on the disk: weights to tune from, ONNX to embed with."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from eocene.learn.embed.encoder import Encoder, VectorSignature, name_vectors
from eocene.learn.embed.encoders import read_vector_signature
from eocene.learn.extra import import_extra
from eocene.learn.models.settings import make_settings
from eocene.learn.networks.frame import Frame
from eocene.learn.networks.shape import describe_shape
from eocene.learn.pretraining.masked import Pretrained, make_encoder
from eocene.learn.pretraining.settings import PretrainingSettings
from eocene.learn.training.export import export_network
from eocene.model import DamageError, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.embed.encoders import EncoderStore

TOLERANCE = 1e-4
"""Largest accepted difference of a number of a vector between torch and ONNX; they are about 1."""


def save_pretrained(
    store: EncoderStore, pretrained: Pretrained, features: NDArray[np.float32], name: str | None = None
) -> str:
    """Write a pretrained encoder and return its id in the store.

    Parameters
    ----------
    store : EncoderStore
    pretrained : Pretrained
    features : (n, …) float32
        Samples on which its ONNX form is compared with it.
    name : str, optional
        The readable part of the id.

    Raises
    ------
    InputError
        If a number of a vector differs by more than 1e-4.
    """
    signature = VectorSignature(pretrained.axes, length=pretrained.settings.width)
    data = export_encoder(pretrained)
    ours = Encoder(data, signature).embed(features[:1024])
    difference = float(np.abs(ours - pretrained.embed(features[:1024])).max(initial=0.0))
    if not difference <= TOLERANCE:
        raise InputError(
            f"The ONNX form differs from the encoder by {difference:.2g}.",
            f"At most {TOLERANCE:g} is accepted; check the scale of the samples.",
        )
    about = {
        "mlm:architecture": "Masked autoencoder, the encoder",
        "mlm:framework": "PyTorch",
        "mlm:framework_version": torch.__version__,
        "mlm:hyperparameters": {**asdict(pretrained.settings), "seed": pretrained.seed},
        "eocene:pretrained": pretrained.id,
        "eocene:onnx_difference": difference,
        "eocene:history": pretrained.history,
        "eocene:lineage": dict(pretrained.sources),
    }
    name = name or pretrained.id.rpartition("-")[0]
    return store.write(name, data, signature, tensors=pretrained.export_tensors(), about=about)


def export_encoder(pretrained: Pretrained) -> bytes:
    """Return an encoder as ONNX: "features" in, NaN where missing, "vectors" out."""
    data = export_network(pretrained.network, pretrained.shape)
    model = import_extra("onnx").ModelProto.FromString(data)
    return name_vectors(model, pretrained.settings.width)


def load_pretrained(store: EncoderStore, encoder_id: str) -> Pretrained:
    """Return a pretrained encoder with its weights, ready to be tuned.

    Raises
    ------
    NotFoundError
        If there is no such encoder, or it came without weights.
    DamageError
        If its files are not those that were written.
    """
    item = store.item(encoder_id)
    data = store.tensors(encoder_id)
    axes = read_vector_signature(item).axes
    try:
        properties: dict[str, Any] = item["properties"]
        told = dict(properties["mlm:hyperparameters"])
        seed = int(told.pop("seed"))
        settings = make_settings(PretrainingSettings, told, "The encoder")
        shape = describe_shape(axes, settings.width)
        tensors = import_extra("safetensors.torch").load(data)
        network = Frame(make_encoder(shape, settings), shape, tensors["mean"], tensors["deviation"])
        network.load_state_dict(tensors)
        history = [dict(entry) for entry in properties["eocene:history"]]
        found = Pretrained(network.eval(), axes, settings, seed, properties["eocene:lineage"], history)
    except (KeyError, TypeError, ValueError, RuntimeError, InputError) as error:
        raise DamageError(
            f"The encoder {encoder_id} cannot be built again: {error}.", "Pretrain it again."
        ) from error
    if found.id != properties["eocene:pretrained"]:
        raise DamageError(f"The weights of {encoder_id} are others.", "Pretrain it again.")
    found.remember(encoder_id)
    return found
