"""Rounds of active learning: train, choose what to label, ask for the labels, go on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from eocene.learn.active.choice import choose_first, choose_samples, scale_vectors
from eocene.learn.active.pool import admit_round
from eocene.learn.score import count_confusion, score_confusion
from eocene.learn.train import train
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec
    from eocene.learn.train import TrainedModel

    Labeller = Callable[[NDArray[np.intp]], NDArray[np.int64]]

Way = Literal["active", "random"]


class Observer(Protocol):
    """What is told of each round."""

    def __call__(self, labelled: NDArray[np.intp], model: TrainedModel) -> None:
        """Take the rows that are labelled, and the model that learnt from them."""


@dataclass(frozen=True)
class Plan:
    """How labels are asked for.

    Parameters
    ----------
    first : int
        Labels before the first model: samples that are unlike each other, or drawn by chance.
    step : int
        Labels a round.
    budget : int
        Labels in all.
    way : "active" or "random"
        By doubt and variety, or by chance, for comparison.
    seed : int
    """

    first: int = 30
    step: int = 10
    budget: int = 150
    way: Way = "active"
    seed: int = 0

    def __post_init__(self) -> None:
        if not (1 < self.first <= self.budget and self.step >= 1 and self.way in ("active", "random")):
            raise InputError(f"{self} is no plan.", "Give 1 < first <= budget, a step, and a known way.")


def label_in_rounds(
    samples: Samples, spec: ModelSpec, plan: Plan, ask: Labeller, tell: Observer
) -> NDArray[np.intp]:
    """Ask for labels round by round and return the rows that have one, in the order in which they got it.

    Parameters
    ----------
    samples : Samples
        The pool; its labels are not looked at.
    spec : ModelSpec
    plan : Plan
    ask : callable
        ``ask(rows) -> labels``: from a person, a page, or the truth of a simulation.
    tell : callable
        ``tell(labelled, model)`` after each training.

    Raises
    ------
    InputError
        If the first labels are all of one class.
    ConflictError
        If equal samples are given unequal labels, or one holds no data.
    """
    rng = np.random.default_rng(plan.seed)
    vectors = scale_vectors(samples.features)
    labels = np.zeros(len(samples), dtype=np.int64)
    if plan.way == "random":
        rows = rng.choice(len(samples), min(plan.first, len(samples)), replace=False)
    else:
        rows = choose_first(vectors, plan.first, rng)
    labelled = np.empty(0, dtype=np.intp)
    while True:
        labels[rows] = ask(rows)
        labelled = np.concatenate([labelled, rows])
        known = np.sort(labelled)
        part = replace(samples.take(known), labels=labels[known], class_names={})
        model = train(admit_round(part), spec)
        tell(labelled, model)
        left = np.setdiff1d(np.arange(len(samples)), labelled)
        count = min(plan.step, plan.budget - len(labelled), len(left))
        if count < 1:
            return labelled
        if plan.way == "random":
            rows = rng.choice(left, count, replace=False)
        else:
            doubted = model.estimate_probabilities(samples.features[left])
            rows = left[choose_samples(doubted, vectors[left], count)]


@dataclass(frozen=True)
class CurvePoint:
    """The macro F1 that a number of labels gave."""

    labels: int
    macro_f1: float


def draw_curve(pool: Samples, held: Samples, spec: ModelSpec, plan: Plan) -> list[CurvePoint]:
    """Return how well each round does on samples held out, where the labels of the pool are the answers."""
    curve: list[CurvePoint] = []
    classes = tuple(sorted({*pool.classes, *held.classes}))

    def note(labelled: NDArray[np.intp], model: TrainedModel) -> None:
        counts = count_confusion(held.labels, model.classify(held.features), classes)
        curve.append(CurvePoint(len(labelled), score_confusion(counts)["macro_f1"]))

    label_in_rounds(pool, spec, plan, lambda rows: pool.labels[rows], note)
    return curve


def count_labels(curve: Sequence[CurvePoint], macro_f1: float) -> int | None:
    """Return the fewest labels that reach a score; None where none do."""
    return next((point.labels for point in curve if point.macro_f1 >= macro_f1), None)
