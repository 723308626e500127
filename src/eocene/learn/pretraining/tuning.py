"""From a pretrained encoder to classes: how the kind of model "pretrained" learns."""

from __future__ import annotations

import copy
import hashlib
import json
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from eocene.learn.extra import import_extra
from eocene.learn.networks.frame import Frame, Probabilities
from eocene.learn.networks.shape import describe_shape
from eocene.learn.pretraining.lora import adapt, merge
from eocene.learn.pretraining.masked import Pretrained, find_pretrained, make_encoder
from eocene.learn.training.augment import Augmentation
from eocene.learn.training.batches import ArraySource, Batch
from eocene.learn.training.fit import FittedNetwork, check_network
from eocene.learn.training.loop import Lesson, own_state, teach
from eocene.learn.training.loss import Loss, balance_classes
from eocene.learn.training.validation import hold_out
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.learn.models.kind import Context
    from eocene.learn.models.pretrained import TuningSettings

_HIDDEN = 64


class Tuned(nn.Module):
    """An encoder and a head on its vectors, which are scaled as they were before tuning."""

    middle: Tensor
    spread: Tensor

    def __init__(self, encoder: nn.Module, vectors: Tensor, classes: int, *, layers: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.register_buffer("middle", vectors.mean(0))
        self.register_buffer("spread", vectors.std(0, correction=0).clamp(min=1e-3))
        width = vectors.shape[1]
        hidden = [nn.Linear(width, _HIDDEN), nn.GELU()] if layers == 2 else []
        self.head = nn.Sequential(*hidden, nn.Linear(_HIDDEN if hidden else width, classes))

    def forward(self, values: Tensor, present: Tensor) -> Tensor:
        """Return the (n, k) scores."""
        vectors = self.encoder(values, present)
        scores: Tensor = self.head((vectors - self.middle) / self.spread)
        return scores


def fit_pretrained(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    options: TuningSettings,
    seed: int,
    context: Context,
) -> FittedNetwork:
    """Tune an encoder to labels.

    Raises
    ------
    NotFoundError
        If the encoder is not loaded.
    InputError
        If it takes other samples.
    """
    pretrained = find_pretrained(options.encoder)
    if dict(context.axes) != dict(pretrained.axes):
        raise InputError(
            f"The encoder {pretrained.id} takes samples of {_say(pretrained.axes)}, these have "
            f"{_say(context.axes)}.",
            "Draw samples by the graph that it was pretrained with.",
        )
    classes, answers = np.unique(labels, return_inverse=True)
    shape = describe_shape(context.axes, len(classes))
    with own_state(context.threads, seed):
        network = _make_network(pretrained, features, answers, options)
        history = []
        if options.method != "linear_probe":
            history = teach(network, _plan(features, answers, pretrained, options, seed, context))
        merge(network)
        network.cpu().requires_grad_(True)
    return FittedNetwork(Probabilities([network]).eval(), classes.astype(np.int64), shape, [history])


def _make_network(
    pretrained: Pretrained, features: NDArray[np.float32], answers: NDArray[np.intp], options: TuningSettings
) -> Frame:
    """Return the encoder with a head that is a linear probe; of what is not learnt, gradients are off."""
    frame = copy.deepcopy(pretrained.network)
    if options.method == "random":
        frame.core = make_encoder(pretrained.shape, pretrained.settings)
    with torch.no_grad():
        parts = torch.split(torch.from_numpy(features.copy()), pretrained.at_once)
        vectors = torch.cat([frame(part) for part in parts])
    layers = 2 if options.method == "frozen" else 1
    tuned = Tuned(frame.core, vectors, int(answers.max()) + 1, layers=layers)
    if layers == 1:
        _probe(tuned, vectors, answers, options.strength)
    if options.method == "lora":
        adapt(tuned.encoder, options.rank)
    elif options.method in ("frozen", "linear_probe"):
        tuned.encoder.requires_grad_(False)
    frame.core = tuned
    return frame


def _probe(tuned: Tuned, vectors: Tensor, answers: NDArray[np.intp], strength: float) -> None:
    """Set the head to the best linear model of the vectors, so that tuning does not begin by unlearning.

    Source: Kumar et al. 2022, "Fine-tuning can distort pretrained features and underperform
    out-of-distribution", arXiv:2202.10054.
    """
    scaled = ((vectors - tuned.middle) / tuned.spread).numpy()
    linear = import_extra("sklearn.linear_model").LogisticRegression(C=strength, max_iter=2000)
    linear.fit(scaled, answers)
    weights, bias = np.asarray(linear.coef_), np.asarray(linear.intercept_)
    if len(weights) == 1:  # of two classes it tells one score, whose halves lie on both sides
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    head: Any = tuned.head[0]
    with torch.no_grad():
        head.weight.copy_(torch.from_numpy(weights))
        head.bias.copy_(torch.from_numpy(bias))


def _plan(
    features: NDArray[np.float32],
    answers: NDArray[np.int64],
    pretrained: Pretrained,
    options: TuningSettings,
    seed: int,
    context: Context,
) -> Lesson:
    weights = np.ones(len(features), np.float32) if context.weights is None else context.weights
    weights = np.asarray(weights, np.float32)
    learnt, checked = hold_out(context.x, context.y, answers, options.validation, seed)
    balance = balance_classes(answers[learnt], int(answers.max()) + 1, options.class_weight)
    loss = Loss(balance, options.label_smoothing)
    held = Batch(features[checked], answers[checked], weights[checked])
    deviation = pretrained.network.deviation.numpy()
    return Lesson(
        source=ArraySource(features[learnt], answers[learnt], weights[learnt], options.batch_size, seed),
        loss=loss,
        options=options,
        seed=seed,
        change=Augmentation(options, deviation, tuple(context.axes), seed).change,
        check=partial(check_network, batch=held, loss=loss) if len(checked) else None,
        folder=context.folder,
        name=_name(features, answers, weights, asdict(options), seed),
        until=context.until,
    )


def _name(features: Any, answers: Any, weights: Any, options: dict[str, Any], seed: int) -> str:
    digest = hashlib.sha256(json.dumps([options, seed], sort_keys=True).encode())
    for array in (features, answers, weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _say(axes: Any) -> str:
    return " × ".join(f"{len(labels)} {dim}" for dim, labels in axes.items())
