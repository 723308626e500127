"""What models answer for the test parts of a split, once a sample or once a pixel of chips."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.evaluation.baselines import find_commonest, forest_spec
from eocene.learn.models.kind import Context
from eocene.learn.score import count_confusion
from eocene.learn.train import train
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.curate.splits import Split
    from eocene.learn.fractions import Fractions
    from eocene.learn.predict import Predictor
    from eocene.learn.spec import ModelSpec
    from eocene.learn.train import TrainedModel

    Part = tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]
    """Samples, columns of the answers, of which of them probabilities are kept, and these."""

CHIPS_AT_ONCE = 64
MOST_SHOWN = 100_000
"""Pixels of a fold whose probabilities are kept, for calibration, and that the forest answers for."""
FOREST_PIXELS = 20_000
"""Pixels of a fold that the forest learns from."""


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked: the class of each sample, or of each pixel of each chip.

    Parameters
    ----------
    samples : Samples
    pixels : (n, y, x) int64, optional
        Class values of the pixels, negative where there is none.
    fractions : Fractions, optional
        Shares of the samples, if these are learnt: the class of a sample is the main one then.
    """

    samples: Samples
    pixels: NDArray[np.int64] | None = None
    fractions: Fractions | None = None

    def __post_init__(self) -> None:
        edges = tuple(len(self.samples.axes.get(dim, ())) for dim in ("y", "x"))
        if self.pixels is not None and self.pixels.shape != (len(self.samples), *edges):
            raise InputError(
                f"The labels of pixels have shape {self.pixels.shape}, for {len(self.samples)} chips of "
                f"{edges} pixels.",
                "Give one class value for each pixel of each chip, negative where there is none.",
            )

    @property
    def classes(self) -> tuple[int, ...]:
        """The class values that occur, ascending."""
        if self.fractions is not None:
            return tuple(sorted({*self.samples.classes, *self.fractions.classes.tolist()}))
        if self.pixels is None:
            return self.samples.classes
        return tuple(int(v) for v in np.unique(self.pixels) if v >= 0)

    def truth(self, rows: NDArray[np.intp]) -> NDArray[np.int64]:
        """Return the class of each sample, or of each pixel that has one, sample by sample."""
        labels: NDArray[np.int64] = (self.samples.labels if self.pixels is None else self.pixels)[rows]
        return labels[labels >= 0] if self.pixels is not None else labels


@dataclass(frozen=True, eq=False)
class Answers:
    """What was answered for the test parts of all folds, one after the other.

    Parameters
    ----------
    rows : (m,) int
        The sample to which each belongs.
    truth, answer : (m,) int64
        Class values.
    classes : (k,) int64
    lengths : list of int
        Answers a fold.
    shown : (p,) int
        Of which the probabilities are kept: all samples, some of the pixels.
    probabilities : (p, k) float64
    learnt : (p,) bool
        Of which the model of the fold has met the class.
    """

    rows: NDArray[np.intp]
    truth: NDArray[np.int64]
    answer: NDArray[np.int64]
    classes: NDArray[np.int64]
    lengths: list[int]
    shown: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    learnt: NDArray[np.bool_]

    def confusions(self) -> list[NDArray[np.int64]]:
        """Return the counts of each fold."""
        ends = np.cumsum(self.lengths)[:-1]
        pairs = zip(np.split(self.truth, ends), np.split(self.answer, ends), strict=True)
        return [count_confusion(truth, answer, tuple(self.classes)) for truth, answer in pairs]


def answer_folds(asked: Asked, spec: ModelSpec, folds: Sequence[Split], threads: int) -> Answers:
    """Train by each fold and answer for its test part."""
    classes = np.asarray(asked.classes, dtype=np.int64)
    parts = []
    for number, (learnt, tested) in enumerate(folds):
        model = train(asked.samples, spec, rows=learnt, threads=threads, pixel_labels=asked.pixels)
        parts.append(answer_part(asked, tested, model, classes, number))
    truth = np.concatenate([asked.truth(tested) for _, tested in folds])
    return join_parts(parts, truth, classes, _find_met(asked, truth, folds, [len(part[0]) for part in parts]))


def answer_all(asked: Asked, model: TrainedModel | Predictor) -> Answers:
    """Answer for all samples by a model that was trained before, which may know other classes."""
    classes = np.union1d(model.classes, asked.classes).astype(np.int64)
    rows = np.arange(len(asked.samples))
    truth = asked.truth(rows)
    part = answer_part(asked, rows, model, classes, 0)
    return join_parts([part], truth, classes, np.isin(truth, model.classes))


def answer_part(
    asked: Asked,
    tested: NDArray[np.intp],
    model: TrainedModel | Predictor,
    classes: NDArray[np.int64],
    number: int,
) -> Part:
    """Answer for some samples by the model of a fold."""
    known = np.searchsorted(classes, model.classes)
    if asked.pixels is not None:
        return _answer_pixels(asked, tested, model.estimate_probabilities, known, len(classes), number)
    given = _spread(model.estimate_probabilities(asked.samples.features[tested]), known, len(classes))
    return tested, given.argmax(axis=1), np.arange(len(tested)), given


