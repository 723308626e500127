"""Samples and the settings of a network become a fitted network."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn

from eocene.learn.fractions import Fractions
from eocene.learn.networks.frame import Frame, Probabilities
from eocene.learn.networks.shape import describe_shape
from eocene.learn.training.augment import Augmentation
from eocene.learn.training.batches import ArraySource, Batch
from eocene.learn.training.export import export_network
from eocene.learn.training.feeding import cut_portion, feed
from eocene.learn.training.loop import Lesson, mixed_precision, own_state, teach
from eocene.learn.training.loss import Loss, balance_classes, name_main
from eocene.learn.training.validation import hold_out
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from numpy.typing import NDArray

    from eocene.learn.models.kind import Context
    from eocene.learn.models.network import NetworkSettings
    from eocene.learn.networks.shape import Shape
    from eocene.learn.training.feeding import Portion

_AT_ONCE = 1024
_SEED_STEP = 7919


@dataclass(frozen=True, eq=False)
class FittedNetwork:
    """Networks whose probabilities are averaged.

    Parameters
    ----------
    network : Probabilities
        In evaluation mode, on the processor.
    classes : (k,) int64
    shape : Shape
    histories : list
        What was measured after each epoch, for each network.
    """

    network: Probabilities
    classes: NDArray[np.int64]
    shape: Shape
    histories: list[list[dict[str, float]]]

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return (n, k) probabilities, or (n, k, y, x) if it was taught with labels of pixels."""
        parts = []
        with torch.no_grad():
            for start in range(0, max(len(features), 1), _AT_ONCE):
                rows = np.array(features[start : start + _AT_ONCE], dtype=np.float32, order="C")
                parts.append(self.network(torch.from_numpy(rows)).numpy())
        return np.concatenate(parts).astype(np.float64)

    def export_onnx(self) -> bytes:
        """Return the networks with scaling and softmax as one ONNX file."""
        return export_network(self.network, self.shape)

    def export_tensors(self) -> bytes:
        """Return the weights as safetensors."""
        from safetensors.torch import save

        return save({key: value.contiguous().clone() for key, value in self.network.state_dict().items()})


def fit_network(
    name: str,
    features: NDArray[np.float32],
    labels: NDArray[np.int64] | Fractions,
    options: NetworkSettings,
    seed: int,
    context: Context,
) -> FittedNetwork:
    """Train the networks of a kind.

    Parameters
    ----------
    name : str
        File in ``eocene.learn.networks`` that has ``build(settings, shape)``.
    features : (n, …) float32
        NaN where a value is missing.
    labels : (n,) int64, (n, y, x) int64, or Fractions
        Class values: one a sample, or one a pixel of chips, where negative ones are no label. Or shares.
    options : NetworkSettings
    seed : int
    context : Context

    Raises
    ------
    InputError
        If the training gives numbers that are not finite.
    """
    classes, answers = _number_classes(labels)
    shape = describe_shape(context.axes, len(classes), per_pixel=answers.ndim == 3)
    scale = measure_scale(features, shape)

    def plan(own_seed: int, member: str) -> Lesson:
        return _plan(features, answers, (shape, scale[1]), options, own_seed, context, member)

    members, histories = teach_members(name, shape, scale, options, seed, context, plan)
    return FittedNetwork(members, classes.astype(np.int64), shape, histories)


