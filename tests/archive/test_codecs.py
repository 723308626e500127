"""Every usual way of storing numbers in a TIFF, written by GDAL and read back beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rasterio.transform import from_origin
from rasterio.windows import Window

from eocene.archive.fetch import describe_file
from eocene.archive.tiff.geotiff import GeotiffRaster
from eocene.archive.tiff.tile_reader import open_tiles
from eocene.model import Grid
from eocene.model.errors import DamageError

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 150, 170
LOSSLESS = ("none", "deflate", "lzw", "zstd", "packbits", "lzma")
INTEGERS = ("uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64")
FLOATS = ("float32", "float64")


def numbers_of(dtype: str, count: int, seed: int = 1) -> np.ndarray:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    smooth = np.stack([rows * 3 + columns * (band + 1) for band in range(count)]) % 120
    noise = np.random.default_rng(seed).integers(0, 7, smooth.shape)
    numbers = (smooth + noise).astype(dtype)
    return numbers / np.dtype(dtype).type(7) if dtype in FLOATS else numbers


def write(path: Path, numbers: np.ndarray, *, levels: tuple[int, ...] = (), **options: Any) -> Path:
    count, height, width = numbers.shape
    profile: dict[str, Any] = {
        "driver": "GTiff", "width": width, "height": height, "count": count, "dtype": numbers.dtype,
        "crs": "EPSG:32633", "transform": from_origin(600000, 5100000, 10, 10), **options,
    }  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(numbers)
        if levels:
            file.build_overviews(levels)
    return path


def assert_read_as_by_gdal(path: Path, windows: list[tuple[int, int, int, int]]) -> None:
    with rasterio.open(path) as file:
        count, overviews = file.count, len(file.overviews(1))
    for band in range(1, count + 1):
        raster = GeotiffRaster(path, {"eocene:band": band})
        assert len(raster.levels) == overviews + 1
        for level, grid in enumerate(raster.levels):
            for column, row, width, height in windows:
                place = column >> level, row >> level, max(width >> level, 1), max(height >> level, 1)
                window = Grid(grid.lattice, grid.left + place[0], grid.top + place[1], *place[2:])
                with rasterio.open(path, **({"overview_level": level - 1} if level else {})) as file:
                    expected = file.read(band, window=Window(*place))
                np.testing.assert_array_equal(raster.read(window, level), expected)


@st.composite
def ways_of_storing(draw: st.DrawFn) -> dict[str, Any]:
    """Draw options of GDAL's GTiff driver that go together."""
    dtype = draw(st.sampled_from(INTEGERS + FLOATS))
    compression = draw(st.sampled_from(LOSSLESS))
    options: dict[str, Any] = {"dtype": dtype, "count": draw(st.sampled_from([1, 2, 3, 5]))}
    if compression != "none":
        options["compress"] = compression
    if compression in ("deflate", "lzw", "zstd"):
        predictors = [1, 2, 3] if dtype in FLOATS else [1, 2]
        options["predictor"] = draw(st.sampled_from(predictors))
    options["interleave"] = draw(st.sampled_from(["pixel", "band"]))
    if draw(st.booleans()):
        edges = st.sampled_from([16, 48, 64, 256])
        options |= {"tiled": True, "blockxsize": draw(edges), "blockysize": draw(edges)}
    else:
        options["blockysize"] = draw(st.sampled_from([1, 7, 64, 150]))
    options["BIGTIFF"] = draw(st.sampled_from(["YES", "NO"]))
    options["ENDIANNESS"] = draw(st.sampled_from(["LITTLE", "BIG"]))
    return options


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=ways_of_storing(), row=st.integers(0, 149), column=st.integers(0, 169), data=st.data())
def test_what_gdal_writes_losslessly_is_read_here_as_gdal_reads_it(
    tmp_path: Path, options: dict[str, Any], row: int, column: int, data: st.DataObject
) -> None:
    height, width = data.draw(st.integers(1, 150 - row)), data.draw(st.integers(1, 170 - column))
    path = write(tmp_path / "a.tif", numbers_of(options.pop("dtype"), options.pop("count")), **options)
    open_tiles.cache_clear()
    assert not open_tiles(describe_file(path)).unusual(0)
    assert_read_as_by_gdal(path, [(0, 0, 170, 150), (column, row, width, height)])


