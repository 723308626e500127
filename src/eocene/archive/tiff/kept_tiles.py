"""Decoded tiles that are kept, since the windows around meet them too."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

KEPT_BYTES = 128 * 2**20
"""Of decoded tiles that are kept, some rows of them: see :class:`KeptTiles`."""

_MOST_FREE, _MOST_BYTES = 16, 2**20
"""Tiles that nobody holds any more whose memory is kept for the next ones, and how large each is at most."""


class KeptTiles:
    """Decoded tiles of windows that met some in part, whose other parts are asked for next.

    The latest are kept, up to a number of bytes. Threads that want a tile at the same time read it once.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._tiles: OrderedDict[Any, NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()
        self._coming: dict[Any, threading.Lock] = {}
        self._free: deque[memoryview] = deque(maxlen=_MOST_FREE)

    def take(
        self, key: Any, make: Callable[[], NDArray[Any]], again: Callable[[], bool] = lambda: True
    ) -> NDArray[Any]:
        """Return a tile; it is made if it is not kept, by one of the threads that want it.

        It is kept, unless it is known that nobody is going to take it ``again``, which is asked once.
        """
        while True:
            with self._lock:
                if key in self._tiles:
                    self._tiles.move_to_end(key)
                    return self._tiles[key] if again() else self._remove(key)
                coming = self._coming.get(key)
                if coming is None:
                    making = self._coming[key] = threading.Lock()
                    making.acquire()
                    break
            with coming:  # held until it is made; what could not be made is then tried here
                pass
        try:
            tile = make()
            if again():
                self.put(key, tile)
            return tile
        finally:
            del self._coming[key]
            making.release()

    def make(self, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
        """Return a new tile, in memory of one that nobody holds any more where there is such.

        Tiles live long among much that does not: each in memory of its own, they would leave holes.
        """
        size = math.prod(shape) * dtype.itemsize
        memory = None
        with suppress(IndexError):  # there is none
            memory = self._free.pop()
        if memory is None or len(memory) != size:
            memory = np.empty(size, np.uint8).data
        tile = np.frombuffer(memory, dtype)
        if size <= _MOST_BYTES:
            finalize(tile, self._free.append, memory).atexit = False  # views of the tile hold it
        return tile.reshape(shape)

    def get(self, key: Any) -> NDArray[Any] | None:
        """Return a tile, None if it is not kept."""
        with self._lock:
            if key in self._tiles:
                self._tiles.move_to_end(key)
            return self._tiles.get(key)

    def put(self, key: Any, tile: NDArray[Any]) -> None:
        """Keep a tile, and let go of those that were used longest ago."""
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = tile
                self._bytes += tile.nbytes
            while self._bytes > self._most:
                self._remove(next(iter(self._tiles)))

    def let_go(self, key: Any) -> None:
        """Keep a tile no longer, since nobody is going to take it again."""
        with self._lock:
            if key in self._tiles:
                self._remove(key)

    def _remove(self, key: Any) -> NDArray[Any]:
        tile = self._tiles.pop(key)
        self._bytes -= tile.nbytes
        return tile


kept_tiles = KeptTiles(KEPT_BYTES)
