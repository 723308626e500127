"""What made a model answer as it did for one sample: Shapley values of its bands, dates or features.

Sources: Castro et al. 2009, doi:10.1016/j.cor.2008.04.004 (by sampling, for any model); Lundberg et al. 2020,
doi:10.1038/s42256-019-0138-9 (exact, for trees).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.explain.batches import ask_all, cut_rows
from eocene.learn.explain.parts import Answering, cut_parts
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.train import TrainedModel


@dataclass(frozen=True, eq=False)
class Attribution:
    """How each part moved the probabilities, or the value, away from what is usual.

    Parameters
    ----------
    names : tuple of str
        Of the parts.
    base : (k,) float64
        What the model answers for the background, in the mean.
    values : (n, parts, k) float64
        They sum to the answer less the base, for each sample and class.
    """

    names: tuple[str, ...]
    base: NDArray[np.float64]
    values: NDArray[np.float64]

    def rank(self, sample: int, column: int) -> list[tuple[str, float]]:
        """Return the parts of a sample with their share in one class, the strongest first."""
        mine = self.values[sample, :, column]
        return [(self.names[i], float(mine[i])) for i in np.argsort(-np.abs(mine), kind="stable")]


def attribute_answers(
    model: Answering,
    samples: Samples,
    background: Samples,
    *,
    by: str | None = None,
    rounds: int = 32,
    seed: int = 0,
) -> Attribution:
    """Estimate the Shapley values of any model by putting parts in place in orders drawn at random.

    In each round a sample of the background is turned into the one to explain part by part, once in a drawn
    order and once in the reverse; what an answer changes by is put down to the part.

    Parameters
    ----------
    model : Answering
        It is asked ``2 · rounds · (parts + 1)`` times for each sample; a regression gives (n, 1) values. One
        that answers for each pixel is asked through ``MeanOverPixels``.
    samples : Samples
        To explain; few.
    background : Samples
        What is usual, such as the training samples; of the same axes.
    by : str, optional
        A dimension whose labels are the parts; by default each feature.
    rounds : int
        Half as many orders; the error falls by its root.
    seed : int
        Decides orders and background.

    Raises
    ------
    InputError
        If axes differ, or there is nothing to explain.
    """
    if dict(samples.axes) != dict(background.axes) or not len(samples) or not len(background) or rounds < 1:
        raise InputError(
            "The samples to explain are none, or have other axes than the background.",
            "Take both from one data set.",
        )
    names, part = cut_parts(samples.axes, by)
    rng = np.random.default_rng(seed)
    shape = samples.features.shape[1:]
    flat = samples.features.reshape(len(samples), -1)
    usual = background.features[rng.integers(0, len(background), rounds)].reshape(rounds, -1)
    orders = [rng.permutation(len(names)) for _ in range(rounds)]
    walks = [(one, order) for one, way in zip(usual, orders, strict=True) for order in (way, way[::-1])]
    values, base = [], []
    for row in flat:
        steps = (step for start, order in walks for step in _walk(row, start, order, part))
        answer = ask_all(model, steps, shape).reshape(len(walks), len(names) + 1, -1)
        moved = np.diff(answer, axis=1)
        share = np.zeros((len(names), moved.shape[2]))
        for (_, order), gain in zip(walks, moved, strict=True):
            share[order] += gain
        values.append(share / len(walks))
        base.append(answer[:, 0].mean(axis=0))
    return Attribution(names, np.mean(base, axis=0), np.stack(values))


def _walk(
    row: NDArray[Any], start: NDArray[Any], order: NDArray[np.intp], part: NDArray[np.intp]
) -> Iterator[NDArray[np.float32]]:
    """Yield the start, and what it becomes while the parts of the row are put in place in an order."""
    rank = np.empty(len(order), dtype=np.intp)
    rank[order] = np.arange(len(order))
    placed = rank[part][None]
    for some in cut_rows(len(order) + 1, len(row)):
        yield np.where(placed < np.arange(some.start, some.stop)[:, None], row[None], start[None])


def attribute_trees(model: TrainedModel, samples: Samples) -> Attribution:
    """Return the exact Shapley values of boosted trees, of their raw scores and not of probabilities.

    Two classes have one raw score, that of the second. The raw score of a regression is its value.

    Raises
    ------
    InputError
        If the model has no boosted trees.
    """
    booster: Any = getattr(model.fitted, "booster", None)
    if booster is None:
        raise InputError(
            f"A model of kind {model.spec.kind} has no boosted trees.", "Use attribute_answers instead."
        )
    names, _ = cut_parts(samples.axes, None)
    rows = samples.features.reshape(len(samples), -1)
    told = np.asarray(booster.predict(rows, pred_contrib=True, num_threads=1), dtype=np.float64)
    values = told.reshape(len(rows), -1, len(names) + 1).transpose(0, 2, 1)
    # A regression is learnt around the mean of its targets, which is added to what the trees say.
    centre = float(getattr(model.fitted, "centre", 0.0))
    return Attribution(names, values[0, -1] + centre, values[:, :-1])
