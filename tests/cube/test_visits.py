"""Windows that are foreseen: how often a tile is wanted, and that it is decoded once and then let go."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from eocene.archive.tiff.kept_tiles import SOME_TIME, KeptTiles
from eocene.archive.tiff.tile_reader import TileFile
from eocene.cube.visits import Visits
from eocene.cube.warp import find_footprint
from eocene.model import Grid, Lattice
from eocene.process import make_plan
from tests.cube.scenes import UTM32, make_archive, make_scene

if TYPE_CHECKING:
    from pathlib import Path

    from eocene.archive.tiff.image import TiffImage

IMAGE = Grid(UTM32, 60_000, -520_000, 400, 300)
TILED = {"tiled": True, "blockxsize": 64, "blockysize": 64, "compress": "deflate"}


def windows(grid: Grid, size: int) -> list[Grid]:
    return list(grid.blocks(size))


@pytest.mark.parametrize("epsg", [32632, 32633, 3857])
@pytest.mark.parametrize("size", [50, 64, 200])
def test_tiles_are_counted_as_the_windows_that_read_them(epsg: int, size: int) -> None:
    lattice = UTM32 if epsg == 32632 else Lattice(epsg, (10.0, 10.0))
    extent = lattice.grid_over(IMAGE.bounds, IMAGE.epsg)
    visits, every = Visits(), windows(extent, size)
    visits.foresee(every)
    expected: dict[int, list[int]] = {}
    for turn, window in enumerate(every):
        found = find_footprint(window, IMAGE)
        if found is not None:
            rows, columns = found.needed.slices_in(IMAGE)
            for row in range(rows.start // 64, -(-rows.stop // 64)):
                for column in range(columns.start // 64, -(-columns.stop // 64)):
                    expected.setdefault(row * 7 + column, []).append(turn)
    for number, turns in expected.items():
        told = [visits.counter("file", IMAGE, (64, 64), every[turn]) for turn in turns]
        assert [again(number) for again in told if again] == [*turns[1:], None]


def test_windows_may_come_in_another_order_and_may_not_be_sure() -> None:
    visits, every = Visits(), windows(IMAGE, 64)[:1] + windows(IMAGE, 32)
    visits.foresee(every)
    assert visits.counter("file", IMAGE, (64, 64), IMAGE) is None  # it was not foreseen
    # The first tile lies under the large window and four small ones: 1, 2 and, a row of 13 later, 14, 15.
    for turn, is_sure, expected in (
        (14, True, 0), (1, False, SOME_TIME), (0, True, 2), (2, False, SOME_TIME), (15, True, None),
    ):  # fmt: skip
        again = visits.counter("file", IMAGE, (64, 64), every[turn], is_sure=is_sure)
        assert again is not None
        assert again(0) == expected


def test_of_one_window_or_none_nothing_is_known() -> None:
    visits = Visits()
    assert visits.counter("file", IMAGE, (64, 64), IMAGE) is None
    visits.foresee([IMAGE])
    assert visits.counter("file", IMAGE, (64, 64), IMAGE) is None


def graph() -> dict[str, Any]:
    west, south, east, north = IMAGE.bounds
    extent = {"west": west, "south": south, "east": east, "north": north, "crs": IMAGE.epsg}
    load = {"id": "tiny", "spatial_extent": extent, "temporal_extent": None}
    return {"load": {"process_id": "load_collection", "arguments": load, "result": True}}


@pytest.mark.parametrize("workers", [1, 3])
def test_a_run_decodes_each_tile_once_and_keeps_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: int
) -> None:
    upper = np.random.default_rng(3).integers(1, 900, IMAGE.shape).astype(np.uint16)
    upper[:, :150] = 0  # so that of the image below some windows want a part, some nothing
    lower = np.full(IMAGE.shape, 7, np.uint16)
    items = [
        make_scene(tmp_path, name, "2024-05-01T10:00:00Z", IMAGE, {"a": numbers}, nodata=0)
        for name, numbers in (("i0", upper), ("i1", lower))
    ]
    for item, numbers in zip(items, (upper, lower), strict=True):
        rewrite_tiled(item["assets"]["a"]["href"], numbers)
    archive = make_archive(tmp_path, items)
    decoded: Counter[tuple[str, int, int]] = Counter()
    decode = TileFile._decode

    def count(self: TileFile, image: TiffImage, number: int, *others: Any) -> None:
        decoded[self.content.name, image.width, number] += 1
        decode(self, image, number, *others)

    monkeypatch.setattr(TileFile, "_decode", count)
    monkeypatch.setattr("eocene.process.cost.cutting.SIZES", (80,))
    plan = make_plan(graph(), archive)
    assert plan.block_size == 80
    kept = KeptTiles(2**24)
    monkeypatch.setattr("eocene.archive.tiff.tile_reader.kept_tiles", kept)
    result = plan.run(workers=workers)
    archive.close()
    assert np.array_equal(result.values[0, 0], np.where(upper, upper, lower))
    assert set(decoded.values()) == {1}
    assert len(decoded) == 7 * 5 + 3 * 5
    assert kept._bytes == 0


def rewrite_tiled(path: str, numbers: np.ndarray) -> None:
    from pathlib import Path

    from tests.cube.scenes import write_image

    write_image(Path(path), numbers, IMAGE, 0, **TILED)


def test_two_loads_of_the_same_bands_are_not_foreseen(tmp_path: Path) -> None:
    numbers = np.full(IMAGE.shape, 7, np.uint16)
    archive = make_archive(
        tmp_path, [make_scene(tmp_path, "i", "2024-05-01T10:00:00Z", IMAGE, {"a": numbers})]
    )
    one = graph()["load"] | {"result": False}
    other = {**one, "arguments": {**one["arguments"], "temporal_extent": ["2024-01-01", "2025-01-01"]}}
    merged = {
        "process_id": "merge_cubes",
        "arguments": {
            "cube1": {"from_node": "one"},
            "cube2": {"from_node": "other"},
            "overlap_resolver": {
                "process_graph": {
                    "add": {
                        "process_id": "add",
                        "arguments": {"x": {"from_parameter": "x"}, "y": {"from_parameter": "y"}},
                        "result": True,
                    }
                }
            },
        },
        "result": True,
    }
    plan = make_plan({"one": one, "other": other, "merged": merged}, archive)
    result = plan.run()
    archive.close()
    assert (result.values == 14).all()
    sources = [node.source for node in plan.nodes.nodes if node.source is not None]
    assert len(sources) == 2
    assert all(s.visits.counter("file", IMAGE, (64, 64), IMAGE) is None for s in sources)
