"""Settings chosen where the score does not see them: by folds within the training part of each fold.

Who tries many specs by the folds that he then reports, reports the luckiest. Here every outer fold chooses
anew, from what it may learn only, and its test part is answered once, by what was chosen.

Source: Stone 1974, doi:10.1111/j.2517-6161.1974.tb00994.x; Cawley & Talbot 2010, "On over-fitting in model
selection and subsequent selection bias in performance evaluation", JMLR 11.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.curate.splits import Split, check_split
from eocene.learn.train import train
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec


@dataclass(frozen=True)
class Choice:
    """The spec that did best by some folds.

    Parameters
    ----------
    spec : ModelSpec
    score : float
        Its mean over the folds: the highest of several, so too hopeful for other ground.
    scores : tuple of float
        Those of all specs, in their order.
    """

    spec: ModelSpec
    score: float
    scores: tuple[float, ...]


@dataclass(frozen=True)
class NestedFold:
    """What an outer fold chose and reached.

    Parameters
    ----------
    spec : ModelSpec
    score : float
        On the test part, which had no say in the choice.
    train, test : int
        Numbers of samples.
    """

    spec: ModelSpec
    score: float
    train: int
    test: int


def measure_accuracy(samples: Samples, spec: ModelSpec, fold: Split) -> float:
    """Return the accuracy on the test part of a model of the training part, on one thread."""
    learnt, tested = fold
    model = train(samples, spec, rows=learnt, threads=1)
    return float((model.classify(samples.features[tested]) == samples.labels[tested]).mean())


def choose(
    samples: Samples,
    specs: Sequence[ModelSpec],
    folds: Sequence[Split],
    *,
    measure: Callable[[Samples, ModelSpec, Split], float] = measure_accuracy,
    margin: float = 0.0,
) -> Choice:
    """Return the spec with the highest mean score over folds; of equal ones the first.

    With a margin, the first spec stays unless another is better by more than that many standard errors of
    their differences, fold by fold: few folds tell little, and choosing by little costs more than it brings.

    For spaces too large to be listed, and for networks, which can be stopped early, there is
    ``eocene.learn.training.tuning.tune``.

    Parameters
    ----------
    samples : Samples
    specs : sequence of ModelSpec
        Whatever takes these samples; the kinds may differ. Put what is simple first.
    folds : sequence of (train, test)
    measure : callable
        The score of a spec on a fold, the higher the better.
    margin : float
        0 or more; 1 is the rule of Breiman et al. 1984, "Classification and Regression Trees", section 3.4.3.

    Raises
    ------
    InputError
        If there is no spec, the margin is negative, a fold is empty or tests what it learnt, or a score is
        no finite number.

    Examples
    --------
    >>> from eocene.curate import block_split
    >>> from eocene.learn import ModelSpec
    >>> from eocene.testing.simulate.labelled import simulate_samples
    >>> samples = simulate_samples(120, kind="series")
    >>> specs = [ModelSpec(settings={"n_estimators": trees}) for trees in (1, 10)]
    >>> choose(samples, specs, block_split(samples, 3, 500, 0)).spec.settings["n_estimators"]
    10
    """
    if not specs or not margin >= 0:
        raise InputError(
            f"There is no choice among {len(specs)} specs by a margin of {margin}.",
            "Give one spec or more, and 0 or more standard errors.",
        )
    check_split(samples, folds, same_places=True)
    table = np.array([[measure(samples, spec, fold) for fold in folds] for spec in specs], dtype=np.float64)
    if not np.isfinite(table).all():
        spec, fold = np.argwhere(~np.isfinite(table))[0]
        raise InputError(
            f"Spec {spec} scored {table[spec, fold]} on fold {fold}.", "Measure a finite number."
        )
    means = table.mean(axis=1)
    best = int(np.where(_is_better(table, margin), means, -np.inf).argmax())
    return Choice(specs[best], float(means[best]), tuple(means.tolist()))


def _is_better(table: NDArray[np.float64], margin: float) -> NDArray[np.bool_]:
    """Tell which rows (specs, folds) are better than the first by the margin; the first counts as such."""
    gaps = table - table[0]
    spread = gaps.std(axis=1, ddof=1) / table.shape[1] ** 0.5 if table.shape[1] > 1 else np.zeros(len(table))
    better: NDArray[np.bool_] = gaps.mean(axis=1) > margin * spread
    better[0] = True
    return better


def score_nested(
    samples: Samples,
    folds: Sequence[Split],
    pick: Callable[[Samples], ModelSpec],
    *,
    measure: Callable[[Samples, ModelSpec, Split], float] = measure_accuracy,
) -> list[NestedFold]:
    """Score a way to choose: in each fold, from its training samples alone, then once on its test part.

    Parameters
    ----------
    samples : Samples
    folds : sequence of (train, test)
        The outer folds.
    pick : callable
        Chooses by the training samples of a fold, which it splits once more, such as
        ``lambda part: choose(part, specs, block_split(part, 4, 2500, 0)).spec`` or
        ``lambda part: tune(part, spec, space, folder)[0]``.
    measure : callable
        The score of a spec on an outer fold.

    Raises
    ------
    InputError
        If a fold is empty or tests what it learnt.
    """
    check_split(samples, folds, same_places=True)
    found = []
    for learnt, tested in folds:
        spec = pick(samples.take(learnt))
        found.append(NestedFold(spec, measure(samples, spec, (learnt, tested)), len(learnt), len(tested)))
    return found
