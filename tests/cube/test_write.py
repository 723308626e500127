"""Written cubes read again by libraries that know nothing of ours."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
import rasterio
import xarray as xr
import zarr

from eocene.cube.block import Block
from eocene.cube.cog import write_cog
from eocene.cube.stored import fill_nodata, stored_form
from eocene.cube.write import CubeStore
from eocene.model import Grid
from tests.cube.scenes import UTM32

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DTYPES = {
    "uint8": 255, "uint16": 65535, "int16": -32768, "int32": -(2**31), "uint32": 2**32 - 1, "int8": -128,
    "float32": np.nan, "float64": np.nan, "bool": 255,
}  # fmt: skip
SMALL = Grid(UTM32, 60_000, -520_000, 70, 50)
LARGE = Grid(UTM32, 60_000, -520_000, 700, 600)


def make_block(dtype: str, grid: Grid, bands: tuple[str, ...] = ("a",)) -> Block:
    random = np.random.default_rng(2)
    values = (random.random((len(bands), *grid.shape)) * 100).astype(dtype)
    return Block(values, ("bands", "y", "x"), {"bands": bands}, random.random(values.shape) < 0.8, grid)


def save_cog(path: Path, block: Block, grid: Grid) -> None:
    form = stored_form(block.values.dtype)

    def read(number: int, window: Grid) -> NDArray[np.generic]:
        return fill_nodata(block.crop(window).filled()[number], form)

    write_cog(path, grid, form, block.labels["bands"], read)


def make_store(path: Path, block: Block, size: int = 64) -> CubeStore:
    assert block.grid is not None
    return CubeStore.create(path, block.dims, block.labels, block.grid, block.values.dtype, block=size)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_cog_holds_every_value_and_the_no_data_number_of_its_dtype(tmp_path: Path, dtype: str) -> None:
    block = make_block(dtype, SMALL, ("a", "b"))
    save_cog(tmp_path / "x.tif", block, SMALL)
    with rasterio.open(tmp_path / "x.tif") as file:
        assert file.dtypes[0] == ("uint8" if dtype == "bool" else dtype)
        assert file.nodata == DTYPES[dtype] or (np.isnan(file.nodata) and np.isnan(DTYPES[dtype]))
        assert file.descriptions == ("a", "b")
        assert file.crs.to_epsg() == 32632
        assert tuple(file.transform)[:6] == SMALL.transform
        masked = file.read(masked=True)
    assert np.array_equal(~masked.mask, block.valid)
    assert np.array_equal(masked.data[block.valid], block.values[block.valid])


def test_a_large_cog_is_tiled_and_has_overviews_of_its_own_pixels(tmp_path: Path) -> None:
    block = make_block("uint16", LARGE)
    save_cog(tmp_path / "x.tif", block, LARGE)
    with rasterio.open(tmp_path / "x.tif") as file:
        assert file.block_shapes == [(256, 256)]
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
        assert file.profile["compress"] == "deflate"
        assert file.overviews(1) == [2, 4]
    with rasterio.open(tmp_path / "x.tif", overview_level=0) as file:
        assert np.isin(file.read(1), np.append(block.values, 65535)).all()


def test_a_small_cog_needs_no_overview(tmp_path: Path) -> None:
    save_cog(tmp_path / "x.tif", make_block("uint8", SMALL), SMALL)
    with rasterio.open(tmp_path / "x.tif") as file:
        assert file.overviews(1) == []
        assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"


def test_a_cog_that_is_interrupted_leaves_nothing(tmp_path: Path) -> None:
    def interrupt(_number: int, _window: Grid) -> NDArray[np.generic]:
        assert list(tmp_path.iterdir())
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_cog(tmp_path / "a.tif", SMALL, stored_form(np.dtype("uint8")), ["a"], interrupt)
    assert list(tmp_path.iterdir()) == []


def test_a_cog_that_fails_at_the_end_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_source: Path, target: Path, **_: object) -> None:
        target.write_bytes(b"half")
        raise OSError("no space left")

    monkeypatch.setattr("rasterio.shutil.copy", fail)
    with pytest.raises(OSError, match="no space left"):
        save_cog(tmp_path / "a.tif", make_block("uint8", SMALL), SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "bool"])
def test_zarr_is_read_by_plain_xarray_and_by_plain_zarr(tmp_path: Path, dtype: str) -> None:
    random = np.random.default_rng(3)
    times = tuple(np.datetime64(f"2024-0{m}-01", "s") for m in (5, 6, 7))
    values = (random.random((3, 2, *SMALL.shape)) * 100).astype(dtype)
    labels = {"t": times, "bands": ("B04", "B08")}
    block = Block(values, ("t", "bands", "y", "x"), labels, random.random(values.shape) < 0.7, SMALL)
    store = make_store(tmp_path / "c.zarr", block)
    for window in SMALL.blocks(64):
        store.write(block.crop(window))

    expected = np.where(block.valid, values, np.nan)
    array = zarr.open_group(tmp_path / "c.zarr", mode="r")["data"]
    assert array.metadata.zarr_format == 3
    assert array.shards == (3, 2, 64, 64)
    assert array.chunks == (1, 1, 64, 64)
    assert np.array_equal(array[:], expected.astype(array.dtype), equal_nan=True)

    with xr.open_zarr(tmp_path / "c.zarr", consolidated=False) as cube:
        assert cube["data"].dims == ("t", "bands", "y", "x")
        assert cube.t.values.tolist() == np.array(times, "datetime64[ns]").tolist()
        assert cube.bands.values.tolist() == ["B04", "B08"]
        assert np.array_equal(cube.x, SMALL.x)
        assert np.array_equal(cube.y, SMALL.y)
        assert cube.spatial_ref.attrs["epsg"] == 32632
        assert np.array_equal(cube["data"].values, expected.astype(array.dtype), equal_nan=True)


def test_blocks_that_were_not_written_are_no_data_in_zarr(tmp_path: Path) -> None:
    grid = Grid(UTM32, 0, 0, 100, 100)
    store = CubeStore.create(tmp_path / "c.zarr", ("y", "x"), {}, grid, np.dtype("float32"), block=64)
    corner = Grid(UTM32, 64, 64, 36, 36)
    store.write(Block(np.ones((36, 36), np.float32), ("y", "x"), grid=corner))
    values = zarr.open_group(tmp_path / "c.zarr", mode="r")["data"][:]
    assert np.isnan(values).sum() == 10_000 - 36**2


def test_blocks_are_written_from_several_threads_at_a_time_each_into_a_shard_of_its_own(
    tmp_path: Path,
) -> None:
    block = make_block("float32", LARGE, ("a", "b"))
    store = make_store(tmp_path / "c.zarr", block, size=128)
    windows = list(LARGE.blocks(128)) * 2  # each twice, as a cluster may do
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda window: store.write(block.crop(window)), windows))
    assert np.array_equal(store.read(LARGE), block.filled(), equal_nan=True)
    shards = [p for p in (tmp_path / "c.zarr" / "data" / "c").rglob("*") if p.is_file()]
    assert len(shards) == len(windows) // 2


@pytest.mark.parametrize(("dims", "step"), [(("t", "bands"), 4), (("bands", "t"), 3), (("t",), 10)])
def test_a_block_is_written_in_steps_along_t_each_into_shards_of_its_own(
    tmp_path: Path, dims: tuple[str, ...], step: int
) -> None:
    labels = {d: tuple(range(10)) if d == "t" else ("a", "b") for d in dims}
    shape = (*(len(labels[d]) for d in dims), *SMALL.shape)
    values = np.arange(np.prod(shape), dtype=np.float32).reshape(shape)
    block = Block(values, (*dims, "y", "x"), labels, grid=SMALL)
    store = CubeStore.create(
        tmp_path / "c.zarr", block.dims, labels, SMALL, np.dtype("float32"), block=64, step=step
    )
    for first in reversed(range(0, 10, step)):
        before = count_shards(tmp_path)
        store.write(block.take("t", range(first, min(first + step, 10))), first)
        assert count_shards(tmp_path) > before
    assert np.array_equal(store.read(SMALL), block.values)


def count_shards(folder: Path) -> int:
    return sum(p.is_file() for p in (folder / "c.zarr" / "data" / "c").rglob("*"))


def test_a_layer_is_read_alone(tmp_path: Path) -> None:
    block = make_block("int16", SMALL, ("a", "b", "c"))
    store = make_store(tmp_path / "c.zarr", block)
    store.write(block)
    part = Grid(UTM32, SMALL.left + 5, SMALL.top + 7, 30, 20)
    assert np.array_equal(store.read(part, [1]), block.crop(part).filled()[1], equal_nan=True)


def test_what_a_writer_that_died_left_half_done_is_swept_away(tmp_path: Path) -> None:
    block = make_block("uint8", SMALL)
    store = make_store(tmp_path / "c.zarr", block)
    store.write(block)
    before = sorted(tmp_path.rglob("*"))
    (tmp_path / "c.zarr" / "data" / "c" / "0.abc.partial").write_bytes(b"half")
    store.sweep()
    assert sorted(tmp_path.rglob("*")) == before
