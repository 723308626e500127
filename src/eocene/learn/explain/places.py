"""The sample that a model answers for at a place: the pixel under a point, or the chip around a place."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from shapely.geometry import Point

from eocene.cube.inside import find_window, pixels_inside
from eocene.learn.answering import read_features
from eocene.learn.inference import choose_tiling
from eocene.learn.inference.windows import crop
from eocene.model import Grid, InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.cube.feature import Feature
    from eocene.learn.answering import Places
    from eocene.learn.predict import Predictor


@dataclass(frozen=True, eq=False)
class Subject:
    """What an explanation is about.

    Parameters
    ----------
    features : (…) float32
        Of one sample, NaN where a value is missing.
    where : (y, x) bool, optional
        The pixels of a chip whose mean answer is meant, of a model that answers for each of them.
    """

    features: NDArray[np.float32]
    where: NDArray[np.bool_] | None = None


def read_subject(places: Places, feature: Feature) -> Subject | None:
    """Return what a model looks at to answer at a place, computed as for a prediction there.

    Of a model that answers for each pixel that is a chip with the place in its middle, and the pixels of the
    place; of one that answers once for a chip, the chip of the map in which the point lies.

    Parameters
    ----------
    places : Places
        Planned by ``eocene.learn.answering.plan_places``.
    feature : Feature
        One of them.

    Returns
    -------
    Subject or None
        None where there is no data.

    Raises
    ------
    InputError
        If an area is given to a model that answers once for a pixel or chip, or it is larger than a chip.
    """
    predictor, plan = places.predictor, places.plan
    moved = feature.to_epsg(plan.grid.epsg)
    window = find_window(moved.geometry, plan.grid)
    if isinstance(moved.geometry, Point) and window is not None:
        window = Grid(window.lattice, window.left, window.top, 1, 1)
    elif not isinstance(moved.geometry, Point) and not predictor.signature.dense:
        raise InputError(
            f"{predictor.name} answers once for a pixel or chip, which an area has many of.",
            "Name a point, or take a model that answers per pixel of a chip.",
        )
    if window is None:
        return None
    seen = _find_seen(predictor, window)
    here = seen.intersect(plan.grid) or window
    layers = crop(read_features(predictor, plan, here, shifted=places.shifted), here, seen)
    features = layers.reshape(predictor.signature.sample)
    known = np.asarray(np.isfinite(layers).any(axis=0))
    if not predictor.signature.dense:
        return Subject(features) if known.any() else None
    known[~pixels_inside(moved.geometry, seen)] = False
    return Subject(features, known) if known.any() else None


def _find_seen(predictor: Predictor, window: Grid) -> Grid:
    """Return the window that a model looks at to answer for another."""
    signature = predictor.signature
    if signature.chip is None:
        return window
    if not signature.dense:
        return next(choose_tiling(signature, predictor.reach, free=False).tiles(window))
    rows, cols = signature.chip
    # A network that pools answers alike where it is moved by whole strides.
    stride = (predictor.reach.stride if predictor.reach is not None else None) or 1
    left, top = (
        _centre(first, length, edge, stride)
        for first, length, edge in (
            (window.left, window.width, cols),
            (window.top, window.height, rows),
        )
    )
    seen = replace(window, left=left, top=top, width=cols, height=rows)
    if seen.intersect(window) != window:
        raise InputError(
            f"The place has {window.width} × {window.height} pixels; {predictor.name} looks at chips of "
            f"{cols} × {rows}.",
            "Name a smaller area, or a point.",
        )
    return seen


def _centre(first: int, length: int, edge: int, stride: int) -> int:
    """Return where a chip begins that has a stretch of pixels in its middle, at a whole stride."""
    begin = (first + length // 2 - edge // 2) // stride * stride
    return begin if begin + edge >= first + length else begin + stride
