"""Images as bytes: PNG, JPEG and WebP, each by the fastest encoder that was found for tiles.

Of 256 × 256 pixels RGBA of a simulated scene, in milliseconds of processor time (and kilobytes): libdeflate
at its first level over rows of differences 0.9 (121), Pillow's PNG 6.4 (127), imagecodecs' 3.3 (104) and
spng's 4.6 (127); Pillow's JPEG 0.15, as imagecodecs' is, both being libjpeg-turbo; Pillow's WebP 0.9.
"""

from __future__ import annotations

import io
import struct
import zlib
from typing import TYPE_CHECKING

import numpy as np

from eocene.model import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Image = NDArray[np.uint8]

MEDIA_TYPES = {"png": "image/png", "jpg": "image/jpeg", "jpeg": "image/jpeg", "webp": "image/webp"}
"""By the ending of an address."""

_LEVEL = 1
_UP = 2
_QUALITY = 85
_WHITE = 255


def choose_type(image: Image, accept: str, *, exact: bool) -> str:
    """Return the media type that suits an image best.

    Parameters
    ----------
    image : ndarray of uint8
        (y, x, 4), RGBA.
    accept : str
        The Accept header of who asks. WebP is chosen only for those who name it.
    exact : bool
        Whether every colour has a meaning, as those of classes have.
    """
    if exact:
        return "image/png"
    if image[..., 3].all():
        return "image/jpeg"
    return "image/webp" if "image/webp" in accept else "image/png"


def encode(image: Image, media_type: str, *, exact: bool = False) -> bytes:
    """Return an RGBA image (y, x, 4) in a format; JPEG, which knows no transparency, gets a white ground.

    Raises
    ------
    InputError
        If the format is unknown.
    """
    if media_type == "image/png":
        return write_png(image)
    if media_type == "image/jpeg":
        return _save(_on_white(image), "JPEG", quality=_QUALITY)
    if media_type == "image/webp":
        return _save(image, "WEBP", quality=_QUALITY, method=0, lossless=exact)
    raise InputError(
        f"The image format {media_type!r} is unknown.",
        f"Use one of {', '.join(sorted(set(MEDIA_TYPES.values())))}.",
        code="ServiceConfigInvalid",
    )


def write_png(image: Image) -> bytes:
    """Return an RGBA image (y, x, 4) as PNG: rows as differences to the row above, packed by libdeflate.

    Source: W3C, Portable Network Graphics (third edition), sections 9 and 11.
    """
    import deflate

    height, width, _ = image.shape
    flat = image.reshape(height, width * 4)
    rows = np.empty((height, 1 + width * 4), np.uint8)
    rows[:, 0] = _UP
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    packed = bytes(deflate.zlib_compress(rows, _LEVEL))
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", packed), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    body = kind + content
    return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))


def _on_white(image: Image) -> Image:
    if image[..., 3].all():
        return np.ascontiguousarray(image[..., :3])
    return np.where(image[..., 3:] > 0, image[..., :3], np.uint8(_WHITE))


def _save(image: Image, name: str, **options: object) -> bytes:
    from PIL import Image as Pillow

    target = io.BytesIO()
    Pillow.fromarray(image).save(target, name, **options)
    return target.getvalue()
