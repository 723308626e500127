"""Checksums as STAC writes them: multihashes in hexadecimal.

Source: STAC file extension 2.1 (file:checksum); the table of multicodec.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eocene.model.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

_CODES = {"sha1": "1114", "sha256": "1220", "sha512": "1340", "sha3_256": "1620", "md5": "d50110"}
"""Code and length of the digest; md5's code takes two bytes."""
_PIECE = 2**20


@dataclass(frozen=True)
class Checksum:
    """What a file has to hash to.

    Attributes
    ----------
    algorithm : str
        As hashlib names it.
    digest : str
        Hexadecimal, lower case.
    """

    algorithm: str
    digest: str

    @classmethod
    def parse(cls, text: str) -> Checksum:
        """Read a multihash in hexadecimal, or ``sha256:…`` and the like.

        Raises
        ------
        InputError
            If it is neither, or of an algorithm that is not known.
        """
        name, colon, digest = text.strip().lower().partition(":")
        candidates = {name: digest} if colon else {n: name.removeprefix(c) for n, c in _CODES.items()}
        for algorithm, rest in candidates.items():
            code = _CODES.get(algorithm, "")
            named = bool(colon) or name.startswith(code)
            if code and named and len(rest) == _length(algorithm) and set(rest) <= set("0123456789abcdef"):
                return cls(algorithm, rest)
        raise InputError(
            f"{text[:200]!r} is no checksum.", f"Give a multihash of {', '.join(_CODES)} in hexadecimal."
        )

    def __str__(self) -> str:
        return _CODES[self.algorithm] + self.digest

    def start(self) -> Any:
        """Return a hash to update with the bytes."""
        return hashlib.new(self.algorithm, usedforsecurity=False)

    def matches(self, path: Path) -> bool:
        """Tell whether a file hashes to it."""
        return digest_file(path, self.algorithm).digest == self.digest


def digest_file(path: Path, algorithm: str = "sha256") -> Checksum:
    """Return the checksum of a file; raises OSError if it cannot be read."""
    with path.open("rb") as stream:
        return Checksum(algorithm, hashlib.file_digest(stream, algorithm).hexdigest())


def _length(algorithm: str) -> int:
    return 2 * hashlib.new(algorithm, usedforsecurity=False).digest_size
