"""Distances to the nearest training sample: in a cross-validation, and where a map will be made.

A score holds for a map where both are alike. Source: Milà et al. 2022, doi:10.1111/2041-210X.13851.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy  # its parts are loaded when they are first used
import shapely

from eocene.curate.splits.ground import require_metres, stack_places
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split


def spread_places(area: Any, count: int) -> NDArray[np.float64]:
    """Return about ``count`` places (m, 2) on a regular grid inside an area, as a stand-in for its pixels.

    Parameters
    ----------
    area : shapely geometry or (west, south, east, north)
        In units of the samples' CRS.
    count : int
        At least 1.

    Raises
    ------
    InputError
        If the area is empty or the count below 1.
    """
    shape: Any = area if isinstance(area, shapely.Geometry) else shapely.box(*area)
    if count < 1 or not shape.area > 0:
        raise InputError("No places can be spread: the area or the count is zero.", "Give both above 0.")
    west, south, east, north = shape.bounds
    step = (shape.area / count) ** 0.5
    across = np.arange(west + step / 2, max(east, west + step), step)
    along = np.arange(south + step / 2, max(north, south + step), step)
    x, y = (grid.ravel() for grid in np.meshgrid(across, along))
    inside = shapely.contains_xy(shape, x, y)
    if not inside.any():
        inner = shape.representative_point()
        return np.array([[inner.x, inner.y]])
    return np.stack([x[inside], y[inside]], axis=1)


def measure_to_samples(placed: Placed, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the (m,) metres from each place to the nearest sample."""
    places = check_places(placed, places)
    return np.asarray(scipy.spatial.cKDTree(stack_places(placed)).query(places)[0], dtype=np.float64)


def measure_folds(placed: Placed, splits: Sequence[Split]) -> NDArray[np.float64]:
    """Return the metres from each tested sample to the nearest training sample of its fold."""
    points = stack_places(placed)
    return np.concatenate(
        [scipy.spatial.cKDTree(points[train]).query(points[test])[0] for train, test in splits]
    )


def measure_match(placed: Placed, splits: Sequence[Split], places: NDArray[np.float64]) -> float:
    """Return the Wasserstein distance in metres between both distributions; 0 is a perfect match."""
    return float(
        scipy.stats.wasserstein_distance(measure_folds(placed, splits), measure_to_samples(placed, places))
    )


def check_places(placed: Placed, places: NDArray[np.float64]) -> NDArray[np.float64]:
    """Refuse prediction places that are none."""
    require_metres(placed, "distances")
    places = np.asarray(places, dtype=np.float64)
    if places.ndim != 2 or places.shape[1:] != (2,) or not len(places) or not np.isfinite(places).all():
        raise InputError(
            f"The prediction places have shape {places.shape} or are not finite.",
            "Give (m, 2) coordinates in the CRS of the samples, as spread_places makes them of an area.",
        )
    return places
