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
from eocene.learn.models.lightgbm import BoostingSettings, boost
from eocene.learn.models.random_forest import ForestSettings, convert_forest, grow_forest
from eocene.learn.models.settings import choice

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ValueForestSettings(ForestSettings):
    """Settings of a forest of regression trees."""

    max_features: str | None = choice("third", ("sqrt", "log2", "third", None))


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
        """Return imputer and forest as ONNX, and what is added to them."""
        onnx = import_extra("onnx")
        graph = convert_forest(self.pipeline, self.features)
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
    "random_forest_regression", ValueForestSettings, title="Random Forest regression", package="scikit-learn",
    takes=PIXELS, task="regression",
)  # fmt: skip
def fit_forest(
    features: NDArray[np.float32],
    targets: NDArray[np.float64],
    settings: ValueForestSettings,
    seed: int,
    context: Context,
) -> FittedForest:
    """Fit a forest; the result depends neither on threads nor on the machine's cores."""
    rows, centre = features.reshape(len(features), -1), float(np.float32(targets.mean()))
    forest = import_extra("sklearn.ensemble").RandomForestRegressor()
    pipeline = grow_forest(forest, rows, targets - centre, settings, seed, context)
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
    centre = float(np.float32(targets.mean()))
    goal = {"objective": "regression", "boost_from_average": False}
    return FittedBooster(boost(features, targets - centre, goal, settings, seed, context), centre)
