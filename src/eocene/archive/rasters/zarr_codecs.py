"""Chunks of Zarr, unpacked to what their metadata say and no further.

A few kilobytes of a chunk may hold gigabytes, whatever the metadata call it, and zarr-python sees that when
it is too late. How many bytes each codec may give follows from the shape and type of a chunk; imagecodecs,
which unpacks them here in place of numcodecs, stops there.

Source: zarr-specs.readthedocs.io, versions 2 and 3, and the filters of numcodecs.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from math import prod
from typing import TYPE_CHECKING, Any

import imagecodecs as _imagecodecs
import numpy as np
import zarr
from numcodecs.abc import Codec as Numcodec  # type: ignore[import-untyped]
from zarr.abc.codec import BytesBytesCodec, Codec
from zarr.codecs import ShardingCodec
from zarr.storage import StorePath

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from zarr.core.array_spec import ArraySpec
    from zarr.core.buffer import Buffer

_codecs: Any = _imagecodecs
_CHECKSUMS = ("crc32c", "crc32", "adler32", "fletcher32")
_CHECKSUM_BYTES, _INDEX_BYTES, _BLOSC_HEADER = 4, 16, 16


def _unpack_blosc(packed: Any, most: int) -> bytes:
    """Unpack a Blosc buffer that is as long as its header says; the library believes it, and crashes if not.

    Source: c-blosc, ``README_CHUNK_FORMAT.rst``; ``blosc_cbuffer_validate`` checks the same.
    """
    if len(packed) < _BLOSC_HEADER or int.from_bytes(packed[12:16], "little") != len(packed):
        raise ValueError("its header does not tell its length")
    data: bytes = _codecs.blosc_decode(packed, out=most, numthreads=1)
    return data


_UNPACK: dict[str, Callable[[Any, int], bytes]] = {
    "gzip": lambda packed, most: _codecs.gzip_decode(packed, out=most),
    "zlib": lambda packed, most: _codecs.zlib_decode(packed, out=most),
    "zstd": lambda packed, most: _codecs.zstd_decode(packed, out=most),
    "blosc": _unpack_blosc,
    "lz4": lambda packed, most: _codecs.lz4_decode(packed, header=True, out=most),
    "bz2": lambda packed, most: _codecs.bz2_decode(packed, out=most + 1),  # these two cut off what is more
    "lzma": lambda packed, most: _codecs.lzma_decode(packed, out=most + 1),
}
"""Name → (packed bytes, most bytes that may come out) → those that do."""
_VIEWS = ("bytes", "transpose")
"""What sees the same bytes in another way."""
_TEXT_BYTES = 4 * 2**20
"""All texts of a chunk together; nothing says how long they are."""
_DEEPEST = 2
"""Shards within shards."""


@dataclass(frozen=True)
class Bound:
    """What an array's chunks take.

    Parameters
    ----------
    stored : int
        The largest number of bytes that a stored chunk, or shard, may have.
    decoding : int
        The bytes that decoding one of them takes, at the same time.
    """

    stored: int
    decoding: int


def bound(array: Any, make_store: Callable[[int], Any], at_once: int) -> tuple[Any, Bound]:
    """Return an array whose chunks unpack to what its metadata say and no further, and what they take.

    Parameters
    ----------
    array : zarr.Array
        As zarr-python opens it.
    make_store : callable
        Returns its store with a limit to what it reads.
    at_once : int
        How many chunks of a shard are decoded at the same time.

    Raises
    ------
    ValueError
        If its codecs do not fit together.
    """
    metadata, width = array.metadata, array.dtype.itemsize
    if metadata.zarr_format == 3:
        codecs, told = _bound_all(metadata.codecs, metadata.chunk_grid.chunk_shape, width, at_once)
        metadata = replace(metadata, codecs=codecs)
    else:
        used = [codec for codec in (*(metadata.filters or ()), metadata.compressor) if codec is not None]
        codecs, told = _bound_all(used, metadata.chunks, width, at_once)
        packed = metadata.compressor is not None
        filters = codecs[:-1] if packed else codecs
        metadata = replace(metadata, filters=filters or None, compressor=codecs[-1] if packed else None)
    place = StorePath(make_store(told.stored), array.store_path.path)
    return zarr.Array(zarr.AsyncArray(metadata=metadata, store_path=place, config=array.config)), told


def _bound_all(
    codecs: Iterable[Any], shape: Sequence[int], width: int, at_once: int, depth: int = 0
) -> tuple[tuple[Any, ...], Bound]:
    """Return codecs in the order in which they encode, and what a chunk takes that they decode."""
    count = prod(shape)
    size = largest = count * width
    found: list[Any] = []
    for codec in codecs:
        name, how = _describe(codec)
        before, working, used = size, 0, [codec]
        if name in _UNPACK:
            used = [_undo_by(codec, partial(unpack, name, size))]
            working = size if name == "blosc" else 0  # one of its blocks may be all of it
            size += size // 50 + 4096  # what cannot be compressed becomes a little longer
        elif name in _CHECKSUMS:
            size += _CHECKSUM_BYTES
        elif name in ("delta", "fixedscaleoffset"):
            encoded = _read_width(name, how, width)
            size, width, working = size + count * (encoded - width), encoded, 2 * count * 8
        elif name == "vlen-utf8":
            used = [codec, _undo_by(codec, partial(_check_count, count))]
            size = _TEXT_BYTES
        elif name == "sharding_indexed":
            shard, inner = _bound_shard(codec, width, at_once, depth)
            chunks = prod(-(-n // c) for n, c in zip(shape, shard.chunk_shape, strict=True))
            size += chunks * (inner.stored - prod(shard.chunk_shape) * width + _INDEX_BYTES) + 4096
            used, working = [shard], inner.decoding * min(at_once, chunks)
        found += used
        largest = max(largest, (0 if name in _VIEWS else before) + size + working)
    return tuple(found), Bound(size, largest)


def _bound_shard(codec: ShardingCodec, width: int, at_once: int, depth: int) -> tuple[ShardingCodec, Bound]:
    if depth >= _DEEPEST:
        raise ValueError("it has shards within shards within shards")
    if not {_describe(one)[0] for one in codec.index_codecs} <= {"bytes", "crc32c"}:
        raise ValueError("the index of its shards is packed")
    codecs, told = _bound_all(codec.codecs, codec.chunk_shape, width, at_once, depth + 1)
    return replace(codec, codecs=codecs), told


def _describe(codec: Any) -> tuple[str, dict[str, Any]]:
    """Return a codec's name and its configuration."""
    if not isinstance(codec, Codec):
        how = codec.get_config()
        return str(how["id"]).lower(), how
    told: Any = codec.to_dict()
    return told["name"].removeprefix("numcodecs.").lower(), told.get("configuration") or {}