def join_parts(
    parts: Sequence[Part], truth: NDArray[np.int64], classes: NDArray[np.int64], met: NDArray[np.bool_]
) -> Answers:
    """Return what was answered part by part; ``met`` tells of each answer whether its class was learnt."""
    lengths = [len(rows) for rows, *_ in parts]
    starts = np.cumsum([0, *lengths[:-1]])
    rows, best, _, probabilities = (np.concatenate(column) for column in zip(*parts, strict=True))
    shown = np.concatenate([part[2] + start for part, start in zip(parts, starts, strict=True)])
    return Answers(rows, truth, classes[best], classes, lengths, shown, probabilities, met[shown])


def answer_commonest(asked: Asked, folds: Sequence[Split]) -> NDArray[np.int64]:
    """Return the confusion of always answering the commonest class of the training part."""
    truth = [asked.truth(tested) for _, tested in folds]
    naive = [
        np.full(len(true), find_commonest(asked.truth(learnt)))
        for true, (learnt, _) in zip(truth, folds, strict=True)
    ]
    return count_confusion(np.concatenate(truth), np.concatenate(naive), asked.classes)


def answer_forest(asked: Asked, seed: int, folds: Sequence[Split], threads: int) -> NDArray[np.int64]:
    """Return the confusion of a random forest on the numbers of single pixels, a sample of them a fold."""
    spec, samples = forest_spec(seed), asked.samples
    total = np.zeros((len(asked.classes),) * 2, dtype=np.int64)
    for number, parts in enumerate(folds):
        rng = np.random.default_rng([seed, number])
        (known, answers, rows), (numbers, truth, _) = (
            _draw_pixels(asked, part, most, rng)
            for part, most in zip(parts, (FOREST_PIXELS, MOST_SHOWN), strict=True)
        )
        axes = {"features": tuple(str(i) for i in range(known.shape[1]))}
        context = Context(axes, samples.x[rows], samples.y[rows], None, threads)
        fitted = spec.described.fit(known, answers, spec.options, seed, context)
        best = np.asarray(fitted.classes)[fitted.estimate_probabilities(numbers).argmax(axis=1)]
        total += count_confusion(truth, best.astype(np.int64), asked.classes)
    return total


def _spread(answer: NDArray[Any], known: NDArray[np.intp], classes: int) -> NDArray[np.float64]:
    """Return (m, k) probabilities of all classes; one that a fold never learnt has none."""
    spread = np.zeros((len(answer), classes))
    spread[:, known] = answer
    return spread


def _answer_pixels(
    asked: Asked,
    tested: NDArray[np.intp],
    estimate: Callable[[NDArray[Any]], NDArray[Any]],
    known: NDArray[np.intp],
    classes: int,
    fold: int,
) -> Part:
    """Return sample and column of each labelled pixel, and of some their numbers and probabilities."""
    assert asked.pixels is not None  # noqa: S101  the caller has looked
    labelled = asked.pixels[tested] >= 0
    share = min(1.0, MOST_SHOWN / max(int(labelled.sum()), 1))
    rng = np.random.default_rng(fold)
    best, kept, given = [], [], []
    for first in range(0, len(tested), CHIPS_AT_ONCE):
        chips = tested[first : first + CHIPS_AT_ONCE]
        answer = np.moveaxis(estimate(asked.samples.features[chips]), 1, -1)
        mine = answer[labelled[first : first + CHIPS_AT_ONCE]]
        drawn = rng.random(len(mine)) < share
        best.append(known[mine.argmax(axis=1)])
        kept.append(drawn)
        given.append(_spread(mine[drawn], known, classes))
    rows = np.repeat(tested, labelled.sum(axis=(1, 2)))
    return rows, np.concatenate(best), np.flatnonzero(np.concatenate(kept)), np.concatenate(given)


def _find_met(
    asked: Asked, truth: NDArray[np.int64], folds: Sequence[Split], lengths: list[int]
) -> NDArray[np.bool_]:
    """Return of which answers the class stands in the training part of their fold."""
    parts = np.split(truth, np.cumsum(lengths)[:-1])
    return np.concatenate(
        [
            np.isin(part, np.unique(asked.truth(learnt)))
            for part, (learnt, _) in zip(parts, folds, strict=True)
        ]
    )


def _draw_pixels(
    asked: Asked, chips: NDArray[np.intp], most: int, rng: np.random.Generator
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.intp]]:
    """Return numbers (m, dates × bands) and class of labelled pixels drawn by chance, and their samples."""
    assert asked.pixels is not None  # noqa: S101  the caller has looked
    chip, y, x = np.nonzero(asked.pixels[chips] >= 0)
    if len(chip) > most:
        drawn = np.sort(rng.choice(len(chip), most, replace=False))
        chip, y, x = chip[drawn], y[drawn], x[drawn]
    rows = chips[chip]
    features = asked.samples.features
    numbers = features.reshape(len(features), -1, *features.shape[-2:])[rows, :, y, x]
    return numbers, asked.pixels[rows, y, x], rows
