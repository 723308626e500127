"""Undo the compressions of TIFF.

By imagecodecs, which loads a codec when it is first asked for it; DEFLATE is undone by its libdeflate.
Source: TIFF 6.0, and the numbers that libtiff and GDAL give the later ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import imagecodecs
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

NOTHING, LZW, JPEG, DEFLATE, PACKBITS, OLD_DEFLATE = 1, 5, 7, 8, 32773, 32946
LERC, LZMA, ZSTD, WEBP = 34887, 34925, 50000, 50001
YCBCR, _RGB = 6, 2
"""Photometric interpretations: luma and two colour differences; red, green, blue."""


def _codec(name: str) -> Callable[..., Any]:
    found: Callable[..., Any] = getattr(imagecodecs, name)
    return found


def _by(name: str) -> Callable[[bytes, NDArray[np.uint8]], None]:
    def undo(data: bytes, out: NDArray[np.uint8]) -> None:
        try:
            found = len(_codec(name)(data, out=out))
        except Exception as error:  # each codec has an exception of its own, without a common base
            raise ValueError(f"it cannot be decoded ({error})") from error
        _check_size(found, out)

    return undo


def _copy(data: bytes, out: NDArray[np.uint8]) -> None:
    _check_size(len(data), out)
    out[...] = np.frombuffer(data, np.uint8)


def _check_size(found: int, out: NDArray[np.uint8]) -> None:
    if found != out.size:
        raise ValueError(f"it has {found} bytes, not {out.size}")


OF_BYTES: dict[int, Callable[[bytes, NDArray[np.uint8]], None]] = {
    NOTHING: _copy,
    DEFLATE: _by("deflate_decode"),
    OLD_DEFLATE: _by("deflate_decode"),
    LZW: _by("lzw_decode"),
    PACKBITS: _by("packbits_decode"),
    LZMA: _by("lzma_decode"),
    ZSTD: _by("zstd_decode"),
}
"""Compression → what writes the bytes that stored ones stand for into an array; ValueError if broken."""

OF_IMAGES = (JPEG, LERC, WEBP)
"""Compressions that know the shape of what they hold."""


def decode_image(
    compression: int, data: bytes, *, photometric: int, tables: bytes, extra: int
) -> NDArray[Any]:
    """Return the image (height, width[, samples]) that a tile holds.

    Parameters
    ----------
    compression : int
        One of :data:`OF_IMAGES`.
    data : bytes
        As stored.
    photometric : int
        Which colours JPEG holds.
    tables : bytes
        What the JPEG tiles of an image share.
    extra : int
        What LERC is packed in: 0 nothing, 1 DEFLATE, 2 ZSTD.

    Raises
    ------
    ValueError
        If it cannot be decoded.
    """
    try:
        if compression == JPEG:
            return _decode_jpeg(data, photometric, tables)
        if compression == WEBP:
            return np.asarray(_codec("webp_decode")(data))
        return _decode_lerc(data, extra)
    except Exception as error:
        raise ValueError(f"it cannot be decoded ({error})") from error


def _decode_jpeg(data: bytes, photometric: int, tables: bytes) -> NDArray[Any]:
    space = "RGB" if photometric == _RGB else "GRAYSCALE"
    decode = _codec("jpeg8_decode")
    return np.asarray(decode(data, tables=tables or None, colorspace=space, outcolorspace=space))


def _decode_lerc(data: bytes, extra: int) -> NDArray[Any]:
    if extra:
        data = _codec("zlib_decode" if extra == 1 else "zstd_decode")(data)
    numbers, mask = _codec("lerc_decode")(data, masks=True)
    numbers = np.asarray(numbers)
    if mask is not None and not np.all(mask):
        if numbers.dtype.kind != "f":
            raise ValueError("it has pixels without a value")
        numbers = np.where(np.reshape(mask, numbers.shape), numbers, np.nan)
    return numbers
