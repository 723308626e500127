"""Decoded tiles that are kept, since the windows around meet them too."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict, defaultdict, deque
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

KEPT_BYTES = 256 * 2**20
"""Of decoded tiles that are kept at most: see :class:`KeptTiles`."""

_MOST_FREE, _MOST_BYTES = 16, 2**20
"""Tiles that nobody holds any more whose memory is kept for the next ones, and how large each is at most."""

SOME_TIME = -1
"""When a tile may be taken again, if that is not known."""


class KeptTiles:
    """Decoded tiles of windows that met some in part, whose other parts are asked for next.

    There is room for a number of bytes. If that is too little, those go first of which it is not known when
    they are taken again, the one that was used longest ago before all, and then those that are taken again
    last. Threads that want a tile at the same time read it once.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most, self._bytes = most_bytes, 0
        self._tiles: dict[Any, tuple[NDArray[Any], int]] = {}
        self._by_turn: defaultdict[int, OrderedDict[Any, None]] = defaultdict(OrderedDict)
        self._lock = threading.Lock()
        self._coming: dict[Any, threading.Lock] = {}
        self._free: deque[memoryview] = deque(maxlen=_MOST_FREE)

    def take(
        self, key: Any, make: Callable[[], NDArray[Any]], again: Callable[[], int | None] = lambda: SOME_TIME
    ) -> NDArray[Any]:
        """Return a tile; it is made if it is not kept, by one of the threads that want it.

        It is then kept for its next turn, a number that grows with time, which ``again`` tells, asked once:
        None if nobody is going to take it again.
        """
        while True:
            with self._lock:
                if key in self._tiles:
                    tile = self._remove(key)
                    self._keep(key, tile, again())
                    return tile
                coming = self._coming.get(key)
                if coming is None:
                    making = self._coming[key] = threading.Lock()
                    making.acquire()
                    break
            with coming:  # held until it is made; what could not be made is then tried here
                pass
        try:
            tile = make()
            with self._lock:
                self._keep(key, tile, again())
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
            found = self._tiles.get(key)
            if found is None:
                return None
            tile, turn = found
            self._by_turn[turn].move_to_end(key)
            return tile

    def let_go(self, key: Any) -> None:
        """Keep a tile no longer, since nobody is going to take it again."""
        with self._lock:
            if key in self._tiles:
                self._remove(key)

    def _keep(self, key: Any, tile: NDArray[Any], turn: int | None) -> None:
        if turn is None or key in self._tiles:
            return
        self._tiles[key] = tile, turn
        self._by_turn[turn][key] = None
        self._bytes += tile.nbytes
        while self._bytes > self._most:
            turn = SOME_TIME if SOME_TIME in self._by_turn else max(self._by_turn)
            first = (
                next(iter(self._by_turn[turn])) if turn == SOME_TIME else next(reversed(self._by_turn[turn]))
            )
            self._remove(first)

    def _remove(self, key: Any) -> NDArray[Any]:
        tile, turn = self._tiles.pop(key)
        alike = self._by_turn[turn]
        del alike[key]
        if not alike:
            del self._by_turn[turn]
        self._bytes -= tile.nbytes
        return tile


kept_tiles = KeptTiles(KEPT_BYTES)
