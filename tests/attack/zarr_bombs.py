"""Zarr groups of a few kilobytes that would take hundreds of megabytes, read as they ask for it."""

from __future__ import annotations

import bz2
import json
import lzma
import struct
import zlib
from functools import cache
from typing import TYPE_CHECKING, Any

import google_crc32c
import imagecodecs
import numpy as np
import zarr
from pyproj import CRS

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SIZE = 600
LARGE = 200_000_000
CHUNKS: dict[str, Callable[[Path], None]] = {}
"""Groups with a bad chunk, by name."""
DOCUMENTS: dict[str, Callable[[Path], None]] = {}
"""Groups with bad metadata, by name."""
_LITTLE = {"name": "bytes", "configuration": {"endian": "little"}}
_CRC = {"name": "crc32c"}


def write_good(path: Path, version: int = 3, **how: Any) -> Path:
    """Write a map of 600² numbers in UTM, in chunks of 300²."""
    root = zarr.open_group(path, mode="w", zarr_format=version)
    rows = np.arange(SIZE * SIZE, dtype="<i4").reshape(SIZE, SIZE) % 1000
    for name, values in {
        "v": rows, "y": 5_400_000 - 10.0 * np.arange(SIZE), "x": 500_000 + 10.0 * np.arange(SIZE)
    }.items():  # fmt: skip
        dims = ["y", "x"] if name == "v" else [name]
        options = {"chunks": (300, 300), **how} if name == "v" else {}
        extra = {"dimension_names": dims} if version == 3 else {"attributes": {"_ARRAY_DIMENSIONS": dims}}
        root.create_array(name, data=values, **options, **extra)
    root.attrs["crs"] = CRS.from_epsg(32632).to_wkt()
    return path


def change(path: Path, place: str, **fields: Any) -> None:
    """Put other fields into a metadata document."""
    file = path / place
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


