"""Networks as ONNX, written by torch's exporter."""

from __future__ import annotations

import logging
import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import nn

    from eocene.learn.networks.shape import Shape

_OPSET = 18


def export_network(network: nn.Module, shape: Shape) -> bytes:
    """Return a network as ONNX without external data; the number of samples is free.

    Its input "features" is (n, features) for pixels, (n, …) as the samples for chips.
    """
    sample = (torch.Size(shape.sizes).numel(),) if shape.of_pixels else shape.sizes
    example = torch.zeros(3, *sample)
    with _silence():
        program = torch.onnx.export(
            network,
            (example,),
            dynamo=True,
            opset_version=_OPSET,
            input_names=["features"],
            output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("n")},),
            verbose=False,
        )
    assert program is not None  # noqa: S101 (None only without dynamo)
    return bytes(program.model_proto.SerializeToString())


@contextmanager
def _silence() -> Iterator[None]:
    """Keep what the exporter says of its own parts, and of a missing torchvision, to itself."""
    talkative = logging.getLogger("torch.onnx._internal.exporter._registration")
    before = talkative.level
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        talkative.setLevel(logging.ERROR)
        try:
            yield
        finally:
            talkative.setLevel(before)
