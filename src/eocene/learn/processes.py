"""The processes that bring models into graphs. Importing this file needs no package of the extra.

Source: openEO processes 2.0 (proposals), category machine learning: load_ml_model; ml_predict after
the openEO machine-learning extension.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np

from eocene.archive import Archive
from eocene.cube.block import Block
from eocene.cube.edge import time_coordinate
from eocene.curate.naming import join_names
from eocene.learn import clouds
from eocene.learn.predict import Predictor
from eocene.learn.registry import ITEM, ModelRegistry
from eocene.model import InputError, Layout
from eocene.process.registry import process
from eocene.process.types import Cube

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Model = Annotated[Any, {"type": "object", "subtype": "ml-model"}]
Dimensions = Annotated[Any, {"type": "array", "items": {"type": "string"}}]
BANDS = ("class", "confidence")

clouds.offer()


@process("machine learning", "import")
def load_ml_model(
    id: Annotated[str, {"type": "string", "subtype": "ml-model-id"}],  # noqa: A002 (openEO's name)
    *,
    _archive: Archive,
) -> Model:
    """Load a model that is registered in this workspace.

    Parameters
    ----------
    id
        Its id, as GET /models lists it.
    """
    registry = ModelRegistry(_archive.layout)
    registry.item(id)
    stamp = (registry.root / id / ITEM).stat().st_mtime_ns
    return _load(_archive.layout, id, stamp)


@lru_cache(maxsize=4)
def _load(layout: Layout, model_id: str, stamp: int) -> Predictor:
    """Load once for many plans, such as those of map tiles; ``stamp`` tells a new folder from an old."""
    del stamp
    # The engine runs blocks side by side; one thread a block is enough.
    return ModelRegistry(layout).load(model_id, threads=1)


@process("machine learning", "cubes")
def ml_predict(data: Cube, model: Model, dimensions: Dimensions = ("t", "bands")) -> Cube:
    """Classify every pixel of a cube by a model.

    Parameters
    ----------
    data
        A cube whose labels along ``dimensions``, joined by a slash, are the features of the model,
        such as 2024-05/B04. More features than the model's may be there; their order does not matter.
    model
        From load_ml_model.
    dimensions
        The dimensions that make up the features; those that the cube lacks are left out.

    Returns
    -------
    Cube
        Bands "class" (the value of the most probable class) and "confidence" (its probability),
        float32; no data where no feature has a value.
    """
    predictor = _check_model(model)
    dims = _check_dimensions(data, dimensions)
    names = _name_features(data, dims)
    columns = _match_features(names, predictor)
    values = data.filled()
    rest = tuple(d for d in data.dims if d not in dims)
    order = [data.dims.index(d) for d in (*dims, *rest)]
    shape = tuple(values.shape[data.dims.index(d)] for d in rest)
    stacked = values.transpose(order).reshape(len(names), -1)[columns]
    answer = _classify(predictor, stacked).reshape(2, *shape)
    kept = {k: v for k, v in data.labels.items() if k not in dims}
    at = len(rest) - 2  # bands stand before y and x
    return data.with_(
        values=np.moveaxis(answer, 0, at),
        valid=np.moveaxis(np.isfinite(answer), 0, at),
        dims=(*rest[:at], "bands", *rest[at:]),
        labels={**kept, "bands": BANDS},
        common_names={},
    )


def _classify(predictor: Predictor, stacked: NDArray[Any]) -> NDArray[np.float32]:
    """(features, pixels) → (2, pixels); pixels without any value are not asked about."""
    rows = np.ascontiguousarray(stacked.T, dtype=np.float32)
    # An infinite feature, as a division by zero gives, is a missing value too.
    rows[~np.isfinite(rows)] = np.nan
    present = ~np.isnan(rows).all(axis=1)
    answer = np.full((2, len(rows)), np.nan, dtype=np.float32)
    if present.any():
        answer[:, present] = predictor.predict(rows[present])
    return answer


def _name_features(data: Block, dims: tuple[str, ...]) -> tuple[str, ...]:
    # As at the edge, where the samples were drawn: a month is its first day.
    return join_names([time_coordinate(data.labels[d]) if d == "t" else data.labels[d] for d in dims])


def _match_features(names: Sequence[str], predictor: Predictor) -> list[int]:
    position = {name: i for i, name in enumerate(names)}
    missing = [name for name in predictor.feature_names if name not in position]
    if missing:
        there = f"{', '.join(names[:6])}{', …' if len(names) > 6 else ''}"
        more = f" and {len(missing) - 6} more" if len(missing) > 6 else ""
        raise InputError(
            f"{predictor.name} needs {len(predictor.feature_names)} features; the cube lacks "
            f"{', '.join(missing[:6])}{more}. It has {there}.",
            "Build the cube by the graph in the lineage of the model, or rename its labels.",
            code="ProcessParameterInvalid",
        )
    return [position[name] for name in predictor.feature_names]


def _check_dimensions(data: Block, dimensions: Any) -> tuple[str, ...]:
    if isinstance(dimensions, str) or not dimensions or len(set(dimensions)) != len(dimensions):
        raise InputError(
            f"dimensions is {dimensions!r}.",
            'Give a list such as ["t", "bands"].',
            code="ProcessParameterInvalid",
        )
    dims = tuple(str(d) for d in dimensions)
    if set(dims) & {"y", "x"}:
        raise InputError(
            "Pixels cannot be features: dimensions holds y or x.",
            'Use ["t", "bands"].',
            code="ProcessParameterInvalid",
        )
    for dim in dims:
        if dim not in ("t", "bands"):
            data.index(dim)
    there = tuple(d for d in dims if d in data.dims)
    if not there:
        data.index(dims[0])
    return there


def _check_model(model: Any) -> Predictor:
    if not isinstance(model, Predictor):
        raise InputError(
            f"model is {type(model).__name__}, not a loaded model.",
            'Connect it to a node of load_ml_model: {"from_node": "model"}.',
            code="ProcessParameterInvalid",
        )
    return model
