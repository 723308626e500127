"""Tiles that are decoded here, against GDAL's reading of the same files."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from rasterio.transform import from_origin
from rasterio.windows import Window

from eocene.archive.fetch import describe_file
from eocene.archive.tiff import geotiff
from eocene.archive.tiff.geotiff import GeotiffRaster
from eocene.archive.tiff.tile_encoding import TileEncoding
from eocene.archive.tiff.tile_reader import KeptTiles, open_tiles
from eocene.model import Grid
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from pathlib import Path

WINDOWS = [(0, 0, 300, 200), (0, 0, 64, 64), (64, 128, 64, 64), (50, 60, 30, 100), (299, 199, 1, 1)]
USUAL: list[dict[str, Any]] = [
    {"dtype": "uint16", "compress": "deflate", "predictor": 2},
    {"dtype": "uint8", "compress": "deflate", "predictor": 1},
    {"dtype": "int32", "compress": "deflate", "predictor": 2, "ENDIANNESS": "BIG"},
    {"dtype": "int64", "compress": "deflate", "predictor": 2, "BIGTIFF": "YES"},
    {"dtype": "float32", "compress": "deflate", "predictor": 1},
    {"dtype": "float64"},
    {"dtype": "float32", "compress": "deflate", "predictor": 3},
    {"dtype": "float64", "compress": "deflate", "predictor": 3, "ENDIANNESS": "BIG"},
    {"dtype": "int16", "ENDIANNESS": "BIG"},
    {"dtype": "uint16", "compress": "deflate", "predictor": 2, "count": 3, "interleave": "pixel"},
    {"dtype": "uint16", "compress": "deflate", "predictor": 2, "SPARSE_OK": True, "nodata": 7},
]
UNUSUAL: list[dict[str, Any]] = [
    {"dtype": "uint8", "NBITS": 4},
    {"dtype": "uint16", "NBITS": 12},
    {"dtype": "uint8", "compress": "ccittfax4", "NBITS": 1},
    {"dtype": "complex64"},
]


def write(path: Path, *, levels: tuple[int, ...] = (), **options: Any) -> np.ndarray:
    """Write 200 rows of 300 pixels in tiles of 64²; a sparse file leaves its lower half out."""
    count, dtype = options.setdefault("count", 1), np.dtype(options["dtype"])
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": 300, "height": 200, "crs": "EPSG:32633", "tiled": True,
        "blockxsize": 64, "blockysize": 64, "transform": from_origin(600000, 5100000, 10, 10),
        **options,
    }  # fmt: skip
    if not profile["tiled"]:
        del profile["blockxsize"], profile["blockysize"]
    high = 2 ** options["NBITS"] if "NBITS" in options else 100 if dtype.itemsize == 1 else 30_000
    values = np.random.default_rng(1).integers(0, high, (count, 200, 300)).astype(dtype)
    values = values / dtype.type(7) if dtype.kind == "f" else values
    with rasterio.open(path, "w", **profile) as file:
        rows = 128 if options.get("SPARSE_OK") else 200
        file.write(values[:, :rows], window=Window(0, 0, 300, rows))
        if levels:
            file.build_overviews(levels)
    return values


def read_by_gdal(path: Path, band: int, level: int, window: tuple[int, int, int, int]) -> np.ndarray:
    options = {"overview_level": level - 1} if level else {}
    with rasterio.open(path, **options) as file:
        return file.read(band, window=Window(*window))


@pytest.mark.parametrize("options", USUAL, ids=lambda o: " ".join(map(str, o.values())))
def test_tiles_stored_in_the_usual_way_are_read_as_gdal_reads_them(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    write(tmp_path / "a.tif", levels=(2,), **options)
    assert not open_tiles(describe_file(tmp_path / "a.tif")).unusual(0)
    for band in range(1, options.get("count", 1) + 1):
        raster = GeotiffRaster(tmp_path / "a.tif", {"eocene:band": band})
        for level, grid in enumerate(raster.levels):
            for column, row, width, height in WINDOWS:
                place = (column >> level, row >> level, max(width >> level, 1), max(height >> level, 1))
                window = Grid(grid.lattice, grid.left + place[0], grid.top + place[1], *place[2:])
                found = raster.read(window, level)
                assert np.array_equal(found, read_by_gdal(tmp_path / "a.tif", band, level, place))


@pytest.mark.parametrize("options", UNUSUAL, ids=lambda o: " ".join(map(str, o.values())))
def test_what_is_stored_otherwise_stays_with_gdal(tmp_path: Path, options: dict[str, Any]) -> None:
    values = write(tmp_path / "a.tif", **options)
    assert open_tiles(describe_file(tmp_path / "a.tif")).unusual(0)
    raster = GeotiffRaster(tmp_path / "a.tif", {"eocene:band": options.get("count", 1)})
    assert np.array_equal(raster.read(raster.levels[0]), values[-1])


def test_numbers_are_written_into_the_place_that_is_given(tmp_path: Path) -> None:
    values = write(tmp_path / "a.tif", **USUAL[0])
    raster = GeotiffRaster(tmp_path / "a.tif", {})
    stack = np.zeros((2, 200, 300), np.uint16)
    raster.read(raster.levels[0], out=stack[1])
    assert np.array_equal(stack, [np.zeros((200, 300)), values[0]])


def test_a_tile_that_a_window_meets_in_part_is_decoded_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "a.tif", **USUAL[0])
    decoded = []
    decode = TileEncoding.decode
    monkeypatch.setattr(TileEncoding, "decode", lambda *a: decoded.append(1) or decode(*a))
    raster = GeotiffRaster(tmp_path / "a.tif", {})
    whole = raster.levels[0]
    for left in range(0, 64, 8):
        raster.read(Grid(whole.lattice, whole.left + left, whole.top, 8, 8))
    assert len(decoded) == 1


def test_of_files_that_agree_in_their_headers_gdal_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, west, nodata in (("a", 600000, 5), ("b", 600000, 5), ("c", 700000, 5), ("d", 600000, 6)):
        place = from_origin(west, 5100000, 20, 20)
        write(tmp_path / f"{name}.tif", **USUAL[0], transform=place, nodata=nodata)
    opened, make = [], geotiff.make_skeleton
    monkeypatch.setattr(geotiff, "make_skeleton", lambda image: opened.append(image) or make(image))
    rasters = {name: GeotiffRaster(tmp_path / f"{name}.tif", {}) for name in "abcd"}
    assert len(opened) == 3
    assert rasters["a"].levels == rasters["b"].levels == rasters["d"].levels
    assert rasters["c"].levels[0].bounds[0] == 700000
    assert [r.nodata for r in rasters.values()] == [5, 5, 5, 6]


def test_kept_tiles_stay_within_their_bytes() -> None:
    kept = KeptTiles(2500)
    tiles = [np.full(1000, number, np.uint8) for number in range(3)]
    kept.take(0, lambda: tiles[0])
    kept.take(1, lambda: tiles[1])
    assert kept.get(0) is tiles[0]
    kept.take(2, lambda: tiles[2])
    assert [kept.get(number) is None for number in range(3)] == [False, True, False]


def test_threads_that_want_a_tile_at_the_same_time_make_it_once_unless_that_fails() -> None:
    kept, made, all_here = KeptTiles(2500), [], threading.Barrier(4)

    def make() -> np.ndarray:
        made.append(1)
        time.sleep(0.02)
        if len(made) == 1:
            raise ValueError("the first try fails")
        return np.zeros(1000, np.uint8)

    def want(_: int) -> object:
        all_here.wait()
        try:
            return kept.take("tile", make)
        except ValueError:
            return None

    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(want, range(4)))
    assert len(made) == 2
    assert sum(tile is None for tile in found) == 1
    assert len({id(tile) for tile in found if tile is not None}) == 1


@pytest.mark.parametrize("damage", ["cut off", "scrambled"])
def test_a_damaged_tile_is_named_with_its_file(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.tif"
    write(path, **USUAL[0])
    content = path.read_bytes()
    middle = len(content) // 2
    scrambled = content[:middle] + bytes(len(content) - middle)
    path.write_bytes(content[:middle] if damage == "cut off" else scrambled)
    raster = GeotiffRaster(path, {})
    with pytest.raises(DamageError, match=r"a\.tif.*tile \d+"):
        raster.read(raster.levels[0])
