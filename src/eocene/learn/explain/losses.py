"""How wrong a model is on samples whose truth is known: classes of samples, classes of pixels, or values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from eocene.learn.evaluation.calibration import measure_log_loss
from eocene.learn.explain.batches import ask_all, cut_rows
from eocene.learn.train import find_targets
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.explain.parts import Answering


class Loss(Protocol):
    """How wrong a model is."""

    @property
    def rows(self) -> NDArray[np.intp]:
        """The samples (n,) whose truth the model can know."""

    def measure(self, model: Answering, features: NDArray[np.float32]) -> float:
        """Return the loss of what a model answers for these rows, (n, …)."""


@dataclass(frozen=True, eq=False)
class ClassLoss:
    """The mean logarithm of the probability of the true class, negative; ``truth`` (n,) are columns."""

    rows: NDArray[np.intp]
    truth: NDArray[np.intp]

    def measure(self, model: Answering, features: NDArray[np.float32]) -> float:
        """Return it."""
        return measure_log_loss(ask_all(model, _cut(features), features.shape[1:]), self.truth)


@dataclass(frozen=True, eq=False)
class ValueLoss:
    """The root of the mean squared error, in the unit of the targets (n,)."""

    rows: NDArray[np.intp]
    targets: NDArray[np.float64]

    def measure(self, model: Answering, features: NDArray[np.float32]) -> float:
        """Return it."""
        answer = ask_all(model, _cut(features), features.shape[1:])[:, 0]
        return float(np.sqrt(np.mean((answer - self.targets) ** 2)))


@dataclass(frozen=True, eq=False)
class PixelLoss:
    """As of classes, over all labelled pixels; ``truth`` (n, y, x) are columns, −1 where there is none."""

    rows: NDArray[np.intp]
    truth: NDArray[np.intp]

    def measure(self, model: Answering, features: NDArray[np.float32]) -> float:
        """Return it."""
        total, count = 0.0, 0
        for part in cut_rows(len(features), features[:1].size):
            truth = self.truth[part]
            answer = np.moveaxis(np.asarray(model.estimate_probabilities(features[part])), 1, -1)
            known = truth >= 0
            if known.any():
                total += measure_log_loss(answer[known], truth[known]) * int(known.sum())
                count += int(known.sum())
        return total / count


def choose_loss(
    samples: Samples, classes: Sequence[int], pixel_labels: NDArray[np.int64] | None = None
) -> Loss:
    """Return how wrong a model with these classes is on samples.

    Parameters
    ----------
    samples : Samples
        Of a regression with the column "target".
    classes : sequence of int
        Ascending; none of a regression.
    pixel_labels : (n, y, x) int64, optional
        Class values of the pixels of chips, negative where there is none.

    Raises
    ------
    InputError
        If the truth is missing, of another shape, or of no known class.
    """
    if not len(classes):
        targets = find_targets(samples)
        return ValueLoss(np.arange(len(targets)), targets)
    if pixel_labels is None:
        rows = np.flatnonzero(np.isin(samples.labels, classes))
        loss: Loss = ClassLoss(rows, np.searchsorted(np.asarray(classes), samples.labels[rows]))
    else:
        loss = _choose_pixels(samples, classes, pixel_labels)
    if not len(loss.rows):
        raise InputError("There is nothing to shuffle.", "Give samples of the model's classes.")
    return loss


def _choose_pixels(samples: Samples, classes: Sequence[int], labels: NDArray[np.int64]) -> PixelLoss:
    edges = tuple(len(samples.axes.get(dim, ())) for dim in ("y", "x"))
    if labels.shape != (len(samples), *edges):
        raise InputError(
            f"The labels of pixels have shape {labels.shape}, for {len(samples)} chips of {edges} pixels.",
            "Give one class value for each pixel of each chip, negative where there is none.",
        )
    known = np.isin(labels, classes)
    truth = np.where(known, np.searchsorted(np.asarray(classes), labels), -1)
    rows = np.flatnonzero(known.any(axis=(1, 2)))
    return PixelLoss(rows, truth[rows])


def _cut(features: NDArray[np.float32]) -> Iterator[NDArray[Any]]:
    flat = features.reshape(len(features), -1)
    for part in cut_rows(len(flat), flat.shape[1]):
        yield flat[part]
