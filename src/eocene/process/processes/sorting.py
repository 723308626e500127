"""Sorting, and the quantiles that come of it.

In a cube each pixel is sorted for itself and all keep one length: where no-data is to be removed, it
stands behind the values.

Source: openEO processes 2.0, categories sorting and math > statistics.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from eocene.cube.block import Block
from eocene.model import InputError
from eocene.process.methods.series import along, as_series, entries_of, gather, present_first
from eocene.process.processes.dates import parse_instant
from eocene.process.processes.reducers import find_quantiles, summarise
from eocene.process.registry import process
from eocene.process.types import (
    Array,
    Flag,
    Indices,
    Intervals,
    Numbers,
    OptionalFlag,
    Probabilities,
    Sortable,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]


_MOST_INTERVALS = 1000


@process("arrays", "sorting")
def order(data: Sortable, asc: Flag = True, nodata: OptionalFlag = None) -> Indices:
    """Return the indices in the order in which they sort an array; equal values keep their order.

    Parameters
    ----------
    data
        An array of numbers or of dates.
    asc
        Whether small values come first, else large ones.
    nodata
        Whether no-data comes last (true), first (false), or not at all (null).
    """
    values, present = present_first(as_series(data))
    first_key = present if nodata is False else ~present
    ranked = np.lexsort((_sort_keys(values, present, asc), first_key), axis=0)
    if nodata is not None:
        return along(data, ranked, None, range(len(ranked)))
    known = np.take_along_axis(present, ranked, axis=0)
    if known.ndim == 1:
        ranked, known = ranked[known], known[known]
    return along(data, ranked, known, range(len(ranked)))


def _sort_keys(values: NDArray[Any], present: Mask, asc: bool) -> NDArray[Any]:
    """Return numbers that stand in the order that is wanted, all of no-data equal.

    NaN comes after all numbers in either order.
    """
    if values.dtype == object:
        keys = np.zeros(values.shape, np.int64)
        known = [parse_instant(text) for text in values[present]]
        ranks = {instant: rank for rank, instant in enumerate(sorted(set(known)))}
        keys[present] = [ranks[instant] for instant in known]
    else:
        keys = np.where(present, values, values.dtype.type(0))
    if asc:
        return keys
    return -keys if keys.dtype.kind == "f" else ~keys


@process("arrays", "sorting")
def rearrange(data: Array, order: Indices) -> Array:
    """Return the entries of an array in the order of the given indices.

    Parameters
    ----------
    data
        An array.
    order
        Indices, such as those of the process order.
    """
    indices = entries_of(order)
    if not any(isinstance(index, Block) for index in indices):
        entries = entries_of(data)
        _check_indices(np.array(indices, np.float64), len(entries))
        return gather([entries[int(index)] for index in indices], data)
    is_alike = isinstance(data, Block) and len(data.dims) == len(order.dims)
    series = as_series(data if is_alike else gather(entries_of(data), order))
    values, present = present_first(series)
    places, known = present_first(order)
    _check_indices(places[known], len(values))
    where = np.where(known, places, 0).astype(np.intp)
    picked, there = (np.take_along_axis(a, where, axis=0) for a in (values, present))
    return along(series, picked, there & known, range(len(picked)))


def _check_indices(indices: NDArray[Any], length: int) -> None:
    wrong = indices[~((indices >= 0) & (indices < length))]
    if wrong.size:
        raise InputError(
            f"The order holds the index {wrong.flat[0]:g}, the array has {length} entries.",
            "Give indices from 0, such as the process order returns.",
            code="ProcessParameterInvalid",
        )


@process("arrays", "sorting")
def sort(data: Sortable, asc: Flag = True, nodata: OptionalFlag = None) -> Sortable:
    """Sort an array.

    Parameters
    ----------
    data
        An array of numbers or of dates.
    asc
        Whether small values come first, else large ones.
    nodata
        Whether no-data comes last (true), first (false), or not at all (null).
    """
    return rearrange(data, order(data, asc, nodata))


@process("math > statistics")
def quantiles(
    data: Numbers, probabilities: Probabilities = None, q: Intervals = None, ignore_nodata: Flag = True
) -> Numbers:
    """Return quantiles, interpolated between the two values beside each (type 7 of Hyndman and Fan).

    Parameters
    ----------
    data
        An array of numbers.
    probabilities
        Probabilities from 0 to 1 in ascending order, or in how many equal intervals to cut.
    q
        In how many equal intervals to cut; the older name of it.
    ignore_nodata
        Whether no-data values are ignored; if not, one of them makes all results no-data.

    Raises
    ------
    QuantilesParameterMissing
        Neither probabilities nor q is given.
    QuantilesParameterConflict
        Both probabilities and q are given.
    AscendingProbabilitiesRequired
        The probabilities do not ascend.
    """
    cuts = _find_cuts(probabilities, q)

    def cut(values: Floats, present: Mask) -> tuple[Floats, Mask]:
        return find_quantiles(values, present, cuts)

    return along(data, *summarise(cut, as_series(data), ignore_nodata=ignore_nodata), range(len(cuts)))


def _find_cuts(probabilities: Any, q: Any) -> list[float]:
    if (probabilities is None) == (q is None):
        raise InputError(
            "quantiles needs either probabilities or q.",
            "Give probabilities.",
            code=f"QuantilesParameter{'Missing' if q is None else 'Conflict'}",
        )
    cuts = q if probabilities is None else probabilities
    if isinstance(cuts, int | float):
        if cuts > _MOST_INTERVALS:
            raise InputError(
                f"{cuts:.0f} intervals are asked for.",
                f"Cut into {_MOST_INTERVALS} at most.",
                code="ProcessParameterInvalid",
            )
        cuts = [i / cuts for i in range(1, int(cuts))]
    else:
        cuts = entries_of(cuts)
    if any(not 0 <= p <= 1 for p in cuts):
        raise InputError(
            f"The probabilities {cuts} do not lie from 0 to 1.", "Mend them.", code="ProcessParameterInvalid"
        )
    if any(low > high for low, high in pairwise(cuts)):
        raise InputError(
            f"The probabilities {cuts} do not ascend.", "Sort them.", code="AscendingProbabilitiesRequired"
        )
    return cuts
