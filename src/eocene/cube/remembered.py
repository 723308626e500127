"""What is computed of a window once and wanted again for the next date and band: kept, bounded in bytes."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from cachetools import LRUCache, cached

if TYPE_CHECKING:
    from collections.abc import Callable

_Asked = ParamSpec("_Asked")
_Found = TypeVar("_Found")

MOST_BYTES = max(2**27, 2**23 * (os.cpu_count() or 1))
"""Of one function: coordinates of two blocks of 512 by 512 pixels for each thread, 32 of them at least."""
_ENTRY_BYTES = 1024
"""What keeping takes beside the arrays, so that the number of small results is bounded too."""


def remember(
    measure: Callable[[Any], int], most_bytes: int = MOST_BYTES
) -> Callable[[Callable[_Asked, _Found]], Callable[_Asked, _Found]]:
    """Keep the latest results of the decorated function; any number of threads may call it.

    Parameters
    ----------
    measure : callable
        A result → the bytes of its arrays.
    most_bytes : int
        What the results that are kept may take together. One that takes more is kept alone, until the next.
    """

    def size(found: _Found) -> int:
        return min(most_bytes, _ENTRY_BYTES + measure(found))

    def wrap(function: Callable[_Asked, _Found]) -> Callable[_Asked, _Found]:
        kept: LRUCache[Any, _Found] = LRUCache(most_bytes, getsizeof=size)
        remembering: Callable[_Asked, _Found] = cached(kept, lock=threading.Lock())(function)
        return remembering

    return wrap
