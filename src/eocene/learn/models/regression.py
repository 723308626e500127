"""Regressions by trees: forests that average and boosted trees that add up, to a value a pixel.

Source: Breiman 2001, doi:10.1023/A:1010933404324; Ke et al. 2017, "LightGBM" (NeurIPS 30).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.learn.extra import import_extra
from eocene.learn.models.boosted_onnx import export_boosted_values
from eocene.learn.models.kind import PIXELS, Context, model_kind
from eocene.learn.models.settings import choice, number, whole

if TYPE_CHECKING:
    from numpy.typing import NDArray

_OPSETS = {"": 17, "ai.onnx.ml": 3}


@dataclass(frozen=True)
class ForestSettings:
    """Settings of a forest of regression trees.

    Parameters
    ----------
    n_estimators : int
        Trees.
    max_depth : int or None
        Deepest tree; None grows until leaves are small.
    min_samples_leaf : int
        Smallest leaf.
    max_features : str or None
        How many features a split looks at: the root or logarithm of all, or a third; None looks at all.
    """

    n_estimators: int = whole(200, 1, 2000)
    max_depth: int | None = whole(None, 1, 1000)
    min_samples_leaf: int = whole(1, 1, 1_000_000)
    max_features: str | None = choice("third", ("sqrt", "log2", "third", None))


@dataclass(frozen=True)
class BoostingSettings:
    """Settings of boosted regression trees: see those of ``lightgbm``.

    Parameters
    ----------
    n_estimators, num_leaves, min_child_samples : int
        Rounds, each a tree; leaves of a tree; smallest leaf.
    learning_rate, feature_fraction, bagging_fraction, lambda_l2 : float
        How much of a tree is added; parts of features and samples that it sees; penalty on large values.
    """

    n_estimators: int = whole(200, 1, 5000)
    learning_rate: float = number(0.05, 1e-4, 1.0)
    num_leaves: int = whole(31, 2, 4096)
    min_child_samples: int = whole(20, 1, 1_000_000)
    feature_fraction: float = number(0.7, 0.01, 1.0)
    bagging_fraction: float = number(0.8, 0.01, 1.0)
    lambda_l2: float = number(1.0, 0.0, 1e6)


@dataclass(frozen=True, eq=False)
class FittedForest:
    """Imputer and forest; lives in memory only and is never pickled."""

    pipeline: Any
    features: int
    centre: float

    @property
    def classes(self) -> NDArray[np.int64]:
        """A regression has none."""
        return np.empty(0, np.int64)

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n, 1) means of the trees' leaves."""
        values = self.pipeline.predict(features.reshape(len(features), -1)) + self.centre
        return np.asarray(values, np.float64)[:, None]

    def export_onnx(self) -> bytes:
        """Return imputer and forest as ONNX, written by skl2onnx.

        Raises
        ------
        UnavailableError
            If skl2onnx is not installed.
        """
        onnx, skl2onnx = import_extra("onnx"), import_extra("skl2onnx")
        types = import_extra("skl2onnx.common.data_types")
        graph = skl2onnx.to_onnx(
            self.pipeline,
            initial_types=[("features", types.FloatTensorType([None, self.features]))],
            target_opset=_OPSETS,
        )
        made = graph.graph.output[0].name
        centre = onnx.numpy_helper.from_array(np.array(self.centre, np.float32), "centre")
        graph.graph.initializer.append(centre)
        graph.graph.node.append(onnx.helper.make_node("Add", [made, "centre"], ["values"]))
        del graph.graph.output[:]
        shape = [None, 1]
        graph.graph.output.append(onnx.helper.make_tensor_value_info("values", onnx.TensorProto.FLOAT, shape))
        return bytes(graph.SerializeToString())

    def export_tensors(self) -> None:
        """A forest has none."""


@dataclass(frozen=True, eq=False)
class FittedBooster:
    """A booster of values around their mean, which is what float32 sums are exact enough for."""

    booster: Any
    centre: float

    @property
    def classes(self) -> NDArray[np.int64]:
        """A regression has none."""
        return np.empty(0, np.int64)

    def estimate_probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return the (n, 1) sums of the trees' leaves."""
        rows = features.reshape(len(features), -1)
        values = np.asarray(self.booster.predict(rows, num_threads=1), np.float64) + self.centre
        return values[:, None]

    def export_onnx(self) -> bytes:
        """Return the trees as ONNX, written from LightGBM's own description of them."""
        return export_boosted_values(self.booster.dump_model(), self.centre)

    def export_tensors(self) -> None:
        """Trees have none."""


@model_kind(
    "random_forest_regression", ForestSettings, title="Random Forest regression", package="scikit-learn",
    takes=PIXELS, task="regression",
)  # fmt: skip
def fit_forest(
    features: NDArray[np.float32],
    targets: NDArray[np.float64],
    settings: ForestSettings,
    seed: int,
    context: Context,
) -> FittedForest:
    """Fit a forest; the result depends neither on threads nor on the machine's cores."""
    rows, centre = features.reshape(len(features), -1), float(np.float32(targets.mean()))
    looked_at: Any = 1 / 3 if settings.max_features == "third" else settings.max_features
    forest = import_extra("sklearn.ensemble").RandomForestRegressor(
        n_estimators=settings.n_estimators,
        max_depth=settings.max_depth,
        min_samples_leaf=settings.min_samples_leaf,
        max_features=looked_at,
        random_state=seed,
        n_jobs=context.threads,
    )
    imputer = import_extra("sklearn.impute").SimpleImputer(strategy="median", keep_empty_features=True)
    pipeline = import_extra("sklearn.pipeline").Pipeline([("imputer", imputer), ("forest", forest)])
    pipeline.fit(rows, targets - centre, forest__sample_weight=context.weights)
    pipeline.set_params(forest__n_jobs=1)
    return FittedForest(pipeline, rows.shape[1], centre)


@model_kind(
    "lightgbm_regression", BoostingSettings, title="Gradient-boosted trees regression", package="lightgbm",
    takes=PIXELS, task="regression",
)  # fmt: skip
def fit_booster(
    features: NDArray[np.float32],
    targets: NDArray[np.float64],
    settings: BoostingSettings,
    seed: int,
    context: Context,
) -> FittedBooster:
    """Fit boosted trees; the result does not depend on the threads."""
    lightgbm = import_extra("lightgbm")
    centre = float(np.float32(targets.mean()))
    rows = features.reshape(len(features), -1)
    data = lightgbm.Dataset(rows, targets - centre, weight=context.weights)
    parameters = {
        "objective": "regression",
        "boost_from_average": False,
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
    return FittedBooster(lightgbm.train(parameters, data, settings.n_estimators), centre)
