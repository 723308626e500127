"""Filling gaps in arrays.

Source: openEO processes 2.0, category math > interpolation.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from eocene.cube.edge import parse_label
from eocene.process.methods.series import along, as_series, numbers_first
from eocene.process.registry import process
from eocene.process.types import Numbers


@process("arrays", "math", "math > interpolation")
def array_interpolate_linear(data: Numbers) -> Numbers:
    """Replace no-data between two values by the straight line between them, along the labels.

    No-data before the first and after the last value stays. Labels that are times or numbers are the
    positions, else the indices are.

    Parameters
    ----------
    data
        An array of numbers.
    """
    from eocene.process.methods.gaps import fill_gaps_along_first

    series = as_series(data)
    values, present = numbers_first(series)
    gappy = values if present.all() else np.where(present, values, values.dtype.type(np.nan))
    filled = fill_gaps_along_first(gappy, positions_of(series.labels[series.axis or ""]))
    return along(data, filled, ~np.isnan(filled) | present)


def positions_of(labels: tuple[Any, ...]) -> Any:
    """Return times in seconds, numbers as they are, and 0, 1, 2, … for other labels; float64."""
    if all(isinstance(v, int | float) for v in labels):
        return np.array(labels, np.float64)
    try:
        times = np.array([parse_label(v).astype("datetime64[s]") for v in labels])
    except (TypeError, ValueError):
        return np.arange(len(labels), dtype=np.float64)
    return (times - times[0]).astype(np.float64)
