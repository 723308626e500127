"""How good a spec is on samples that it has not seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.evaluation.answers import Asked, answer_commonest, answer_folds, answer_forest
from eocene.learn.evaluation.baselines import forest_spec, make_rows
from eocene.learn.evaluation.calibration import describe_calibration
from eocene.learn.evaluation.conformal import describe_sets
from eocene.learn.evaluation.groups import group_samples, score_groups
from eocene.learn.evaluation.shares import add_fractions
from eocene.learn.fractions import find_fractions
from eocene.learn.gate import admit_parts
from eocene.learn.score import count_confusion, score_classes, score_confusion
from eocene.learn.spec import ModelSpec
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.curate.splits import Split
    from eocene.learn.evaluation.answers import Answers

METRICS = ("accuracy", "macro_f1", "balanced_accuracy", "mean_iou")
COVERAGE = 0.9


@dataclass(frozen=True)
class SplitScore:
    """The score of one way to split.

    Parameters
    ----------
    pooled : mapping
        accuracy, macro_f1, balanced_accuracy, mean_iou over all test samples together; of a report on
        pixels, over all their pixels.
    mean, sd : mapping
        The same over the folds; sd is the sample standard deviation (n − 1).
    baseline : mapping
        Pooled scores of always answering the commonest class of the training part.
    classes : list
        precision, recall, f1, iou, support a class, pooled.
    confusion : list of list of int
        Rows are the true class, columns the answer, pooled.
    folds : list
        The scores with the numbers of training and test samples, a fold.
    forest : mapping
        Pooled scores of a random forest that learnt and answered by the same folds; the same as ``pooled``
        where the spec is one, empty where it was not asked for.
    groups : mapping
        "region", "season", "cloud", "sensor", as far as the samples have these columns → scores of each
        group, the worst first.
    calibration : mapping
        Of ``describe_calibration``, over all test samples together.
    conformal : mapping or None
        Of ``describe_sets``: coverage of sets that promise 90 %, calibrated on other test samples of the
        same split; None where there are too few.
    fractions : mapping or None
        Of a model of shares: "pooled" and "folds" (mae, rmse, r2, kl), "baseline" (the same of always
        answering the mean shares of the training part) and "classes" (mae, r2). All others are then of the
        main class of each sample, and calibration, conformal and forest are empty.
    """

    pooled: Mapping[str, float]
    mean: Mapping[str, float]
    sd: Mapping[str, float]
    baseline: Mapping[str, float]
    classes: list[dict[str, Any]]
    confusion: list[list[int]]
    folds: list[dict[str, float]]
    forest: Mapping[str, float] = field(default_factory=dict)
    groups: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    calibration: Mapping[str, Any] = field(default_factory=dict)
    conformal: Mapping[str, Any] | None = None
    fractions: Mapping[str, Any] | None = None


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
    unit: str = "sample"
    """What was answered for and is counted: each "sample", or each "pixel" of chips."""

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
    samples: Samples,
    spec: ModelSpec,
    splits: Mapping[str, Sequence[Split]],
    *,
    threads: int = 2,
    forest: bool = True,
    pixel_labels: NDArray[np.int64] | None = None,
) -> Report:
    """Train on each training part, answer for its test part, and score beside what is simple.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
        Of a kind that answers with classes. If its target is fractions, shares are scored too.
    splits : mapping of name to list of (train, test)
        Such as {"random": random_split(…), "block": block_split(…), "region": leave_region(…)}.
    threads : int
        Processor threads of a training.
    forest : bool
        Train a random forest by the same folds too, as a baseline, unless the spec is one. Of pixels it
        learns from 20,000 a fold and answers for 100,000, drawn by chance.
    pixel_labels : (n, y, x) int64, optional
        Class values of the pixels of chips, negative where there is none: the model learns them and is
        scored on every one. Calibration and sets are measured on 100,000 pixels a fold, drawn by chance;
        pixels beside each other are alike, so their coverage is of pixels, not of chips.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        If a split has no folds, an empty part, or one whose training part holds a single class.
    """
    asked = Asked(samples, pixel_labels, find_fractions(samples.columns) if spec.of_fractions else None)
    simple = None
    if forest and spec.kind != "random_forest" and not spec.of_fractions:
        simple = asked if pixel_labels is not None else Asked(_make_rows(samples))
    scores = {name: _score_split(asked, spec, name, folds, threads, simple) for name, folds in splits.items()}
    return Report(
        dataset=samples.id,
        spec=spec,
        samples=len(samples),
        features=len(samples.feature_names),
        classes=asked.classes,
        class_names={value: samples.class_names.get(value, str(value)) for value in asked.classes},
        splits=scores,
        unit="sample" if pixel_labels is None else "pixel",
    )


def _make_rows(samples: Samples) -> Samples:
    """Return the rows that the forest learns from after the model, whose training looks at the samples."""
    return admit_parts(make_rows(samples), "Statistics of samples that passed the gate.")


def _score_split(
    asked: Asked, spec: ModelSpec, name: str, folds: Sequence[Split], threads: int, simple: Asked | None
) -> SplitScore:
    _check_folds(name, folds)
    found = answer_folds(asked, spec, folds, threads)
    sizes = [{"train": len(learnt), "test": len(tested)} for learnt, tested in folds]
    naive = score_confusion(answer_commonest(asked, folds))
    score = score_answers(found, asked.samples.columns, sizes, naive)
    if asked.fractions is not None:
        means = [asked.fractions.mean(learnt) for learnt, _ in folds]
        score = add_fractions(score, found, asked.fractions, means)
    return replace(score, forest=_score_forest(simple, spec, folds, threads, score.pooled))


def score_answers(
    found: Answers,
    columns: Mapping[str, NDArray[Any]],
    sizes: Sequence[Mapping[str, int]],
    baseline: Mapping[str, float],
) -> SplitScore:
    """Score what was answered; ``sizes`` tells of each fold how many samples were learnt and tested."""
    classes = tuple(int(value) for value in found.classes)
    each = found.confusions()
    total = sum(each, np.zeros_like(each[0]))
    rows = [{**score_confusion(confusion), **size} for confusion, size in zip(each, sizes, strict=True)]
    table = np.array([[row[m] for m in METRICS] for row in rows])
    spread = table.std(axis=0, ddof=1) if len(rows) > 1 else np.zeros(len(METRICS))
    true_columns = np.searchsorted(found.classes, found.truth[found.shown])
    return SplitScore(
        pooled=score_confusion(total),
        mean=dict(zip(METRICS, table.mean(axis=0).tolist(), strict=True)),
        sd=dict(zip(METRICS, spread.tolist(), strict=True)),
        baseline=baseline,
        classes=score_classes(total, classes),
        confusion=total.tolist(),
        folds=rows,
        groups=score_groups(group_samples(columns), found.rows, found.truth, found.answer, classes),
        calibration=describe_calibration(found.probabilities, true_columns, learnt=found.learnt),
        conformal=describe_sets(found.probabilities, true_columns, COVERAGE),
    )


def _score_forest(
    simple: Asked | None,
    spec: ModelSpec,
    folds: Sequence[Split],
    threads: int,
    pooled: Mapping[str, float],
) -> Mapping[str, float]:
    if simple is None:
        return pooled if spec.kind == "random_forest" else {}
    if simple.pixels is not None:
        return score_confusion(answer_forest(simple, spec.seed, folds, threads))
    found = answer_folds(simple, forest_spec(spec.seed), folds, threads)
    return score_confusion(count_confusion(found.truth, found.answer, simple.classes))


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
