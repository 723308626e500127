"""Scores from a confusion matrix, and of shares of classes, in plain numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_LEAST = 1e-7


def count_confusion(
    truth: NDArray[np.int64], answer: NDArray[np.int64], classes: Sequence[int]
) -> NDArray[np.int64]:
    """Return the (k, k) counts: rows are the true class, columns the answer."""
    order = np.asarray(classes)
    cells = np.searchsorted(order, truth) * len(order) + np.searchsorted(order, answer)
    return np.bincount(cells, minlength=len(order) ** 2).reshape(len(order), len(order)).astype(np.int64)


def score_confusion(confusion: NDArray[np.int64]) -> dict[str, float]:
    """Return accuracy, macro F1, balanced accuracy and mean intersection over union (IoU).

    A class that was neither there nor answered counts for none of them; one that was answered but
    never there has an F1 and an IoU of 0 and no recall.
    """
    hits = np.diag(confusion).astype(float)
    there, answered = confusion.sum(axis=1), confusion.sum(axis=0)
    met = (there + answered) > 0
    return {
        "accuracy": float(hits.sum() / confusion.sum()),
        "macro_f1": float((2 * hits[met] / (there + answered)[met]).mean()),
        "balanced_accuracy": float((hits[there > 0] / there[there > 0]).mean()),
        "mean_iou": float((hits[met] / (there + answered - hits)[met]).mean()),
    }


def score_classes(confusion: NDArray[np.int64], classes: Sequence[int]) -> list[dict[str, Any]]:
    """Return precision, recall, F1, IoU and support a class; None where it is not defined."""
    rows = []
    for i, value in enumerate(classes):
        hits, there, answered = (int(n) for n in (confusion[i, i], confusion[i].sum(), confusion[:, i].sum()))
        rows.append(
            {
                "class": int(value),
                "support": there,
                "precision": hits / answered if answered else None,
                "recall": hits / there if there else None,
                "f1": 2 * hits / (there + answered) if there + answered else None,
                "iou": hits / (there + answered - hits) if there + answered else None,
            }
        )
    return rows


def score_shares(
    truth: NDArray[np.float64], answer: NDArray[np.float64], weights: NDArray[np.float64]
) -> dict[str, float]:
    """Return mae, rmse, r2 and kl of (n, k) shares, where samples count as (n,) weights say.

    mae and rmse are means over samples and classes, r2 is 1 − squared error / squared spread of the truth,
    both summed over classes, and kl the mean Kullback–Leibler divergence of the answer from the truth, in
    nats; an answer below 10⁻⁷ counts as that.
    """
    weights = weights / weights.sum()
    error = answer - truth
    squared = float((weights @ error**2).sum())
    spread = float((weights @ (truth - weights @ truth) ** 2).sum())
    safe = np.where(truth > 0, truth, 1.0)
    divergence = (truth * (np.log(safe) - np.log(np.clip(answer, _LEAST, None)))).sum(axis=1)
    return {
        "mae": float((weights @ np.abs(error)).mean()),
        "rmse": (squared / truth.shape[1]) ** 0.5,
        "r2": 1 - squared / spread if spread else 0.0,
        "kl": float(weights @ divergence),
    }
