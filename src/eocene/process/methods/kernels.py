"""Along time, for many pixels at once: sorting and medians, in plain numpy.

Sorting runs Batcher's odd-even merge network: a fixed list of pairs, each of which is put in order by one
minimum and one maximum of whole planes. No pixel is looked at by itself, nothing is compiled, and NaN
reaches every rank, since every rank depends on every value.

Where there is no data, values are replaced by way of their bits: ``np.where`` branches on each pixel, which
takes ten times as long where clouds are scattered.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.floating[Any]]
    Mask = NDArray[np.bool_]
    _Step = tuple[int, int, bool, bool]

_PIECE_BYTES = 2**20
"""How much of the values is worked on at a time: it stays in the cache, and few calls are made."""


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
def _steps(length: int, ranks: tuple[int, ...]) -> tuple[_Step, ...]:
    """Return the steps of the network on which ranks depend, each with what of it they depend on."""
    wanted, steps = set(ranks), []
    for low, high in reversed(sorting_network(length)):
        if low in wanted or high in wanted:
            steps.append((low, high, low in wanted, high in wanted))
            wanted.update((low, high))
    return tuple(reversed(steps))


def sort_along_first(values: Floats, valid: Mask | None = None) -> Floats:
    """Return floats sorted along the first axis, those that are not valid last, as infinity.

    A valid NaN makes all ranks of its pixel NaN.
    """
    out = np.empty(values.shape, values.dtype)
    infinity = values.dtype.type(np.inf)
    steps = _steps(len(values), tuple(range(len(values))))
    for flat, mask, ranks in pieces(values, valid, out):
        planes = flat.copy() if mask is None else choose(mask, flat, infinity)
        for rank, plane in enumerate(_put_in_order(list(planes), steps)):
            ranks[rank] = plane
    return out


def median_along_first(values: NDArray[Any], valid: Mask | None = None) -> Floats:
    """Return the median of the valid numbers along the first axis, of an even number the mean of two.

    Integers, of 16 bits at most, are put in order as they are, and give float32. NaN where one of them is
    NaN, and where there is none. A mask may have length 1 where it repeats itself.
    """
    is_float = values.dtype.kind == "f"
    out: Floats = np.empty((1, *values.shape[1:]), values.dtype if is_float else np.float32)
    middle = len(values) // 2
    is_single = valid is None and len(values) % 2
    steps = _steps(len(values), (middle,) if is_single or not middle else (middle - 1, middle))
    for flat, mask, median in pieces(values, valid, out):
        planes, odd_missing = (list(flat.copy()), None) if mask is None else _balance(flat, mask)
        half: Any = 0.5
        if mask is not None and not is_float:  # of floats the infinities that stand for no data give NaN
            some = np.asarray(mask.any(axis=0))
            half = choose(some, np.full(some.shape, 0.5, out.dtype), np.nan)
        _put_middle(_put_in_order(planes, steps), odd_missing, half, median[0])
    return out.reshape(values.shape[1:])


def pieces(
    values: NDArray[Any], valid: Mask | None, out: Floats
) -> Iterator[tuple[NDArray[Any], Mask | None, Floats]]:
    """Cut pixels into pieces that fit the cache: views (length, alike, pixels) of values, mask and result.

    Alike are pixels of which the same are data, as those of the bands of a date below clouds; their mask is
    there once: (length, 1, pixels).
    """
    alike = 1
    if valid is not None:
        alike, valid = _fold(valid, values.shape)
    flat, result = values.reshape(len(values), alike, -1), out.reshape(len(out), alike, -1)
    pixels = _PIECE_BYTES // (len(values) * values.dtype.itemsize * alike) or 1
    for start in range(0, flat.shape[2], pixels):
        piece = slice(start, start + pixels)
        yield flat[..., piece], None if valid is None else valid[..., piece], result[..., piece]


def without_repeats(mask: Mask) -> Mask:
    """Return a view of a mask with length 1 along the axes on which it repeats itself."""
    return mask[tuple(slice(0, 1) if stride == 0 else slice(None) for stride in mask.strides)]


def _fold(valid: Mask, shape: tuple[int, ...]) -> tuple[int, Mask]:
    """Return how many pixels share a place in a mask, side by side, and the mask (length, 1, places)."""
    first = 1
    while first < valid.ndim - 1 and valid.shape[first] == 1:
        first += 1
    alike = math.prod(shape[1:first]) or 1
    mask = np.broadcast_to(valid, (*shape[:1], *valid.shape[1:first], *shape[first:]))
    return alike, mask.reshape(len(mask), 1, -1)


def _put_in_order(planes: list[NDArray[Any]], steps: Sequence[_Step]) -> list[NDArray[Any]]:
    """Run steps of a network on planes, which are overwritten, and return them in their new order."""
    spare = np.empty_like(planes[0])
    for low, high, is_low_wanted, is_high_wanted in steps:
        if not is_high_wanted:
            np.minimum(planes[low], planes[high], out=planes[low])
            continue
        if is_low_wanted:
            np.minimum(planes[low], planes[high], out=spare)
        np.maximum(planes[low], planes[high], out=planes[high])
        if is_low_wanted:
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
    fill = np.full(valid.shape[1:], largest, values.dtype).view(integer)
    first = fill.flat[0] if fill.size else 0
    sign = np.iinfo(integer).min  # all in which infinities differ; integers differ in every bit
    planes = []
    for value, here in zip(values, valid, strict=True):
        bits = _bits(here, integer)
        plane = value.view(integer) & bits
        np.invert(bits, out=bits)
        plane |= fill & bits
        planes.append(plane.view(values.dtype))
        if is_float:
            bits &= sign
        fill ^= bits
    return planes, fill != first


def _put_middle(ranks: Sequence[NDArray[Any]], odd_missing: Mask | None, half: Any, out: Floats) -> None:
    """Put the median of ranks in ``out``: the one in the middle, or half the sum of two if they are even."""
    middle, is_odd = divmod(len(ranks), 2)
    one, other = (ranks[middle], ranks[middle - 1]) if is_odd else (ranks[middle - 1], ranks[middle])
    out[...] = one
    if odd_missing is None and is_odd:
        return
    if not middle:
        other = -one
    is_pair = odd_missing if odd_missing is None or is_odd else ~odd_missing
    if is_pair is not None and one.dtype != out.dtype:  # of integers twice the one is exact
        other = choose(is_pair, other, one)
    with np.errstate(invalid="ignore", over="ignore"):
        out += other
    out *= half
    if is_pair is not None and one.dtype == out.dtype:
        out[...] = choose(is_pair, out, one)


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
