"""Memory between blocks: kept for the next one, and given back when there is none.

glibc hands large pieces back to the system as soon as they are freed, and the system fills each page with
zeros when it is taken again: a quarter of the processor time of a plan whose blocks are all alike.
Elsewhere than on glibc nothing is done.

Source: mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -2, -3, -8
_KEPT = 128 * 2**20
"""Bytes at the end of a thread's heap that are kept when they are free."""
_RESERVED = 64 * 2**20
"""Addresses that a heap keeps in reserve: as many as it has, or else it is unmapped when it is empty."""
_HEAPS = 2
"""That threads share; with one of its own, each would keep what others free. Python's take turns anyway."""
_MAPPED = 32 * 2**20
"""From how many bytes on a piece is taken from the system by itself; glibc allows no more."""


@cache
def _allocator() -> Any:
    """Return the C library of this process if it is glibc, else None."""
    try:
        library = ctypes.CDLL(None)
        return library if library.mallopt and library.malloc_trim else None
    except (AttributeError, OSError, TypeError):  # musl, macOS, Windows
        return None


@cache
def keep_freed_memory() -> None:
    """Let freed memory stay with this process, from now on."""
    library = _allocator()
    if library is not None:
        library.mallopt(_M_TRIM_THRESHOLD, _KEPT)
        library.mallopt(_M_TOP_PAD, _RESERVED)
        library.mallopt(_M_ARENA_MAX, _HEAPS)
        library.mallopt(_M_MMAP_THRESHOLD, _MAPPED)


def give_back_memory() -> None:
    """Give free memory back to the system."""
    library = _allocator()
    if library is not None:
        library.malloc_trim(0)
