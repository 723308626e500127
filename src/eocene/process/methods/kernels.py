"""Along time, for many pixels at once: sorting, medians and the filling of gaps, in plain numpy.

Sorting runs Batcher's odd-even merge network: a fixed list of pairs, each of which is put in order by one
minimum and one maximum of whole planes. No pixel is looked at by itself, nothing is compiled, and NaN
reaches every rank, since every rank depends on every value.

Where there is no data, values are replaced by way of their bits: ``np.where`` branches on each pixel, which
takes ten times as long where clouds are scattered.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]

_PLANE_BYTES = 2**17
"""How much of a plane is worked on at a time: some stay in the cache, and few calls are made."""


@lru_cache(maxsize=256)
def sorting_network(length: int) -> tuple[tuple[int, int], ...]:
    """Return the pairs (low, high) that, put in order one after another, sort ``length`` values.

    Source: K. E. Batcher, Sorting networks and their applications, 1968.
    """
    pairs: list[tuple[int, int]] = []
    run = 1
    while run < length:
        stride = run
        while stride:
            for start in range(stride % run, length - stride, 2 * stride):
                lows = range(start, min(start + stride, length - stride))
                pairs += [(i, i + stride) for i in lows if i // (2 * run) == (i + stride) // (2 * run)]
            stride //= 2
        run *= 2
    return tuple(pairs)


@lru_cache(maxsize=256)
def _middle_network(length: int) -> tuple[tuple[int, int], ...]:
    """Return those pairs of the network on which the rank in the middle and the one below it depend."""
    wanted, kept = {(length - 1) // 2, length // 2, max(length // 2 - 1, 0)}, []
    for pair in reversed(sorting_network(length)):
        if not wanted.isdisjoint(pair):
            wanted.update(pair)
            kept.append(pair)
    return tuple(reversed(kept))


def sort_along_first(values: Floats, valid: Mask | None = None) -> Floats:
    """Return floats sorted along the first axis, those that are not valid last, as infinity.

    A valid NaN makes all ranks of its pixel NaN.
    """
    out = np.empty(values.shape, values.dtype)
    infinity = values.dtype.type(np.inf)
    for flat, mask, ranks in _pieces(values, valid, out):
        planes = flat.copy() if mask is None else choose(mask, flat, infinity)
        for rank, plane in enumerate(_put_in_order(list(planes), sorting_network(len(flat)))):
            ranks[rank] = plane
    return out


def median_along_first(values: NDArray[Any], valid: Mask | None = None) -> Floats:
    """Return the median of the valid numbers along the first axis, of an even number the mean of two.

    Integers, of 16 bits at most, are put in order as they are, and give float32. NaN where one of them is
    NaN, and where there is none.
    """
    is_float = values.dtype.kind == "f"
    out: Floats = np.empty((1, *values.shape[1:]), values.dtype if is_float else np.float32)
    for flat, mask, median in _pieces(values, valid, out):
        planes, odd_missing = (list(flat.copy()), None) if mask is None else _balance(flat, mask)
        ranks = _put_in_order(planes, _middle_network(len(flat)))
        median[0] = _middle(ranks, odd_missing, out.dtype)
        if mask is not None and not is_float:
            np.copyto(median[0], np.nan, where=~mask.any(axis=0))
    return out.reshape(values.shape[1:])


def _pieces(
    values: NDArray[Any], valid: Mask | None, out: Floats
) -> Iterator[tuple[NDArray[Any], Mask | None, Floats]]:
    """Cut pixels into pieces that fit the cache: views (length, pixels) of values, mask and result."""
    flat, result = values.reshape(len(values), -1), out.reshape(len(out), -1)
    mask = None if valid is None else valid.reshape(len(values), -1)
    pixels = _PLANE_BYTES // values.dtype.itemsize
    for start in range(0, flat.shape[1], pixels):
        piece = slice(start, start + pixels)
        yield flat[:, piece], None if mask is None else mask[:, piece], result[:, piece]


def _put_in_order(planes: list[NDArray[Any]], network: Sequence[tuple[int, int]]) -> list[NDArray[Any]]:
    """Run a network on planes, which are overwritten, and return them in their new order."""
    spare = np.empty_like(planes[0])
    for low, high in network:
        np.minimum(planes[low], planes[high], out=spare)
        np.maximum(planes[low], planes[high], out=planes[high])
        planes[low], spare = spare, planes[low]
    return planes


def _balance(values: NDArray[Any], valid: Mask) -> tuple[list[NDArray[Any]], Mask]:
    """Return planes with the largest and the smallest number in turn where there is no data.

    So the median stays in the middle, however many values there are. Also returns where an odd number is
    missing: there the largest was put in once more than the smallest.
    """
    integer = _INTEGERS[values.dtype.itemsize]
    is_float = values.dtype.kind == "f"
    largest = np.inf if is_float else np.iinfo(values.dtype).max
    turn = np.iinfo(integer).min if is_float else -1  # the bits in which the two differ
    fill = np.full(values.shape[1:], largest, values.dtype).view(integer)
    first = fill.flat[0] if fill.size else 0
    planes = []
    for value, here in zip(values, valid, strict=True):
        bits = _bits(here, integer)
        planes.append(_merge(bits, value.view(integer), fill).view(values.dtype))
        np.invert(bits, out=bits)
        bits &= turn
        fill ^= bits
    return planes, fill != first


def _middle(ranks: Sequence[NDArray[Any]], odd_missing: Mask | None, dtype: np.dtype[Any]) -> Floats:
    """Return the median of ranks: the one in the middle, or the mean of two where their number is even."""
    half, is_odd = divmod(len(ranks), 2)
    upper: Floats = ranks[half].astype(dtype, copy=False)
    if odd_missing is None and is_odd:
        return upper
    below: Floats = ranks[half - 1].astype(dtype, copy=False) if half else -upper
    with np.errstate(invalid="ignore"):
        mean = (below + upper) / 2
    if odd_missing is None:
        return mean
    return choose(odd_missing, mean, upper) if is_odd else choose(odd_missing, below, mean)


def fill_gaps_along_first(values: Floats, position: NDArray[np.float64]) -> Floats:
    """Return floats with each inner run of NaN replaced by the straight line between its neighbours."""
    out = np.array(values, order="C")  # as a piece of another order would be a copy
    for flat, _, filled in _pieces(values, None, out):
        known = ~np.isnan(flat)
        if not known.all():
            _fill(flat, known, position, filled)
    return out


def _fill(values: Floats, known: Mask, position: NDArray[np.float64], out: Floats) -> None:
    before = list(_carry(values, known, position))
    after = _carry(values[::-1], known[::-1], position[::-1])
    unbounded = bool(np.isinf(values).any())
    for i, (high, last) in zip(reversed(range(len(values))), after, strict=True):
        low, first = before[i]
        with np.errstate(invalid="ignore"):
            share = (position[i] - first) / (last - first)
            line = low + (high - low) * share
            if unbounded:  # beside an infinity the weighted mean is the limit
                line = np.where(np.isfinite(line), line, low * (1 - share) + high * share)
        out[i] = choose(known[i], values[i], line.astype(out.dtype))


def _carry(
    values: Floats, known: Mask, position: NDArray[np.float64]
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Yield for each plane the last known value up to it, and its position; NaN where there is none."""
    last = place = np.full(values.shape[1], np.nan)
    for value, here, now in zip(values, known, position, strict=True):
        last = choose(here, value.astype(np.float64), last)
        place = choose(here, np.full_like(place, now), place)
        yield last, place


_INTEGERS: dict[int, np.dtype[Any]] = {size: np.dtype(f"i{size}") for size in (1, 2, 4, 8)}


def choose(mask: Mask, values: NDArray[Any], others: Any) -> NDArray[Any]:
    """Return ``np.where(mask, values, others)`` of floats of one dtype, without branching on each value."""
    integer = _INTEGERS[values.dtype.itemsize]
    other = np.asarray(others, values.dtype).view(integer)
    return _merge(_bits(mask, integer), values.view(integer), other).view(values.dtype)


def _merge(bits: NDArray[Any], values: NDArray[Any], others: NDArray[Any]) -> NDArray[Any]:
    """Return the bits of values where they are set, those of others elsewhere."""
    merged: NDArray[Any] = values ^ others
    merged &= bits
    merged ^= others
    return merged


def _bits(mask: Mask, integer: np.dtype[Any]) -> NDArray[Any]:
    """Return all bits where the mask is true, none elsewhere."""
    bits: NDArray[Any] = mask.view(np.int8).astype(integer)
    np.negative(bits, out=bits)
    return bits
