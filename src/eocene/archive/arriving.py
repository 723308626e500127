"""Stored tiles that come over the network: windows that want the same one at the same time fetch it once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eocene.archive.fetch import Content

StoredTile = Future[bytes | memoryview]
"""The bytes of a tile, there or on their way; they are kept as long as somebody holds this."""

_arriving: WeakValueDictionary[Any, StoredTile] = WeakValueDictionary()
_lock = threading.Lock()


def fetch_tiles(content: Content, wanted: Mapping[int, tuple[int, int]]) -> dict[int, StoredTile]:
    """Fetch tiles, unless others are fetching them, and return them by number; some may still come.

    Parameters
    ----------
    content : Content
        The file.
    wanted : mapping
        Number of a tile → its offset and length.

    Raises
    ------
    DamageError
        If the file cannot be read; so does taking a tile that somebody else failed to fetch.
    """
    found: dict[int, StoredTile] = {}
    own: dict[int, StoredTile] = {}
    with _lock:
        for number, place in wanted.items():
            tile = _arriving.get((content.identity, place))
            if tile is None:
                tile = own[number] = _arriving[content.identity, place] = Future()
            found[number] = tile
    try:
        parts = content.read_many([wanted[number] for number in own])
    except BaseException as error:
        with _lock:
            for number, tile in own.items():
                _arriving.pop((content.identity, wanted[number]), None)
                tile.set_exception(error)
        raise
    for tile, data in zip(own.values(), parts, strict=True):
        tile.set_result(data)
    return found
