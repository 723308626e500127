"""Explanations of a registered model: what it rests on, and why it answers as it does for one sample."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.explain.counterfactual import UnmetError, describe_changes, find_counterfactual
from eocene.learn.explain.goals import Past, read_past
from eocene.learn.explain.importance import permute_features
from eocene.learn.explain.pixels import MeanOverPixels, select_known
from eocene.learn.explain.question import UNKNOWN, Question, find_class, match_samples
from eocene.learn.explain.shapley import attribute_answers
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.explain.parts import Answering
    from eocene.learn.predict import Predictor

MOST = 1000
"""Samples that the importance is measured on, drawn by chance where there are more."""
ROUNDS = 32
"""Half as many orders in which the parts of a sample are put in place."""


def explain_model(
    predictor: Predictor,
    samples: Samples,
    *,
    by: str | None = None,
    rounds: int = 5,
    seed: int = 0,
    pixel_labels: NDArray[np.int64] | None = None,
    model: Answering | None = None,
) -> list[dict[str, Any]]:
    """Return how much worse a model answers when a part is shuffled, the most important first.

    Parameters
    ----------
    predictor : Predictor
    samples : Samples
        With the features of the model, of a regression with the column "target"; best such as it has not
        learnt from.
    by : str, optional
        As of ``Question``.
    rounds, seed : int
        Shuffles of each part, and what decides them.
    pixel_labels : (n, y, x) int64, optional
        Class values of the pixels, negative where there is none, of a model that answers for each pixel.
    model : Answering, optional
        What is asked in place of the predictor, such as a ``Bounded`` one.

    Raises
    ------
    InputError
        If the samples have other features, no such dimension, or no truth.
    """
    shown = match_samples(predictor, samples)
    if predictor.signature.dense != (pixel_labels is not None):
        what = "each pixel" if predictor.signature.dense else "each sample"
        raise InputError(
            f"{predictor.name} answers for {what}.", f"Explain it on a data set with a label of {what}."
        )
    drawn = np.sort(np.random.default_rng(seed).permutation(len(shown))[:MOST])
    told = permute_features(
        model or predictor, shown.take(drawn), predictor.classes, by=by, rounds=rounds, seed=seed,
        pixel_labels=None if pixel_labels is None else pixel_labels[drawn],
    )  # fmt: skip
    return [asdict(one) for one in sorted(told, key=lambda one: -one.mean)]


def explain_answer(
    predictor: Predictor,
    features: NDArray[Any],
    background: Samples,
    question: Question | None = None,
    *,
    where: NDArray[np.bool_] | None = None,
    model: Answering | None = None,
) -> dict[str, Any]:
    """Return what a model answers for one sample, which parts moved it there, and what would change it.

    Parameters
    ----------
    predictor : Predictor
    features : (…) float32
        Of one sample, of the background's axes or flat.
    background : Samples
        What is usual, such as the training samples. Where none has a label but ``UNKNOWN``, the model's
        answers stand for them.
    question : Question, optional
    where : (y, x) bool, optional
        Of a model that answers for each pixel of a chip: those whose mean is explained; by default all with
        data.
    model : Answering, optional
        What is asked in place of the predictor, such as a ``Bounded`` one.

    Returns
    -------
    dict
        "class", "name", "probabilities", of a regression "value", of pixels their means and "pixels", how
        many they are; "explained": the class that the next is about, null of a regression; "attribution":
        the Shapley value of each part, the strongest first, which sum to the probability or value less
        "base", what is usual; "counterfactual": what is "wanted", the names of the parts to change, in their
        order, with their values in "changes", and the "probability" of the wanted class or the "value" then.
        It is null where nothing was wanted and there is no other class to show.

    Raises
    ------
    InputError
        As ``explain_model``; also if the class or what is wanted is unknown or never answered, the sample
        holds no value, or no pixel is selected.
    """
    question = question or Question()
    usual = match_samples(predictor, background)
    row = np.asarray(features, dtype=np.float32).reshape(1, *usual.features.shape[1:])
    if not np.isfinite(row).any():
        raise InputError("The sample holds no value.", "Explain one with data.")
    asked, pixels = model or predictor, {}
    if predictor.signature.dense:
        mask = select_known(row[0]) if where is None else where
        asked, pixels = MeanOverPixels(asked, mask), {"pixels": int(mask.sum())}
    scores = np.asarray(asked.estimate_probabilities(row))[0]
    column = _choose_column(predictor, scores, question.of)
    one = replace(usual.take(np.zeros(1, dtype=np.intp)), features=row)
    told = attribute_answers(asked, one, usual, by=question.by, rounds=ROUNDS, seed=question.seed)
    return {
        **_tell_answer(predictor, scores),
        **pixels,
        "explained": predictor.class_names[predictor.classes[column]] if predictor.classes else None,
        "base": float(told.base[column]),
        "attribution": [{"name": name, "value": value} for name, value in told.rank(0, column)],
        "counterfactual": _change(predictor, asked, row[0], usual, scores, question),
    }


def _choose_column(predictor: Predictor, scores: NDArray[Any], of: int | str | None) -> int:
    if of is None:
        return int(scores.argmax())
    return predictor.classes.index(find_class(predictor, of))


def _tell_answer(predictor: Predictor, scores: NDArray[Any]) -> dict[str, Any]:
    if predictor.signature.is_regression:
        return {"value": float(scores[0])}
    best, names = predictor.classes[int(scores.argmax())], predictor.class_names
    shares = {names[v]: float(p) for v, p in zip(predictor.classes, scores, strict=True)}
    return {"class": best, "name": names[best], "probabilities": shares}


def _change(
    predictor: Predictor,
    asked: Answering,
    row: NDArray[np.float32],
    usual: Samples,
    scores: NDArray[Any],
    question: Question,
) -> dict[str, Any] | None:
    """Return the counterfactual as JSON; None if nothing is wanted, or no other class is ever answered."""
    goal = _choose_goal(predictor, scores, question.wanted)
    if goal is None:
        return None
    known = not predictor.signature.dense and not (usual.labels == UNKNOWN).all()
    try:
        found = find_counterfactual(
            asked, row, usual, predictor.classes, goal, by=question.by, by_truth=known
        )
    except UnmetError:
        if question.wanted is not None:
            raise
        return None
    changes = describe_changes(found, row, usual, question.by)
    told = {"changed": list(found.changed), "changes": changes}
    if isinstance(goal, Past):
        return {"wanted": str(goal), **told, "value": found.score}
    return {"wanted": goal, "name": predictor.class_names[goal], **told, "probability": found.score}


def _choose_goal(predictor: Predictor, scores: NDArray[Any], wanted: int | str | None) -> int | Past | None:
    if predictor.signature.is_regression:
        return None if wanted is None else read_past(str(wanted), float(scores[0]))
    if wanted is not None:
        return find_class(predictor, wanted)
    order = np.argsort(-scores, kind="stable")
    return predictor.classes[int(order[1])] if len(order) > 1 else None
