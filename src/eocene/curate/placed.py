"""What splits, checks of bias and gates need of a data set: places and labels, no pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


class Placed(Protocol):
    """Labelled places, such as :class:`eocene.curate.Samples` or the table of a stored data set.

    Attributes
    ----------
    x, y : (n,) float64
        Centres of the samples in units of the CRS.
    epsg : int
        The CRS of ``x`` and ``y``.
    labels : (n,) int64
        Class values.
    class_names : mapping of int to str
        A name for every label that occurs.
    columns : mapping of str to (n,) array
        What else is known of each sample: "time" (datetime64), "sensor", "region", "cloud" (a share
        from 0 to 1), "width_m" (edge of the square footprint on the ground), …
    """

    @property
    def x(self) -> NDArray[np.float64]:
        """Centres, eastwards."""
        ...

    @property
    def y(self) -> NDArray[np.float64]:
        """Centres, northwards."""
        ...

    @property
    def epsg(self) -> int:
        """The CRS of the centres."""
        ...

    @property
    def labels(self) -> NDArray[np.int64]:
        """Class values."""
        ...

    @property
    def class_names(self) -> Mapping[int, str]:
        """A name for every label."""
        ...

    @property
    def columns(self) -> Mapping[str, NDArray[Any]]:
        """What else is known of each sample."""
        ...


@dataclass(frozen=True, eq=False)
class Places:
    """Labelled places alone, in memory; the attributes of :class:`Placed`."""

    x: NDArray[np.float64]
    y: NDArray[np.float64]
    epsg: int
    labels: NDArray[np.int64]
    class_names: Mapping[int, str]
    columns: Mapping[str, NDArray[Any]]


def count_labels(labels: NDArray[np.int64]) -> dict[int, int]:
    """Return how many samples each class has, by ascending class value."""
    values, counts = np.unique(labels, return_counts=True)
    return {int(v): int(c) for v, c in zip(values, counts, strict=True)}
