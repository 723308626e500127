"""How good a spec is on samples that it has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.score import count_confusion, score_classes, score_confusion
from eocene.learn.spec import ModelSpec
from eocene.learn.train import train
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples

    Split = tuple[NDArray[np.intp], NDArray[np.intp]]

METRICS = ("accuracy", "macro_f1", "balanced_accuracy")


@dataclass(frozen=True)
class SplitScore:
    """The score of one way to split.

    Parameters
    ----------
    pooled : mapping
        accuracy, macro_f1, balanced_accuracy over all test samples together.
    mean, sd : mapping
        The same over the folds; sd is the sample standard deviation (n − 1).
    baseline : mapping
        Pooled scores of always answering the commonest class of the training part.
    classes : list
        precision, recall, f1, support a class, pooled.
    confusion : list of list of int
        Rows are the true class, columns the answer, pooled.
    folds : list
        The scores with the numbers of training and test samples, a fold.
    """

    pooled: Mapping[str, float]
    mean: Mapping[str, float]
    sd: Mapping[str, float]
    baseline: Mapping[str, float]
    classes: list[dict[str, Any]]
    confusion: list[list[int]]
    folds: list[dict[str, float]]


@dataclass(frozen=True)
class Report:
    """What was measured, on what, by which splits."""

    dataset: str
    spec: ModelSpec
    samples: int
    features: int
    classes: tuple[int, ...]
    class_names: Mapping[int, str]
    splits: Mapping[str, SplitScore] = field(default_factory=dict)

    def accuracy(self, split: str) -> float:
        """Return the pooled accuracy of a split by its name."""
        return self.splits[split].pooled["accuracy"]

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON."""
        plain = asdict(self)
        plain["classes"] = list(self.classes)
        plain["class_names"] = {str(k): v for k, v in self.class_names.items()}
        return plain


def evaluate(
    samples: Samples, spec: ModelSpec, splits: Mapping[str, Sequence[Split]], *, threads: int = 2
) -> Report:
    """Train on each training part, answer for its test part, and score.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
    splits : mapping of name to list of (train, test)
        Such as {"random": random_split(…), "block": block_split(…)}.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a split has no folds, an empty part, or one whose training part holds a single class.
    """
    scores = {name: _score_split(samples, spec, name, folds, threads) for name, folds in splits.items()}
    return Report(
        dataset=samples.id,
        spec=spec,
        samples=len(samples),
        features=len(samples.feature_names),
        classes=samples.classes,
        class_names=dict(samples.class_names),
        splits=scores,
    )


def _score_split(
    samples: Samples, spec: ModelSpec, name: str, folds: Sequence[Split], threads: int
) -> SplitScore:
    _check_folds(name, folds)
    classes = samples.classes
    total = np.zeros((len(classes), len(classes)), dtype=np.int64)
    naive = np.zeros_like(total)
    rows = []
    for learnt, tested in folds:
        model = train(samples, spec, rows=learnt, threads=threads)
        truth = samples.labels[tested]
        confusion = count_confusion(truth, model.classify(samples.features[tested]), classes)
        naive += count_confusion(truth, np.full(len(truth), _commonest(samples.labels[learnt])), classes)
        total += confusion
        rows.append({**score_confusion(confusion), "train": len(learnt), "test": len(tested)})
    table = np.array([[row[m] for m in METRICS] for row in rows])
    spread = table.std(axis=0, ddof=1) if len(rows) > 1 else np.zeros(len(METRICS))
    return SplitScore(
        pooled=score_confusion(total),
        mean=dict(zip(METRICS, table.mean(axis=0).tolist(), strict=True)),
        sd=dict(zip(METRICS, spread.tolist(), strict=True)),
        baseline=score_confusion(naive),
        classes=score_classes(total, classes),
        confusion=total.tolist(),
        folds=rows,
    )


def _commonest(labels: NDArray[np.int64]) -> int:
    values, counts = np.unique(labels, return_counts=True)
    return int(values[counts.argmax()])


def _check_folds(name: str, folds: Sequence[Split]) -> None:
    if not folds:
        raise InputError(f"The split {name!r} has no folds.", "Make it by random_split or block_split.")
    for number, (learnt, tested) in enumerate(folds):
        if not len(learnt) or not len(tested):
            raise InputError(f"Fold {number} of the split {name!r} has an empty part.", "Use fewer folds.")
        if np.intersect1d(learnt, tested).size:
            raise InputError(
                f"Fold {number} of the split {name!r} tests what it learnt.", "Keep the two parts apart."
            )
