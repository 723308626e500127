"""What a network must know of its samples before it is built."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

_YEAR = 365.25


@dataclass(frozen=True)
class Shape:
    """The dimensions of one sample, and how many classes there are.

    Parameters
    ----------
    dims : tuple of str
        ("features",), ("t", "bands"), ("bands", "y", "x") or ("t", "bands", "y", "x").
    sizes : tuple of int
        Their lengths.
    days : tuple of float
        Of each label along t: days since the start of the first one's year; empty without t.
    classes : int
        Outputs of the network.
    per_pixel : bool
        Whether it answers for each pixel of a chip.
    """

    dims: tuple[str, ...]
    sizes: tuple[int, ...]
    days: tuple[float, ...]
    classes: int
    per_pixel: bool = False

    @property
    def bands(self) -> int:
        """Channels: bands, or features of rows."""
        return self.sizes[self.dims.index("bands")] if "bands" in self.dims else self.sizes[0]

    @property
    def dates(self) -> int:
        """Labels along t, 1 without it."""
        return self.sizes[self.dims.index("t")] if "t" in self.dims else 1

    @property
    def of_pixels(self) -> bool:
        """Whether a sample is one pixel."""
        return "y" not in self.dims


def describe_shape(axes: Mapping[str, tuple[str, ...]], classes: int, *, per_pixel: bool = False) -> Shape:
    """Return the shape of samples with these axes."""
    dims = tuple(axes)
    sizes = tuple(len(labels) for labels in axes.values())
    return Shape(dims, sizes, find_days(axes.get("t", ())), classes, per_pixel)


def find_days(labels: tuple[str, ...]) -> tuple[float, ...]:
    """Return when labels along t are: days since 1 January of the first one's year.

    Labels are dates or months in ISO 8601 (2024-05-03, 2024-05), or days such as "16"; others are taken
    as steps that divide a year evenly.
    """
    try:
        moments = [np.datetime64(label[:10], "D") for label in labels if date.fromisoformat(_whole(label))]
    except ValueError:
        return _number_days(labels)
    if not moments:
        return ()
    start = moments[0].astype("datetime64[Y]").astype("datetime64[D]")
    return tuple(float((moment - start).astype(int)) for moment in moments)


def _whole(label: str) -> str:
    return f"{label}-01" if len(label) == 7 else label[:10]


def _number_days(labels: tuple[str, ...]) -> tuple[float, ...]:
    try:
        return tuple(float(label) for label in labels)
    except ValueError:
        return tuple(_YEAR * i / len(labels) for i in range(len(labels)))
