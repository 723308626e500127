"""Stored tiles that come over the network: windows that want the same one at the same time fetch it once."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from eocene.archive.fetch.coming import Coming

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eocene.archive.fetch.content import Piece
    from eocene.archive.fetch.http_content import HttpContent


class StoredTile:
    """A tile that was asked for; its bytes are kept as long as somebody holds this.

    Parameters
    ----------
    asked : Coming
        What waits for each of the tiles that are asked for together, once they have been asked for.
    place : int
        Which of them it is.
    """

    def __init__(self, asked: Coming[list[Callable[[], Piece]]], place: int) -> None:
        self._asked, self._place = asked, place

    def result(self) -> Piece:
        """Wait for the bytes.

        Raises
        ------
        DamageError
            If they cannot be had.
        """
        return self._asked.result()[self._place]()


_arriving: WeakValueDictionary[Any, StoredTile] = WeakValueDictionary()
_lock = threading.Lock()


def fetch_tiles(content: HttpContent, wanted: Mapping[int, tuple[int, int]]) -> dict[int, StoredTile]:
    """Ask for tiles, unless others have, and return them by number.

    Parameters
    ----------
    content : HttpContent
        The file.
    wanted : mapping
        Number of a tile → its offset and length.

    Raises
    ------
    DamageError
        If the file cannot be read.
    """
    found: dict[int, StoredTile] = {}
    own: list[tuple[int, int]] = []
    asked: Coming[list[Callable[[], Piece]]] = Coming()
    identity = content.identity
    with _lock:
        for number, place in wanted.items():
            tile = _arriving.get((identity, place))
            if tile is None:
                tile = _arriving[identity, place] = StoredTile(asked, len(own))
                own.append(place)
            found[number] = tile
    try:
        asked.give(content.ask_many(own))
    except BaseException as error:
        asked.give_up(error)
        raise
    return found
