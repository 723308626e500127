"""Scores of networks that learn from a stored data set, which is never in memory as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eocene.learn.evaluate import Report, score_answers
from eocene.learn.evaluation.answers import Answers, Asked, answer_part, join_parts
from eocene.learn.evaluation.baselines import find_commonest
from eocene.learn.evaluation.shares import add_fractions
from eocene.learn.explain.background import read_pixels
from eocene.learn.fractions import find_fractions
from eocene.learn.score import count_confusion, score_confusion
from eocene.learn.training.answers import Answers as Labels
from eocene.learn.training.stored import train_stored
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Dataset, Samples
    from eocene.curate.splits import Split
    from eocene.learn.evaluate import SplitScore
    from eocene.learn.fractions import Fractions
    from eocene.learn.spec import ModelSpec

MOST_TESTED, MOST_SHOWN = 8192, 4096
"""Samples that the folds of a split are tested on together, and that stand for the data set."""


@dataclass(frozen=True, eq=False)
class _Stored:
    """What is learnt of a stored data set."""

    dataset: Dataset
    spec: ModelSpec
    layer: str | None
    classes: NDArray[np.int64]
    fractions: Fractions | None
    labels: Labels | None

    def ask(self, rows: NDArray[np.intp]) -> Asked:
        part = self.dataset.read(rows)
        pixels = None if self.layer is None else read_pixels(self.dataset, rows)
        return Asked(part, pixels, find_fractions(part.columns) if self.spec.of_fractions else None)

    def find_commonest(self, rows: NDArray[np.intp]) -> int:
        if self.labels is not None:
            return int(self.labels.classes[self.labels.count(rows).argmax()])
        return find_commonest(self.dataset.labels[rows])


def evaluate_stored(
    dataset: Dataset,
    spec: ModelSpec,
    splits: Mapping[str, Sequence[Split]],
    *,
    workers: int = 0,
    threads: int = 2,
    pixel_labels: str | None = None,
) -> tuple[Report, Samples]:
    """Score a network as ``evaluate`` does, where each training streams its part from the disk.

    The folds of a split are tested on 8,192 samples together, drawn by the seed where there are more. No
    forest is trained beside.

    Parameters
    ----------
    dataset : Dataset
    spec : ModelSpec
        Of a kind that is a network.
    splits : mapping of name to list of (train, test)
    workers, threads, pixel_labels
        As of ``train_stored``; the layer "labels" is the one whose pixels can be scored.

    Returns
    -------
    Report, Samples
        The report names the samples, 4,096 of the data set at most, which stand for it where a model is
        registered; their sources name the data set.

    Raises
    ------
    InputError
        As ``train_stored``, or if a fold has an empty part.
    ConflictError
        If the data set has a proved fault that nobody resolved.
    """
    asked = _prepare(dataset, spec, pixel_labels)
    scores = {name: _score_split(asked, folds, workers, threads) for name, folds in splits.items()}
    shown = dataset.read(draw_rows(np.arange(len(dataset)), MOST_SHOWN, spec.seed))
    report = Report(
        dataset=shown.id,
        spec=spec,
        samples=len(dataset),
        features=len(shown.feature_names),
        classes=tuple(asked.classes.tolist()),
        class_names={v: dataset.class_names.get(v, str(v)) for v in asked.classes.tolist()},
        splits=scores,
        unit="sample" if pixel_labels is None else "pixel",
    )
    return report, shown


def draw_rows(rows: NDArray[np.intp], most: int, seed: int) -> NDArray[np.intp]:
    """Return some of the rows, ascending; all where they are few enough."""
    if len(rows) <= most:
        return np.sort(rows)
    return np.sort(np.random.default_rng([seed, 5]).choice(rows, most, replace=False))


def _prepare(dataset: Dataset, spec: ModelSpec, layer: str | None) -> _Stored:
    classes, fractions, labels = np.unique(dataset.labels), None, None
    if spec.of_fractions:
        fractions = find_fractions(dataset.columns)
        classes = np.union1d(classes, fractions.classes)
    elif layer is not None:
        labels = Labels(dataset, np.arange(len(dataset)), layer)
        classes = labels.classes
    return _Stored(dataset, spec, layer, classes.astype(np.int64), fractions, labels)


def _score_split(asked: _Stored, folds: Sequence[Split], workers: int, threads: int) -> SplitScore:
    if not folds or any(not len(part) for fold in folds for part in fold):
        raise InputError("A fold has an empty part.", "Use fewer folds, or smaller blocks.")
    most = max(1, MOST_TESTED // len(folds))
    drawn = [draw_rows(tested, most, asked.spec.seed) for _, tested in folds]
    answer, commonest = _answer_folds(asked, folds, drawn, (workers, threads))
    every = np.concatenate(drawn)
    columns = {name: asked.dataset.columns[name][every] for name in asked.dataset.columns}
    sizes = [{"train": len(fold[0]), "test": len(rows)} for fold, rows in zip(folds, drawn, strict=True)]
    baseline = score_confusion(count_confusion(answer.truth, commonest, tuple(asked.classes.tolist())))
    score = score_answers(answer, columns, sizes, baseline)
    if asked.fractions is not None:
        means = [asked.fractions.mean(learnt) for learnt, _ in folds]
        score = add_fractions(score, answer, find_fractions(columns), means)
    return score


def _answer_folds(
    asked: _Stored, folds: Sequence[Split], drawn: Sequence[NDArray[np.intp]], power: tuple[int, int]
) -> tuple[Answers, NDArray[np.int64]]:
    """Return what models of the folds answer for the rows drawn of each, and the commonest class they met."""
    parts, truths, met, naive = [], [], [], []
    starts = np.cumsum([0, *(len(rows) for rows in drawn)])
    for number, ((learnt, _), rows) in enumerate(zip(folds, drawn, strict=True)):
        model = train_stored(
            asked.dataset, asked.spec, rows=learnt, workers=power[0], threads=power[1],
            pixel_labels=asked.layer,
        )  # fmt: skip
        part, every = asked.ask(rows), np.arange(len(rows))
        here, best, shown, given = answer_part(part, every, model, asked.classes, number)
        parts.append((here + starts[number], best, shown, given))
        truths.append(part.truth(every))
        met.append(np.isin(truths[-1], model.classes))
        naive.append(np.full(len(truths[-1]), asked.find_commonest(learnt)))
    truth = np.concatenate(truths)
    return join_parts(parts, truth, asked.classes, np.concatenate(met)), np.concatenate(naive)