@cache
def _zeros(codec: str) -> bytes:
    """Return 200 MB of zeros, packed."""
    if codec in ("zlib", "gzip"):
        packer = zlib.compressobj(1, wbits=15 if codec == "zlib" else 31)
        return b"".join(packer.compress(bytes(10**6)) for _ in range(LARGE // 10**6)) + packer.flush()
    if codec in ("bz2", "lzma"):
        one: Any = bz2.BZ2Compressor(1) if codec == "bz2" else lzma.LZMACompressor(preset=0)
        return b"".join(one.compress(bytes(10**6)) for _ in range(LARGE // 10**6)) + one.flush()
    if codec == "zstd":
        return b"".join([imagecodecs.zstd_encode(bytes(10**7))] * (LARGE // 10**7))  # frame upon frame
    if codec == "zstd of one frame":
        return bytes(imagecodecs.zstd_encode(bytes(LARGE)))
    if codec == "blosc":
        return bytes(imagecodecs.blosc_encode(bytes(LARGE), compressor="zstd", level=5, typesize=4))
    return bytes(imagecodecs.lz4_encode(bytes(LARGE), header=True))


def _chunk(name: str, version: int, codec: str, **metadata: Any) -> None:
    """Add a group whose last chunk holds 200 MB in place of 360 kB."""

    def make(path: Path) -> None:
        write_good(path, version)
        change(path, "v/zarr.json" if version == 3 else "v/.zarray", **metadata)
        (path / ("v/c/1/1" if version == 3 else "v/1.1")).write_bytes(_zeros(codec))
        for place in ("0/0", "0/1", "1/0"):  # they are their fill value
            (path / (f"v/c/{place}" if version == 3 else f"v/{place.replace('/', '.')}")).unlink()

    CHUNKS[name] = make


for _codec in ("zlib", "gzip", "zstd", "blosc", "lz4", "bz2", "lzma"):
    _chunk(f"version 2, {_codec}", 2, _codec, compressor={"id": _codec})
_chunk("version 2, a filter that unpacks", 2, "zlib", compressor=None, filters=[{"id": "zlib"}])
_chunk("version 2, packed twice", 2, "gzip", compressor={"id": "gzip"}, filters=[{"id": "zlib"}])
_BLOSC = {"typesize": 4, "cname": "zstd", "clevel": 5, "shuffle": "shuffle", "blocksize": 0}
for _codec, _how in {
    "gzip": {"level": 5}, "zstd": {"level": 0, "checksum": False}, "blosc": _BLOSC
}.items():  # fmt: skip
    _chunk(f"version 3, {_codec}", 3, _codec, codecs=[_LITTLE, {"name": _codec, "configuration": _how}])
_ZSTD = {"name": "zstd", "configuration": {"level": 0, "checksum": False}}
_chunk("version 3, one frame", 3, "zstd of one frame", codecs=[_LITTLE, _ZSTD])


def _add(where: dict[str, Callable[[Path], None]]) -> Callable[..., Callable[[Path], None]]:
    def add(make: Callable[[Path], None]) -> Callable[[Path], None]:
        where[make.__name__.replace("_", " ")] = make
        return make

    return add


@_add(CHUNKS)
def a_chunk_in_a_shard(path: Path) -> None:
    write_good(path, chunks=(100, 100), shards=(300, 300))
    _shard(path, [_LITTLE, _ZSTD])
    data = _zeros("zstd of one frame")
    index = np.full((9, 2), 2**64 - 1, "<u8")
    index[4] = 0, len(data)
    mark = google_crc32c.value(index.tobytes()).to_bytes(4, "little")
    (path / "v/c/1/1").write_bytes(data + index.tobytes() + mark)


def _shard(path: Path, codecs: list[Any], index: list[Any] | None = None, chunk: int = 100) -> None:
    how = {"chunk_shape": [chunk, chunk], "codecs": codecs, "index_codecs": index or [_LITTLE, _CRC]}
    change(path, "v/zarr.json", codecs=[{"name": "sharding_indexed", "configuration": how}])


@_add(CHUNKS)
def a_chunk_that_says_it_is_longer_than_it_is(path: Path) -> None:
    """The library of Blosc goes on reading behind its end."""
    write_good(path, compressors=zarr.codecs.BloscCodec(cname="zstd", typesize=4))
    file = path / "v/c/1/1"
    data = bytearray(file.read_bytes())
    struct.pack_into("<I", data, 12, 0x5C0007A5)
    file.write_bytes(data)


@_add(CHUNKS)
def files_of_two_hundred_megabytes_without_content(path: Path) -> None:
    write_good(path)
    for file in (path / "v/c").rglob("*"):
        if file.is_file():
            with file.open("r+b") as stream:
                stream.truncate(LARGE)


@_add(CHUNKS)
def bands_of_a_hundred_million_names(path: Path) -> None:
    write_good(path, 2)
    change(path, "v/.zarray", shape=[1, SIZE, SIZE], chunks=[1, 300, 300])
    change(path, "v/.zattrs", _ARRAY_DIMENSIONS=["band", "y", "x"])
    root = zarr.open_group(path, mode="r+", zarr_format=2)
    root.create_array("band", shape=(1,), dtype="i8", compressors=None)
    change(path, "band/.zarray", dtype="|O", fill_value="", compressor=None, filters=[{"id": "vlen-utf8"}])
    (path / "band/0").write_bytes(struct.pack("<I", 100_000_000) + bytes(8))


def _documents(version: int, place: str, **metadata: Any) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        write_good(path, version)
        change(path, place, **metadata)

    return make


def _shift(**how: Any) -> dict[str, Any]:
    return {"id": "fixedscaleoffset", "offset": 0, "scale": 1, "dtype": "<i4", "astype": "|i1", **how}


_DELTA = {"id": "delta", "dtype": "<f8", "astype": "|i1"}
_GRID = {"name": "regular", "configuration": {"chunk_shape": [1, 1]}}
_V2, _V3 = "v/.zarray", "v/zarr.json"
DOCUMENTS |= {
    "raw bytes": _documents(2, _V2, dtype="|V1000000000", fill_value=""),
    "raw bytes, version 3": _documents(3, _V3, fill_value="", data_type={
        "name": "raw_bytes", "configuration": {"length_bytes": 10**9}}),
    "records": _documents(2, _V2, dtype=[["a", "|V1000000000"]], fill_value=""),
    "long texts": _documents(2, _V2, dtype="<U200000000", fill_value=""),
    "filters that multiply": _documents(2, _V2, filters=[_DELTA] * 6, compressor={"id": "zlib"}),
    "a scale that multiplies": _documents(2, _V2, filters=[_shift(scale=[[1.0]] * 50_000)]),
    "many filters": _documents(2, _V2, filters=[{"id": "shuffle", "elementsize": 4}] * 5000),
    "chunks of one pixel": _documents(
        3, _V3, shape=[8000, 8000], data_type="uint8", chunk_grid=_GRID),
    "chunks without a pixel": _documents(3, _V3, chunk_grid={
        "name": "regular", "configuration": {"chunk_shape": [0, 0]}}),
    "a thousand million bands": _documents(3, _V3, shape=[10**9, SIZE, SIZE], chunk_grid={
        "name": "regular", "configuration": {"chunk_shape": [1, 300, 300]}},
        dimension_names=["band", "y", "x"]),
    "a very large map": _documents(3, _V3, shape=[2**40, 2**40]),
}  # fmt: skip


def write_honest(path: Path) -> None:
    """Write a map of 36 MB in ten chunks, each of which holds nine other dates too."""
    write_good(path)
    root = zarr.open_group(path, mode="r+")
    shape, chunk = (10, 2000, 18_000), (10, 2000, 1800)
    array = root.create_array("v", shape=shape, chunks=chunk, dtype="u1", overwrite=True)
    array[..., :1800] = np.broadcast_to(np.arange(1800, dtype=np.uint8), chunk)
    for number in range(1, 10):
        (path / f"v/c/0/0/{number}").write_bytes((path / "v/c/0/0/0").read_bytes())


@_add(DOCUMENTS)
def shards_of_a_hundred_million_chunks(path: Path) -> None:
    write_good(path)
    grid = {"name": "regular", "configuration": {"chunk_shape": [8000, 8000]}}
    change(path, _V3, shape=[8000, 8000], chunk_grid=grid, data_type="uint8")
    _shard(path, [_LITTLE], chunk=1)


@_add(DOCUMENTS)
def an_index_that_is_packed(path: Path) -> None:
    write_good(path)
    _shard(path, [_LITTLE], [_LITTLE, _CRC, {"name": "gzip", "configuration": {"level": 5}}])


@_add(DOCUMENTS)
def shards_in_shards_in_shards(path: Path) -> None:
    write_good(path)
    codecs: list[Any] = [_LITTLE]
    for _ in range(5):
        how = {"chunk_shape": [100, 100], "codecs": codecs, "index_codecs": [_LITTLE, _CRC]}
        codecs = [{"name": "sharding_indexed", "configuration": how}]
    change(path, _V3, codecs=codecs)


@_add(DOCUMENTS)
def a_document_of_thirty_megabytes(path: Path) -> None:
    write_good(path)
    text = (path / "zarr.json").read_text()
    (path / "zarr.json").write_text(text.replace('"crs"', '"a": [' + "[]," * 10**7 + '[]], "crs"', 1))


@_add(DOCUMENTS)
def attributes_of_thirty_megabytes(path: Path) -> None:
    write_good(path, 2)
    (path / "v/.zattrs").write_text('{"a": [' + "[]," * 10**7 + "[]]}")


@_add(DOCUMENTS)
def a_document_of_a_hundred_thousand_levels(path: Path) -> None:
    write_good(path)
    (path / _V3).write_text('{"a":' * 10**5 + "1" + "}" * 10**5)
