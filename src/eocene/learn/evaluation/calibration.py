"""Whether probabilities are what they say: reliability, expected calibration error, temperature scaling.

Source: Guo et al. 2017, arXiv:1706.04599.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its parts are loaded when they are first used

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

BINS, LEAST = 15, 1e-6
_COLDEST, _HOTTEST = 0.05, 20.0


def measure_reliability(
    probabilities: NDArray[Any], truth: NDArray[np.intp], bins: int = BINS
) -> list[dict[str, float]]:
    """Return confidence, accuracy and count of the answers in each bin of confidence that has some.

    Parameters
    ----------
    probabilities : (n, k) float
        Rows sum to 1.
    truth : (n,) int
        Columns of the true classes.
    bins : int
        Of equal width from 0 to 1.
    """
    _check(probabilities, truth)
    confidence, hit = probabilities.max(axis=1), probabilities.argmax(axis=1) == truth
    which = np.minimum((confidence * bins).astype(int), bins - 1)
    rows = []
    for number in np.unique(which):
        inside = which == number
        rows.append(
            {
                "low": float(number / bins),
                "confidence": float(confidence[inside].mean()),
                "accuracy": float(hit[inside].mean()),
                "count": int(inside.sum()),
            }
        )
    return rows


def measure_ece(probabilities: NDArray[Any], truth: NDArray[np.intp], bins: int = BINS) -> float:
    """Return the expected calibration error: the mean gap of confidence and accuracy over the bins."""
    rows = measure_reliability(probabilities, truth, bins)
    return sum(row["count"] * abs(row["confidence"] - row["accuracy"]) for row in rows) / len(truth)


def fit_temperature(probabilities: NDArray[Any], truth: NDArray[np.intp]) -> float:
    """Return the temperature that makes probabilities likeliest; above 1 for a model too sure of itself.

    Found between 0.05 and 20. Fit it on samples that the model has not learnt from.
    """
    _check(probabilities, truth)

    def miss(log_temperature: float) -> float:
        scaled = scale_by_temperature(probabilities, float(np.exp(log_temperature)))
        return measure_log_loss(scaled, truth)

    found = scipy.optimize.minimize_scalar(
        miss, bounds=(np.log(_COLDEST), np.log(_HOTTEST)), method="bounded"
    )
    return float(np.exp(found.x))


def scale_by_temperature(probabilities: NDArray[Any], temperature: float) -> NDArray[np.float64]:
    """Return (n, k) probabilities with their logarithms divided by the temperature; no answer changes."""
    logits = np.log(np.maximum(np.asarray(probabilities, dtype=np.float64), LEAST)) / temperature
    raised = np.exp(logits - logits.max(axis=1, keepdims=True))
    scaled: NDArray[np.float64] = raised / raised.sum(axis=1, keepdims=True)
    return scaled


def measure_log_loss(probabilities: NDArray[Any], truth: NDArray[np.intp]) -> float:
    """Return the mean negative logarithm of the probability of the true class, at least 1e-6."""
    hit = probabilities[np.arange(len(truth)), truth]
    return float(-np.log(np.maximum(hit, LEAST)).mean())


def describe_calibration(
    probabilities: NDArray[Any],
    truth: NDArray[np.intp],
    seed: int = 0,
    *,
    learnt: NDArray[np.bool_] | None = None,
) -> dict[str, Any]:
    """Return reliability, ece, brier and log_loss, and ece and log_loss after temperature scaling.

    The temperature is fitted on one half, drawn by chance, and measured on the other, and the other way
    round; the one stated is fitted on all. ``learnt`` tells of which samples the model has met the class:
    a temperature is fitted on these alone, since none makes a class likelier that the model does not know;
    "unlearnt_share" is that of the others, which count for all else.
    """
    learnt = np.ones(len(truth), dtype=bool) if learnt is None else learnt
    scaled = np.array(probabilities, dtype=np.float64)
    half = np.random.default_rng(seed).permutation(len(truth)) % 2 == 0
    for fitted in (half, ~half):
        if (fitted & learnt).any():
            temperature = fit_temperature(probabilities[fitted & learnt], truth[fitted & learnt])
            scaled[~fitted] = scale_by_temperature(probabilities[~fitted], temperature)
    true = np.zeros(probabilities.shape)
    true[np.arange(len(truth)), truth] = 1
    return {
        "ece": measure_ece(probabilities, truth),
        "brier": float(((probabilities - true) ** 2).sum(axis=1).mean()),
        "log_loss": measure_log_loss(probabilities, truth),
        "temperature": fit_temperature(probabilities[learnt], truth[learnt]) if learnt.any() else None,
        "unlearnt_share": float(1 - learnt.mean()),
        "ece_scaled": measure_ece(scaled, truth),
        "log_loss_scaled": measure_log_loss(scaled, truth),
        "reliability": measure_reliability(probabilities, truth),
    }


def _check(probabilities: NDArray[Any], truth: NDArray[np.intp]) -> None:
    if probabilities.ndim != 2 or not len(truth) or len(truth) != len(probabilities):
        raise InputError(
            f"{len(truth)} classes do not go with probabilities of shape {probabilities.shape}.",
            "Give one row of probabilities a sample, and at least one.",
        )
