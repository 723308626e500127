"""From a vector cube to samples: geometries with values, and the column that is to be learnt."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.edge import time_coordinate
from eocene.cube.feature import Feature, features_of, geometry_dimension
from eocene.curate import Samples
from eocene.curate.naming import join_names
from eocene.learn.signature import Signature
from eocene.model import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.cube.block import Block

_MAX_CLASSES = 256


def make_samples(
    cube: Block, target: str, task: str, *, targets: Sequence[Feature] | None = None, lineage: Any = None
) -> Samples:
    """Return the samples of a training set; rows without a target or without any value are left out.

    Parameters
    ----------
    cube : Block
        (geometry, …): the values along the other dimensions are the features; of geometries alone their
        numeric properties.
    target : str
        The property, or the label of a dimension ``bands``, that is to be learnt.
    task : str
        "classification" (texts or whole numbers) or "regression" (numbers).
    targets : sequence of Feature, optional
        Where the targets stand, if not at the cube's own geometries: as many, in their order.

    Raises
    ------
    InputError
        If there is no such column, it does not suit the task, or nothing is left.
    """
    features = features_of(cube)
    values, axes = _read_features(cube, features, target)
    answers = read_targets(cube, target, targets)
    flat = values.reshape(len(values), -1)
    known = np.array([a is not None for a in answers], bool) & np.isfinite(flat).any(axis=1)
    names = name_classes(answers, task, target)
    answers = [a for a, here in zip(answers, known, strict=True) if here]
    if not answers:
        raise InputError(
            f"No geometry has both a value of {target!r} and pixels.",
            "Check that the places lie inside of the cube.",
            code="ProcessParameterInvalid",
        )
    epsg = features[0].epsg
    places = _places([f for f, here in zip(features, known, strict=True) if here], epsg)
    labels, columns = _as_labels(answers, task, names)
    return Samples(
        features=np.where(np.isfinite(values), values, np.nan)[known].astype(np.float32),
        labels=labels,
        x=places[:, 0],
        y=places[:, 1],
        epsg=epsg,
        axes=axes,
        class_names=names,
        sources={"label": target, **(lineage or {})},
        faults={"dropped": int((~known).sum())},
        columns=columns,
    )


def read_signature(
    cube: Block, target: str, task: str, targets: Sequence[Feature] | None = None
) -> Signature:
    """Return what a model of a training set takes and gives, also while that holds no values yet.

    Raises
    ------
    InputError
        If there is no such column, or it does not suit the task.
    """
    is_values = targets is None and _is_band(cube, target)
    if is_values and task == "classification":
        raise _unsuitable(target, "a property of the geometries", "a classification")
    _, axes = _read_features(cube, features_of(cube), target)
    answers = [] if is_values else read_targets(cube, target, targets)
    return Signature(axes, name_classes(answers, task, target) if task == "classification" else {})


def _refuse_column(cube: Block, target: str, features: Sequence[Feature]) -> InputError:
    known = sorted({str(k) for f in features[:100] for k in f.properties})
    return InputError(
        f"The training set has no column {target!r}.",
        f"Its columns are {', '.join((*known, *map(str, cube.labels.get('bands', ())))) or 'none'}.",
        code="ProcessParameterInvalid",
    )


def _is_band(cube: Block, target: str) -> bool:
    return "bands" in cube.dims and target in cube.labels["bands"]


def _read_features(
    cube: Block, features: Sequence[Feature], target: str
) -> tuple[NDArray[Any], dict[str, tuple[str, ...]]]:
    name = geometry_dimension(cube)
    if cube.dims == (name,):
        numeric = sorted(
            {k for f in features for k, v in f.properties.items() if k != target and _is_number(v)}
        )
        table = [[_number(f.properties.get(k)) for k in numeric] for f in features]
        if not numeric:
            raise InputError(
                "The geometries have neither values nor numeric properties.",
                "Give what aggregate_spatial makes of a cube for them.",
                code="ProcessParameterInvalid",
            )
        return np.asarray(table, np.float64), {"features": tuple(map(str, numeric))}
    if _is_band(cube, target):
        cube = cube.take("bands", [i for i, b in enumerate(cube.labels["bands"]) if b != target])
    order = (name, *(d for d in ("t", "bands") if d in cube.dims))
    others = tuple(d for d in cube.dims if d not in order)
    if others:
        raise InputError(
            f"The training set has the dimension {others[0]!r}.",
            "Reduce it first; geometry, t and bands are learnt from.",
            code="ProcessParameterInvalid",
        )
    values = cube.filled().transpose([cube.dims.index(d) for d in order]).astype(np.float64)
    named = {d: tuple(str(v) for v in _names(cube, d)) for d in order[1:]}
    if tuple(named) == ("t", "bands"):
        return values, named
    return values, {"features": next(iter(named.values()))}


def _names(cube: Block, dim: str) -> Any:
    return join_names([time_coordinate(cube.labels[dim]) if dim == "t" else cube.labels[dim]])


def read_targets(cube: Block, target: str, targets: Sequence[Feature] | None) -> list[Any]:
    """Return what is to be learnt at each geometry of a training set; None where nothing is known."""
    own = features_of(cube)
    if targets is not None and len(targets) != len(own):
        raise InputError(
            f"There are {len(own)} geometries with values and {len(targets)} with a target.",
            "Give both in the same order.",
            code="ProcessParameterInvalid",
        )
    if targets is None and _is_band(cube, target):
        column = cube.pick("bands", cube.labels["bands"].index(target))
        if len(column.dims) > 1:
            raise InputError(
                f"{target!r} has several values at a place.",
                "Reduce t first.",
                code="ProcessParameterInvalid",
            )
        return [float(v) if math.isfinite(v) else None for v in column.filled().tolist()]
    wanted = own if targets is None else targets
    if not any(target in f.properties for f in wanted):
        raise _refuse_column(cube, target, wanted)
    found = [f.properties.get(target) for f in wanted]
    return [None if isinstance(v, float) and not math.isfinite(v) else v for v in found]


def name_classes(answers: Sequence[Any], task: str, target: str) -> dict[int, str]:
    """Return class values with names: whole numbers stand for themselves, texts are numbered by alphabet."""
    known = [a for a in answers if a is not None]
    if task == "regression":
        if not all(_is_number(a) for a in known):
            raise _unsuitable(target, "a number at every place", "a regression")
        return {0: target}
    if all(_is_number(a) and float(a).is_integer() for a in known):
        names = {int(v): str(int(v)) for v in sorted(known)}
    elif all(isinstance(a, str) for a in known):
        names = dict(enumerate(sorted(set(known))))
    else:
        raise _unsuitable(target, "texts or whole numbers", "a classification")
    if len(names) > _MAX_CLASSES:
        raise _unsuitable(target, f"at most {_MAX_CLASSES} classes", "a classification")
    return names


def _as_labels(
    answers: Sequence[Any], task: str, names: dict[int, str]
) -> tuple[NDArray[np.int64], dict[str, Any]]:
    if task == "regression":
        return np.zeros(len(answers), np.int64), {"target": np.asarray(answers, np.float64)}
    number: dict[Any, int] = {name: value for value, name in names.items()}
    return np.array([number[a] if isinstance(a, str) else int(a) for a in answers], np.int64), {}


def _unsuitable(target: str, what: str, task: str) -> InputError:
    return InputError(
        f"{target!r} is not {what}, which {task} needs.",
        "Name another column.",
        code="ProcessParameterInvalid",
    )


def _places(features: Sequence[Feature], epsg: int) -> NDArray[np.float64]:
    centres = [f.to_epsg(epsg).geometry.centroid for f in features]
    return np.array([(c.x, c.y) for c in centres], np.float64)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _number(value: Any) -> float:
    return float(value) if _is_number(value) else math.nan