def _number_classes(labels: NDArray[np.int64] | Fractions) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Return the (k,) classes, and labels as their positions or as (n, k) shares; see ``Batch``."""
    if isinstance(labels, Fractions):
        return labels.classes, labels.values.astype(np.float32)
    classes = np.unique(labels[labels >= 0] if labels.ndim == 3 else labels)
    places = np.searchsorted(classes, labels)
    return classes, np.where(labels >= 0, places, -1) if labels.ndim == 3 else places


def teach_members(
    name: str,
    shape: Shape,
    scale: tuple[NDArray[Any], NDArray[Any]],
    options: NetworkSettings,
    seed: int,
    context: Context,
    plan: Callable[[int, str], Lesson],
) -> tuple[Probabilities, list[list[dict[str, float]]]]:
    """Build and teach the networks of a model, each with a seed and a lesson of its own.

    Raises
    ------
    InputError
        If the training gives numbers that are not finite.
    """
    build = import_module(f"eocene.learn.networks.{name}").build
    mean, deviation = (torch.from_numpy(part) for part in scale)
    members, histories = [], []
    for member in range(options.members):
        own_seed = seed + member * _SEED_STEP
        with own_state(context.threads, own_seed):
            core = leave_out(build(options, shape), options.leave_out)
            frame = Frame(core, shape, mean.clone(), deviation.clone())
            histories.append(teach(frame, plan(own_seed, f"{name}-{member}")))
        members.append(frame.cpu())
        if not all(torch.isfinite(value).all() for value in frame.state_dict().values()):
            raise InputError("The training gave weights that are not finite.", "Lower the learning rate.")
    return Probabilities(members).eval(), histories


def measure_scale(features: NDArray[np.float32], shape: Shape) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return mean and deviation of each band (or feature), to broadcast over one sample, both float32.

    Infinite values count as missing; a band without any value, or with one value only, is left as it is.
    """
    axis = 1 + (shape.dims.index("bands") if "bands" in shape.dims else 0)
    others = tuple(i for i in range(features.ndim) if i != axis)
    there = np.isfinite(features)
    count = np.maximum(there.sum(axis=others, keepdims=True), 1)
    mean = np.where(there, features, 0).sum(axis=others, keepdims=True, dtype=np.float64) / count
    spread = np.where(there, features - mean, 0) ** 2
    deviation = np.sqrt(spread.sum(axis=others, keepdims=True, dtype=np.float64) / count)
    deviation[~(deviation > 0)] = 1.0
    return mean[0].astype(np.float32), deviation[0].astype(np.float32)


def leave_out(core: nn.Module, layer: str | None) -> nn.Module:
    """Return a network one of whose layers passes on what it gets.

    Raises
    ------
    InputError
        If there is no such layer.
    """
    if layer is None:
        return core
    names = [name for name, _ in core.named_modules() if name]
    if layer not in names:
        raise InputError(f"The network has no layer {layer!r}.", f"Layers are {', '.join(names)}.")
    core.set_submodule(layer, nn.Identity())
    return core


def _plan(
    features: NDArray[np.float32],
    answers: NDArray[Any],
    frame: tuple[Shape, NDArray[Any]],
    options: NetworkSettings,
    seed: int,
    context: Context,
    name: str,
) -> Lesson:
    shape, deviation = frame
    weights = np.ones(len(features)) if context.weights is None else np.asarray(context.weights)
    weights = weights.astype(np.float32)
    main = name_main(answers)
    learnt, checked = hold_out(context.x, context.y, main, options.validation, seed)
    loss = Loss(balance_classes(main[learnt], shape.classes, options.class_weight), options.label_smoothing)
    held = Batch(features[checked], answers[checked], weights[checked])
    return Lesson(
        source=ArraySource(features[learnt], answers[learnt], weights[learnt], options.batch_size, seed),
        loss=loss,
        options=options,
        seed=seed,
        change=Augmentation(options, deviation, shape.dims, seed).change,
        check=partial(check_network, batch=held, loss=loss) if len(checked) else None,
        folder=None if context.folder is None else context.folder / name,
        name=name_training(name, features, answers, weights, asdict(options), seed),
        until=context.until,
    )


def check_network(network: nn.Module, batch: Batch, loss: Loss) -> dict[str, float]:
    """Return the loss and the accuracy of a network on samples that it does not learn from.

    Of shares the accuracy is that of the main class.
    """
    weights, device = loss.weigh(batch), next(network.parameters()).device
    lost, right = torch.zeros((), dtype=torch.float64, device=device), torch.zeros((), device=device).long()
    with torch.no_grad(), closing(feed(_cut(batch, weights), device)) as portions:
        for portion in portions:
            with mixed_precision(device):
                scores = network(portion.features)
            lost += loss.sum(scores, portion)
            right += (scores.argmax(1) == name_main(portion.answers)).sum()
    counted = max(int((name_main(batch.answers) >= 0).sum()), 1)
    total = max(float(weights.sum(dtype=np.float64)), 1e-12)
    return {"loss": float(lost) / total, "accuracy": int(right) / counted}


def _cut(batch: Batch, weights: NDArray[np.float32]) -> Generator[Portion]:
    for start in range(0, len(batch.answers), _AT_ONCE):
        yield cut_portion(batch, weights, slice(start, start + _AT_ONCE))


def name_training(*parts: Any) -> str:
    """Name a training by everything that decides its result."""
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, np.ndarray):
            digest.update(repr((part.shape, part.dtype.str)).encode() + np.ascontiguousarray(part).tobytes())
        else:
            digest.update(json.dumps(part, sort_keys=True).encode())
    return digest.hexdigest()
