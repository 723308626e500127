"""Gradient-boosted trees by LightGBM; missing values go the way that each split has learnt for them.

Source: Ke et al. 2017, "LightGBM: a highly efficient gradient boosting decision tree" (NeurIPS 30).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.models.boosted_onnx import export_boosted_trees
from eocene.learn.models.kind import PIXELS, Context, model_kind
from eocene.learn.models.settings import choice, number, whole

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


@dataclass(frozen=True)
class BoostingSettings:
    """Settings of any boosted trees.

    Parameters
    ----------
    n_estimators : int
        Rounds of boosting; a round grows one tree a class.
    learning_rate : float
        How much of each tree is added.
    num_leaves : int
        Leaves of a tree.
    min_child_samples : int
        Smallest leaf.
    feature_fraction, bagging_fraction : float
        Part of the features a tree sees, and of the samples a round sees.
    lambda_l2 : float
        Penalty on large leaf values.
    """

    n_estimators: int = whole(200, 1, 5000)
    learning_rate: float = number(0.05, 1e-4, 1.0)
    num_leaves: int = whole(31, 2, 4096)
    min_child_samples: int = whole(20, 1, 1_000_000)
    feature_fraction: float = number(0.7, 0.01, 1.0)
    bagging_fraction: float = number(0.8, 0.01, 1.0)
    lambda_l2: float = number(1.0, 0.0, 1e6)


@dataclass(frozen=True)
class ClassBoostingSettings(BoostingSettings):
    """Settings of boosted trees.

    Parameters
    ----------
    path_smooth : float
        How strongly the value of a small leaf is drawn to that of its parent.
    extra_trees : bool
        Look at one random threshold a feature only.
    class_weight : str or None
        "balanced" weighs samples by the inverse frequency of their class.
    """

    path_smooth: float = number(0.0, 0.0, 1e6)
    extra_trees: bool = choice(False, (False, True))
    class_weight: str | None = choice(None, (None, "balanced"))


@dataclass(frozen=True, eq=False)
class FittedTrees:
    """A booster with the class values of its outputs."""

    booster: Any
    classes: NDArray[np.int64]

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n, k) probabilities; two classes have one output, whose rest is the first."""
        answer = np.asarray(self.booster.predict(features.reshape(len(features), -1), num_threads=1))
        return np.stack([1 - answer, answer], axis=1) if answer.ndim == 1 else answer

    def export_onnx(self) -> bytes:
        """Return the trees as ONNX, written from LightGBM's own description of them."""
        return export_boosted_trees(self.booster.dump_model(), len(self.classes))

    def export_tensors(self) -> None:
        """Trees have none."""


@model_kind(
    "lightgbm", ClassBoostingSettings, title="Gradient-boosted trees", package="lightgbm", takes=PIXELS
)
def fit_lightgbm(
    features: NDArray[np.float32],
    labels: NDArray[np.int64],
    settings: ClassBoostingSettings,
    seed: int,
    context: Context,
) -> FittedTrees:
    """Fit boosted trees; the result does not depend on the threads."""
    classes, answers = np.unique(labels, return_inverse=True)
    context = replace(context, weights=_weigh(answers, settings, context))
    goal: dict[str, Any] = (
        {"objective": "binary"}
        if len(classes) == 2
        else {"objective": "multiclass", "num_class": len(classes)}
    )
    goal |= {"path_smooth": settings.path_smooth, "extra_trees": settings.extra_trees}
    booster = boost(features, answers, goal, settings, seed, context)
    return FittedTrees(booster, classes.astype(np.int64))


def boost(
    features: NDArray[np.float32],
    answers: NDArray[Any],
    goal: Mapping[str, Any],
    settings: BoostingSettings,
    seed: int,
    context: Context,
) -> Any:
    """Return a booster of LightGBM; ``goal`` is its objective with what belongs to that."""
    lightgbm = import_extra("lightgbm")
    data = lightgbm.Dataset(features.reshape(len(features), -1), answers, weight=context.weights)
    parameters = {
        **goal,
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.num_leaves,
        "min_data_in_leaf": settings.min_child_samples,
        "feature_fraction": settings.feature_fraction,
        "bagging_fraction": settings.bagging_fraction,
        "bagging_freq": 1,
        "lambda_l2": settings.lambda_l2,
        "seed": seed % 2**31,  # LightGBM holds it as a signed number of 32 bits
        "num_threads": context.threads,
        "deterministic": True,
        "force_row_wise": True,
        "verbosity": -1,
    }
    return lightgbm.train(parameters, data, settings.n_estimators)


def _weigh(
    answers: NDArray[np.int64], settings: ClassBoostingSettings, context: Context
) -> NDArray[np.float64] | None:
    if settings.class_weight is None:
        return context.weights
    counts = np.bincount(answers)
    balanced: NDArray[np.float64] = (len(answers) / (len(counts) * counts))[answers]
    return balanced if context.weights is None else balanced * context.weights
