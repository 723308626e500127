"""How wrong scores are, and how much each sample counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from torch.nn import functional

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import Tensor

    from eocene.learn.training.batches import Batch
    from eocene.learn.training.feeding import Portion


@dataclass(frozen=True, eq=False)
class Loss:
    """Cross-entropy of weighed samples with smoothed labels, or with shares of classes.

    Parameters
    ----------
    class_weights : (k,) float32
    smoothing : float
    """

    class_weights: NDArray[Any]
    smoothing: float = 0.0

    def weigh(self, batch: Batch) -> NDArray[np.float32]:
        """Return what each answer of a batch counts, (n,) or (n, y, x); 0 without a label."""
        if batch.answers.ndim == 2:  # shares: a sample counts alike, whatever it shows
            return np.asarray(batch.weights, np.float32)
        weights = np.where(batch.answers >= 0, self.class_weights[batch.answers], 0)
        if batch.others is not None and batch.share is not None:
            weights = batch.share * weights + (1 - batch.share) * self.class_weights[batch.others]
        wide = batch.weights.reshape(-1, *[1] * (batch.answers.ndim - 1))
        counted: NDArray[np.float32] = (weights * wide).astype(np.float32)
        return counted

    def sum(self, scores: Tensor, portion: Portion) -> Tensor:
        """Return the sum over a portion of loss times weight, in float32."""
        losses = self._measure(scores, portion.answers)
        if portion.others is not None and portion.share is not None:
            share = portion.share
            losses = share * losses + (1 - share) * self._measure(scores, portion.others)
        return (losses * portion.weights).sum()

    def _measure(self, scores: Tensor, answers: Tensor) -> Tensor:
        if answers.ndim == 2:
            return functional.cross_entropy(scores.float(), answers, reduction="none")
        return functional.cross_entropy(
            scores.float(),
            answers.clamp(min=-1),
            ignore_index=-1,
            reduction="none",
            label_smoothing=self.smoothing,
        )


def name_main(answers: Any) -> Any:
    """Return the positions of the classes that are answered; of shares (n, k) those of the largest, (n,)."""
    return answers.argmax(1) if answers.ndim == 2 else answers


def balance_classes(answers: NDArray[Any], classes: int, how: str | None) -> NDArray[np.float32]:
    """Return (k,) weights: all 1, or "balanced" by the inverse frequency of the class."""
    return balance_counts(np.bincount(answers[answers >= 0], minlength=classes), how)


def balance_counts(counts: NDArray[Any], how: str | None) -> NDArray[np.float32]:
    """Return (k,) weights of classes that occur so often, as :func:`balance_classes`."""
    if how is None:
        return np.ones(len(counts), np.float32)
    balanced: NDArray[np.float32] = (counts.sum() / (len(counts) * np.maximum(counts, 1))).astype(np.float32)
    return balanced
