"""Explanations of a registered model: what it rests on, and why it answers as it does at one place."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from shapely.geometry import Point

from eocene.cube.feature import Feature
from eocene.cube.inside import find_window
from eocene.learn.answering import place_graph, read_features
from eocene.learn.explain.counterfactual import find_counterfactual
from eocene.learn.explain.importance import permute_features
from eocene.learn.explain.parts import unfold_names
from eocene.learn.explain.shapley import attribute_answers
from eocene.model import Grid, InputError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.predict import Predictor

MOST = 1000
"""Samples that the importance is measured on, drawn by chance where there are more."""


def explain_model(
    predictor: Predictor, samples: Samples, *, by: str | None = None, rounds: int = 5, seed: int = 0
) -> list[dict[str, Any]]:
    """Return how much worse a model answers when a part is shuffled, the most important first.

    Parameters
    ----------
    predictor : Predictor
    samples : Samples
        With the features of the model; best such as it has not learnt from.
    by : str, optional
        "bands" or "t", whose labels are the parts; by default each feature. Rows whose features are named
        date/band, as those drawn from series are, have both.
    rounds, seed : int
        Shuffles of each part, and what decides them.

    Raises
    ------
    InputError
        If the samples have other features, or no such dimension.
    UnavailableError
        If the model gives values, or answers for each pixel of a chip.
    """
    shown = _prepare(predictor, samples)
    drawn = np.random.default_rng(seed).permutation(len(shown))[:MOST]
    told = permute_features(
        predictor, shown.take(np.sort(drawn)), predictor.classes, by=by, rounds=rounds, seed=seed
    )
    return [asdict(one) for one in sorted(told, key=lambda one: -one.mean)]


def explain_answer(
    predictor: Predictor,
    features: NDArray[Any],
    background: Samples,
    *,
    by: str | None = None,
    wanted: int | None = None,
    seed: int = 0,
) -> dict[str, Any]:
    """Return what a model answers for one sample, which parts moved it there, and what would change it.

    Parameters
    ----------
    predictor : Predictor
    features : (…) float32
        Of one sample, of the background's axes or flat.
    background : Samples
        What is usual, such as the training samples.
    by : str, optional
        As of ``explain_model``.
    wanted : int, optional
        The class value to reach by changing few parts; by default the second in probability.

    Returns
    -------
    dict
        "class", "name", "probabilities"; "attribution": the Shapley value of each part for the class that
        is answered, the strongest first, which sum to its probability less "base"; "counterfactual": the
        parts to change, in their order, and the probability of the wanted class then.

    Raises
    ------
    InputError, UnavailableError
        As ``explain_model``; also if the wanted class is unknown.
    """
    usual = _prepare(predictor, background)
    row = np.asarray(features, dtype=np.float32).reshape(1, *usual.features.shape[1:])
    shares = predictor.estimate_probabilities(row)[0]
    order = np.argsort(-shares, kind="stable")
    best = int(order[0])
    one = replace(usual.take(np.zeros(1, dtype=np.intp)), features=row)
    told = attribute_answers(predictor, one, usual, by=by, seed=seed)
    goal = predictor.classes[int(order[1])] if wanted is None else wanted
    other = find_counterfactual(predictor, row[0], usual, predictor.classes, goal, by=by)
    names = predictor.class_names
    return {
        "class": predictor.classes[best],
        "name": names[predictor.classes[best]],
        "probabilities": {names[v]: float(p) for v, p in zip(predictor.classes, shares, strict=True)},
        "base": float(told.base[best]),
        "attribution": [{"name": name, "value": value} for name, value in told.rank(0, best)],
        "counterfactual": {
            "wanted": goal,
            "name": names[goal],
            "changed": list(other.changed),
            "probability": other.probability,
        },
    }


def read_point(
    predictor: Predictor,
    graph: Mapping[str, Any] | None,
    lon: float,
    lat: float,
    plan_graph: Callable[[dict[str, Any]], Any],
) -> NDArray[np.float32]:
    """Return the features (f,) of the pixel under a point in degrees, computed as for a prediction there.

    Parameters
    ----------
    predictor : Predictor
    graph : mapping or None
        The graph that the features come from, as the lineage of the model tells.
    lon, lat : float
    plan_graph : callable
        Makes a plan of a graph.

    Raises
    ------
    InputError
        If the model does not tell its graph, or there is nothing at the point.
    UnavailableError
        If the model looks at chips, not at single pixels.
    """
    if not predictor.signature.of_pixels:
        raise UnavailableError(
            f"{predictor.name} looks at chips; explanations at a point are of models of single pixels.",
            "Explain one of the samples of a data set.",
        )
    if not graph:
        raise InputError(f"{predictor.name} does not tell its graph.", "Explain a sample of a data set.")
    feature = Feature(Point(lon, lat), 4326, {})
    plan = plan_graph(place_graph(graph, [feature], None))
    window = find_window(feature.to_epsg(plan.grid.epsg).geometry, plan.grid)
    row = None
    if window is not None:
        pixel = Grid(window.lattice, window.left, window.top, 1, 1)
        row = read_features(predictor, plan, pixel, shifted=False).reshape(-1)
    if row is None or not np.isfinite(row).any():
        raise InputError(f"There is no data at {lon}, {lat}.", "Name longitude and latitude inside the data.")
    return row


def _prepare(predictor: Predictor, samples: Samples) -> Samples:
    if predictor.signature.is_regression or predictor.signature.dense:
        what = "gives values" if predictor.signature.is_regression else "answers for each pixel"
        raise UnavailableError(
            f"{predictor.name} {what}; explanations are of one class for each sample.",
            "Explain a model that classifies samples.",
        )
    if samples.feature_names != predictor.feature_names:
        raise InputError(
            f"{predictor.name} takes {len(predictor.feature_names)} features that are not those of "
            f"{samples.id}.",
            "Take the data set that it was trained on, or one drawn from the same graph.",
        )
    return unfold_names(samples)
