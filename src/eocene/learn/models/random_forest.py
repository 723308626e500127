"""Random forests: missing values filled by the median of the training samples, then trees that vote.

Source: Breiman 2001, doi:10.1023/A:1010933404324; scikit-learn's implementation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.models.kind import PIXELS, Context, model_kind
from eocene.learn.models.settings import choice, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPSETS = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class ForestSettings:
    """Settings of any forest.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Deepest tree; None grows until leaves are pure.
    min_samples_leaf : int
        Smallest leaf.
    max_features : str or None
        How many features a split looks at: the root or logarithm of all, or a third; None looks at all.
    """

    n_estimators: int = whole(200, 1, 2000)
    max_depth: int | None = whole(None, 1, 1000)
    min_samples_leaf: int = whole(1, 1, 1_000_000)
    max_features: str | None = choice("sqrt", ("sqrt", "log2", "third", None))


@dataclass(frozen=True)
class ClassForestSettings(ForestSettings):
    """Settings of a random forest.

    Parameters
    ----------
    class_weight : str or None
        "balanced" weighs samples by the inverse frequency of their class.
    """

    class_weight: str | None = choice(None, (None, "balanced"))


@dataclass(frozen=True, eq=False)
class FittedForest:
    """Imputer and forest; lives in memory only and is never pickled."""

    pipeline: Any
    features: int

    @property
    def classes(self) -> NDArray[np.int64]:
        """Class values in the order of the probabilities."""
        return np.asarray(self.pipeline.classes_, dtype=np.int64)

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n, k) shares of the trees' leaves."""
        result: NDArray[np.float64] = self.pipeline.predict_proba(features.reshape(len(features), -1))
        return result

    def export_onnx(self) -> bytes:
        """Return imputer and forest as ONNX, written by skl2onnx.

        Raises
        ------
        UnavailableError
            If skl2onnx is not installed.
        """
        graph = convert_forest(self.pipeline, self.features, {"zipmap": False})
        return bytes(graph.SerializeToString())

    def export_tensors(self) -> None:
        """A forest has none."""


@model_kind("random_forest", ClassForestSettings, title="Random Forest", package="scikit-learn", takes=PIXELS)
def fit_random_forest(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: ClassForestSettings,
    seed: int,
    context: Context,
) -> FittedForest:
    """Fit a forest; the result depends neither on threads nor on the machine's cores."""
    rows = features.reshape(len(features), -1)
    forest = import_extra("sklearn.ensemble").RandomForestClassifier(class_weight=settings.class_weight)
    return FittedForest(grow_forest(forest, rows, labels, settings, seed, context), rows.shape[1])


def grow_forest(
    forest: Any,
    rows: NDArray[np.float32],
    answers: NDArray[Any],
    settings: ForestSettings,
    seed: int,
    context: Context,
) -> Any:
    """Fit a forest of scikit-learn behind an imputer, and return both as a pipeline."""
    forest.set_params(
        n_estimators=settings.n_estimators,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_samples_leaf,
        max_features=1 / 3 if settings.max_features == "third" else settings.max_features,
        random_state=seed,
        n_jobs=context.threads,
    )
    imputer = import_extra("sklearn.impute").SimpleImputer(strategy="median", keep_empty_features=True)
    pipeline = import_extra("sklearn.pipeline").Pipeline([("imputer", imputer), ("forest", forest)])
    pipeline.fit(rows, answers, forest__sample_weight=context.weights)
    pipeline.set_params(forest__n_jobs=1)
    return pipeline


def convert_forest(pipeline: Any, features: int, options: dict[str, Any] | None = None) -> Any:
    """Return a pipeline of so many features as a model of ONNX, written by skl2onnx.

    Raises
    ------
    UnavailableError
        If skl2onnx is not installed.
    """
    types = import_extra("skl2onnx.common.data_types")
    return import_extra("skl2onnx").to_onnx(
        pipeline,
        initial_types=[("features", types.FloatTensorType([None, features]))],
        options={id(pipeline): options} if options else None,
        target_opset=_OPSETS,
    )
