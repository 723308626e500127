"""Scores of a training inside a graph: folds by chance, of classes as of values, beside what is naive.

A graph's training set has places, but no blocks that its maker has thought of; so folds are random here and
say so. What a model is worth elsewhere, ``evaluate`` with blocked splits tells.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate import random_split
from eocene.learn.evaluate import Report, evaluate
from eocene.learn.train import find_targets, train
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec

OF_VALUES = ("rmse", "mae", "r2")
OF_CLASSES = ("accuracy", "f1", "macro_f1", "balanced_accuracy", "kappa", "precision", "recall")
_NAMES = {"f1": "macro_f1"}


@dataclass(frozen=True)
class ValueReport:
    """What was measured of a regression: like ``Report``, of values.

    Parameters
    ----------
    dataset : str
        Id of the samples.
    spec : ModelSpec
    samples, features : int
    splits : mapping
        Name → ``pooled`` (rmse, mae, r2 over all test samples), ``baseline`` (of the training mean) and
        ``folds``.
    """

    dataset: str
    spec: ModelSpec
    samples: int
    features: int
    splits: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON."""
        return asdict(self)


def validate(samples: Samples, spec: ModelSpec, folds: int) -> Report | ValueReport:
    """Return the scores of a spec on random folds; with 0 folds a report without scores.

    Raises
    ------
    InputError
        If there are more folds than samples.
    """
    if folds and folds > len(samples) // 2:
        raise InputError(
            f"{len(samples)} samples cannot be split into {folds} folds.",
            "Ask for fewer folds.",
            code="ProcessParameterInvalid",
        )
    splits = {"random": random_split(samples, folds, spec.seed)} if folds else {}
    if spec.described.task == "regression":
        return evaluate_values(samples, spec, splits)
    return evaluate(samples, spec, splits)


def evaluate_values(
    samples: Samples, spec: ModelSpec, splits: Mapping[str, Sequence[Any]], *, threads: int = 2
) -> ValueReport:
    """Train a regression on each training part, answer for its test part, and score."""
    targets = find_targets(samples)
    scores = {name: _score_folds(samples, targets, spec, folds, threads) for name, folds in splits.items()}
    return ValueReport(samples.id, spec, len(samples), len(samples.feature_names), scores)


def _score_folds(
    samples: Samples, targets: NDArray[np.float64], spec: ModelSpec, folds: Sequence[Any], threads: int
) -> dict[str, Any]:
    truth, answers, naive, rows = [], [], [], []
    for learnt, tested in folds:
        model = train(samples, spec, rows=learnt, threads=threads)
        answer = model.estimate_probabilities(samples.features[tested])[:, 0]
        truth.append(targets[tested])
        answers.append(answer)
        naive.append(np.full(len(tested), targets[learnt].mean()))
        rows.append({**score_values(truth[-1], answer), "train": len(learnt), "test": len(tested)})
    pooled = np.concatenate(truth)
    return {
        "pooled": score_values(pooled, np.concatenate(answers)),
        "baseline": score_values(pooled, np.concatenate(naive)),
        "folds": rows,
    }


def score_values(truth: NDArray[np.float64], answer: NDArray[np.float64]) -> dict[str, float]:
    """Return rmse, mae and r2 (1 − squared error / squared spread of the truth) of (n,) values."""
    error = answer - truth
    spread = float(np.square(truth - truth.mean()).mean())
    squared = float(np.square(error).mean())
    r2 = 1 - squared / spread if spread else 0.0
    return {"rmse": squared**0.5, "mae": float(np.abs(error).mean()), "r2": r2}


def check_scoring(scoring: Any, task: str) -> tuple[str, ...]:
    """Return the names of the metrics that are asked for; those of the task by default.

    Raises
    ------
    InputError
        If one is none of the task's.
    """
    known = OF_VALUES if task == "regression" else OF_CLASSES
    asked = [scoring] if isinstance(scoring, str) else list(scoring or ())
    wrong = [str(name) for name in asked if name not in known]
    if wrong:
        raise InputError(
            f"There is no metric {', '.join(wrong)} for {task}.",
            f"Use {', '.join(known)}.",
            code="ProcessParameterInvalid",
        )
    return tuple(asked) or (known[:1] if task == "regression" else ("accuracy", "f1"))


def tell_metrics(report: Report | ValueReport, scoring: Sequence[str]) -> dict[str, Any]:
    """Return ``cv``, ``scoring`` and ``metrics`` as openEO's ml_validate_kfold writes them."""
    split: Any = report.to_dict()["splits"]["random"]
    metrics = {name: _tell_metric(name, split, report) for name in scoring}
    return {"cv": len(split["folds"]), "scoring": list(scoring), "metrics": metrics}


def _tell_metric(name: str, split: Mapping[str, Any], report: Any) -> dict[str, Any]:
    told: dict[str, Any] = {}
    key = _NAMES.get(name, name)
    if key in split["folds"][0]:
        each = [float(fold[key]) for fold in split["folds"]]
        spread = float(np.std(each, ddof=1)) if len(each) > 1 else 0.0
        told = {"mean": float(np.mean(each)), "std": spread, "per_fold": each}
    if name == "kappa":
        told = {"pooled": _kappa(np.asarray(split["confusion"], np.float64))}
    if name in ("f1", "precision", "recall"):
        named = {row["class"]: row[name] for row in split["classes"]}
        told["by_class"] = {report.class_names[value]: score for value, score in named.items()}
    return told


def _kappa(confusion: NDArray[np.float64]) -> float:
    """Return Cohen's kappa (1960) of a table of counts."""
    total = confusion.sum()
    agreed = np.trace(confusion) / total
    expected = float((confusion.sum(axis=0) * confusion.sum(axis=1)).sum() / total**2)
    return float((agreed - expected) / (1 - expected)) if expected < 1 else 1.0
