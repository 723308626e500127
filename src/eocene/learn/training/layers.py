"""Which layers of a network can be passed by."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from eocene.learn.networks.shape import describe_shape

if TYPE_CHECKING:
    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec


def find_passable(samples: Samples, spec: ModelSpec) -> list[str]:
    """Return the layers that have weights and give what has the shape of what they get."""
    shape = describe_shape(samples.axes, len(samples.classes))
    core = import_module(f"eocene.learn.networks.{spec.kind}").build(spec.options, shape).eval()
    found: list[str] = []

    def watch(name: str) -> Any:
        def see(_: nn.Module, given: tuple[Any, ...], answer: Any) -> None:
            if len(given) == 1 and isinstance(answer, Tensor) and answer.shape == given[0].shape:
                found.append(name)

        return see

    for name, layer in core.named_modules():
        if name and any(True for _ in layer.parameters()):
            layer.register_forward_hook(watch(name))
    values = torch.zeros(2, *shape.sizes)
    with torch.no_grad():
        core(values, torch.ones_like(values))
    return list(dict.fromkeys(found))