@pytest.mark.parametrize(
    ("dtype", "count", "options"),
    [
        ("uint8", 1, {"compress": "jpeg"}),
        ("uint8", 3, {"compress": "jpeg", "interleave": "pixel"}),
        ("uint8", 2, {"compress": "jpeg", "interleave": "band"}),
        ("uint8", 3, {"compress": "webp", "interleave": "pixel", "WEBP_LOSSLESS": True}),
        ("uint8", 3, {"compress": "webp", "interleave": "pixel", "WEBP_LEVEL": 60}),
        ("uint8", 4, {"compress": "webp", "interleave": "pixel", "WEBP_LOSSLESS": True}),
        ("uint16", 1, {"compress": "lerc"}),
        ("float32", 1, {"compress": "lerc", "MAX_Z_ERROR": 0.5}),
        ("float64", 2, {"compress": "lerc", "interleave": "band"}),
        ("uint16", 3, {"compress": "lerc", "interleave": "pixel"}),
        ("int32", 1, {"compress": "lerc_deflate"}),
        ("float32", 1, {"compress": "lerc_zstd"}),
    ],
    ids=lambda value: " ".join(map(str, value.values())) if isinstance(value, dict) else str(value),
)
@pytest.mark.parametrize("layout", [{"tiled": True, "blockxsize": 64, "blockysize": 64}, {"blockysize": 48}])
def test_images_in_tiles_are_decoded_as_gdal_decodes_them(
    tmp_path: Path, dtype: str, count: int, options: dict[str, Any], layout: dict[str, Any]
) -> None:
    path = write(tmp_path / "a.tif", numbers_of(dtype, count), levels=(2,), **options, **layout)
    assert not open_tiles(describe_file(path)).unusual(0)
    assert_read_as_by_gdal(path, [(0, 0, 170, 150), (33, 50, 71, 90)])


def test_floats_without_a_value_in_lerc_are_not_a_number(tmp_path: Path) -> None:
    numbers = numbers_of("float32", 1)
    numbers[0, 20:70, 30:90] = np.nan
    path = write(tmp_path / "a.tif", numbers, compress="lerc", tiled=True, blockxsize=64, blockysize=64)
    assert_read_as_by_gdal(path, [(0, 0, 170, 150)])


@pytest.mark.parametrize("compression", ["deflate", "zstd", "lzw", "lerc", "jpeg", "webp"])
def test_scrambled_tiles_are_damage_that_names_the_file(tmp_path: Path, compression: str) -> None:
    count = 3 if compression == "webp" else 1
    extra = {"interleave": "pixel"} if count == 3 else {}
    path = write(tmp_path / "a.tif", numbers_of("uint8", count), compress=compression, **extra)
    offsets = open_tiles(describe_file(path)).images[0].offsets
    content = bytearray(path.read_bytes())
    start = int(offsets[0])
    content[start : start + 40] = bytes(40)
    path.write_bytes(content)
    raster = GeotiffRaster(path, {})
    with pytest.raises(DamageError, match=r"a\.tif.*tile \d+"):
        raster.read(raster.levels[0])


@pytest.mark.parametrize("levels", [(), (2, 4)])
@pytest.mark.parametrize("colours", ["rgb", "ycbcr"])
def test_the_mask_inside_a_file_says_which_pixels_are_valid(
    tmp_path: Path, levels: tuple[int, ...], colours: str
) -> None:
    valid = np.random.default_rng(2).random(SIZE) < 0.5
    path = tmp_path / "a.tif"
    numbers = numbers_of("uint8", 3)
    profile = {
        "driver": "GTiff", "width": SIZE[1], "height": SIZE[0], "count": 3, "dtype": "uint8", "tiled": True,
        "crs": "EPSG:32633", "transform": from_origin(600000, 5100000, 10, 10), "compress": "jpeg",
        "blockxsize": 64, "blockysize": 64, "photometric": colours, "interleave": "pixel",
    }  # fmt: skip
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(path, "w", **profile) as file,
    ):
        file.write(numbers)
        file.write_mask(valid)
        if levels:
            file.build_overviews(levels)
    raster = GeotiffRaster(path, {})
    assert raster.has_mask
    assert bool(raster.file.unusual(0)) == (colours == "ycbcr")  # which GDAL reads
    for level, grid in enumerate(raster.levels):
        with rasterio.open(path, **({"overview_level": level - 1} if level else {})) as file:
            expected = file.dataset_mask() != 0
        np.testing.assert_array_equal(raster.read_mask(grid, level), expected)
    full = raster.levels[0]
    part = Grid(full.lattice, full.left + 50, full.top + 60, 40, 30)
    np.testing.assert_array_equal(raster.read_mask(part), valid[60:90, 50:90])
