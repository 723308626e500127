"""What unpacks chunks of Zarr gives no more than it may, and neither crashes nor hangs on damaged streams."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zlib

import imagecodecs
import numpy as np
import pytest

from eocene.archive.rasters.zarr_codecs import unpack

NUMBERS = (np.arange(9000, dtype="<i4") % 1000).tobytes()
STREAMS = {
    "gzip": gzip.compress(NUMBERS),
    "zlib": zlib.compress(NUMBERS),
    "zstd": imagecodecs.zstd_encode(NUMBERS),
    "lz4": imagecodecs.lz4_encode(NUMBERS, header=True),
    "bz2": bz2.compress(NUMBERS),
    "lzma": lzma.compress(NUMBERS, preset=1),
} | {
    f"blosc of {name}, {shuffle}": imagecodecs.blosc_encode(
        NUMBERS, compressor=name, typesize=4, shuffle=shuffle
    )
    for name in ("zstd", "lz4", "blosclz", "zlib")
    for shuffle in ("shuffle", "bitshuffle", "noshuffle")
}
"""The same numbers, packed by other libraries than unpack them where there are such."""


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_unpacks_to_what_was_packed_and_to_no_more_than_it_may(name: str) -> None:
    codec = name.partition(" ")[0]
    assert unpack(codec, len(NUMBERS), STREAMS[name]) == NUMBERS
    assert unpack(codec, 2 * len(NUMBERS), STREAMS[name]) == NUMBERS
    for most in (len(NUMBERS) - 1, 1000, 0):
        with pytest.raises(ValueError, match=rf"{most} bytes \({codec}"):
            unpack(codec, most, STREAMS[name])


@pytest.mark.parametrize("name", STREAMS)
def test_a_damaged_stream_is_an_error_or_as_long_as_it_may_be(name: str) -> None:
    random, refused = np.random.default_rng(5), 0
    for _ in range(300):
        data = bytearray(STREAMS[name])
        for _ in range(random.integers(1, 4)):
            early = random.random() < 0.7
            data[random.integers(min(len(data), 40) if early else len(data))] = random.integers(256)
        if random.random() < 0.2:
            del data[random.integers(len(data)) :]
        try:
            assert len(unpack(name.partition(" ")[0], len(NUMBERS), data)) <= len(NUMBERS)
        except ValueError:
            refused += 1
    assert refused > 100
