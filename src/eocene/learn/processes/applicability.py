"""The processes that say where a model may be applied.

Not of openEO's proposals: the index of Meyer & Pebesma 2021, doi:10.1111/2041-210X.13650.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import numpy as np

from eocene.archive import Archive
from eocene.curate import Samples, block_split, random_split
from eocene.curate.applicability import Applicability, measure_applicability
from eocene.learn.processes.features import check_dimensions, match_features, name_features
from eocene.learn.processes.predicting import Dimensions
from eocene.learn.registry import ITEM, ModelRegistry
from eocene.model import DamageError, InputError, Layout
from eocene.process.registry import process
from eocene.process.types import Cube

BANDS = ("dissimilarity", "applicable")
_FOLDS, _WEIGHED = 5, 2000
Area = Annotated[Any, {"type": "object", "subtype": "applicability"}]


@dataclass(frozen=True, eq=False)
class LoadedArea:
    """The area of applicability of a registered model, with the names of its features in their order."""

    model_id: str
    names: tuple[str, ...]
    area: Applicability


@process("machine learning", "import", experimental=True)
def load_applicability(
    id: Annotated[str, {"type": "string", "subtype": "ml-model-id"}],  # noqa: A002 (as of load_ml_model)
    block_size: Annotated[Any, {"type": ["number", "null"], "exclusiveMinimum": 0}] = None,
    *,
    _archive: Archive,
) -> Area:
    """Measure where the scores of a classifier of pixels hold, from what it was trained on.

    Parameters
    ----------
    id
        As of load_ml_model; the training set of the model must be in this workspace.
    block_size
        Edge in metres of blocks by which the model was scored, so that its scores hold farther away; by
        default they are taken to hold as far as folds by chance reach.
    """
    registry = ModelRegistry(_archive.layout)
    found = registry.resolve(id)
    stamp = (registry.root / found / ITEM).stat().st_mtime_ns
    return _measure(_archive.layout, found, stamp, block_size)


@process("machine learning", "cubes", experimental=True)
def estimate_applicability(data: Cube, area: Area, dimensions: Dimensions = ("t", "bands")) -> Cube:
    """Tell how unlike each pixel is to what a model was trained on, and where its scores hold.

    Parameters
    ----------
    data
        As of ml_predict.
    area
        From load_applicability.
    dimensions
        As of ml_predict.

    Returns
    -------
    Cube
        Bands "dissimilarity" (0 is a training sample, 1 as far from the nearest as they are from each
        other in the mean, features weighted by their importance to the model) and "applicable" (1 in the
        area of applicability, 0 outside), float32; no data where no feature has a value.
    """
    if not isinstance(area, LoadedArea):
        raise InputError(
            f"area is {type(area).__name__}, no area of applicability.",
            'Connect it to a node of load_applicability: {"from_node": "area"}.',
            code="ProcessParameterInvalid",
        )
    dims = check_dimensions(data, dimensions)
    rest = tuple(d for d in data.dims if d not in dims)
    shape = tuple(data.values.shape[data.dims.index(d)] for d in rest)
    order = [data.dims.index(d) for d in (*dims, *rest)]
    columns = match_features(name_features(data, dims), area.names, f"Model {area.model_id}")
    stacked = data.filled().transpose(order).reshape(-1, int(np.prod(shape)))[columns]
    index = area.area.estimate_dissimilarity(stacked.T)
    applicable = np.where(np.isnan(index), np.nan, index <= area.area.threshold)
    values = np.stack([index, applicable]).astype(np.float32).reshape(2, *shape)
    at = len(rest) - 2 if rest[-2:] == ("y", "x") else len(rest)
    return data.with_(
        values=np.moveaxis(values, 0, at),
        valid=np.moveaxis(np.isfinite(values), 0, at),
        dims=(*rest[:at], "bands", *rest[at:]),
        labels={**{k: v for k, v in data.labels.items() if k not in dims}, "bands": BANDS},
        common_names={},
        wavelengths={},
    )


@lru_cache(maxsize=4)
def _measure(layout: Layout, model_id: str, stamp: int, block_size_m: float | None) -> LoadedArea:
    """Measure once for many plans and blocks; ``stamp`` tells a new folder from an old."""
    del stamp
    registry = ModelRegistry(layout)
    predictor = registry.load(model_id, threads=1)
    if not predictor.signature.of_pixels or predictor.signature.is_regression:
        raise InputError(
            f"Model {model_id} is no classifier of pixels.",
            "Only their area of applicability can be told.",
            code="ProcessParameterInvalid",
        )
    dataset = str(registry.item(model_id)["properties"]["eocene:lineage"]["dataset"])
    if Path(dataset).name != dataset:
        raise DamageError(f"Model {model_id} names the data set {dataset!r}.", "Register it again.")
    samples = Samples.load(layout.datasets / dataset).flatten()
    some = np.random.default_rng(0).permutation(len(samples))[:_WEIGHED]
    from eocene.learn.explain import permute_features  # which itself asks of the graphs of processes

    told = permute_features(predictor, samples.take(np.sort(some)), predictor.classes, rounds=3)
    if block_size_m is None:
        splits = random_split(samples, _FOLDS, 0)
    else:
        splits = block_split(samples, _FOLDS, float(block_size_m), 0)
    weights = np.array([one.mean for one in told])
    if not (weights > 0).any():
        weights = np.ones(len(weights))
    area = measure_applicability(samples.features, splits, weights)
    return LoadedArea(model_id, samples.feature_names, area)
