"""Ranges of bytes, joined to few requests where they are neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

GAP = 128 * 2**10
"""Bytes that are read for nothing rather than asked for apart: less than what a line carries in 20 ms."""
LONGEST = 4 * 2**20
"""Neighbours are joined up to this length, so that long rows of them still come over several connections."""


def join_ranges(
    ranges: Iterable[tuple[int, int]], gap: int = GAP, longest: int = LONGEST
) -> list[tuple[int, int]]:
    """Return few ranges (start, stop), in order, of which each given one lies in one; empty ones in none.

    Parameters
    ----------
    ranges : iterable of tuple of int
        Start and stop in bytes, in any order.
    gap : int
        What lies between neighbours at most.
    longest : int
        How long joined ranges become at most; a single one may be longer.
    """
    joined: list[tuple[int, int]] = []
    for start, stop in sorted(set(ranges)):
        if stop <= start:
            continue
        if joined:
            first, last = joined[-1]
            if stop <= last:
                continue
            if start - last <= gap and (start < last or stop - first <= longest):
                joined[-1] = (first, stop)
                continue
        joined.append((start, stop))
    return joined
