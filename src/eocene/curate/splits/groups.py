"""Folds of what a model shall be carried to: another region, another year, another sensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.curate.splits.ground import check_buffer, outline, separate
from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from eocene.curate.placed import Placed
    from eocene.curate.splits.ground import Split


def leave_region(placed: Placed, *, column: str = "region", buffer_m: float = 0.0) -> list[Split]:
    """Test each region by what was learnt in the others.

    Parameters
    ----------
    placed : Placed
    column : str
        Names the region of each sample.
    buffer_m : float
        Training samples nearer than this to a tested footprint are left out, as are overlapping ones.

    Returns
    -------
    list of (train, test)
        Sorted row numbers, one pair for each region in the order of their names; the test parts are
        disjoint and cover all samples.

    Raises
    ------
    InputError
        If the column is missing, has gaps or a single value, or nothing is left to learn.
    """
    return _leave_group(placed, column, _read_names(placed, column), buffer_m, same_places=False)


def leave_sensor(
    placed: Placed, *, column: str = "sensor", buffer_m: float = 0.0, same_places: bool = False
) -> list[Split]:
    """Test each sensor by what was learnt from the others; arguments as for :func:`leave_year`."""
    return _leave_group(placed, column, _read_names(placed, column), buffer_m, same_places=same_places)


def leave_year(
    placed: Placed,
    *,
    column: str = "time",
    first_month: int = 1,
    buffer_m: float = 0.0,
    same_places: bool = False,
) -> list[Split]:
    """Test each year by what was learnt in the others.

    Parameters
    ----------
    placed : Placed
    column : str
        Holds the time of each sample, datetime64.
    first_month : int
        In which a year begins, such as 9 for southern crops.
    buffer_m : float
        Training samples nearer than this to a tested footprint are left out, as are overlapping ones.
    same_places : bool
        Keep what lies at the tested places in other years, where the same fields are seen year after
        year and shall be in future. The score then says nothing of other places, and no buffer is kept.

    Returns
    -------
    list of (train, test)
        As of :func:`leave_region`, one pair for each year.

    Raises
    ------
    InputError
        As :func:`leave_region`, or if a buffer is asked for together with ``same_places``.
    """
    if not 1 <= first_month <= 12:
        raise InputError(f"There is no month {first_month}.", "Give 1 to 12.")
    months = _read_column(placed, column).astype("datetime64[M]")
    if np.isnat(months).any():
        raise InputError(f"The column {column!r} has gaps.", "Drop the samples without a time.")
    years = (months - (first_month - 1)).astype("datetime64[Y]")
    return _leave_group(placed, column, years, buffer_m, same_places=same_places)


def _leave_group(
    placed: Placed, column: str, names: NDArray[Any], buffer_m: float, *, same_places: bool
) -> list[Split]:
    check_buffer(placed, buffer_m)
    if same_places and buffer_m > 0:
        raise InputError("No buffer can be kept about the same places.", "Give one of the two.")
    values, group = np.unique(names, return_inverse=True)
    group = group.reshape(-1)
    if len(values) < 2:
        raise InputError(
            f"The column {column!r} holds a single value, {values[0] if len(values) else 'none'}.",
            "Add samples of others, or use another split.",
        )
    if same_places:
        return [(np.flatnonzero(group != k), np.flatnonzero(group == k)) for k in range(len(values))]
    shapes = outline(placed)
    return [separate(shapes, group, k, buffer_m) for k in range(len(values))]


def _read_names(placed: Placed, column: str) -> NDArray[Any]:
    names = _read_column(placed, column).astype(str)
    if np.isin(names, ("", "nan", "None")).any():
        raise InputError(f"The column {column!r} has gaps.", "Name it for every sample, or drop the sample.")
    return names


def _read_column(placed: Placed, column: str) -> NDArray[Any]:
    if column not in placed.columns:
        there = ", ".join(sorted(placed.columns)) or "none"
        raise InputError(f"The samples have no column {column!r}.", f"Name one of theirs: {there}.")
    return np.asarray(placed.columns[column])
