"""Sets of classes that hold the true one as often as promised, wherever data are like those calibrated on.

Split conformal prediction. Sources: Sadinle et al. 2019, doi:10.1080/01621459.2018.1395341 ("lac"), Romano et
al. 2020, arXiv:2006.02544 ("aps").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

METHODS = ("lac", "aps")


@dataclass(frozen=True)
class ConformalSets:
    """A threshold on scores of classes, under which the true one is as often as promised.

    Parameters
    ----------
    coverage : float
        The promise, such as 0.9: the share of true classes inside the sets, in the mean over data like
        those calibrated on. Elsewhere nothing is promised.
    method : str
        "lac" gives the smallest sets, empty ones where the model is lost; "aps" adapts their size to how
        hard a sample is, by the probabilities summed up to a class.
    threshold : float
    calibrated_on : int
        Samples.
    """

    coverage: float
    method: str
    threshold: float
    calibrated_on: int

    def choose(self, probabilities: NDArray[Any], seed: int = 0) -> NDArray[np.bool_]:
        """Return which classes are in the set of each of (n, k) probabilities, (n, k) bool.

        "aps" draws one number a row by ``seed``, without which its sets would be too large.
        """
        return _score(probabilities, self.method, seed) <= self.threshold


def calibrate_sets(
    probabilities: NDArray[Any],
    truth: NDArray[np.intp],
    coverage: float = 0.9,
    *,
    method: str = "lac",
    seed: int = 0,
) -> ConformalSets:
    """Find the threshold on samples that the model has not learnt from.

    Parameters
    ----------
    probabilities : (n, k) float
    truth : (n,) int
        Columns of the true classes.
    coverage : float
        Above 0 and below 1.
    method : str
        "lac" or "aps".

    Raises
    ------
    InputError
        If the method is unknown or there are too few samples for such a coverage.
    """
    if method not in METHODS or not 0 < coverage < 1:
        raise InputError(
            f"No sets are made by {method!r} with coverage {coverage}.",
            f"Take {METHODS} and a share between 0 and 1.",
        )
    rank = int(np.ceil((len(truth) + 1) * coverage))
    if rank > len(truth):
        least = int(np.ceil(coverage / (1 - coverage)))
        raise InputError(
            f"{len(truth)} samples cannot promise a coverage of {coverage}.", f"Give at least {least}."
        )
    scores = _score(probabilities, method, seed)[np.arange(len(truth)), truth]
    threshold = float(np.sort(scores)[rank - 1])
    return ConformalSets(coverage, method, threshold, len(truth))


def measure_sets(sets: NDArray[np.bool_], truth: NDArray[np.intp]) -> dict[str, float]:
    """Return coverage, mean size and the share of empty sets."""
    inside = sets[np.arange(len(truth)), truth]
    size = sets.sum(axis=1)
    return {
        "coverage": float(inside.mean()),
        "mean_size": float(size.mean()),
        "empty_share": float((size == 0).mean()),
    }


def describe_sets(
    probabilities: NDArray[Any],
    truth: NDArray[np.intp],
    coverage: float = 0.9,
    *,
    method: str = "lac",
    rounds: int = 20,
    seed: int = 0,
) -> dict[str, Any] | None:
    """Return how often sets that are calibrated on one half hold the class in the other.

    The mean over ``rounds`` halvings by chance: that is coverage in distribution. None where there are too
    few samples.
    """
    rng = np.random.default_rng(seed)
    found = []
    for number in range(rounds):
        order = rng.permutation(len(truth))
        fitted, held = order[: len(order) // 2], order[len(order) // 2 :]
        try:
            sets = calibrate_sets(probabilities[fitted], truth[fitted], coverage, method=method, seed=number)
        except InputError:
            return None
        found.append(measure_sets(sets.choose(probabilities[held], seed=rounds + number), truth[held]))
    told = {key: float(np.mean([one[key] for one in found])) for key in found[0]}
    return {"nominal": coverage, "method": method, **told}


def _score(probabilities: NDArray[Any], method: str, seed: int) -> NDArray[np.float64]:
    """Return the (n, k) scores of all classes: the higher, the stranger."""
    p = np.asarray(probabilities, dtype=np.float64)
    if method == "lac":
        return 1 - p
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    above = np.cumsum(ranked, axis=1) - np.random.default_rng(seed).random((len(p), 1)) * ranked
    scores = np.empty(p.shape)
    np.put_along_axis(scores, order, above, axis=1)
    return scores
