"""Sources beside hand-written mosaics."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from eocene.cube.source import CubeSource, Layer, Leaf, box_test, choose_level, is_data
from eocene.model import Band, Grid, Lattice
from tests.cube.scenes import (
    TINY,
    UTM32,
    make_archive,
    make_asset,
    make_scene,
    random_numbers,
    write_image,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

DAY = np.datetime64("2024-05-01", "s")


def read(
    folder: Path, items: Iterable[dict[str, Any]], bands: Iterable[Band], grid: Grid = TINY, **more: Any
) -> Any:
    """Lay the items of one day and return the decoded block."""
    items = tuple(items)
    archive = make_archive(folder, items)
    source = CubeSource(archive, ((DAY, items),), tuple(bands), grid, **more)
    block = source.decode(source.read(grid), grid)
    archive.close()
    return block


def test_the_first_item_with_data_at_a_pixel_gives_its_value(tmp_path: Path) -> None:
    layers = [random_numbers(i, TINY.shape, "uint16", 0.5) for i in range(3)]
    items = [
        make_scene(tmp_path, f"i{i}", "2024-05-01T10:00:00Z", TINY, {"a": n}) for i, n in enumerate(layers)
    ]
    block = read(tmp_path, items, [Band("a", "uint16", 0)])
    expected = np.where(layers[0] != 0, layers[0], np.where(layers[1] != 0, layers[1], layers[2]))
    assert np.array_equal(block.valid[0, 0], expected != 0)
    assert np.array_equal(block.values[0, 0][expected != 0], expected[expected != 0])


def test_items_beside_each_other_fill_their_own_parts(tmp_path: Path) -> None:
    west = Grid(UTM32, TINY.left - 2, TINY.top, 7, 9)
    east = Grid(UTM32, TINY.left + 4, TINY.top + 2, 20, 4)
    items = [
        make_scene(tmp_path, name, "2024-05-01T10:00:00Z", grid, {"a": np.full(grid.shape, number, np.uint8)})
        for name, grid, number in (("w", west, 1), ("e", east, 2))
    ]
    block = read(tmp_path, items, [Band("a", "uint8", 0)])
    expected = np.zeros(TINY.shape, np.uint8)
    expected[2:6, 4:] = 2
    expected[:, :5] = 1
    assert np.array_equal(np.where(block.valid[0, 0], block.values[0, 0], 0), expected)


def test_an_item_that_lacks_a_band_leaves_it_to_the_others(tmp_path: Path) -> None:
    a, b = random_numbers(1, TINY.shape, "uint16"), random_numbers(2, TINY.shape, "uint16")
    items = [
        make_scene(tmp_path, "only-a", "2024-05-01T10:00:00Z", TINY, {"a": a}),
        make_scene(tmp_path, "only-b", "2024-05-01T10:00:00Z", TINY, {"b": b}),
    ]
    block = read(tmp_path, items, [Band("b", "uint16", 0), Band("a", "uint16", 0), Band("c", "uint16", 0)])
    for position, numbers in ((0, b), (1, a)):
        assert np.array_equal(block.filled()[0, position][numbers != 0], numbers[numbers != 0])
        assert np.array_equal(block.valid[0, position], numbers != 0)
    assert not block.valid[0, 2].any()


@pytest.mark.parametrize(
    ("dtypes", "joint"),
    [
        (("uint8", "uint16"), "uint16"),
        (("uint8", "int16"), "int16"),
        (("int16", "uint16"), "float32"),
        (("uint8", "int32"), "float64"),
        (("uint8", "float32"), "float32"),
    ],
)
def test_bands_of_several_types_stay_integers_where_16_bits_hold_them(
    tmp_path: Path, dtypes: tuple[str, str], joint: str
) -> None:
    numbers = {name: random_numbers(3, TINY.shape, dtype) for name, dtype in zip("ab", dtypes, strict=True)}
    item = make_scene(tmp_path, "s", "2024-05-01T10:00:00Z", TINY, numbers)
    block = read(tmp_path, [item], [Band(name, dtype, 0) for name, dtype in zip("ab", dtypes, strict=True)])
    assert block.values.dtype == joint
    for position, name in enumerate("ab"):
        data = numbers[name] != 0
        assert np.array_equal(block.values[0, position][data], numbers[name][data])


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "int32"])
def test_scale_and_offset_are_applied_once_in_float64_and_rounded_once(tmp_path: Path, dtype: str) -> None:
    numbers = random_numbers(5, TINY.shape, dtype)
    scale, offset = 0.0001, -0.1
    item = make_scene(
        tmp_path,
        "s",
        "2024-05-01T10:00:00Z",
        TINY,
        {"a": numbers},
        raster__scale=scale,
        raster__offset=offset,
    )
    block = read(tmp_path, [item], [Band("a", dtype, 0, scale, offset)])
    exact = numbers.astype(np.float64) * scale + offset
    wanted = exact.astype(np.float64 if dtype == "int32" else np.float32)
    assert block.values.dtype == wanted.dtype
    data = numbers != 0
    assert np.array_equal(block.valid[0, 0], data)
    assert np.array_equal(block.values[0, 0][data], wanted[data])


def test_scale_and_offset_written_into_the_file_are_not_applied_beside_those_of_stac(tmp_path: Path) -> None:
    numbers = random_numbers(6, TINY.shape, "uint16", 0)
    item = make_scene(tmp_path, "s", "2024-05-01T10:00:00Z", TINY, {"a": numbers})
    with rasterio.open(item["assets"]["a"]["href"], "r+") as file:
        file.scales, file.offsets = (0.5,), (3.0,)
    block = read(tmp_path, [item], [Band("a", "uint16", 0, 2.0, 1.0)])
    assert np.array_equal(block.values[0, 0], numbers.astype(np.float32) * 2 + 1)


def test_unscaled_reading_keeps_the_stored_integers(tmp_path: Path) -> None:
    numbers = random_numbers(7, TINY.shape, "uint16")
    item = make_scene(tmp_path, "s", "2024-05-01T10:00:00Z", TINY, {"a": numbers})
    block = read(tmp_path, [item], [Band("a", "uint16", 0, 0.0001, -0.1)], scaled=False)
    assert block.values.dtype == np.uint16
    assert np.array_equal(block.values[0, 0][numbers != 0], numbers[numbers != 0])


def test_bands_of_several_dtypes_share_a_float_that_holds_them(tmp_path: Path) -> None:
    bands = {"a": random_numbers(1, TINY.shape, "uint16"), "b": random_numbers(2, TINY.shape, "int32", 0)}
    bands["b"][0, 0] = 2**31 - 1
    item = make_scene(tmp_path, "s", "2024-05-01T10:00:00Z", TINY, bands)
    block = read(tmp_path, [item], [Band("a", "uint16", 0), Band("b", "int32", 0)])
    assert block.values.dtype == np.float64
    assert block.values[0, 1, 0, 0] == 2**31 - 1


@pytest.mark.parametrize(
    ("numbers", "nodata", "expected"),
    [
        (np.array([0, 1, 255], np.uint8), 0, [False, True, True]),
        (np.array([0, 1, 255], np.uint8), None, [True, True, True]),
        (np.array([0, 1, 255], np.uint8), float("nan"), [True, True, True]),
        (np.array([-9999, 0, 5], np.int16), -9999, [False, True, True]),
        (np.array([np.nan, 0, -9999], np.float32), -9999, [False, True, False]),
        (np.array([np.nan, 0, np.inf], np.float64), None, [False, True, True]),
        (np.array([np.nan, 0, 1], np.float32), float("nan"), [False, True, True]),
    ],
)
def test_no_data_is_the_declared_number_and_in_floats_also_nan(
    numbers: np.ndarray, nodata: float | None, expected: list[bool]
) -> None:
    assert is_data(numbers, nodata).tolist() == expected


@given(
    st.sampled_from(["u1", "u2", "i2", "i4", "f4"]),
    st.sampled_from([0.0, 1.0, 255.0, -9.0, 0.5, float("nan"), None]),
    st.booleans(),
    st.integers(0, 2**32 - 1),
)
def test_a_layer_lacks_nothing_only_where_all_of_it_is_data(
    dtype: str, nodata: float | None, masked: bool, seed: int
) -> None:
    random = np.random.default_rng(seed)
    choice = [0, 1, 2, 255] if dtype[0] == "u" else [-9, -8, 0, 1, np.nan if dtype[0] == "f" else 3]
    some = random.choice(choice, random.integers(1, len(choice) + 1))
    numbers = random.choice(some, (2, 3, 4)).astype(dtype)
    layer = Layer(numbers, numbers > random.integers(-9, 3) if masked else None, nodata)
    for rows in (slice(0, 3), slice(1, 2), slice(0, 0)):
        place = (slice(None), rows, slice(None))
        _, valid = layer.cut(place)
        assert valid.all() or not layer.lacks_nothing(place)
        lowest_or_highest = nodata in (0.0, 255.0) and dtype == "u1"
        assert layer.lacks_nothing(place) or not (valid.all() and (masked or lowest_or_highest))


@pytest.mark.parametrize("gaps", list(product([0, 1], repeat=3)))
def test_bands_with_gaps_beside_bands_without_keep_their_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gaps: tuple[int, ...]
) -> None:
    numbers = np.arange(1, 1 + 3 * 2 * 6 * 5).reshape(3, 2, 6, 5).astype("u2")
    for band, gap in enumerate(gaps):
        numbers[band, 1:, 2:4, 3] *= 1 - gap
    grid = Grid(UTM32, 0, 0, 5, 6)
    dates = ((DAY, ()), (DAY + np.timedelta64(1, "D"), ()))
    source = CubeSource(
        make_archive(tmp_path, []),
        dates,
        tuple(Band(n, "uint16", 0) for n in "abc"),
        grid,
        dtype=np.dtype("u2"),
    )
    leaf = Leaf(grid, tuple(Layer(n, None, 0) for n in numbers))
    monkeypatch.setattr(np, "empty", np.zeros)  # what is not written is no data, and so is seen
    for window in (grid, Grid(UTM32, 2, 1, 3, 4), Grid(UTM32, 0, 4, 5, 2)):
        block = source.decode(leaf, window)
        part = numbers[(..., *window.slices_in(grid))].swapaxes(0, 1)
        assert np.array_equal(block.values, part)
        assert (block.valid is None) == bool((part != 0).all())
        assert block.valid is None or np.array_equal(block.valid, part != 0)


def make_pyramid(folder: Path) -> tuple[dict[str, Any], Grid]:
    """Write a COG whose overviews hold other numbers than its pixels, so that each level is told."""
    grid = Grid(UTM32, 60_000, -520_000, 512, 512)
    path = write_image(
        folder / "pyramid.tif",
        np.ones(grid.shape, np.uint8),
        grid,
        tiled=True,
        blockxsize=128,
        blockysize=128,
    )
    with rasterio.open(path, "r+") as file:
        file.build_overviews([2, 4], rasterio.enums.Resampling.nearest)
    for level in (0, 1):
        with rasterio.open(path, "r+", overview_level=level) as file:
            file.write(np.full((1, *file.shape), level + 2, np.uint8))
    return make_asset(path, np.ones(grid.shape, np.uint8), grid), grid


@pytest.mark.parametrize(
    ("resolution", "level"),
    [(5.0, 0), (10.0, 0), (19.0, 0), (20.0, 1), (39.9, 1), (40.0, 2), (400.0, 2)],
)
def test_a_coarser_grid_reads_the_overview_that_is_not_coarser_than_it(
    tmp_path: Path, resolution: float, level: int
) -> None:
    asset, grid = make_pyramid(tmp_path)
    archive = make_archive(tmp_path, [])
    target = Lattice(32632, (resolution, resolution)).grid_over(grid.bounds, 32632)
    window = Grid(target.lattice, target.left, target.top, min(target.width, 9), min(target.height, 9))
    assert choose_level(archive.open_raster(asset), window) == level
    item = {"assets": {"a": asset}, "bbox": list(grid.bounds_in(4326))}
    source = CubeSource(archive, ((DAY, (item,)),), (Band("a", "uint8", 0),), target)
    block = source.decode(source.read(window), window)
    assert block.valid is None or block.valid[..., 1:, 1:].all()
    assert (block.values[..., 1:, 1:] == level + 1).all()
    archive.close()


@pytest.mark.parametrize("epsg", [4326, 3857, 32633])
def test_a_source_on_another_crs_equals_rasterio_at_each_pixel_centre(tmp_path: Path, epsg: int) -> None:
    from pyproj import Transformer

    numbers = random_numbers(9, (60, 80), "uint16")
    grid = Grid(UTM32, 60_000, -520_000, 80, 60)
    item = make_scene(tmp_path, "s", "2024-05-01T10:00:00Z", grid, {"a": numbers})
    size = 0.0001 if epsg == 4326 else 10.0
    target = Lattice(epsg, (size, size)).grid_over(grid.bounds, 32632)
    block = read(tmp_path, [item], [Band("a", "uint16", 0)], target)
    x, y = np.meshgrid(target.x, target.y)
    x, y = Transformer.from_crs(epsg, 32632, always_xy=True).transform(x, y)
    with rasterio.open(item["assets"]["a"]["href"]) as file:
        row, col = rasterio.transform.rowcol(file.transform, x.ravel(), y.ravel())
    row, col = (np.asarray(v).astype(int).reshape(x.shape) for v in (row, col))
    inside = (row >= 0) & (row < 60) & (col >= 0) & (col < 80)
    expected = np.where(inside, numbers[np.clip(row, 0, 59), np.clip(col, 0, 79)], 0)
    assert not inside.all()
    assert np.array_equal(np.where(block.valid[0, 0], block.values[0, 0], 0), expected)


def test_a_window_beside_the_items_is_no_data(tmp_path: Path) -> None:
    item = make_scene(tmp_path, "s", "2024-05-01T10:00:00Z", TINY, {"a": np.ones(TINY.shape, np.uint8)})
    far = Grid(UTM32, TINY.left + 1000, TINY.top, 3, 3)
    assert not read(tmp_path, [item], [Band("a", "uint8", 0)], far).valid.any()


def test_some_dates_of_a_source_are_those_of_the_whole(tmp_path: Path) -> None:
    stacks = random_numbers(4, (3, *TINY.shape), "uint16")
    items = [
        make_scene(tmp_path, f"d{i}", f"2024-05-0{i + 1}T10:00:00Z", TINY, {"a": numbers})
        for i, numbers in enumerate(stacks)
    ]
    archive = make_archive(tmp_path, items)
    labels = [np.datetime64(f"2024-05-0{i + 1}", "s") for i in range(3)]
    dates = tuple((label, (item,)) for label, item in zip(labels, items, strict=True))
    whole = CubeSource(archive, dates, (Band("a", "uint16", 0),), TINY)
    part = whole.at_dates((labels[2], labels[0]))
    block = part.decode(part.read(TINY), TINY)
    assert block.labels["t"] == (labels[0], labels[2])
    assert np.array_equal(np.where(block.valid, block.values, 0)[:, 0], stacks[[0, 2]])
    assert whole.at_dates(None) is whole
    assert whole.probe().values.shape == (3, 1, 1, 1)
    assert not whole.probe().valid.any()
    archive.close()


def test_an_item_of_an_older_baseline_keeps_its_own_offset(tmp_path: Path) -> None:
    from eocene.process import make_plan
    from tests.process.graphs import call

    numbers = np.full(TINY.shape, 2000, np.uint16)
    old, new = (
        make_scene(tmp_path, name, time, TINY, {"a": numbers}, raster__scale=0.0001, raster__offset=offset)
        for name, time, offset in (
            ("new", "2024-05-02T10:00:00Z", -0.1),
            ("old", "2021-05-02T10:00:00Z", 0.0),
        )
    )
    archive = make_archive(tmp_path, [old, new])
    cube = make_plan({"a": call("load_collection", id="tiny", result=True)}, archive).run()
    archive.close()
    assert cube[:, 0, 0, 0].values == pytest.approx([0.2, 0.1])


@pytest.mark.parametrize("damage", ["missing", "cut off", "scrambled"])
def test_a_broken_file_fails_or_is_skipped_and_told_by_choice(tmp_path: Path, damage: str) -> None:
    from eocene.model.errors import DamageError
    from eocene.process import make_plan
    from eocene.process.loads.faults import skipped_of
    from tests.process.graphs import call

    size = Grid(UTM32, TINY.left, TINY.top, 90, 90)
    times = ("2024-05-01T10:00:00Z", "2024-05-02T10:00:00Z")
    items = [
        make_scene(tmp_path, f"s{i}", time, size, {"a": np.full(size.shape, i + 1, np.uint8)})
        for i, time in enumerate(times)
    ]
    archive = make_archive(tmp_path, items)
    broken = tmp_path / "s1_a.tif"
    content = broken.read_bytes()
    if damage == "missing":
        broken.unlink()
    else:
        broken.write_bytes(content[:60] if damage == "scrambled" else content[: len(content) // 2])
    graph = {"a": call("load_collection", id="tiny", result=True)}
    with pytest.raises(DamageError, match=r"s1_a\.tif"):
        make_plan(graph, archive).run()
    plan = make_plan(graph, archive, on_error="skip")
    assert plan.estimate().bytes_read > 0
    assert "load_collection" in str(plan.explain())
    cube = plan.run()
    assert (cube[0] == 1).all()
    assert cube[1].isnull().all()
    (fault,) = skipped_of(plan.nodes)
    assert (fault["item"], fault["asset"]) == ("s1", "a")
    assert "s1_a.tif" in fault["problem"]
    archive.close()


def test_the_mask_inside_a_file_is_respected_when_images_are_laid(tmp_path: Path) -> None:
    grid = Grid(UTM32, TINY.left, TINY.top, 40, 30)
    item = make_scene(
        tmp_path, "s", "2024-05-01T10:00:00Z", grid, {"a": np.full(grid.shape, 5, np.uint8)}, nodata=None
    )
    valid = np.random.default_rng(1).random(grid.shape) < 0.5
    with (
        rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True),
        rasterio.open(item["assets"]["a"]["href"], "r+") as file,
    ):
        file.write_mask(valid)
    block = read(tmp_path, [item], [Band("a", "uint8", None)], grid)
    assert np.array_equal(block.valid[0, 0], valid)


def test_a_window_of_the_whole_world_meets_everything() -> None:
    world = Grid(Lattice(4326, (0.5, 0.5)), -360, -180, 720, 360)
    meets = box_test(world)
    assert meets([-180, -90, -179, -89])
    assert meets([179, 89, 180, 90])


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [("uint16", 0), ("int16", -999), ("uint8", 255), ("uint8", None), ("uint16", -1), ("float32", None),
     ("float32", -9999.0), ("float64", None)],
)  # fmt: skip
@pytest.mark.parametrize("seed", range(4))
def test_numbers_that_tell_themselves_are_laid_like_those_with_a_mask(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str, nodata: float | None, seed: int
) -> None:
    chance = np.random.default_rng(seed)
    dates = []
    for day in range(3):
        items = []
        for number in range(int(chance.integers(1, 4))):
            whole = seed % 2 == 0
            grid = TINY if whole else shifted(TINY, *chance.integers(-6, 6, 2).tolist())
            numbers = random_numbers(int(chance.integers(999)), grid.shape, dtype, 0.0)
            if nodata is not None:
                gone = chance.random(grid.shape) < 0.4
                numbers[gone] = nodata if dtype[0] == "f" or nodata >= 0 or dtype[0] == "i" else 0
            if dtype[0] == "f":
                numbers[chance.random(grid.shape) < 0.1] = np.nan
            name = f"d{day}i{number}"
            in_file = None if nodata == -1 else nodata  # a file cannot hold it, a catalogue can
            time = f"2024-05-0{day + 1}T10:00:00Z"
            item = make_scene(tmp_path, name, time, grid, {"a": numbers}, nodata=in_file)
            items.append(item)
            if nodata == -1:
                item["assets"]["a"]["nodata"] = -1
        dates.append((DAY + np.timedelta64(day, "D"), tuple(items)))
    broken = dates[1][1][0]["assets"]["a"]["href"]
    with open(broken, "r+b") as file:  # noqa: PTH123
        file.truncate(300)
    archive = make_archive(tmp_path, [item for _, items in dates for item in items])
    blocks = []
    for tells in (None, lambda *_: False):
        if tells is not None:
            monkeypatch.setattr("eocene.cube.reading.tells_itself", tells)
        source = CubeSource(archive, tuple(dates), (Band("a", dtype, nodata),), TINY, on_error="skip")
        blocks.append(source.decode(source.read(TINY), TINY))
    archive.close()
    found, expected = (np.ones(b.values.shape, bool) if b.valid is None else b.valid for b in blocks)
    assert np.array_equal(found, expected)
    assert np.array_equal(blocks[0].values[found], blocks[1].values[found])


@pytest.mark.parametrize("nodata", [0, None])
@pytest.mark.parametrize("gone", [0.0, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_images_that_are_laid_on_each_other_are_those_that_are_read_alone(
    tmp_path: Path, seed: int, gone: float, nodata: int | None
) -> None:
    """Also from two zones, where what the upper ones leave is the same for all dates, and where it is not."""
    chance = np.random.default_rng(seed)
    window = Grid(UTM32, 74_990, -520_000, 40, 30)
    dates = []
    for day in range(2):
        items = []
        for number in range(4):
            lattice = UTM32 if number % 2 else Lattice(32633, (10.0, 10.0))
            grid = lattice.grid_over(window.bounds, window.epsg)
            grid = shifted(grid, *(np.random.default_rng(seed * 9 + number).integers(-25, 25, 2).tolist()))
            numbers = random_numbers(int(chance.integers(999)), grid.shape, "uint16", gone if number else 0.0)
            time = f"2024-05-0{day + 1}T10:00:00Z"
            items.append(make_scene(tmp_path, f"d{day}i{number}", time, grid, {"a": numbers}, nodata=nodata))
        dates.append((DAY + np.timedelta64(day, "D"), tuple(items)))
    archive = make_archive(tmp_path, [item for _, items in dates for item in items])

    def look(some: tuple[Any, ...]) -> tuple[np.ndarray, np.ndarray]:
        source = CubeSource(archive, some, (Band("a", "uint16", nodata),), window)
        block = source.decode(source.read(window), window)
        return block.values, np.ones(block.values.shape, bool) if block.valid is None else block.valid

    values, valid = look(tuple(dates))
    expected, there = np.zeros(values.shape, np.uint16), np.zeros(values.shape, bool)
    for number in range(4):
        numbers, usable = look(tuple((day, (items[number],)) for day, items in dates))
        expected = np.where(~there & usable, numbers, expected)
        there |= usable
    archive.close()
    assert np.array_equal(valid, there)
    assert np.array_equal(values[there], expected[there])
    assert there.any()


def shifted(grid: Grid, right: int, down: int) -> Grid:
    return Grid(grid.lattice, grid.left + right, grid.top + down, grid.width, grid.height)


@pytest.mark.parametrize("nodata", [0, 77, None])
def test_of_a_file_that_breaks_off_halfway_nothing_stays(tmp_path: Path, nodata: int | None) -> None:
    grid = Grid(UTM32, TINY.left, TINY.top, 64, 64)
    numbers = random_numbers(5, grid.shape, "uint16", 0.0)
    item = make_scene(tmp_path, "i", "2024-05-01T10:00:00Z", grid, {"a": numbers}, nodata=nodata)
    path = write_image(tmp_path / "i_a.tif", numbers, grid, nodata, tiled=True, blockxsize=16, blockysize=16)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - 700])  # the last tiles of sixteen are gone
    archive = make_archive(tmp_path, [item])
    source = CubeSource(archive, ((DAY, (item,)),), (Band("a", "uint16", nodata),), grid, on_error="skip")
    leaf = source.read(grid)
    block = source.decode(leaf, grid)
    archive.close()
    assert [fault["asset"] for fault in source.faults.told()] == ["a"]
    assert block.valid is not None
    assert not block.valid.any()
    assert (leaf.layers[0].numbers == (nodata or 0)).all()
