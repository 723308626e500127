"""Materialised areas beside the files that they were made of: equal, whatever is asked for and happens."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eocene.cube.hot import read_hot
from eocene.model import Grid, InputError, Lattice
from eocene.process.loads.catalogue import find_collection_cube
from eocene.process.loads.materialise import materialise, update_areas
from tests.cube.scenes import UTM32, make_archive, make_scene, random_numbers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eocene.archive import Archive
    from eocene.archive.hot.area import HotArea
    from eocene.cube.block import Block
    from eocene.cube.source import CubeSource

WEST = Grid(UTM32, 60_000, -520_000, 150, 140)
EAST = Grid(Lattice(32633, (10.0, 10.0)), 14_380, -520_930, 150, 140)
"""Overlaps the western tile in another zone."""
ALL = {"spatial_extent": None, "temporal_extent": None, "bands": None, "properties": None}
ENCODED = {"raster__scale": 0.5, "raster__offset": -3.0}


def scene(folder: Path, day: int, grid: Grid, **fields: Any) -> dict[str, Any]:
    """Make a scene of three bands: two with no-data 0, one in which every number is data."""
    seed = 10 * day + grid.epsg
    bands = {
        "a": random_numbers(seed, grid.shape, "uint16"),
        "b": random_numbers(seed + 1, grid.shape, "int16"),
        "c": np.random.default_rng(seed).integers(0, 9, grid.shape, dtype=np.uint8),
    }
    made = make_scene(
        folder, f"d{day:02}-{grid.epsg}", f"2024-05-{day:02}T10:00:00Z", grid, bands, **{**ENCODED, **fields}
    )
    made["assets"]["c"] = {k: v for k, v in made["assets"]["c"].items() if k[:6] not in ("nodata", "raster")}
    return made


def scenes(folder: Path, days: int) -> list[dict[str, Any]]:
    """Make both tiles on most days, one of them on some; every fifth day has another offset."""
    found = []
    for day in range(1, days + 1):
        fields = {"raster__offset": 1.0} if day % 5 == 0 else {}
        found += [scene(folder, day, g, **fields) for g in (WEST, EAST) if (day + g.epsg) % 4]
    return found


@pytest.fixture(scope="module")
def hot(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archive]:
    """An archive of which a part in the middle of the western tile and of the month is materialised."""
    folder = tmp_path_factory.mktemp("hot")
    archive = make_archive(folder, scenes(folder, 12))
    whole = WEST.bounds_in(4326)
    box = (whole[0] + 0.002, whole[1] + 0.002, whole[2] + 0.001, whole[3] - 0.003)
    materialise(archive, "tiny", box, "2024-05-03/2024-05-11", ["a", "c"], lattice=UTM32)
    yield archive
    archive.close()


def find(archive: Archive, **arguments: Any) -> CubeSource:
    return find_collection_cube(archive, "tiny", {**ALL, **arguments}, UTM32)


def both(source: CubeSource, window: Grid) -> tuple[Block, Block]:
    """Read a window as users do, and from the files alone."""
    return (
        source.decode(source.read(window), window),
        source.decode(source.read_files(window), window),
    )


def assert_same(found: Block, expected: Block) -> None:
    """Hold values and masks to each other, bit for bit."""
    mask = [np.ones(b.values.shape, bool) if b.valid is None else b.valid for b in (found, expected)]
    values = [np.where(m, b.values, 0) for m, b in zip(mask, (found, expected), strict=True)]
    assert found.labels == expected.labels
    assert values[0].dtype == values[1].dtype
    assert np.array_equal(mask[0], mask[1])
    assert values[0].tobytes() == values[1].tobytes()


@settings(max_examples=40)
@given(data=st.data())
def test_any_window_dates_and_bands_have_the_values_of_the_files(hot: Archive, data: st.DataObject) -> None:
    grid = only(hot).grid
    left, top = (data.draw(st.integers(-40, n - 1)) for n in (grid.width, grid.height))
    width, height = (data.draw(st.integers(1, 90)) for _ in range(2))
    window = Grid(UTM32, grid.left + left, grid.top + top, width, height)
    first, last = data.draw(st.integers(1, 7)), data.draw(st.integers(7, 12))
    bands = data.draw(st.lists(st.sampled_from(["a", "b", "c"]), min_size=1, unique=True))
    source = find(hot, temporal_extent=[f"2024-05-{first:02}", f"2024-05-{last + 1:02}"], bands=bands)
    labels = data.draw(st.sets(st.sampled_from([label for label, _ in source.dates]), min_size=1))
    assert_same(*both(source.at_dates(tuple(sorted(labels))), window))


def test_numbers_that_are_not_scaled_have_those_of_the_files(hot: Archive) -> None:
    from dataclasses import replace

    from eocene.cube.source import UNKNOWN

    source = replace(find(hot), scaled=False, dtype=UNKNOWN, mixed=frozenset())
    assert_same(*both(source, source.grid))


def only(archive: Archive) -> HotArea:
    (area,) = archive.hot
    return area


def inside(archive: Archive) -> Grid:
    grid = only(archive).grid
    return Grid(grid.lattice, grid.left + 5, grid.top + 7, 20, 10)


def test_what_is_materialised_is_not_read_from_the_files(
    hot: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = find(hot, temporal_extent=["2024-05-04", "2024-05-09"], bands=["c", "a"])
    window = inside(hot)
    _, expected = both(source, window)
    monkeypatch.setattr(hot, "open_raster", lambda asset: pytest.fail(f"{asset['href']} was opened"))
    fresh = find(hot, temporal_extent=["2024-05-04", "2024-05-09"], bands=["c", "a"])
    assert_same(fresh.decode(fresh.read(window), window), expected)


def test_another_pixel_grid_is_read_from_the_files(hot: Archive) -> None:
    source = find_collection_cube(hot, "tiny", ALL, Lattice(32632, (20.0, 20.0)))
    assert read_hot(source, source.grid) is None


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Archive]:
    """Four days of one tile, of which all is materialised."""
    archive = make_archive(tmp_path, [scene(tmp_path, day, WEST) for day in (1, 2, 4, 5)])
    materialise(archive, "tiny", WEST.bounds_in(4326), "2024-05", lattice=UTM32)
    yield archive
    archive.close()


def test_a_file_that_was_written_again_is_read_again(small: Archive, tmp_path: Path) -> None:
    scene(tmp_path, 4, WEST, raster__offset=9.0)
    path = tmp_path / "d04-32632_a.tif"
    path.write_bytes((tmp_path / "d05-32632_a.tif").read_bytes())
    os.utime(path, ns=(1, 1))
    source = find(small)
    found, expected = both(source, inside(small))
    assert_same(found, expected)
    assert np.array_equal(found.filled()[2, 0], found.filled()[3, 0], equal_nan=True)


def test_an_item_that_was_changed_deleted_or_added_is_seen_at_once(small: Archive, tmp_path: Path) -> None:
    changed = small.catalogue.item("tiny", "d01-32632")
    changed["assets"]["a"]["raster:offset"] = 77.0
    small.catalogue.put_items([changed, scene(tmp_path, 5, EAST), scene(tmp_path, 3, WEST)])
    small.catalogue.delete_items("tiny", ["d02-32632"])
    source = find(small)
    assert [str(label)[8:10] for label, _ in source.dates] == ["01", "03", "04", "05"]
    assert_same(*both(source, inside(small)))


def test_an_update_brings_an_area_up_to_the_catalogue(
    small: Archive, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small.catalogue.put_items([scene(tmp_path, 5, EAST), scene(tmp_path, 3, WEST)])
    small.catalogue.delete_items("tiny", ["d02-32632"])
    (done,) = update_areas(small, ["tiny"])
    assert [str(date.label)[8:10] for date in done.area.dates] == ["01", "03", "04", "05"]
    source = find(small)
    _, expected = both(source, inside(small))
    monkeypatch.setattr(small, "open_raster", lambda asset: pytest.fail(f"{asset['href']} was opened"))
    fresh = find(small)
    assert_same(fresh.decode(fresh.read(inside(small)), inside(small)), expected)


def test_an_update_without_news_writes_nothing(small: Archive) -> None:
    before = only(small)
    (done,) = update_areas(small)
    assert done.written == 0
    assert done.area == before


def test_an_area_whose_items_are_gone_becomes_empty(small: Archive) -> None:
    small.catalogue.delete_items("tiny", [f"d{day:02}-32632" for day in (1, 2, 4, 5)])
    (done,) = update_areas(small)
    assert done.area.dates == ()
    assert [p.name for p in small.hot.path(done.area).iterdir() if p.is_dir()] == []


def test_many_small_updates_leave_few_parts(tmp_path: Path) -> None:
    tiny = Grid(UTM32, 60_000, -520_000, 8, 8)
    archive = make_archive(tmp_path, [scene(tmp_path, 1, tiny)])
    materialise(archive, "tiny", tiny.bounds_in(4326), bands=["a"], lattice=UTM32)
    for day in range(2, 9):
        archive.catalogue.put_items([scene(tmp_path, day, tiny)])
        list(update_areas(archive))
    assert len(only(archive).parts) == 1
    assert len(only(archive).dates) == 8
    assert_same(*both(find(archive), tiny))
    archive.close()


def test_a_date_with_a_broken_file_stays_in_the_files_and_says_so(tmp_path: Path) -> None:
    archive = make_archive(tmp_path, [scene(tmp_path, day, WEST) for day in (1, 2, 3)])
    path = tmp_path / "d02-32632_b.tif"
    path.write_bytes(path.read_bytes()[:500])
    done = materialise(archive, "tiny", WEST.bounds_in(4326), lattice=UTM32)
    assert [str(date.label)[8:10] for date in done.area.dates] == ["01", "03"]
    assert "d02-32632_b.tif" in done.left_out["2024-05-02T00:00:00"]
    archive.close()


def test_a_day_whose_images_are_stored_in_two_ways_stays_in_the_files(tmp_path: Path) -> None:
    items = [scene(tmp_path, 1, WEST), scene(tmp_path, 1, EAST, raster__offset=5.0), scene(tmp_path, 2, WEST)]
    archive = make_archive(tmp_path, items)
    done = materialise(archive, "tiny", WEST.bounds_in(4326), lattice=UTM32)
    assert list(done.left_out) == ["2024-05-01T00:00:00"]
    assert_same(*both(find(archive), WEST))
    archive.close()


@pytest.mark.parametrize("damage", ["flip", "remove", "cut"])
def test_what_a_disk_has_damaged_is_read_from_the_files(small: Archive, damage: str) -> None:
    files = [p for p in small.hot.path(only(small)).rglob("*") if "c" in p.parts and p.is_file()]
    for path in files:
        content = bytearray(path.read_bytes())
        for place in range(0, len(content), 50):
            content[place] ^= 0x10
        if damage == "remove":
            path.unlink()
        else:
            path.write_bytes(content if damage == "flip" else content[: len(content) // 2])
    assert files
    assert_same(*both(find(small), inside(small)))


def test_an_area_that_would_not_fit_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = make_archive(tmp_path, [scene(tmp_path, day, WEST) for day in (1, 2)])
    monkeypatch.setenv("EOCENE_HOT", "50 kB")
    with pytest.raises(InputError, match="EOCENE_HOT") as caught:
        materialise(archive, "tiny", WEST.bounds_in(4326), lattice=UTM32)
    assert caught.value.code == "StorageExceeded"
    assert list(archive.hot) == []
    assert [p.name for p in archive.hot.folder.iterdir()] == ["writer.lock"]
    archive.close()


def test_shards_are_smaller_where_memory_is_short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = make_archive(tmp_path, [scene(tmp_path, day, WEST) for day in (1, 2)])
    monkeypatch.setenv("EOCENE_MEMORY", "100 kB")
    done = materialise(archive, "tiny", WEST.bounds_in(4326), bands=["a"], lattice=UTM32)
    shards = list((archive.hot.path(done.area) / done.area.parts[0].name).rglob("numbers/c/*/*/*"))
    assert len(shards) > 4
    monkeypatch.delenv("EOCENE_MEMORY")
    assert_same(*both(find(archive), WEST))
    archive.close()
