"""Small files that would take hundreds of megabytes if they were decoded as their headers say."""

from __future__ import annotations

import struct
import zipfile
import zlib
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import rasterio
from rasterio.transform import from_origin

from tests.attack.traps import make_tiff

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

BOMBS: dict[str, Callable[[Path], Path]] = {}


def bomb(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    BOMBS[make.__name__] = make
    return make


@bomb
def a_tile_of_a_gigabyte(folder: Path) -> Path:
    """1.1 MB of it are stored."""
    size = {"tiled": True, "blockxsize": 32_768, "blockysize": 32_768, "dtype": "uint8"}
    path = make_tiff(folder / "trap_20240501.tif", 32_768, compress="deflate", sparse_ok=True, **size)
    data, packed = bytearray(path.read_bytes()), _pack_zeros(1024)
    for tag, value in ((324, len(data)), (325, len(packed))):  # where the tile lies, and its length
        place = data.index(struct.pack("<H", tag), 8)
        kind = struct.unpack_from("<H", data, place + 2)[0]
        struct.pack_into("<HII", data, place + 2, 4 if kind == 3 else kind, 1, value)
    path.write_bytes(bytes(data) + packed)
    return path


@bomb
def an_interleaved_tile_of_a_gigabyte(folder: Path) -> Path:
    options = {"tiled": True, "blockxsize": 4096, "blockysize": 4096, "compress": "lzw", "count": 40}
    return make_tiff(folder / "trap_20240501.tif", 4096, interleave="pixel", sparse_ok=True, **options)


@bomb
def a_codestream_of_a_gigabyte(folder: Path) -> Path:
    path = folder / "trap_20240501.jp2"
    size = {"width": 64, "height": 64, "count": 1, "dtype": "uint16", "crs": "EPSG:32631"}
    transform = from_origin(0, 0, 10, 10)
    with rasterio.open(path, "w", driver="JP2OpenJPEG", transform=transform, **size) as dataset:
        dataset.write(np.ones((64, 64), "uint16"), 1)
    data = path.read_bytes()
    path.write_bytes(data.replace(struct.pack(">II", 64, 64), struct.pack(">II", 32_768, 32_768)))
    return path


@bomb
def a_chunk_of_a_gigabyte(folder: Path) -> Path:
    path = _write_netcdf(folder / "trap_20240501.nc", (16_384, 16_384), (16_384, 16_384))
    with h5py.File(path, "r+") as file:
        file["v"].id.write_direct_chunk((0, 0), _pack_zeros(1024))
    return path


@bomb
def a_chunk_that_unpacks_to_more_than_it_says(folder: Path) -> Path:
    """4 MB by its header, 200 in truth; all of it is a good stream."""
    path = _write_netcdf(folder / "trap_20240501.nc", (1000, 1000), (1000, 1000))
    packer = zlib.compressobj(9)
    piece = bytes(2**20)
    with h5py.File(path, "r+") as file:
        stored = b"".join(packer.compress(piece) for _ in range(200)) + packer.flush()
        file["v"].id.write_direct_chunk((0, 0), stored)
    return path


@bomb
def an_axis_of_a_gigabyte(folder: Path) -> Path:
    return _write_netcdf(folder / "trap_20240501.nc", (2**27, 4), (1024, 4))


@bomb
def a_table_of_one_long_text(folder: Path) -> Path:
    pq.write_table(pa.table({"a": pa.array(["x" * 1_000_000] * 300)}), folder / "trap_20240501.parquet")
    return folder / "trap_20240501.parquet"


@bomb
def a_table_of_one_number(folder: Path) -> Path:
    """A run takes a few bytes, however long it is."""
    column = pa.chunked_array([pa.array(np.zeros(5_000_000, "i8"))] * 6)
    pq.write_table(pa.table({"a": column}), folder / "trap_20240501.parquet", row_group_size=30_000_000)
    return folder / "trap_20240501.parquet"


@bomb
def metadata_of_a_quarter_gigabyte(folder: Path) -> Path:
    path = folder / "S2A_MSIL2A_20240501T105621_N0510_R094_T31UFS_20240501T170000.zip"
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed,
        packed.open("x.SAFE/MTD_MSIL2A.xml", "w") as member,
    ):
        for _ in range(256):
            member.write(b" " * 2**20)
    return path


def _pack_zeros(megabytes: int) -> bytes:
    """Return a DEFLATE stream of zeros, made of one piece again and again; its checksum is wrong."""
    packer = zlib.compressobj(9)
    start = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    piece = packer.compress(bytes(2**20)) + packer.flush(zlib.Z_FULL_FLUSH)
    return start + piece * (megabytes - 1) + packer.flush()


def _write_netcdf(path: Path, shape: tuple[int, int], chunks: tuple[int, int]) -> Path:
    with h5py.File(path, "w") as file:
        for axis, size in zip(("y", "x"), shape, strict=True):
            file.create_dataset(axis, (size,), "f8", chunks=(min(size, 1 << 20),), compression="gzip")
            if size < 1 << 20:
                file[axis][...] = 10.0 * np.arange(size)
            file[axis].make_scale(axis)
        file["crs"] = 0
        file["crs"].attrs["crs_wkt"] = "EPSG:32631"
        file.create_dataset("v", shape, "f4", chunks=chunks, compression="gzip")
        file["v"].attrs["grid_mapping"] = "crs"
        for number, axis in enumerate(("y", "x")):
            file["v"].dims[number].attach_scale(file[axis])
    return path
