"""Samples as Zarr v3 shards, written and read by hand: chunks, one after the other, and where each lies.

A shard is one file of the ``sharding_indexed`` codec with its index at the end; a chunk holds one sample, or
several where they are small, compressed by Blosc (zstd, bit-shuffled) with a CRC-32C. Any Zarr v3 library
reads it; what is done here without one is the same without its cost for each chunk. Source:
zarr-specs.readthedocs.io, codecs sharding-indexed 1.0, blosc 1.0, crc32c 1.0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import google_crc32c as _crc32c
import imagecodecs as _imagecodecs
import numpy as np

from eocene.model import DamageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from eocene.curate.dataset.layers import Layer

codecs: Any = _imagecodecs
checksum: Any = _crc32c
LEVEL = 5
SMALL_BYTES, CHUNK_BYTES = 2**14, 2**16
"""Samples below the first size share chunks of about the second."""
SHARD_BYTES, SHARD_SAMPLES = 2**25, 2**14
"""A shard holds about so many bytes, uncompressed, and at most so many samples."""
_ENTRY, _CRC = 16, 4
_ABSENT = 2**64 - 1
_BLOSC_HEADER = 16


@dataclass(frozen=True)
class Chunking:
    """How many samples a chunk and a shard hold; powers of two."""

    chunk: int
    shard: int

    @property
    def chunks(self) -> int:
        """Chunks a shard."""
        return self.shard // self.chunk

    @property
    def index_bytes(self) -> int:
        """The length of the index at the end of a shard."""
        return self.chunks * _ENTRY + _CRC


def choose_shard(layers: Sequence[Layer]) -> int:
    """Return how many samples a shard holds, the same for all layers of a data set."""
    return _power_below(SHARD_BYTES / max(layer.row_bytes for layer in layers), SHARD_SAMPLES)


def choose_chunking(layer: Layer, shard: int) -> Chunking:
    """Return how a layer is cut: one sample a chunk unless samples are small."""
    small = layer.row_bytes < SMALL_BYTES
    return Chunking(_power_below(CHUNK_BYTES / layer.row_bytes, shard) if small else 1, shard)


def _power_below(ratio: float, most: int) -> int:
    power: int = 2 ** max(0, math.floor(math.log2(ratio)))
    return min(most, power)


def encode_chunk(samples: NDArray[Any]) -> bytes:
    """Compress samples; the checksum stands behind."""
    packed: bytes = codecs.blosc_encode(
        samples, level=LEVEL, compressor="zstd", shuffle="bitshuffle",
        typesize=samples.dtype.itemsize, numthreads=1,
    )  # fmt: skip
    mark: bytes = checksum.value(packed).to_bytes(_CRC, "little")
    return packed + mark


def decode_chunk(chunk: bytes | memoryview, out: NDArray[Any], where: str) -> None:
    """Decompress a chunk into samples of its size.

    Raises
    ------
    DamageError
        If it does not match its checksum or is of another size; ``where`` names it.
    """
    packed, told = chunk[:-_CRC], int.from_bytes(chunk[-_CRC:], "little")
    size, length = (int.from_bytes(packed[at : at + 4], "little") for at in (4, 12))
    # What the header claims is checked before anything is decompressed: Blosc believes it, and reads beyond.
    if (
        len(packed) < _BLOSC_HEADER
        or (size, length) != (out.nbytes, len(packed))
        or checksum.value(bytes(packed)) != told
    ):
        raise DamageError(f"A chunk of {where} is damaged.", "Copy or build the data set again.")
    try:
        codecs.blosc_decode(packed, numthreads=1, out=out.reshape(-1).view(np.uint8))
    except (RuntimeError, ValueError) as error:
        raise DamageError(
            f"A chunk of {where} cannot be decompressed: {error}.", "Copy or build the data set again."
        ) from error


def encode_index(lengths: Sequence[int], chunking: Chunking) -> bytes:
    """Return the index of a shard whose first chunks have these lengths; the others are absent."""
    index = np.full((chunking.chunks, 2), _ABSENT, dtype="<u8")
    ends = np.cumsum(lengths, dtype=np.uint64)
    index[: len(lengths), 0] = ends - np.asarray(lengths, np.uint64)
    index[: len(lengths), 1] = lengths
    body = index.tobytes()
    mark: bytes = checksum.value(body).to_bytes(_CRC, "little")
    return body + mark


def decode_index(index: bytes, chunking: Chunking, size: int, where: str) -> list[tuple[int, int]]:
    """Return offset and length of each chunk that is there.

    Raises
    ------
    DamageError
        If the index does not match its checksum or leads out of the shard.
    """
    body = index[:-_CRC]
    fits = len(index) == chunking.index_bytes
    if not fits or checksum.value(body) != int.from_bytes(index[-_CRC:], "little"):
        raise DamageError(f"The index of {where} is damaged.", "Copy or build the data set again.")
    places = [(o, n) for o, n in np.frombuffer(body, "<u8").reshape(-1, 2).tolist() if o != _ABSENT]
    if any(offset + length > size for offset, length in places):
        raise DamageError(f"The index of {where} leads out of it.", "Copy or build the data set again.")
    return places


def describe_array(layer: Layer, count: int, chunking: Chunking) -> dict[str, Any]:
    """Return the ``zarr.json`` of a layer of ``count`` samples."""
    little = {"name": "bytes", "configuration": {"endian": "little"}}
    crc = {"name": "crc32c"}
    blosc = {
        "cname": "zstd", "clevel": LEVEL, "shuffle": "bitshuffle",
        "typesize": np.dtype(layer.dtype).itemsize, "blocksize": 0,
    }  # fmt: skip
    sharding = {
        "chunk_shape": [chunking.chunk, *layer.shape],
        "codecs": [little, {"name": "blosc", "configuration": blosc}, crc],
        "index_codecs": [little, crc],
        "index_location": "end",
    }
    attributes = {"scale_factor": layer.scale, "add_offset": layer.offset}
    return {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [count, *layer.shape],
        "data_type": layer.dtype,
        "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": [chunking.shard, *layer.shape]}},
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": "NaN" if layer.is_float else (layer.nodata or 0),
        "codecs": [{"name": "sharding_indexed", "configuration": sharding}],
        "attributes": attributes if layer.nodata is None else {**attributes, "_FillValue": layer.nodata},
        "dimension_names": ["sample", *layer.axes],
    }


GROUP = {"zarr_format": 3, "node_type": "group", "attributes": {}}
"""The ``zarr.json`` of the group of all layers."""


def shard_key(number: int, layer: Layer) -> str:
    """Return where a shard lies below its array."""
    return "/".join(["c", str(number), *("0" for _ in layer.shape)])
