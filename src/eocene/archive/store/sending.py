"""What a file that is sent in parts must be called by its store: the entity tag of S3.

Source: Amazon S3 User Guide, "Checking object integrity": the MD5 of the bytes; of an object that came in
parts the MD5 of their MD5s, and their number.
"""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from eocene.archive.fetch.content import Content

_PART = 8 * 2**20
_MOST_PARTS = 900
_PIECE = 2**20
_AT_ONCE = 8
"""Most files are small, and the time goes to waiting."""


@dataclass(frozen=True)
class Parts:
    """How a file is sent.

    Attributes
    ----------
    length : int
        Bytes of each part but the last.
    is_many : bool
        Whether there is more than one.
    tag : str
        The entity tag that its object gets, in quotes.
    """

    length: int
    is_many: bool
    tag: str


def measure_parts(path: Path) -> Parts:
    """Return how a file is sent; it is read whole."""
    size = path.stat().st_size
    length = max(_PART, -(-size // _MOST_PARTS // _PIECE) * _PIECE)
    digests = []
    with path.open("rb") as stream:
        for _ in range(0, max(size, 1), length):
            digest = hashlib.md5(usedforsecurity=False)
            for _ in range(length // _PIECE):
                digest.update(stream.read(_PIECE))
            digests.append(digest)
    many = size > length
    whole = hashlib.md5(b"".join(d.digest() for d in digests), usedforsecurity=False).hexdigest()
    return Parts(length, many, f'"{whole}-{len(digests)}"' if many else f'"{digests[0].hexdigest()}"')


def measure_file(source: Path | Content) -> tuple[int, str]:
    """Return size and SHA-256 of a file or object."""
    digest, size = hashlib.sha256(), 0
    for piece in _read(source):
        digest.update(piece)
        size += len(piece)
    return size, digest.hexdigest()


def send_all(send: Callable[[str], None], names: Iterable[str]) -> None:
    """Call a function with each name, several at a time; the first error ends it, and is raised."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        sent = [pool.submit(send, name) for name in names]
        try:
            for one in sent:
                one.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _read(source: Path | Content) -> Iterator[bytes]:
    if isinstance(source, Path):
        with source.open("rb") as stream:
            while piece := stream.read(_PIECE):
                yield piece
    else:
        for offset in range(0, source.size, _PART):
            yield source.read(offset, _PART)
