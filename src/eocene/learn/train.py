"""Samples and a spec become a trained model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from eocene.curate import Samples
    from eocene.learn.spec import ModelSpec


@dataclass(frozen=True, eq=False)
class TrainedModel:
    """A fitted pipeline with what it must be fed and what its answers mean.

    Parameters
    ----------
    pipeline : sklearn.pipeline.Pipeline
        Imputer and forest; lives in memory only and is never pickled.
    spec : ModelSpec
    feature_names : tuple of str
        In the order of the columns.
    classes : tuple of int
        Class values in the order of the probabilities.
    class_names : mapping of int to str
    """

    pipeline: Any
    spec: ModelSpec
    feature_names: tuple[str, ...]
    classes: tuple[int, ...]
    class_names: Mapping[int, str]

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n, classes) probabilities of (n, f) features; NaN is a missing value."""
        rows = np.ascontiguousarray(features, dtype=np.float32)
        result: NDArray[np.float64] = self.pipeline.predict_proba(rows)
        return result

    def classify(self, features: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the (n,) most probable class values."""
        best = self.estimate_probabilities(features).argmax(axis=1)
        answer: NDArray[np.int64] = np.asarray(self.classes, dtype=np.int64)[best]
        return answer


def train(
    samples: Samples, spec: ModelSpec, *, rows: NDArray[np.intp] | None = None, threads: int = 2
) -> TrainedModel:
    """Fit a model; the result depends on samples, spec and rows only, not on the threads.

    Parameters
    ----------
    samples : Samples
    spec : ModelSpec
    rows : (k,) int, optional
        Train on these samples only.
    threads : int
        Trees grown at once.

    Raises
    ------
    InputError
        If fewer than two classes are left to learn.
    UnavailableError
        If scikit-learn is not installed.
    """
    features = samples.features if rows is None else samples.features[rows]
    labels = samples.labels if rows is None else samples.labels[rows]
    classes = np.unique(labels)
    if len(classes) < 2:
        raise InputError(
            f"The {len(labels)} training samples hold {len(classes)} class(es).",
            "Sample at least two classes.",
        )
    pipeline = _build(spec, threads)
    pipeline.fit(features, labels)
    pipeline.set_params(forest__n_jobs=1)
    return TrainedModel(
        pipeline=pipeline,
        spec=spec,
        feature_names=samples.feature_names,
        classes=tuple(int(v) for v in classes),
        class_names={int(v): samples.class_names[int(v)] for v in classes},
    )


def _build(spec: ModelSpec, threads: int) -> Any:
    forest = import_extra("sklearn.ensemble").RandomForestClassifier(
        n_estimators=spec.n_estimators,
        max_depth=spec.max_depth,
        min_samples_leaf=spec.min_samples_leaf,
        class_weight=spec.class_weight,
        random_state=spec.seed,
        n_jobs=threads,
    )
    imputer = import_extra("sklearn.impute").SimpleImputer(strategy="median", keep_empty_features=True)
    return import_extra("sklearn.pipeline").Pipeline([("imputer", imputer), ("forest", forest)])
