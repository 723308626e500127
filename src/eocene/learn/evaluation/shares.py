"""Scores of a model whose target is fractions: how far its shares are from those that were measured."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.score import score_shares

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.learn.evaluate import SplitScore
    from eocene.learn.evaluation.answers import Answers
    from eocene.learn.fractions import Fractions


def add_fractions(
    score: SplitScore, found: Answers, told: Fractions, means: Sequence[NDArray[np.float64]]
) -> SplitScore:
    """Return the score of a split with that of the shares beside that of the main classes.

    Each sample counts as much as is known of it. Calibration and sets go: a share of 0.6 does not say that
    its class is the main one six times out of ten.

    Parameters
    ----------
    score : SplitScore
    found : Answers
        Of samples; its probabilities are shares.
    told : Fractions
        Of all samples.
    means : sequence of (k,) float64
        What the baseline answers for every sample of a fold: the mean shares of its training part.
    """
    truth, weights = told.spread(found.classes)[found.rows], told.known[found.rows]
    naive = np.zeros((len(means), len(found.classes)))
    naive[:, np.searchsorted(found.classes, told.classes)] = means
    baseline = np.repeat(naive, found.lengths, axis=0)
    ends = np.cumsum(found.lengths)[:-1]
    folds = zip(*(np.split(values, ends) for values in (truth, found.probabilities, weights)), strict=True)
    shares = {
        "pooled": score_shares(truth, found.probabilities, weights),
        "baseline": score_shares(truth, baseline, weights),
        "classes": _score_each(found.classes, truth, found.probabilities, baseline, weights),
        "folds": [score_shares(*fold) for fold in folds],
    }
    return replace(score, calibration={}, conformal=None, fractions=shares)


def _score_each(
    classes: NDArray[np.int64],
    truth: NDArray[np.float64],
    answer: NDArray[np.float64],
    baseline: NDArray[np.float64],
    weights: NDArray[np.float64],
) -> list[dict[str, Any]]:
    rows = []
    for place, value in enumerate(classes.tolist()):
        one = slice(place, place + 1)
        own, naive = (score_shares(truth[:, one], made[:, one], weights) for made in (answer, baseline))
        share = float(np.average(truth[:, place], weights=weights))
        rows.append(
            {"class": value, "share": share, "mae": own["mae"], "r2": own["r2"], "baseline_mae": naive["mae"]}
        )
    return rows