def _read_width(name: str, how: dict[str, Any], width: int) -> int:
    """Return the bytes of a number that a filter has encoded.

    Raises
    ------
    ValueError
        If it does not give numbers of ``width`` bytes, or would multiply them by a list.
    """
    decoded = np.dtype(how.get("dtype"))
    encoded = np.dtype(how.get("astype") or decoded)
    if decoded.itemsize != width or not all(kind in "biufmM" for kind in decoded.kind + encoded.kind):
        raise ValueError(f"the filter {name} is not one for numbers of {width} bytes")
    if not all(isinstance(how.get(key, 0), int | float) for key in ("offset", "scale")):
        raise ValueError(f"the filter {name} has a scale or offset that is no number")
    return int(encoded.itemsize)


def unpack(name: str, most: int, packed: Any) -> Any:
    """Return ``most`` bytes at most; ValueError if there are more."""
    try:
        data = _UNPACK[name](packed, most)
    except Exception as error:  # each codec has an exception of its own, without a common base
        raise ValueError(f"it is broken, or unpacks to more than {most} bytes ({name}: {error})") from error
    if len(data) > most:
        raise ValueError(f"it unpacks to more than {most} bytes ({name})")
    return data


def _check_count(most: int, texts: Any) -> Any:
    """Return encoded texts; ValueError if they are more, since a place is made for as many as they say."""
    told = int.from_bytes(texts[:4], "little")
    if told > most:
        raise ValueError(f"it says that it holds {told} texts, and {most} belong into it")
    return texts


def _undo_by(codec: Any, undo: Callable[[Any], Any]) -> Any:
    """Return a codec for the version of another one that decodes bytes by a function."""
    return _Undoing(undo) if isinstance(codec, Codec) else _Undoing2(undo)


@dataclass(frozen=True)
class _Undoing(BytesBytesCodec):
    """A codec of version 3 for reading."""

    undo: Callable[[Any], Any]
    is_fixed_size = False

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> Buffer:
        stored: Any = chunk_bytes.as_numpy_array()
        data = await asyncio.to_thread(self.undo, memoryview(stored).cast("B"))
        return chunk_spec.prototype.buffer.from_bytes(data)

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Refuse: it differs from chunk to chunk."""
        raise ValueError(f"{input_byte_length} bytes have no fixed size when they are packed")


class _Undoing2(Numcodec):  # type: ignore[misc]
    """The same of version 2."""

    codec_id = "undoing"

    def __init__(self, undo: Callable[[Any], Any]) -> None:
        self._undo = undo

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return what was packed."""
        return self._undo(memoryview(buf).cast("B"))

    def encode(self, buf: Any) -> Any:
        """Refuse: nothing is written here."""
        raise ValueError("it is open for reading")
