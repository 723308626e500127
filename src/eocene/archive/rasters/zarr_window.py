"""Windows of Zarr arrays, and ranges of what is stored: counted, and cut into the parts of single chunks."""

from __future__ import annotations

from itertools import product
from math import prod
from typing import TYPE_CHECKING

from zarr.abc.store import OffsetByteRequest, RangeByteRequest, SuffixByteRequest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from zarr.abc.store import ByteRequest

Place = tuple[int | slice, ...]
"""A position or a range (start, stop) along each dimension."""


def measure(place: Place) -> tuple[int, ...]:
    """Return the shape of a window; positions have no dimension in it."""
    return tuple(max(0, at.stop - at.start) for at in place if isinstance(at, slice))


def count_chunks(place: Place, chunk: Sequence[int]) -> int:
    """Return how many chunks of a shape a window lies in."""
    return prod(
        1 if isinstance(at, int) else max(0, -(-at.stop // size) - at.start // size)
        for at, size in zip(place, chunk, strict=True)
    )


def cut(place: Place, chunk: Sequence[int]) -> Iterator[tuple[Place, tuple[slice, ...]]]:
    """Yield each part of a window that lies in one chunk, and where it lies in the window."""
    for pieces in product(*map(_cut_along, place, chunk)):
        yield tuple(piece for piece, _ in pieces), tuple(target for _, target in pieces if target is not None)


def _cut_along(at: int | slice, size: int) -> list[tuple[int | slice, slice | None]]:
    if isinstance(at, int):
        return [(at, None)]
    firsts = range(at.start - at.start % size, at.stop, size)
    parts = [(max(first, at.start), min(first + size, at.stop)) for first in firsts]
    return [(slice(a, b), slice(a - at.start, b - at.start)) for a, b in parts]


def find_range(wanted: ByteRequest | None, size: int) -> tuple[int, int]:
    """Return the first byte of a range of an object of ``size`` bytes, and the one after the last."""
    if isinstance(wanted, RangeByteRequest):
        return min(wanted.start, size), min(wanted.end, size)
    if isinstance(wanted, OffsetByteRequest):
        return min(wanted.offset, size), size
    if isinstance(wanted, SuffixByteRequest):
        return max(0, size - wanted.suffix), size
    return 0, size
