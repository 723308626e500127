"""Names of features, from the labels of a cube's dimensions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import xarray as xr


def name_features(cube: xr.DataArray, dimensions: Sequence[str] = ("t", "bands")) -> tuple[str, ...]:
    """Return the feature names of a cube: labels joined by a slash, the first dimension slowest.

    A time at the start of a month is written as the month (2024-05/B04), another midnight as the
    date, any other instant in full; each name depends on its own labels only.
    """
    return join_names([cube[dim].to_numpy() for dim in dimensions if dim in cube.dims])


def join_names(labels: Sequence[Iterable[Any]]) -> tuple[str, ...]:
    """Join the labels of several dimensions into feature names; "value" where there is no dimension."""
    names = [""]
    for axis in labels:
        parts = [format_label(label) for label in axis]
        names = [f"{name}/{part}" if name else part for name in names for part in parts]
    return tuple(name or "value" for name in names)


def format_label(label: Any) -> str:
    """Write one label of a dimension as part of a feature name."""
    if not isinstance(label, np.datetime64):
        return str(label)
    instant = label.astype("datetime64[s]")
    if instant == instant.astype("datetime64[M]"):
        return str(instant.astype("datetime64[M]"))
    if instant == instant.astype("datetime64[D]"):
        return str(instant.astype("datetime64[D]"))
    return f"{instant}Z"
