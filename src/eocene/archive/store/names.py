"""Names of files as keys of objects: letters, digits, ``_ . - / =``, which every server spells alike."""

from __future__ import annotations

from urllib.parse import quote, unquote

from eocene.model.errors import InputError

LONGEST_BYTES = 900
"""Of a name as a key: S3 and Swift allow 1,024 bytes, the store's own prefix among them."""


def encode_name(name: str) -> str:
    """Return the key of a name with slashes: other characters as ``=`` and the hexadecimal of their bytes.

    Raises
    ------
    InputError
        FilePathInvalid, if it is longer than a key may be.

    Examples
    --------
    >>> encode_name("2024-05-01_é.tif")
    '2024-05-01_=C3=A9.tif'
    """
    key = quote(name, safe="/").replace("~", "%7E").replace("%", "=")
    if len(key) > LONGEST_BYTES:
        raise InputError(
            f"The name {name[:80]!r} is too long for the object store.",
            f"Choose one of at most {LONGEST_BYTES} bytes.",
            code="FilePathInvalid",
        )
    return key


def decode_name(key: str) -> str:
    """Return the name of a key."""
    return unquote(key.replace("=", "%"))
