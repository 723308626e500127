"""A registered model on samples of elsewhere: another region, year or sensor than it has learnt from."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.evaluate import score_answers
from eocene.learn.evaluation.answers import Asked, answer_all
from eocene.learn.evaluation.baselines import find_commonest
from eocene.learn.evaluation.shares import add_fractions
from eocene.learn.fractions import find_fractions
from eocene.learn.score import count_confusion, score_confusion
from eocene.learn.spec import FRACTIONS
from eocene.learn.train import find_targets
from eocene.learn.validation import score_values
from eocene.model import ConflictError, InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.predict import Predictor


def score_elsewhere(
    predictor: Predictor,
    samples: Samples,
    pixel_labels: NDArray[np.int64] | None = None,
    *,
    of_fractions: bool = False,
) -> dict[str, Any]:
    """Score a model on samples that it has not learnt from, in the form of one split of its report.

    Nothing is trained. Classes that the model does not know count as wrong and are told in the calibration
    as unlearnt. The baseline is the commonest class, the mean, or the mean shares, of these samples
    themselves.

    Parameters
    ----------
    predictor : Predictor
    samples : Samples
        With the features of the model; those of series may be of other dates, as many.
    pixel_labels : (n, y, x) int64, optional
        Class values of the pixels of chips, negative where there is none; of a model that answers for pixels.
    of_fractions : bool
        Whether the model has learnt shares, as the target in the spec of its report tells.

    Raises
    ------
    InputError
        If the features are others, a class value means something else, or labels of pixels, or shares, are
        missing.
    """
    check_features(predictor, samples)
    if predictor.signature.is_regression:
        truth = find_targets(samples)
        answer = predictor.estimate_probabilities(samples.features)[:, 0].astype(np.float64)
        naive = np.full(len(truth), truth.mean())
        scores = score_values(truth, answer)
        folds = [{**scores, "train": 0, "test": len(truth)}]
        return {"pooled": scores, "baseline": score_values(truth, naive), "folds": folds}
    if predictor.signature.dense != (pixel_labels is not None):
        what = "each pixel" if predictor.signature.dense else "each sample"
        raise InputError(
            f"{predictor.name} answers for {what}.", f"Score it on a data set with a label of {what}."
        )
    check_names(predictor, samples)
    asked = Asked(samples, pixel_labels, find_fractions(samples.columns) if of_fractions else None)
    found = answer_all(asked, predictor)
    commonest = np.full(len(found.truth), find_commonest(found.truth))
    naive_scores = score_confusion(count_confusion(found.truth, commonest, tuple(found.classes)))
    sizes = [{"train": 0, "test": len(samples)}]
    score = score_answers(found, samples.columns, sizes, naive_scores)
    if asked.fractions is not None:
        means = asked.fractions.mean(np.arange(len(samples)))
        score = add_fractions(score, found, asked.fractions, [means])
    return asdict(score)


def add_elsewhere(
    told: Mapping[str, Any],
    predictor: Predictor,
    samples: Samples,
    pixel_labels: NDArray[np.int64] | None = None,
) -> dict[str, Any]:
    """Return a report with the scores on other samples beside its splits, under "on ID".

    Raises
    ------
    ConflictError
        If the model has learnt from these samples.
    InputError
        As :func:`score_elsewhere`.
    """
    if samples.id == told["dataset"]:
        raise ConflictError(
            f"{predictor.name} has learnt from {samples.id}.",
            "Its report has scores on parts that were held out; name another data set to score it on.",
        )
    of_fractions = told["spec"].get("target") == FRACTIONS
    score = score_elsewhere(predictor, samples, pixel_labels, of_fractions=of_fractions)
    joined = {**told, "splits": {**told["splits"], f"on {samples.id}": score}}
    if "class_names" in told:
        met = [str(row["class"]) for row in score["classes"]]
        new = {value: samples.class_names.get(int(value), value) for value in met}
        joined["class_names"] = {**new, **told["class_names"]}
    return joined


def check_features(predictor: Predictor, samples: Samples) -> None:
    """Refuse samples with other features than a model takes; raises InputError."""
    wanted, given = dict(predictor.signature.axes), dict(samples.axes)
    first, second = (
        [(dim, len(labels) if dim == "t" else labels) for dim, labels in axes.items()]
        for axes in (wanted, given)
    )
    if first != second:
        raise InputError(
            f"{predictor.name} takes features that are not those of {samples.id}: {_say(wanted)}, "
            f"not {_say(given)}.",
            "Draw samples by the graph that the model's lineage tells.",
        )


def check_names(predictor: Predictor, samples: Samples) -> None:
    """Refuse samples of which a class value means something else to a model; raises InputError."""
    for value, name in predictor.class_names.items():
        other = samples.class_names.get(value, name)
        if other != name:
            raise InputError(
                f"Class {value} is {name!r} to {predictor.name} and {other!r} in {samples.id}.",
                "Give the classes of the samples the numbers that the model has for them.",
            )


def _say(axes: Mapping[str, tuple[str, ...]]) -> str:
    return ", ".join(f"{dim} ({len(labels)}: {', '.join(labels[:3])}, …)" for dim, labels in axes.items())
