"""Where the tiles of remote files lie, kept beside the catalogue: a file's directories are asked for once.

It can be made again at any time: it is written without waiting for the disk, thrown away if it is broken.
"""

from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from eocene.archive.tiff.header import Header
from eocene.archive.tiff.tile_reader import TileFile
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.fetch import Door
    from eocene.archive.fetch.content import Identity

_TABLE = """CREATE TABLE IF NOT EXISTS headers (
    href TEXT PRIMARY KEY, name TEXT, size INTEGER, tag TEXT, directories BLOB
) WITHOUT ROWID"""


class HeaderIndex:
    """Directories of remote files by their href; any number of threads and processes may use it.

    Parameters
    ----------
    path : Path
        A SQLite file; it is made when the first remote file is opened.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None

    def get(self, href: str) -> tuple[Identity, bytes] | None:
        """Return the identity of a file and its packed directories, None if they are not known."""
        found = self._run("SELECT name, size, tag, directories FROM headers WHERE href = ?", href)
        return ((found[0], found[1], found[2]), found[3]) if found else None

    def knows(self, href: str) -> bool:
        """Return whether the directories of a file are known."""
        return self._run("SELECT name, size, tag, NULL FROM headers WHERE href = ?", href) is not None

    def put(self, href: str, identity: Identity, directories: bytes) -> None:
        """Keep the directories of a file, whose server says by a tag or time when it has changed."""
        if identity[2]:
            self._run("INSERT OR REPLACE INTO headers VALUES (?, ?, ?, ?, ?)", href, *identity, directories)

    def drop(self, href: str) -> None:
        """Forget a file that has changed."""
        self._run("DELETE FROM headers WHERE href = ?", href)

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection = None

    def _run(self, statement: str, *values: object) -> tuple[str, int, str, bytes] | None:
        with self._lock:
            try:
                row: tuple[str, int, str, bytes] | None = self._open().execute(statement, values).fetchone()
            except sqlite3.OperationalError:  # another process writes, or the disk is full: do without
                return None
            except sqlite3.DatabaseError:
                self._throw_away()
                return None
            return row

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            connection = sqlite3.connect(self._path, check_same_thread=False, isolation_level=None)
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = OFF")
            connection.execute(_TABLE)
            self._connection = connection
        return self._connection

    def _throw_away(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None
        with suppress(OSError):
            self._path.unlink()


def open_remote_tiles(href: str, door: Door, index: HeaderIndex | None = None) -> TileFile:
    """Return a TIFF file on a server, its directories read, from the index where it knows them.

    Raises
    ------
    InputError
        If the URL is refused.
    DamageError
        If the file has gone, or cannot be read.
    """
    known = index.get(href) if index else None
    if index and known:
        content = door.open(href, known=known[0])
        with suppress(DamageError):
            return TileFile(content, Header(content, known[1]), on_damage=partial(index.drop, href))
        index.drop(href)
    content = door.open(href)
    header = Header(content)
    file = TileFile(content, header)
    if index:
        index.put(href, content.identity, header.dump())
    return file
